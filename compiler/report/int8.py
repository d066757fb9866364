"""What 8-bit integers did to a model: layer by layer, and to its score on the task's data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nmc.datasets import Dataset, calibration, score, test_data
from nmc.model import MetricName, Model
from nmc.passes.int8_errors import LayerError, layer_errors
from nmc.reference import run
from nmc.report.printing import say
from nmc.report.scores import shown
from nmc.report.terminal import print_table

_AT_ONCE = 16


@dataclass(frozen=True)
class Scores:
    """The task's metric before and after, in double precision, and the data that it was taken on."""

    metric: MetricName
    data: str
    samples: int
    before: float
    after: float


@dataclass(frozen=True)
class Int8Report:
    """Every layer, and the scores where the task has test data."""

    layers: tuple[LayerError, ...]
    scores: Scores | None


def int8_report(model: Model, before: Model, after: Model) -> Int8Report:
    """Compare the stages before and after `quantize-int8` on the data of `model`'s task, in the reference.

    Activations are compared on the first 16 calibration samples, scores on the whole test set. Raises ModelError
    where the data does not fit.
    """
    samples = calibration(model)
    layers = layer_errors(before, after, None if samples is None else samples[:_AT_ONCE])
    if model.task is None or model.task.test is None:
        return Int8Report(layers, None)
    data = test_data(model)
    first, second = (_score(stage, data) for stage in (before, after))
    return Int8Report(layers, Scores(model.task.metric, data.name, len(data.x), first, second))


def _score(model: Model, data: Dataset) -> float:
    assert model.task is not None
    name = model.graph.outputs[0]
    parts = [run(model, data.x[start : start + _AT_ONCE])[name] for start in range(0, len(data.x), _AT_ONCE)]
    return score(model.task, np.concatenate(parts), data.y)


def print_int8(report: Int8Report) -> None:
    """Print the report as a table and a line for the scores."""
    print_table(
        ("layer", "weights", "precision", "weight error (rms)", "largest error", "activation error (rms)"),
        [
            (e.layer, str(e.weights), "int8" if e.rounded else "real", f"{100 * e.weight_error:.2f} %",
             f"{100 * e.largest:.2f} %", "-" if e.activation_error is None else f"{100 * e.activation_error:.2f} %")
            for e in report.layers
        ],
    )  # fmt: skip
    say("errors of weights: over the root mean square and over the largest weight; of activations: on samples")
    if report.scores is not None:
        s = report.scores
        before, after = (shown(s.metric, value) for value in (s.before, s.after))
        say(f"{s.metric} on {s.samples} samples of {s.data}: {before} before, {after} after")
