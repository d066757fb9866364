"""A self-organizing map of handwritten digits."""
