"""The samples that a program carries to check itself by."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nmc.datasets import calibration
from nmc.model import FloatArray, Model
from nmc.nodes.tensor import Input
from nmc.reference.interpreter import as_feeds

SAMPLES = 2
STEPS = 64
"""How much of a run a program carries to check itself by; of a longer run, the beginning."""


def golden_feeds(model: Model) -> Mapping[str, FloatArray]:
    """A few samples by input name: from the model's calibration data, or from a fixed seed where it has none."""
    x = calibration(model)
    if x is not None:
        return as_feeds(model.graph, x[:SAMPLES])
    rng = np.random.default_rng(0)
    return {
        node.name: rng.random((SAMPLES, *((model.steps or 16,) if node.stream else ()), *node.shape))
        for node in model.graph
        if isinstance(node, Input)
    }
