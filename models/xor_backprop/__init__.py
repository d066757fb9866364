"""The exclusive or of two bits, by a network trained in a few lines of NumPy."""
