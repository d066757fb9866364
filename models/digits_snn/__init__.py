"""A convolutional spiking network that reads handwritten digits."""
