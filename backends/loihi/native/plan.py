"""What the emulator makes ready once for a model: the order of work, and every node's arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from nmc.backends.loihi.native.layout import CHIP, Layout
from nmc.backends.loihi.native.readout import Readout, readouts
from nmc.backends.loihi.native.runner import Prepared, Runner
from nmc.backends.loihi.native.runners import PREPARED
from nmc.backends.loihi.native.signals import item_type
from nmc.errors import UnsupportedError, UsageError, closest
from nmc.graph import Graph, Node, Ref
from nmc.model import Array, Model
from nmc.nodes.fixed_point import WIRES


@dataclass(frozen=True, eq=False)
class Plan:
    """A model made ready to run in batches of any size; many emulators may share it.

    `computed` are the nodes that the chip computes; `fed` are those outside that they read; `readouts` are those
    of the host that are computed along with the chip.
    """

    model: Model
    layout: Layout
    computed: tuple[str, ...]
    fed: frozenset[str]
    prepared: Mapping[str, Prepared]
    schedule: tuple[Group, ...]
    readouts: Mapping[str, Readout]

    @classmethod
    def of(cls, model: Model) -> Plan:
        """The plan of a sound model. Raises UnsupportedError for a kind of node the emulator does not know."""
        graph, layout = model.graph, Layout(model.graph)
        computed = on_chip(graph)
        run = tuple(name for name in computed if layout.root(Ref(name)) == Ref(name))
        read = {ref.node for name in computed for ref in layout.reads(graph[name])}
        return cls(
            model, layout, computed, frozenset(read - set(computed)),
            {name: _prepared(graph[name], model, layout) for name in run}, schedule(layout, run),
            readouts(model, layout, computed),
        )

    def varied(self, model: Model) -> Plan:
        """The plan of a model with the same nodes, whose facts and arrays may differ; what is equal is shared."""
        prepared = {
            name: before if self._is_same(name, model) else _prepared(model.graph[name], model, self.layout)
            for name, before in self.prepared.items()
        }
        return replace(self, model=model, prepared=prepared)

    def _is_same(self, name: str, model: Model) -> bool:
        node, graph = model.graph[name], self.layout.graph
        arrays = node.arrays(*graph.operand_shapes(node))
        return node == graph[name] and all(model.weights[array] is self.model.weights[array] for array in arrays)

    @cached_property
    def narrow(self) -> Mapping[str, int]:
        """The nodes whose outputs are kept in 16 bits, with the power of two that these are to be multiplied by."""
        exponents = {name: prepared.exponent for name, prepared in self.prepared.items()}
        return {name: exponent for name, exponent in exponents.items() if exponent is not None}

    @cached_property
    def fresh(self) -> Mapping[str, Runner]:
        """All runners before the first step, with one sample: what others are put back to, never run."""
        return {name: prepared.start(1) for name, prepared in self.prepared.items()}

    @cached_property
    def stored(self) -> tuple[str, ...]:
        """The signals that an emulator keeps."""
        return tuple(name for name in self.layout.stored if name in self.prepared or name in self.fed)

    @cached_property
    def bytes_per_step(self) -> int:
        """What the signals of a sample take at each step."""
        return sum(map(self._bytes, self.stored))

    @cached_property
    def bytes_at_once(self) -> int:
        """What the signals take, of a sample at each step, that one node works on: the most there is."""
        return max(
            self._bytes(name) + sum(self._bytes(ref.node) for ref in self.layout.reads(self.model.graph[name]))
            for name in self.prepared
        )

    def check_feeds(self, feeds: Mapping[str, Array], batch: int, steps: int) -> None:
        """Raise UsageError unless there are whole numbers [batch, steps, *shape] for each of `fed`, and for no others.

        What is the same for all samples may have any number of them.
        """
        if missing := sorted(self.fed - feeds.keys()):
            raise UsageError(f"nothing is fed for {', '.join(missing)}", f"feed all of: {', '.join(sorted(self.fed))}")
        for name, value in feeds.items():
            if name not in self.fed:
                raise UsageError(f"{name!r} is not fed to the chip", closest(name, self.fed))
            signal = self.layout.graph.signals[name]
            samples = len(value) if name in self.layout.shared and len(value) else batch
            if value.shape != (wanted := (samples, steps, *signal.shape)):
                raise UsageError(f"{name!r} is fed in shape {value.shape}", f"feed it in shape {wanted}")
            low, high = (0, 1) if signal.dtype == "spike" else (-(2**31), 2**31 - 1)
            kept = np.dtype(np.uint8 if signal.dtype == "spike" else np.int32)
            if value.dtype.kind not in "biu" or not (
                np.can_cast(value.dtype, kept) or (low <= value.min() and value.max() <= high)
            ):
                raise UsageError(
                    f"{name!r} is fed other values than whole numbers from {low} to {high}", "round or clip them first"
                )

    def _bytes(self, name: str) -> int:
        if name in self.layout.shared:
            return 0
        return self.layout.size(name) * item_type(self.layout, name, self.narrow).itemsize


def _prepared(node: Node, model: Model, layout: Layout) -> Prepared:
    if type(node) not in PREPARED:
        raise UnsupportedError(f"the native emulator does not know {node.kind}", None, node=node.name)
    return PREPARED[type(node)](node, model, layout)


def on_chip(graph: Graph) -> tuple[str, ...]:
    """The nodes that the chip computes: fixed-point kinds, and what only moves their signals about."""
    found: set[str] = set()
    changed = True
    while changed:
        changed = False
        for node in graph:
            moves = isinstance(node, WIRES)
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
