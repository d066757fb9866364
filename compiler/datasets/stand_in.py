"""Samples in place of test data that a model does not have, labelled by what the model itself gives for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Literal, cast

import numpy as np

from nmc.data_source import Arrays, DataRecord
from nmc.datasets import calibration_data
from nmc.datasets.fitting import inputs_of
from nmc.datasets.listing import digest_of
from nmc.datasets.places import is_mark, places_below
from nmc.metrics import metric_of
from nmc.model import Array, FloatArray, Model, Task
from nmc.nodes.tensor import Input
from nmc.side_by_side import joined

FEWEST, MOST = 8, 200
"""How many samples stand in: as many as the reference runs in about a second, within these."""
CALIBRATION = 32
"""How many of noise are calibrated on."""
STEPS = 32
SPIKE_RATE = 0.2
"""Of an input that streams: the share of steps with a spike."""
NAME = "random noise"
_WORK = 1e9
_SEEDS = (0, 1)


def with_stand_in(model: Model, samples: int | None = None) -> Model:
    """The model with test and calibration data where its task has none, so that targets can be compared.

    Its calibration samples are tested on, or random ones: inputs that stream get spikes, those that choose rows of a
    table whole numbers, those that mark something 0 and 1, others numbers from 0 to 1. The labels are the reference's
    own: a score then says how far a target follows it, not how good the model is, and the data's record has that role.
    """
    from nmc import reference

    if model.task is not None and (model.task.test is not None or model.task.control is not None):
        return model
    count = samples or affordable(model)
    given = calibration_data(model)
    x: FloatArray
    role: Literal["calibration", "noise"]
    if given is not None:
        x, name, role = cast(FloatArray, given.x[:count]), given.name, "calibration"
    else:
        x, name, role = noise(model, count, _SEEDS[0]), NAME, "noise"
    outputs = reference.run(model, x)[model.graph.outputs[0]]
    task = _scored_by_itself(model, outputs)
    y = _labels(task, outputs)
    test = Arrays(x, y, name, DataRecord(name, digest_of(x, y), len(x), role=role))
    calibration = task.calibration or Arrays(noise(model, CALIBRATION, _SEEDS[1]), None, NAME)
    return replace(model, task=replace(task, test=test, calibration=calibration))


def noise(model: Model, samples: int, seed: int) -> FloatArray:
    """Random samples [samples, ...] for the model's inputs, each as its values are used."""
    generator = np.random.default_rng(seed)
    parts: Mapping[str, Array] = {
        name: _noise(model, node, samples, generator) for name, node in inputs_of(model).items()
    }
    return cast(FloatArray, next(iter(parts.values())) if len(parts) == 1 else joined(NAME, parts))


def affordable(model: Model) -> int:
    """How many samples the reference runs in about a second, from `FEWEST` to `MOST`."""
    signals = model.graph.signals
    steps = 1 if model.graph.dt_s is None else model.steps or STEPS
    weights = sum(
        prod(spec.shape) * max(1, prod(signals[node.name].shape[1:]))
        for node in model.graph for spec in node.arrays(*model.graph.operand_shapes(node)).values()
    )  # fmt: skip
    work = steps * (weights + 10 * sum(prod(signal.shape) for signal in signals.values()))
    return int(min(MOST, max(FEWEST, _WORK // max(1, work))))


def _noise(model: Model, node: Input, samples: int, generator: np.random.Generator) -> FloatArray:
    shape = (samples, *((model.steps or STEPS,) if node.stream else ()), *node.shape)
    if (below := places_below(model, node)) is not None:
        return generator.integers(0, below, shape).astype(np.float64)
    if is_mark(model, node):
        return generator.integers(0, 2, shape).astype(np.float64)
    if node.stream:
        return (generator.random(shape) < SPIKE_RATE).astype(np.float64)
    return generator.random(shape)


def _scored_by_itself(model: Model, outputs: FloatArray) -> Task:
    """The task, with another score where only labels of other origin do for its own."""
    task = model.task
    if task is None:
        classes = outputs.ndim == 2 and outputs.shape[1] > 1
        return Task("classification", "accuracy") if classes else Task("regression", "mean-squared-error")
    if metric_of(task.metric).labels == "marks":
        return replace(task, kind="regression", metric="mean-squared-error")
    return task


def _labels(task: Task, outputs: FloatArray) -> Array:
    """What the outputs [samples, ...] say, in the form of the task's labels."""
    match metric_of(task.metric).labels:
        case "classes":
            return np.asarray(outputs.argmax(axis=-1))
        case "bits":
            return (outputs > 0.5).astype(np.int64)
    return outputs
