"""Runs a fixed-point graph: populations without loops over all time steps at once, loops step by step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nmc.backends.loihi.native.layout import CHIP, Layout, is_view
from nmc.backends.loihi.native.runners import RUNNERS, LifRunner, Runner
from nmc.backends.loihi.native.signals import Signals
from nmc.errors import UnsupportedError, UsageError
from nmc.estimates.events import NodeEvents
from nmc.graph import Graph, Node, Ref
from nmc.model import Array, Model


class Emulator:
    """The chip with a batch of samples on it, its state held between windows of time steps.

    It computes the nodes of `computed`; `fed` are those that must be fed, in whole numbers.
    """

    def __init__(self, model: Model, batch: int) -> None:
        """`model` must be sound. Raises UnsupportedError for a kind of node the emulator does not know."""
        self.model = model
        graph = model.graph
        self.computed = on_chip(graph)
        self.layout = Layout(graph)
        self._runners = {
            name: _runner(graph[name], model, self.layout, batch)
            for name in self.computed
            if self.layout.root(Ref(name)) == Ref(name)
        }
        reads = {ref.node for name in self.computed for ref in self.layout.reads(graph[name])}
        self.fed = frozenset(name for name in reads if name not in self.computed)
        self._signals = Signals(self.layout, batch)
        self._schedule = schedule(self.layout, tuple(self._runners))

    def advance(self, feeds: Mapping[str, Array], steps: int, record: Iterable[str]) -> Mapping[str, Array]:
        """Run so many steps; `feeds` are [B, T, *shape]. Gives the outputs of the nodes in `record`, likewise."""
        signals = self._signals
        signals.open(steps)
        signals.feed(feeds)
        for group in self._schedule:
            stride = 1 if group.loops else steps
            for t in range(0, steps, stride):
                for name in group.names:
                    self._runners[name].advance(signals, t, t + stride)
        shapes = self.model.graph.signals
        recorded = {
            name: signals.window(self.layout.root(Ref(name)), 0, steps).reshape(-1, steps, *shapes[name].shape).copy()
            for name in record
        }
        signals.close(steps)
        return recorded

    def state(self, name: str) -> Mapping[str, Array]:
        """The current u and the voltage v of a FixedLIF after the last step, [B, *shape]."""
        runner = self._runners[name]
        if not isinstance(runner, LifRunner):
            raise UsageError(f"{name} holds no voltage", "ask for a FixedLIF")
        shape = self.model.graph.signals[name].shape
        return {
            "u": self._logical(name, runner.u).reshape(-1, *shape),
            "v": self._logical(name, runner.v).reshape(-1, *shape),
        }

    def events(self) -> Mapping[str, NodeEvents]:
        """What every computed node did since the start, summed over the samples."""
        counted = {}
        for name in self.computed:
            node = self.model.graph[name]
            if not isinstance(node, CHIP):
                continue
            shape = self.model.graph.signals[name].shape
            neurons = "v" in node.state(*self.model.graph.operand_shapes(node))
            updates = self._signals.elapsed * np.prod(shape) * len(self._signals.spikes[name]) if neurons else 0
            spikes = None
            if neurons and self.model.graph.signals[name].dtype == "spike":
                spikes = self._logical(name, self._signals.spikes[name].sum(axis=0)).reshape(shape).astype(np.float64)
            counted[name] = NodeEvents(float(self._signals.operations[name].sum()), float(updates), spikes)
        return counted

    def _logical(self, name: str, flat: Array) -> Array:
        order = self.layout.order[name]
        return flat if order is None else flat[..., np.argsort(order)]


def on_chip(graph: Graph) -> tuple[str, ...]:
    """The nodes that the chip computes: fixed-point kinds, and what only moves their signals about."""
    found: set[str] = set()
    changed = True
    while changed:
        changed = False
        for node in graph:
            moves = is_view(node) or (node.kind == "Delay")
            reads = [ref.node for ref in node.inputs]
            if node.name not in found and (
                isinstance(node, CHIP) or (moves and reads and all(name in found for name in reads))
            ):
                found.add(node.name)
                changed = True
    return tuple(node.name for node in graph if node.name in found)


@dataclass(frozen=True)
class Group:
    """Nodes that run together: one by itself, over all steps at once, or those of a loop, step by step."""

    names: tuple[str, ...]
    loops: bool


def schedule(layout: Layout, names: Sequence[str]) -> tuple[Group, ...]:
    """The groups in the order they run, and the nodes of each in step order."""
    reads = {
        name: [ref.node for ref in layout.reads(layout.graph[name]) if ref.node in names] for name in names
    }
    place = {name: i for i, name in enumerate(layout.graph.order)}
    groups = strongly_connected(reads)
    return tuple(
        Group(tuple(sorted(group, key=place.__getitem__)), len(group) > 1 or group[0] in reads[group[0]])
        for group in groups
    )


def strongly_connected(reads: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """The strongly connected parts of a graph, each after those it reads (Tarjan 1972, without recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    parts: list[list[str]] = []
    for start in reads:
        if start in index:
            continue
        work = [(start, iter(reads[start]))]
        index[start] = low[start] = len(index)
        stack.append(start)
        on_stack.add(start)
        while work:
            node, rest = work[-1]
            following = next(rest, None)
            if following is not None:
                if following not in index:
                    index[following] = low[following] = len(index)
                    stack.append(following)
                    on_stack.add(following)
                    work.append((following, iter(reads[following])))
                elif following in on_stack:
                    low[node] = min(low[node], index[following])
                continue
            work.pop()
            if work:
                low[work[-1][0]] = min(low[work[-1][0]], low[node])
            if low[node] == index[node]:
                part: list[str] = []
                while not part or part[-1] != node:
                    part.append(stack.pop())
                    on_stack.discard(part[-1])
                parts.append(part)
    return parts


def _runner(node: Node, model: Model, layout: Layout, batch: int) -> Runner:
    if type(node) not in RUNNERS:
        raise UnsupportedError(f"the native emulator does not know {node.kind}", None, node=node.name)
    return RUNNERS[type(node)](node, model, layout, batch)
