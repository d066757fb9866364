"""Random samples in place of test data that a model does not have, labelled by what the model itself gives for them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nmc.data_source import Arrays
from nmc.datasets.fitting import only_input
from nmc.model import Array, FloatArray, Model, Task
from nmc.nodes.selection import Embedding
from nmc.nodes.tensor import Input

SAMPLES = 8
STEPS = 32
SPIKE_RATE = 0.2
"""Of an input that streams: the share of steps with a spike."""
NAME = "random noise, labelled by the model itself"
_SEEDS = (0, 1)


def with_stand_in(model: Model, samples: int | None = None) -> Model:
    """The model with random test and calibration data where its task has none, so that targets can be compared.

    Inputs that stream get spikes, others numbers from 0 to 1, and those that say where to look whole numbers. The
    labels are the reference's own: a score then says how far a target follows it, not how good the model is.
    Raises ModelError for a model with several inputs.
    """
    from nmc import reference

    if model.task is not None and (model.task.test is not None or model.task.control is not None):
        return model
    node = only_input(model, "random data")
    x = _random(model, node, samples or SAMPLES, _SEEDS[0])
    y: FloatArray | Array = reference.run(model, x)[model.graph.outputs[0]]
    classes = y.ndim == 2 and y.shape[1] > 1 and model.task is None
    classes = classes or (model.task is not None and model.task.kind == "classification")
    task = model.task or (
        Task("classification", "accuracy") if classes else Task("regression", "mean-squared-error")
    )
    test = Arrays(x, y.argmax(axis=-1) if classes else y, NAME)
    calibration = task.calibration or Arrays(_random(model, node, SAMPLES, _SEEDS[1]), None, NAME)
    return replace(model, task=replace(task, test=test, calibration=calibration))


def _random(model: Model, node: Input, samples: int, seed: int) -> FloatArray:
    generator = np.random.default_rng(seed)
    if node.stream:
        shape = (samples, model.steps or STEPS, *node.shape)
        return (generator.random(shape) < SPIKE_RATE).astype(np.float64)
    places = [
        reader.rows for reader in model.graph
        if isinstance(reader, Embedding) and any(ref.node == node.name for ref in reader.inputs)
    ]  # fmt: skip
    if places:
        return generator.integers(0, min(places), (samples, *node.shape)).astype(np.float64)
    return generator.random((samples, *node.shape))
