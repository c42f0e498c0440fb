"""Floor 2: one catalogue of every model that can be put on the scale."""
