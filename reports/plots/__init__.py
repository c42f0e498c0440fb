"""Figures as SVG and PNG, one look a series wherever it is drawn."""
