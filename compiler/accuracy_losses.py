"""Where the accuracy of a converted network goes: layer by layer, and from numbers to neurons to integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from nmc import pipeline, reference
from nmc.datasets import calibration, score, test_data
from nmc.model import FloatArray, MetricName, Model
from nmc.nodes import FAMILIES
from nmc.passes import Translated, on_chip, rounding
from nmc.passes.conversion import MAX_POOLS
from nmc.passes.conversion_errors import Activity, LayerError, layer_errors, relative_rms, scored_so_far
from nmc.passes.quantization_errors import quantization_errors
from nmc.passes.to_spiking import calibrated

if TYPE_CHECKING:
    from nmc.backends.target import Options, Target
    from nmc.pipeline import Conversion

SAMPLES = 64
"""Calibration samples that errors are measured on, at most."""
ROUNDED = 16
"""The same for errors of rounding."""


@dataclass(frozen=True)
class LayerReport:
    """A layer's error on calibration data, and what it does to the score.

    `score`: that of the network when this layer and all before it say what their neurons do, and the others
    compute as they did. `rounding`: how far its neurons' activity is off in the chip's integers, on top of that.
    """

    error: LayerError
    score: float
    rounding: float | None = None


@dataclass(frozen=True)
class ConversionReport:
    """The scores of a network on its test data at each stage, and its layers in the order of the flow.

    `network`: as it was given; `replaced`: after its max pooling was replaced, None if it was not; `converted`: as
    neurons in real numbers; `integers`: in those that the target computes with, None where it has none. `pools`: how
    far what took the place of each max pooling is off on calibration data, relative root mean square.
    """

    model: str
    target: str
    steps: int
    metric: MetricName
    samples: int
    network: float
    replaced: float | None
    converted: float
    integers: float | None
    pools: Mapping[str, float]
    layers: tuple[LayerReport, ...]


def report(
    conversion: Conversion, target: Target[Options], options: Mapping[str, object], samples: int | None = None
) -> ConversionReport:
    """Run the network and what it became on calibration and test data, at most `samples` of the latter.

    Raises ModelError for a model without such data, UnsupportedError where the target cannot mean what it became,
    and ToolError where its engine fails.
    """
    given, converted = conversion.given, conversion.converted
    data, seen = test_data(given, samples), calibrated(calibration(given), "one of neurons")[:SAMPLES]
    task = given.task
    assert task is not None  # test_data saw to it
    ordinary, own = _values(conversion.ordinary, seen), _values(given, seen)
    activations = {**ordinary, **own}
    pools = {
        node.name: relative_rms(ordinary[node.name], own[node.name]) for node in given.graph
        if isinstance(node, MAX_POOLS) and conversion.ordinary.graph[node.name] != node
    }  # fmt: skip
    errors = layer_errors(activations, converted, Activity.of(converted, seen))
    activity = Activity.of(converted, data.x)
    so_far = [score(task, y, data.y) for y in scored_so_far(conversion.ordinary, converted, activity, data.x)]
    steps, outputs = _on_target(converted.model, target, options, data.x)
    errors_there = _rounding(steps, seen[:ROUNDED])
    return ConversionReport(
        given.name, target.name, activity.steps, task.metric, len(data.x),
        network=score(task, _result(given, data.x), data.y),
        replaced=score(task, _result(conversion.ordinary, data.x), data.y) if pools else None,
        converted=so_far[-1],
        pools=pools,
        integers=None if outputs is None else score(task, outputs, data.y),
        layers=tuple(
            LayerReport(error, so, errors_there.get(error.layer)) for error, so in zip(errors, so_far, strict=True)
        ),
    )  # fmt: skip


def _values(model: Model, x: FloatArray) -> Mapping[str, FloatArray]:
    """What each node of a network without time puts out: [B, *shape]."""
    (values,) = (values for values, _ in reference.each_step(model, x))
    return values


def _result(model: Model, x: FloatArray) -> FloatArray:
    return reference.run(model, x)[model.graph.outputs[0]]


def _on_target(
    model: Model, target: Target[Options], options: Mapping[str, object], x: FloatArray
) -> tuple[Sequence[Translated], FloatArray | None]:
    """What the passes did, and the program's first output [B, ...] where the target computes with integers."""
    steps: list[Translated] = []
    with TemporaryDirectory(prefix="nmc-") as scratch:
        program = pipeline.compile_model(model, target, Path(scratch) / "program", options, keep=steps.append)
        whole = {kind for family in ("quantized", "fixed-point") for kind in FAMILIES[family]}
        if not any(type(node) in whole for node in program.model.graph):
            return steps, None
        outputs = pipeline.run_program(program, x).outputs
        return steps, outputs[program.model.graph.outputs[0]]


def _rounding(steps: Sequence[Translated], x: FloatArray) -> Mapping[str, float]:
    """The error of each population's activity in integers, where a pass put it into them."""
    rounded = rounding(steps)
    if rounded is None or not on_chip(rounded.after):
        return {}
    errors = quantization_errors(rounded.before, rounded.after, np.asarray(x))
    return {error.population: error.relative_rms for error in errors.activity}
