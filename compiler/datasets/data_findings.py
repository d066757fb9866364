"""What is to be known of the data that a model is tested on, before any score on it is believed."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

import numpy as np

from nmc.datasets import Dataset
from nmc.datasets.fitting import inputs_of
from nmc.findings import Finding
from nmc.metrics import METRICS, accuracy, is_share, metric_of
from nmc.model import Array, FloatArray, Model, Task
from nmc.side_by_side import parts_of
from nmc.units.text import percent

ENOUGH = 30
"""Samples below this tell a share no closer than 18 points (95 %)."""
SOME = 8
"""Samples from which on it says something that all of them are alike."""
FAR = 4.0
"""How many times larger or smaller values are that come from another range."""
AWAY = 2.0
"""How many of the larger standard deviations lie between means of different data."""
FILLED = 0.1
"""The share of time steps up to which data is taken to have fallen into a few of them."""
LONG = 4
"""Steps below which a value at one of them is much of the run."""
SHIFTED = 0.3
"""How much more labels score that are counted from another number, where these are not theirs."""


def data_findings(
    model: Model, task: Task, data: Dataset, calibration: Array | None, outputs: FloatArray
) -> tuple[Finding, ...]:
    """Every warning about the test data, the calibration data, the labels, and what the model itself makes of them.

    `outputs` [samples, ...] are the reference's for the test data.
    """
    values = _of_values(model, data, calibration)
    return (*data.findings, *_of_role(task, data), *values, *_of_labels(task, data, outputs))


def _of_role(task: Task, data: Dataset) -> Iterator[Finding]:
    count = len(data.x)
    remedy = (
        "give test data: 'data: {test: test.npz}' in the task of its model.yaml, --test test.npz with 'nmc import', or"
        " data=(x, y) in Python"
    )
    says = "its score says how far a target follows the model itself, not how good the model is"
    if data.record.role == "noise":
        yield Finding("noise-data", f"there is no test data, so random noise stands in: {says}", remedy)
    if data.record.role == "calibration":
        yield Finding("calibration-as-test", f"there is no test data, so calibration samples stand in: {says}", remedy)
    if count < ENOUGH and is_share(task.metric):
        points = 100 * 1.96 * sqrt(0.25 / count)
        yield Finding("few-samples", f"{count} samples tell a share no closer than to {points:.0f} points (95 %)",
                      f"test on {ENOUGH} or more; some hundreds tell a few points")  # fmt: skip


def _of_values(model: Model, data: Dataset, calibration: Array | None) -> Iterator[Finding]:
    tested, calibrated = parts_of(data.x), {} if calibration is None else parts_of(calibration)
    for name, node in inputs_of(model).items():
        part = name if name in tested else ""
        x, called = tested[part], f"the input {name}" if part else "the input"
        if node.stream:
            yield from _of_steps(x, called)
        if len(x) >= SOME and np.all(x == x[0]):
            said = "0 everywhere" if not np.any(x) else "the same in every sample"
            yield Finding("constant-data", f"{called} is {said}", "check how the test data was made")
        elif data.record.role == "test" and part in calibrated:
            yield from _of_range(called, x, calibrated[part])


def _of_steps(x: Array, called: str) -> Iterator[Finding]:
    steps = x.shape[1]
    filled = (x != 0).reshape(len(x), steps, -1).any(axis=-1).sum(axis=1)
    middle = float(np.median(filled))
    if steps >= LONG and np.any(filled) and middle <= max(1.0, FILLED * steps):
        yield Finding(
            "empty-steps", f"{called} has values in {middle:g} of {steps} time steps (the middle of all samples)",
            "check the unit of times and the width of bins: all may have fallen into the first, or the last",
        )  # fmt: skip


def _of_range(called: str, x: Array, calibrated: Array) -> Iterator[Finding]:
    a, b = _Range(x), _Range(calibrated)
    far = max(a.size, b.size) > FAR * max(min(a.size, b.size), 1e-300)
    spread = max(a.deviation, b.deviation) > FAR * min(a.deviation, b.deviation)
    away = abs(a.mean - b.mean) > AWAY * max(a.deviation, b.deviation)
    if far or spread or away:
        yield Finding("data-range", f"{called} is {a} in the test data, and {b} in the calibration data",
                      "scale both as the model was trained")  # fmt: skip
    if min(len(x), len(calibrated)) >= SOME and x.shape[1:] == calibrated.shape[1:]:
        still, moving = (x == x[0]).all(axis=0), ~(calibrated == calibrated[0]).all(axis=0)
        lost = int(np.count_nonzero(still & moving))
        if 2 * lost > np.count_nonzero(moving):
            what = f"{lost} of {still.size} values of {called} never change in the test data, and do in calibration"
            yield Finding("constant-data", what, "check how the test data was made")


class _Range:
    """How large values are."""

    def __init__(self, x: Array) -> None:
        self.low, self.high = float(x.min()), float(x.max())
        self.mean, self.deviation = float(x.mean()), float(x.std())
        self.size = max(abs(self.low), abs(self.high))

    def __str__(self) -> str:
        return f"{self.low:.3g} to {self.high:.3g} (mean {self.mean:.3g}, standard deviation {self.deviation:.3g})"


def _of_labels(task: Task, data: Dataset, outputs: FloatArray) -> Iterator[Finding]:
    y, labels, count = data.y, metric_of(task.metric).labels, len(data.x)
    if task.control is not None or not np.isfinite(outputs).all():
        return
    if count >= SOME and np.all(outputs == outputs[0]):
        yield Finding("one-answer", "the model itself (double precision) puts out the same for every sample",
                      "check the model's weights, and the range of the data")  # fmt: skip
    elif labels == "classes" and count >= SOME and len(np.unique(outputs.argmax(axis=-1))) == 1:
        answer = int(outputs[0].argmax())
        yield Finding("one-answer", f"the model itself (double precision) answers {answer} for every sample",
                      "a score then says little: give data of which it tells some apart")  # fmt: skip
    if data.record.role != "test":
        return
    if labels == "classes":
        yield from _of_classes(y, outputs)
    elif labels in ("values", "bits") and task.kind == "regression" and count >= SOME:
        yield from _of_regression(task, y, outputs)


def _of_classes(y: Array, outputs: FloatArray) -> Iterator[Finding]:
    values, counts = np.unique(y, return_counts=True)
    if len(y) < SOME:
        return
    if len(values) == 1:
        yield Finding("one-label", f"every label is {values[0]}", "check the labels, or test samples of all classes")
        return
    own = accuracy(outputs, y)
    for by in (1, -1):
        if (other := accuracy(outputs, y.astype(np.int64) - by)) >= own + SHIFTED:
            yield Finding(
                "labels-shifted",
                f"labels fit the outputs worse ({percent(own)}) than each label {'less' if by > 0 else 'plus'} one does"
                f" ({percent(other)})",
                "number the classes from 0, in the order of the outputs",
            )  # fmt: skip
            return
    if own <= (most := float(counts.max() / len(y))):
        yield Finding(
            "no-better-than-guessing",
            f"the model itself (double precision) scores {percent(own)}, and always answering {values[counts.argmax()]}"
            f" would score {percent(most)}",
            "check the labels, and the range of the data against that of training",
        )  # fmt: skip


def _of_regression(task: Task, y: Array, outputs: FloatArray) -> Iterator[Finding]:
    metric = METRICS[task.metric]
    if metric.direction != "lower":
        return
    values = y.astype(np.float64)
    own, mean = (metric.measure(given, y) for given in (outputs, np.broadcast_to(values.mean(axis=0), values.shape)))
    if own >= mean:
        yield Finding(
            "no-better-than-guessing",
            f"the model itself (double precision) is off by {own:.4g}, and always answering the labels' mean would be"
            f" by {mean:.4g}",
            "check the labels, and the range of the data against that of training",
        )  # fmt: skip
