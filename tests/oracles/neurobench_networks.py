"""Networks that NeuroBench counts, too: weights and samples, in numbers that single precision holds exactly."""

from __future__ import annotations

import numpy as np

STEPS, SAMPLES = 12, 6


def _sixteenths(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Multiples of 1/16, a third of them zero."""
    return (rng.integers(-12, 13, shape) * (rng.random(shape) > 1 / 3) / 16).astype(np.float32)


def convolutional() -> dict[str, np.ndarray]:
    """conv 3x3, padding 1, stride 2; conv 3x3 in 2 groups; linear; images of real numbers."""
    rng = np.random.default_rng(1)
    return {
        "a": _sixteenths(rng, 6, 2, 3, 3), "a.bias": _sixteenths(rng, 6), "b": _sixteenths(rng, 4, 3, 3, 3),
        "c": _sixteenths(rng, 5, 36), "c.bias": _sixteenths(rng, 5), "x": _sixteenths(rng, SAMPLES, 2, 10, 10),
    }  # fmt: skip


def spiking() -> dict[str, np.ndarray]:
    """Two linear layers, each with leaky neurons; trains of spikes."""
    rng = np.random.default_rng(2)
    spikes = (rng.random((SAMPLES, STEPS, 20)) < 0.3).astype(np.float32)
    return {"a": _sixteenths(rng, 16, 20), "b": _sixteenths(rng, 4, 16), "x": spikes}


def recurrent() -> dict[str, np.ndarray]:
    """A convolution and a recurrent layer, each with leaky neurons; sequences of real numbers."""
    rng = np.random.default_rng(3)
    return {
        "a": _sixteenths(rng, 4, 1, 3), "b": _sixteenths(rng, 8, 32), "r": _sixteenths(rng, 8, 8),
        "x": 4 * _sixteenths(rng, SAMPLES, STEPS, 1, 10),
    }  # fmt: skip
