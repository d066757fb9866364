"""A network that reads handwritten digits, trained by synthetic gradients."""
