"""Measures what values the nodes of a model take on real samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nmc.model import FloatArray, Model
from nmc.reference import run

Range = tuple[float, float]
_AT_ONCE = 16


def value_ranges(model: Model, names: Iterable[str], samples: FloatArray) -> Mapping[str, Range]:
    """The least and the largest value of each named node over all samples and steps, by the reference.

    `samples` are [B, *shape], or [B, T, *shape] for an input that streams. Raises UsageError where
    they do not fit the graph.
    """
    wanted = tuple(names)
    ranges: dict[str, Range] = {}
    for start in range(0, len(samples), _AT_ONCE):
        values = run(model, samples[start : start + _AT_ONCE], record=wanted)
        for name in wanted:
            low, high = ranges.get(name, (float("inf"), float("-inf")))
            ranges[name] = (min(low, float(values[name].min())), max(high, float(values[name].max())))
    return ranges
