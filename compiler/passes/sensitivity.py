"""Ranks the layers of a model by how much the output changes when they alone are rounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from nmc.model import FloatArray, Model
from nmc.reference import run

SAMPLES = 16
"""How many samples it is measured on, at most."""


def sensitivities(
    model: Model, layers: Iterable[str], rounded: Callable[[str], Model], samples: FloatArray
) -> Mapping[str, float]:
    """How far the outputs are off when one layer alone is rounded, for each layer.

    `rounded` gives the model with the named layer rounded. The root mean square of the difference, over that
    of the model's own output; of several outputs the largest. On the first 16 samples.
    """
    few = samples[:SAMPLES]
    expected = run(model, few)
    return {layer: _distance(expected, run(rounded(layer), few)) for layer in layers}


def _distance(expected: Mapping[str, FloatArray], given: Mapping[str, FloatArray]) -> float:
    return max(relative_rms(given[name], value) for name, value in expected.items())


def relative_rms(given: FloatArray, expected: FloatArray) -> float:
    """The root mean square of the differences, over that of the expected values (over 1 where all are zero)."""
    size = float(np.sqrt(np.mean(expected**2))) or 1.0
    return float(np.sqrt(np.mean((given - expected) ** 2))) / size
