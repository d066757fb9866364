"""A differentiable neural computer that copies short sequences."""
