"""How a task is scored: one table of metrics, each a function of outputs and labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nmc.errors import ModelError
from nmc.model import Array, FloatArray, MetricName, TaskKind

Labels = Literal["classes", "marks", "values", "bits", "none"]
"""What labels are: class numbers [samples]; 1 for an anomaly, else 0, [samples]; values of the output's shape; the same
of 0, 1 and, where nothing is scored, -1; or none."""


@dataclass(frozen=True)
class Metric:
    """A measure: the tasks it goes with, the labels it takes, and which way is better.

    Values are in `unit`: "share" is a part of a whole, shown in percent.
    `measure(outputs, labels)` takes outputs [samples, ...]; for generation, those of the judge, class scores; for
    control, the return of each episode [episodes], see `nmc.control.rollout`.
    `direction` and `source` are for docs and messages.
    """

    name: MetricName
    kind: TaskKind
    labels: Labels
    direction: Literal["higher", "lower"]
    unit: str
    source: str
    measure: Callable[[FloatArray, Array], float]


def metric_of(name: MetricName) -> Metric:
    """The metric with this name."""
    return METRICS[name]


def counted_in(name: MetricName) -> Literal["samples", "episodes"]:
    """What a score by this metric is taken of."""
    return "episodes" if METRICS[name].kind == "control" else "samples"


ScoreLimit = Literal["min_accuracy", "min_score", "max_error"]


def lower_is_better(name: MetricName) -> bool:
    """Whether a score by this metric is an error."""
    return METRICS[name].direction == "lower"


def is_share(name: MetricName) -> bool:
    """Whether a score by this metric is a part of a whole, read in percent."""
    return METRICS[name].unit == "share"


def score_limit(name: MetricName) -> ScoreLimit:
    """The field of a budget that limits a score by this metric."""
    if name == "accuracy":
        return "min_accuracy"
    return "max_error" if lower_is_better(name) else "min_score"


def default_metric(kind: TaskKind) -> MetricName:
    """The metric of a kind of task where none is named: its first."""
    return next(metric.name for metric in METRICS.values() if metric.kind == kind)


def accuracy(outputs: FloatArray, labels: Array) -> float:
    """The share of samples [samples, classes] whose largest output is the labelled one.

    Of equals the first counts, and an output that is not finite is never right.
    """
    return float(np.mean((outputs.argmax(axis=-1) == labels) & np.isfinite(outputs).all(axis=-1)))


def mean_squared_error(outputs: FloatArray, labels: Array) -> float:
    """The mean of (output - label)^2 over all values."""
    return float(np.mean((outputs - labels.astype(np.float64)) ** 2))


def root_mean_squared_error(outputs: FloatArray, labels: Array) -> float:
    """The square root of the mean squared error: an error in the unit of the output."""
    return float(np.sqrt(mean_squared_error(outputs, labels)))


def mean_absolute_error(outputs: FloatArray, labels: Array) -> float:
    """The mean of |output - label| over all values."""
    return float(np.mean(np.abs(outputs - labels.astype(np.float64))))


def bit_accuracy(outputs: FloatArray, labels: Array) -> float:
    """The share of scored values that are on the label's side of 1/2; a label of -1 is not scored."""
    bits = labels.astype(np.float64)
    scored = bits >= 0
    right = ((outputs > 0.5) == (bits > 0.5)) & np.isfinite(outputs)
    return float(np.mean(right[scored]))


def auroc(outputs: FloatArray, labels: Array) -> float:
    """The area under the receiver operating characteristic: how often an anomaly scores higher than a normal sample.

    Ties count half (Hanley & McNeil, Radiology 143, 1982). A score that is not finite is the worst there can be.
    Raises ModelError where a label, 0 or 1, is not among the samples.
    """
    anomalous = labels.astype(bool)
    count, normal = int(anomalous.sum()), int((~anomalous).sum())
    if not count or not normal:
        raise ModelError(
            f"auroc takes normal and anomalous samples, got {normal} and {count}", "score more of the test data"
        )
    scores = outputs.reshape(len(outputs))
    scores = np.where(np.isfinite(scores), scores, np.where(anomalous, -np.inf, np.inf))
    _, place, ties = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[place]
    return float((ranks[anomalous].sum() - count * (count + 1) / 2) / (count * normal))


def inception_score(outputs: FloatArray, labels: Array) -> float:
    """exp of the mean divergence of p(class | sample) from p(class): 1 at the least, the number of classes at most.

    High where a judge is sure of every sample, and all classes occur (Salimans et al., arXiv:1606.03498, section 4).
    Takes the judge's class scores before softmax, [samples, classes]; those of a sample that are not finite count as
    equal.
    """
    finite = np.isfinite(outputs).all(axis=-1, keepdims=True)
    scores = np.where(finite, outputs, 0.0)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    each = powers / powers.sum(axis=-1, keepdims=True)
    tiny = np.finfo(np.float64).tiny
    divergence = (each * (np.log(np.maximum(each, tiny)) - np.log(np.maximum(each.mean(axis=0), tiny)))).sum(axis=-1)
    return float(np.exp(divergence.mean()))


def mean_return(outputs: FloatArray, labels: Array) -> float:
    """The mean of returns [episodes]: of each, the sum of its rewards."""
    return float(np.mean(outputs))


METRICS: Mapping[MetricName, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "classification", "classes", "higher", "share", "share of right classes", accuracy),
        Metric(
            "mean-squared-error", "regression", "values", "lower", "output squared", "mean of squared differences",
            mean_squared_error,
        ),
        Metric(
            "root-mean-squared-error", "regression", "values", "lower", "output", "root of the mean squared difference",
            root_mean_squared_error,
        ),
        Metric(
            "mean-absolute-error", "regression", "values", "lower", "output", "mean of absolute differences",
            mean_absolute_error,
        ),
        Metric("bit-accuracy", "regression", "bits", "higher", "share", "share of bits on the right side of 1/2",
               bit_accuracy),
        Metric("auroc", "anomaly", "marks", "higher", "area", "Hanley & McNeil 1982", auroc),
        Metric("inception-score", "generation", "none", "higher", "classes", "Salimans et al. 2016", inception_score),
        Metric("return", "control", "none", "higher", "reward", "sum of rewards, mean over episodes", mean_return),
    )
}  # fmt: skip
"""Every metric by name; the first of a kind of task is the one that it has where none is named."""
