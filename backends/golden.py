"""The samples that a program carries to check itself by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nmc.datasets import calibration
from nmc.datasets.places import places_below
from nmc.model import FloatArray, Model
from nmc.nodes.tensor import Input
from nmc.reference.interpreter import as_feeds, run_length

SAMPLES = 2
STEPS = 64
"""How much of a run a program carries to check itself by; of a longer run, the beginning."""
UNTOLD_STEPS = 16
"""How long a run lasts where the model does not say."""


def golden_feeds(model: Model) -> Mapping[str, FloatArray]:
    """A few samples by input name: from the model's calibration data, or from a fixed seed where it has none."""
    x = calibration(model)
    if x is not None:
        return as_feeds(model.graph, x[:SAMPLES])
    rng = np.random.default_rng(0)
    return {
        node.name: _drawn(model, node, rng.random((SAMPLES, *_steps(model, node), *node.shape)))
        for node in model.graph
        if isinstance(node, Input)
    }


def _steps(model: Model, node: Input) -> tuple[int, ...]:
    return (model.steps or UNTOLD_STEPS,) if node.stream else ()


def _drawn(model: Model, node: Input, uniform: FloatArray) -> FloatArray:
    """Numbers from 0 to 1, of an input that chooses rows of a table as numbers of rows."""
    below = places_below(model, node)
    return uniform if below is None else np.floor(uniform * below)


def golden_steps(model: Model, feeds: Mapping[str, FloatArray]) -> int:
    """How many steps of a run on these samples are checked."""
    return min(run_length(replace(model, steps=model.steps or UNTOLD_STEPS), feeds, None), STEPS)
