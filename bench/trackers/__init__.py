"""Tools that show training curves: one file a tool."""
