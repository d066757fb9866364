"""Weights as distributions: drawing them, and what a model then knows of its own doubt."""
