"""Several runs as one, machines and ways of learning kept apart."""
