"""A network that reads handwritten digits and knows when it cannot: its weights are distributions."""
