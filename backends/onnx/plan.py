"""Which nodes of a graph are computed when: before the run, ahead of the loop, inside it, or after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from nmc.backends.onnx import coding
from nmc.graph import Graph
from nmc.model import Array, Model
from nmc.nodes.coding import Last
from nmc.nodes.tensor import Input


@dataclass(frozen=True)
class Plan:
    """The live nodes of a graph in the order of their computation.

    `static` once; `hoisted` for all steps at once, since they follow from a streamed input without
    any state; `body` step by step; `final` after the last step. `pasts` are the nodes that are
    read late, with the longest delay.
    """

    held: tuple[Input, ...]
    streamed: tuple[Input, ...]
    static: tuple[str, ...]
    hoisted: tuple[str, ...]
    body: tuple[str, ...]
    final: tuple[str, ...]
    pasts: Mapping[str, int]

    @property
    def timed(self) -> bool:
        """Whether anything changes from step to step."""
        return bool(self.streamed or self.body)


@dataclass(frozen=True, eq=False)
class Slot:
    """Something carried from step to step: [N, *shape], `initial` (which broadcasts) before the first step."""

    node: str
    name: str
    shape: tuple[int, ...]
    type: np.dtype[np.generic]
    initial: Array

    @property
    def label(self) -> str:
        """Its name among all states."""
        return f"{self.node}.{self.name}"


COUNTS = ("t", "n")
"""The states of nodes that count steps, which ONNX files have one count for."""
PAST = "past"
"""The state that keeps the last values of a node that is read late."""


def plan(graph: Graph) -> Plan:
    """The plan of a sound graph."""
    live = graph.upstream(graph.outputs)
    order = [name for name in graph.order if name in live and not isinstance(graph[name], Input)]
    timing = {name: graph.signals[name].timing for name in graph.order}
    pasts: dict[str, int] = {}
    for ref in (ref for name in order for ref in graph[name].inputs if ref.delay):
        pasts[ref.node] = max(ref.delay, pasts.get(ref.node, 0))
    hoisted = _hoisted(graph, order)
    readouts = {name for name in order if graph[name].produces == "final"}
    inputs = [node for node in graph if isinstance(node, Input)]
    return Plan(
        held=tuple(node for node in inputs if not node.stream),
        streamed=tuple(node for node in inputs if node.stream),
        static=tuple(name for name in order if timing[name] == "static"),
        hoisted=tuple(hoisted),
        body=tuple(
            name for name in order
            if (timing[name] == "stream" and name not in hoisted) or name in readouts
        ),
        final=tuple(name for name in order if timing[name] == "final" and name not in readouts),
        pasts=pasts,
    )  # fmt: skip


def slots(model: Model, planned: Plan, real: np.dtype[np.floating]) -> tuple[Slot, ...]:
    """The states of a model in time, but for the count of steps, which all nodes share."""
    graph = model.graph
    found = []
    for name in planned.body:
        node = graph[name]
        kind = np.dtype(np.float64) if isinstance(node, coding.ENCODERS) else real
        for state, fact in node.state(*graph.operand_shapes(node)).items():
            if state not in COUNTS or fact.shape:
                initial = np.asarray(model.param(fact.initial), dtype=kind)
                found.append(Slot(name, state, fact.shape, kind, initial))
        if isinstance(node, Last):
            found.append(Slot(name, "last", graph.signals[name].shape, real, np.zeros((), real)))
    for name, longest in planned.pasts.items():
        found.append(Slot(name, PAST, (longest, *graph.signals[name].shape), real, np.zeros((), real)))
    return tuple(found)


def _hoisted(graph: Graph, order: Iterable[str]) -> list[str]:
    """Nodes without state all of whose inputs are a streamed input, or such nodes."""
    ahead = {node.name for node in graph if isinstance(node, Input) and node.stream}
    hoisted = []
    for name in order:
        node = graph[name]
        plain = node.produces is None and not node.state(*graph.operand_shapes(node))
        if plain and node.inputs and all(ref.node in ahead and not ref.delay for ref in node.inputs):
            ahead.add(name)
            hoisted.append(name)
    return hoisted
