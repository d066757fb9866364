"""How sure a score is that was taken on a limited number of samples."""

from __future__ import annotations

from contextlib import suppress
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from nmc.errors import ModelError
from nmc.metrics import metric_of

if TYPE_CHECKING:
    from nmc.model import Array, FloatArray, Task

_Z = 1.959963984540054
"""The standard normal distribution holds 95 % within so many standard deviations."""
_RESAMPLES = 1000


def score_interval(task: Task, outputs: FloatArray, labels: Array, seed: int) -> tuple[float, float] | None:
    """The 95 % interval of `nmc.datasets.score` over samples.

    Of accuracy that of Wilson; else the percentiles of a bootstrap over samples (Efron 1979, The Annals of
    Statistics 7, 1), drawn with `seed`. Draws that the metric cannot score, as of one class alone, are left out.
    """
    from nmc.datasets import judged

    measure = metric_of(task.metric).measure
    values = judged(task, outputs)
    if task.metric == "accuracy":
        return wilson(round(measure(values, labels) * len(labels)), len(labels))
    drawn = np.random.default_rng(seed).integers(len(values), size=(_RESAMPLES, len(values)))
    scores = []
    for chosen in drawn:
        with suppress(ModelError):
            scores.append(measure(values[chosen], labels[chosen]))
    if not scores:
        return None
    low, high = np.percentile(scores, [2.5, 97.5])
    return float(low), float(high)


def wilson(right: int, samples: int) -> tuple[float, float]:
    """The 95 % interval of a share of which `right` of `samples` were counted.

    Wilson 1927, Journal of the American Statistical Association 22, 209, without correction for continuity.
    """
    share, weight = right / samples, _Z**2 / samples
    middle = (share + weight / 2) / (1 + weight)
    half = sqrt(share * (1 - share) * weight + weight**2 / 4) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)
