"""Measures what values the nodes of a model take on real samples, and chooses the ranges of 8-bit integers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Literal

import numpy as np

from nmc.graph import Graph
from nmc.model import FloatArray, Model
from nmc.passes.int8_grid import Range, grid_of
from nmc.reference import each_step

RangeMethod = Literal["min-max", "percentile", "mse"]

PERCENTILES = (0.01, 99.99)
SAMPLE = 1 << 16
"""How many values of a node are kept, at most."""
_AT_ONCE = 16
_ELEMENTS = 1 << 25
"""How many elements all nodes together may hold at once, while values are measured."""
_SHRINK = 0.95
_SHRINKS = 60
_SEED = 0


@dataclass
class Values:
    """What a node put out: the least and the largest value, the mean of every element, and a sample of the values.

    The sample is a uniform one, of at most `SAMPLE` values: each value draws a fixed pseudo-random rank,
    and the smallest ranks stay.
    """

    low: float = float("inf")
    high: float = float("-inf")
    sample: FloatArray = field(default_factory=lambda: np.zeros(0))
    _total: FloatArray | float = 0.0
    _count: int = 0
    _ranks: FloatArray = field(default_factory=lambda: np.zeros(0))
    _random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(_SEED))

    @property
    def mean(self) -> FloatArray:
        """The mean over samples and steps, [*shape]."""
        return np.asarray(self._total / self._count)

    def within(self, low: float, high: float) -> Values:
        """The same values, those beyond the two ends as these."""
        least, most = (float(np.clip(end, low, high)) for end in (self.low, self.high))
        return Values(least, most, np.clip(self.sample, low, high))

    def add(self, batch: FloatArray) -> None:
        """Take in values [B, *shape]."""
        self.low, self.high = min(self.low, float(batch.min())), max(self.high, float(batch.max()))
        self._total, self._count = self._total + batch.sum(axis=0), self._count + len(batch)
        ranks = np.concatenate([self._ranks, self._random.random(batch.size)])
        values = np.concatenate([self.sample, batch.ravel()])
        if len(values) > SAMPLE:
            kept = np.sort(np.argpartition(ranks, SAMPLE)[:SAMPLE])
            ranks, values = ranks[kept], values[kept]
        self._ranks, self.sample = ranks, values


def measure(model: Model, names: Iterable[str], samples: FloatArray) -> Mapping[str, Values]:
    """What each named node puts out over all samples and steps, by the reference.

    `samples` are [B, *shape], or [B, T, *shape] for an input that streams. Raises UsageError where
    they do not fit the graph.
    """
    graph = model.graph
    measured = {name: Values() for name in names}
    streams = [name for name in measured if graph.signals[name].timing == "stream"]
    once = [name for name in measured if name not in streams]
    at_once = _batch(graph)
    for start in range(0, len(samples), at_once):
        values: Mapping[str, FloatArray] = {}
        for step, (values, _) in enumerate(each_step(model, samples[start : start + at_once])):
            for name in streams if step >= graph.lag else ():
                measured[name].add(values[name])
        for name in once:
            measured[name].add(values[name])
    return measured


def chosen_range(values: Values, method: RangeMethod) -> Range:
    """The range that 8-bit integers shall cover.

    "min-max": all values seen. "percentile": from the 0.01st to the 99.99th percentile. "mse": the least
    and the largest value, shrunk together to where rounding and saturation make the least squared error.
    """
    if method == "percentile":
        low, high = np.percentile(values.sample, PERCENTILES)
        return float(low), float(high)
    if method == "mse":
        shrunk = [(values.low * _SHRINK**k, values.high * _SHRINK**k) for k in range(_SHRINKS)]
        return min(shrunk, key=lambda ends: _squared_error(values.sample, ends))
    return values.low, values.high


def _squared_error(sample: FloatArray, ends: Range) -> float:
    return float(np.mean((grid_of(ends).rounded(sample) - sample) ** 2))


def _batch(graph: Graph) -> int:
    """How many samples run side by side, so that large networks do not fill the memory."""
    elements = sum(prod(signal.shape) for signal in graph.signals.values())
    return max(1, min(_AT_ONCE, _ELEMENTS // max(1, elements)))
