"""Puts two runs beside each other, and says where they part and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nmc.differences.hold import Held, agreement, hold
from nmc.differences.names import aligned, paired
from nmc.differences.result import Difference, Explanation, LayerDifference, Place, Verdict
from nmc.differences.side import Engine, Ran, Recorded, Reference, Side, length_of
from nmc.differences.tolerance import Differs, Tolerance
from nmc.differences.traces import Traces, in_order, is_stream
from nmc.errors import UsageError
from nmc.graph import Graph
from nmc.model import FloatArray
from nmc.nodes.fixed_point import FixedCompartments, FixedLIF


def difference(a: Side, b: Side, feeds: Mapping[str, FloatArray], steps: int | None = None) -> Difference:
    """Where two sides part on the same samples.

    Both are held against what the first one's graph means, each layer given what it really read. Raises UsageError
    where they have no layer in common.
    """
    length = length_of(a.model, feeds, steps)
    graph, other = a.model.graph, b.model.graph
    ran_a = a.run(feeds, length)
    ran_b = b.run(feeds, length)
    same = graph == other
    pairs = paired(graph, other)
    mean = ran_a.traces if isinstance(a, Reference) else Reference("", a.model).run(feeds, length).traces
    traces_b = dict(ran_b.traces) if same else dict(aligned(pairs, graph, mean, other, ran_b.traces))
    known_b = ran_b.known if same else {}
    tolerance = b.tolerance if same else _across(a, b)
    if not traces_b.keys() & ran_a.traces.keys():
        remedy = "compare runs of the same network"
        if graph.dt_s is None and other.dt_s is not None:
            remedy = "the second works in time: compare it with what 'nmc convert' makes of the first"
        raise UsageError(f"{a.label} and {b.label} have no layer in common", remedy)
    held_b = hold(a.model, feeds, length, traces_b, tolerance, known_b)
    blamed, held = b.label, held_b
    if held_b.first is None and not isinstance(a, Reference):
        held_a = hold(a.model, feeds, length, ran_a.traces, a.tolerance, ran_a.known)
        if held_a.first is not None:
            blamed, held = a.label, held_a
    others = {pair.name: pair.other for pair in pairs}
    layers = tuple(
        _layer(graph, name, others.get(name, name), ran_a.traces, traces_b, held, tolerance)
        for name in in_order(graph) if name in traces_b and name in ran_a.traces and name in held_b.segments
    )  # fmt: skip
    first, explanation = held.first, held.explanation()
    notes = [*ran_a.notes, *ran_b.notes]
    if first is None:
        first, explanation = _events(graph, ran_a, ran_b, mean, held_b, a, b)
    samples = min(len(trace) for trace in traces_b.values())
    return Difference(
        a.label,
        b.label,
        samples,
        None if graph.dt_s is None else length + graph.lag,
        layers,
        first,
        explanation,
        blamed if first is not None else None,
        tuple(notes),
    )


def _across(a: Side, b: Side) -> Tolerance:
    """What two forms of a network may differ in: rounding, where one is in whole numbers or in 8 bits."""
    if isinstance(b, Engine | Reference) and (b.tolerance == Tolerance() or _has_int8(b.model.graph)):
        if b.tolerance == a.tolerance == Tolerance() and not _rounds(b.model.graph):
            return Tolerance(1e-6)
        return Tolerance(quantized=True)
    return Tolerance(max(a.tolerance.relative, b.tolerance.relative, 1e-6))


def _rounds(graph: Graph) -> bool:
    return _has_int8(graph) or any(node.kind.startswith("Fixed") for node in graph)


def _has_int8(graph: Graph) -> bool:
    return any(node.kind == "QuantizeLinear" for node in graph)


def _layer(
    graph: Graph, name: str, other: str, a: Traces, b: Traces, held: Held, tolerance: Tolerance
) -> LayerDifference:
    one, two = a[name][: len(b[name])], b[name][: len(a[name])]
    differs = tolerance.differs(graph[name], one, two)
    own = held.parted[name] if name in held.parted else np.zeros_like(differs)
    verdict: Verdict = "parts" if own.any() else "follows" if differs.any() else "equal"
    segment = held.segments.get(name)
    place = None
    if own.any() and segment is not None:
        place = _place(graph, name, own, segment.expected, segment.found)
    elif differs.any():
        place = _place(graph, name, differs, one, two)
    spikes = graph.signals[name].dtype == "spike"
    return LayerDifference(
        name,
        other,
        graph[name].kind,
        verdict,
        int(differs.sum()),
        int(own.sum()),
        differs.size,
        agreement(one, two, spikes),
        place,
    )


def _place(graph: Graph, name: str, differs: Differs, expected: FloatArray, found: FloatArray) -> Place:
    """The first element that differs: at the earliest step, then in the first sample."""
    in_time = np.moveaxis(differs, 1, 0)
    step, sample, *index = (int(k) for k in np.unravel_index(int(np.argmax(in_time)), in_time.shape))
    at = (sample, step, *index)
    return Place(sample, step if is_stream(graph, name) else None, tuple(index), float(expected[at]), float(found[at]))


def _events(
    graph: Graph, a: Ran, b: Ran, mean: Traces, held: Held, one: Side, other: Side
) -> tuple[str | None, Explanation | None]:
    """The first node whose events were counted otherwise than the run, or the other engine, has them."""
    for name in in_order(graph):
        counted = b.events.nodes.get(name) if b.events is not None else None
        if counted is None:
            continue
        node = graph[name]
        if isinstance(node, FixedLIF | FixedCompartments) and name in mean:
            steps, elements = mean[name].shape[1], int(np.prod(graph.signals[name].shape))
            updates, spikes = float(steps * elements), None
            if graph.signals[name].dtype == "spike" and counted.spikes is not None:
                spikes = float((mean[name] != 0).sum() / len(mean[name]))
            for what, should, is_so in (
                ("updates of neurons", updates, counted.neuron_updates),
                ("spikes", spikes, None if counted.spikes is None else float(np.sum(counted.spikes))),
            ):
                if should is not None and is_so is not None and not np.isclose(should, is_so, rtol=1e-9, atol=1e-9):
                    says = f"counts {is_so:g} {what} a sample, where there are {should:g}"
                    return name, Explanation("events", says, name, 1, 0)
        reckoned = a.events.nodes.get(name) if a.events is not None else None
        if reckoned is not None and not np.isclose(reckoned.synaptic_operations, counted.synaptic_operations):
            says = (f"counts {counted.synaptic_operations:g} synaptic operations a sample, {one.label}"
                    f" {reckoned.synaptic_operations:g}")  # fmt: skip
            return name, Explanation("events", says, name, 1, 0)
    return None, None


def of_network(side: Side, network: Side) -> Side:
    """A recording as one of the network of another side; any other side as it is."""
    return replace(side, network=network.model) if isinstance(side, Recorded) and side.network is None else side
