"""A spiking network that reads handwritten digits, evolved in the integers of a chip."""
