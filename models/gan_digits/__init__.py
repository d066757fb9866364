"""A generator of handwritten digits."""
