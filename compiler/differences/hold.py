"""Holds what was seen of a run against what the graph means, layer by layer, each given what it really read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nmc.differences.explain import explain
from nmc.differences.result import Explanation
from nmc.differences.segment import Segment
from nmc.differences.tolerance import Differs, Tolerance
from nmc.differences.traces import Known, Traces, forced_traces, in_order
from nmc.model import FloatArray, Model
from nmc.nodes.tensor import Input


@dataclass(frozen=True, eq=False)
class Held:
    """A run held against a model: where each layer that was seen is not what it should be for what it read."""

    segments: Mapping[str, Segment]
    parted: Mapping[str, Differs]
    tolerance: Tolerance

    @property
    def first(self) -> str | None:
        """The first layer that parts, in the order of computing."""
        return next((name for name, differs in self.parted.items() if differs.any()), None)

    def explanation(self) -> Explanation | None:
        """The rule that explains what the first layer that parts puts out, if one is known."""
        return None if self.first is None else explain(self.segments[self.first], self.tolerance)


def hold(
    model: Model, feeds: Mapping[str, FloatArray], steps: int, seen: Traces, tolerance: Tolerance, known: Known
) -> Held:
    """Hold traces of some of a model's nodes against it; `feeds` are what its inputs got."""
    graph = model.graph
    samples = min((len(trace) for trace in seen.values()), default=0)
    given = {name: trace[:samples] for name, trace in seen.items() if not isinstance(graph[name], Input)}
    fed = {name: value[:samples] for name, value in feeds.items()}
    forced, expected = forced_traces(model, fed, steps, given)
    segments = {}
    for name in (name for name in in_order(graph) if name in given):
        of = known.get(name, slice(None))
        found = expected[name].copy()
        found[:, of] = given[name][:, of]
        segments[name] = Segment(model, name, frozenset(given), forced, expected[name], found, of)
    return Held(segments, {name: tolerance.parted(segment) for name, segment in segments.items()}, tolerance)


def agreement(one: FloatArray, other: FloatArray, spikes: bool) -> float | None:
    """The fraction of spikes that both have among all, or the correlation; None where nothing varies."""
    if spikes:
        either = np.count_nonzero((one != 0) | (other != 0))
        return None if not either else float(np.count_nonzero((one != 0) & (other != 0)) / either)
    a, b = one.ravel() - one.mean(), other.ravel() - other.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return None if not size else float(a @ b / size)
