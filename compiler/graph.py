"""The IR: an immutable set of named nodes that read one another, in discrete time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

from nmc import inference
from nmc.errors import Fault, Location, ModelError, NmcError
from nmc.node import ArraySpec, DType, Node, Ref, Shape, ShapeError, Signal, State, Timing, widest

__all__ = [
    "ArraySpec", "DType", "Graph", "Node", "Ref", "Shape", "ShapeError", "Signal", "State", "Timing", "fresh", "widest",
]  # fmt: skip

Along = Callable[[Node, Node], bool]
"""Whether a walk goes from a node on to another that reads it, or that it reads."""


def _anywhere(node: Node, following: Node) -> bool:
    return True


def fresh(name: str, taken: set[str]) -> str:
    """`name`, or the first of name_2, name_3... that is free; it is taken afterwards."""
    candidate, count = name, 1
    while candidate in taken:
        count += 1
        candidate = f"{name}_{count}"
    taken.add(candidate)
    return candidate


@dataclass(frozen=True)
class Graph:
    """Named nodes, what they put out, and the time step.

    `dt_s` is the step in seconds, or None for a graph without time. With `lag`, what the graph puts
    out comes that many steps late: a run of n steps takes n + lag, streams among the inputs are
    zero after their end, and outputs and readouts leave the first `lag` steps out. `sources` says
    where each node was written, for messages; it takes no part in comparison.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    dt_s: float | None = None
    sources: Mapping[str, Location] = field(default_factory=dict, compare=False, repr=False)
    lag: int = 0

    def __getitem__(self, name: str) -> Node:
        return self.by_name[name]

    def __contains__(self, name: object) -> bool:
        return name in self.by_name

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    @cached_property
    def by_name(self) -> Mapping[str, Node]:
        """The nodes by name."""
        return {node.name: node for node in self.nodes}

    @cached_property
    def consumers(self) -> Mapping[str, tuple[Node, ...]]:
        """The nodes that read each node, at any delay."""
        readers: dict[str, list[Node]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for name in dict.fromkeys(ref.node for ref in node.inputs if ref.node in readers):
                readers[name].append(node)
        return {name: tuple(nodes) for name, nodes in readers.items()}

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Names such that every same-step read comes after what it reads.

        Delayed reads order nothing. Raises ModelError where a loop has no delay.
        """
        sorter: TopologicalSorter[str] = TopologicalSorter()
        for node in self.nodes:
            sorter.add(node.name, *(ref.node for ref in node.inputs if not ref.delay and ref.node in self))
        try:
            return tuple(sorter.static_order())
        except CycleError as error:
            cycle = list(error.args[1])
            shown = cycle if len(cycle) <= 12 else [*cycle[:6], "...", *cycle[-6:]]
            raise ModelError(
                f"{' -> '.join(shown)}: a loop needs a delay",
                f"read one of these nodes a step late, as in '{cycle[0]}@1'",
                node=cycle[0],
                where=self.sources.get(cycle[0]),
            ) from None

    @cached_property
    def signals(self) -> Mapping[str, Signal]:
        """Shape, element kind and timing of every node's output. Raises ModelError with all faults."""
        signals, faults = inference.infer(self)
        self.raise_faults(faults)
        return signals

    def operand_shapes(self, node: Node) -> tuple[Shape, ...]:
        """The shapes of a node's operands, after summing where the node sums."""
        shapes = tuple(self.signals[ref.node].shape for ref in node.inputs)
        return shapes[:1] if node.sums else shapes

    def check(self) -> list[Fault]:
        """Every fault of the graph's structure, loops, shapes and timing; empty if sound."""
        try:
            _ = self.signals
        except NmcError as error:
            return list(error.faults)
        return []

    def replace(self, *nodes: Node) -> Graph:
        """This graph with the given nodes in place of those of the same name. Raises KeyError if there is none."""
        new = {node.name: node for node in nodes}
        if unknown := new.keys() - self.by_name.keys():
            raise KeyError(f"no nodes to replace are named {', '.join(sorted(unknown))}")
        return replace(self, nodes=tuple(new.get(node.name, node) for node in self.nodes))

    def map(self, change: Callable[[Node], Iterable[Node]]) -> Graph:
        """This graph with each node replaced by the nodes that `change` gives for it."""
        return replace(self, nodes=tuple(new for node in self.nodes for new in change(node)))

    def rewire(self, renamed: Mapping[str, str]) -> Graph:
        """This graph with every read and output of a key of `renamed` going to its value instead."""

        def moved(node: Node) -> Node:
            return replace(node, inputs=tuple(Ref(renamed.get(ref.node, ref.node), ref.delay) for ref in node.inputs))

        outputs = tuple(renamed.get(name, name) for name in self.outputs)
        return replace(self, nodes=tuple(map(moved, self.nodes)), outputs=outputs)

    def upstream(self, names: Iterable[str], along: Along = _anywhere) -> frozenset[str]:
        """The names, and all that they depend on at any delay."""
        return self._reached(names, lambda node: (self[ref.node] for ref in node.inputs), along)

    def downstream(self, names: Iterable[str], along: Along = _anywhere) -> frozenset[str]:
        """The names, and all that depends on them at any delay."""
        return self._reached(names, lambda node: self.consumers[node.name], along)

    def _reached(
        self, names: Iterable[str], following: Callable[[Node], Iterable[Node]], along: Along
    ) -> frozenset[str]:
        found = set(names)
        waiting = list(found)
        while waiting:
            node = self[waiting.pop()]
            more = {other.name for other in following(node) if other.name not in found and along(node, other)}
            found |= more
            waiting += more
        return frozenset(found)

    def pruned(self) -> Graph:
        """This graph without nodes that no output depends on; what a run feeds stays."""
        needed = self.upstream([*self.outputs, *(node.name for node in self.nodes if node.fed)])
        return replace(self, nodes=tuple(node for node in self.nodes if node.name in needed))

    def placed(self, faults: Iterable[Fault]) -> list[Fault]:
        """The faults, each with the place of its node in the file."""
        return [replace(f, where=self.sources.get(f.node)) if f.node is not None and not f.where else f for f in faults]

    def raise_faults(self, faults: Iterable[Fault]) -> None:
        """Raise one ModelError for the faults, if there are any, each with its place in the file."""
        if placed := self.placed(faults):
            raise ModelError.of(placed)

    def __str__(self) -> str:
        """One line a node; `nmc.text.parse` reads it back."""
        lines = [] if self.dt_s is None else [f"dt = {self.dt_s!r}"]
        lines += [f"lag = {self.lag}"] if self.lag else []
        return "\n".join([*lines, *map(str, self.nodes), f"return {', '.join(self.outputs)}"])
