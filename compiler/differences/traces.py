"""Traces: what the nodes of a graph put out over a run, all in one form, [samples, steps, *shape].

What is known before the run, or once its last step is done, has a single step. Steps are the chip's, from the first
on, the graph's lag included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from nmc.graph import Graph
from nmc.model import Array, FloatArray, Model
from nmc.nodes.tensor import Input
from nmc.reference.interpreter import each_step

Traces = Mapping[str, FloatArray]
Known = Mapping[str, slice]
"""The steps of traces that were seen, where these are not all; the others are filled in."""
EXPECTED = "__as_expected"


def is_stream(graph: Graph, name: str) -> bool:
    """Whether a node puts out something anew at every step."""
    return graph.signals[name].timing == "stream"


def in_order(graph: Graph) -> tuple[str, ...]:
    """The nodes' names, each after those it reads at any delay, as far as loops allow."""
    found: dict[str, None] = {}
    entered: set[str] = set()
    for start in graph.order:
        waiting = [start]
        while waiting:
            name = waiting[-1]
            entered.add(name)
            before = next((ref.node for ref in graph[name].inputs if ref.node not in entered), None)
            if before is not None:
                waiting.append(before)
            else:
                found[waiting.pop()] = None
    return tuple(found)


def reference_traces(model: Model, feeds: Mapping[str, FloatArray], steps: int) -> Traces:
    """What every node puts out by its meaning."""
    return _collected(model, feeds, steps, [node.name for node in model.graph])


def forced_traces(model: Model, feeds: Mapping[str, FloatArray], steps: int, given: Traces) -> tuple[Traces, Traces]:
    """What nodes put out by their meaning, where those among them that are `given` put out that instead.

    The first are the values that others read, the second what the given ones should have put out for what they read.
    """
    graph = model.graph
    nodes = []
    for node in graph:
        if node.name in given and not isinstance(node, Input):
            nodes.append(replace(node, name=node.name + EXPECTED))
            stream = is_stream(graph, node.name)
            nodes.append(Input(name=node.name, shape=graph.signals[node.name].shape, stream=stream))
        else:
            nodes.append(node)
    own = {name: value for name, value in given.items() if not isinstance(graph[name], Input)}
    outputs = tuple(name + EXPECTED if name in own else name for name in graph.outputs)
    forced = model.with_(replace(graph, nodes=tuple(nodes), outputs=outputs))
    fed = {name: value if is_stream(graph, name) else value[:, -1] for name, value in own.items()}
    names = [node.name for node in forced.graph]
    found = _collected(forced, {**feeds, **fed}, steps, names)
    expected = {name: found[name + EXPECTED] for name in own}
    return {name: value for name, value in found.items() if not name.endswith(EXPECTED)}, expected


def _collected(model: Model, feeds: Mapping[str, FloatArray], steps: int, names: Iterable[str]) -> Traces:
    graph = model.graph
    kept: dict[str, list[FloatArray]] = {name: [] for name in names}
    for values, _ in each_step(model, feeds, steps):
        for name, so_far in kept.items():
            if is_stream(graph, name):
                so_far.append(values[name])
            else:
                so_far[:] = [values[name]]
    return {name: np.stack(so_far, axis=1) for name, so_far in kept.items()}


def as_traces(graph: Graph, outputs: Mapping[str, Array], before: Traces) -> dict[str, FloatArray]:
    """Outputs of a run as an engine gives them, without the steps of the lag, which `before` has.

    What streams is [samples, steps, *shape], anything else [samples, *shape].
    """
    found = {}
    for name, value in outputs.items():
        array = np.asarray(value, np.float64)
        if not is_stream(graph, name):
            found[name] = array[:, None]
        elif graph.lag:
            found[name] = np.concatenate([before[name][: len(array), : graph.lag], array], axis=1)
        else:
            found[name] = array
    return found
