"""The IR: an immutable set of named nodes that read one another, in discrete time."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import ClassVar, Literal

from nmc.errors import Fault, Location, ModelError, NmcError, closest

Shape = tuple[int, ...]
DType = Literal["spike", "integer", "real"]
"""What an element is: 0 or 1, a whole number, or a real number; each includes the one before."""
Timing = Literal["static", "stream", "final"]
"""When a value is known: before the run, anew at every step, or once the last step is done."""

_DTYPES: tuple[DType, ...] = ("spike", "integer", "real")


@dataclass(frozen=True)
class Ref:
    """A read of another node's output, `delay` time steps old. Before the first step it reads zero."""

    node: str
    delay: int = 0

    def __post_init__(self) -> None:
        if self.delay < 0:
            raise ValueError(f"a read of {self.node!r} has delay {self.delay}: a delay is 0 steps or more")

    def __str__(self) -> str:
        return f"{self.node}@{self.delay}" if self.delay else self.node


@dataclass(frozen=True)
class Signal:
    """What flows out of a node: shape without the batch axis, kind of element, and timing."""

    shape: Shape
    dtype: DType = "real"
    timing: Timing = "static"


@dataclass(frozen=True)
class ArraySpec:
    """What a node expects of an array: its exact shape, or one that broadcasts to it, and its values."""

    shape: Shape
    broadcast: bool = False
    whole: tuple[int, int] | None = None
    """Whole numbers from the first to the second, both included; None: any numbers."""

    def admits(self, shape: Shape) -> bool:
        """Whether an array of `shape` is acceptable."""
        if not self.broadcast:
            return shape == self.shape
        padded = (1,) * (len(self.shape) - len(shape)) + shape
        return len(padded) == len(self.shape) and all(
            have in (1, want) for have, want in zip(padded, self.shape, strict=True)
        )


@dataclass(frozen=True)
class State:
    """Something a node carries from step to step: its shape, and its value before the first step.

    `initial` is one value, or the name of an array that broadcasts to the shape.
    """

    shape: Shape
    initial: float | str = 0.0


class ShapeError(ValueError):
    """A node was given inputs that it does not take."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """One operation. Its facts are typed fields; arrays live beside the graph, by name.

    Shapes exclude the batch axis. Where `sums` is true, several inputs add up to one operand;
    otherwise each input is an operand of its own. `operands` bounds the number of inputs.
    """

    name: str
    inputs: tuple[Ref, ...] = ()

    sums: ClassVar[bool] = True
    operands: ClassVar[tuple[int, int | None]] = (1, None)
    produces: ClassVar[Timing | None] = None
    """The timing this node imposes; None: that of its inputs."""

    @property
    def kind(self) -> str:
        """The node's kind, as written in model files and printed graphs."""
        return type(self).__name__

    def output_shape(self, *xs: Shape) -> Shape:
        """The output shape, given one shape per operand. Raises ShapeError."""
        return xs[0]

    def output_dtype(self, *xs: DType) -> DType:
        """The kind of element put out, given that of each operand."""
        return "real"

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        """The arrays this node reads, by name, given the shapes of its operands."""
        return {}

    def state(self, *xs: Shape) -> Mapping[str, State]:
        """What the node carries from one step to the next, by name; shapes without the batch axis."""
        return {}

    def __str__(self) -> str:
        facts = (f"{f.name}={value!r}" for f in fields(self) if (value := self._stated(f.name)) is not MISSING)
        return f"{self.name} = {self.kind}({', '.join([*map(str, self.inputs), *facts])})"

    def _stated(self, fact: str) -> object:
        """A fact's value, or MISSING where it is the default or is printed elsewhere."""
        if fact in ("name", "inputs"):
            return MISSING
        value: object = getattr(self, fact)
        default = next(f.default for f in fields(self) if f.name == fact)
        return MISSING if value == default and type(value) is type(default) else value


@dataclass(frozen=True)
class Graph:
    """Named nodes, what they put out, and the time step.

    `dt_s` is the step in seconds, or None for a graph without time. `sources` says where each
    node was written, for messages; it takes no part in comparison.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    dt_s: float | None = None
    sources: Mapping[str, Location] = field(default_factory=dict, compare=False, repr=False)

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
            for name in dict.fromkeys(ref.node for ref in node.inputs):
                readers[name].append(node)
        return {name: tuple(nodes) for name, nodes in readers.items()}

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Names such that every same-step read comes after what it reads.

        Delayed reads order nothing. Raises ModelError where a loop has no delay.
        """
        sorter: TopologicalSorter[str] = TopologicalSorter()
        for node in self.nodes:
            sorter.add(node.name, *(ref.node for ref in node.inputs if not ref.delay))
        try:
            return tuple(sorter.static_order())
        except CycleError as error:
            cycle = list(error.args[1])
            raise ModelError(
                f"{' -> '.join(cycle)}: a loop needs a delay",
                f"read one of these nodes a step late, as in '{cycle[0]}@1'",
                node=cycle[0],
                where=self.sources.get(cycle[0]),
            ) from None

    @cached_property
    def signals(self) -> Mapping[str, Signal]:
        """Shape, element kind and timing of every node's output. Raises ModelError with all faults."""
        self.raise_faults(self._structural_faults())
        shapes, faults = self._infer_shapes()
        timings, timing_faults = self._infer_timing()
        self.raise_faults([*faults, *timing_faults])
        dtypes = self._infer_dtypes()
        return {name: Signal(shapes[name], dtypes[name], timings[name]) for name in self.order}

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
        """This graph with the given nodes in place of those of the same name."""
        new = {node.name: node for node in nodes}
        return replace(self, nodes=tuple(new.get(node.name, node) for node in self.nodes))

    def map(self, change: Callable[[Node], Iterable[Node]]) -> Graph:
        """This graph with each node replaced by the nodes that `change` gives for it."""
        return replace(self, nodes=tuple(new for node in self.nodes for new in change(node)))

    def rewire(self, renamed: Mapping[str, str]) -> Graph:
        """This graph with every read and output of a key of `renamed` going to its value instead."""
        def moved(node: Node) -> Node:
            return replace(
                node, inputs=tuple(Ref(renamed.get(ref.node, ref.node), ref.delay) for ref in node.inputs)
            )
        outputs = tuple(renamed.get(name, name) for name in self.outputs)
        return replace(self, nodes=tuple(map(moved, self.nodes)), outputs=outputs)

    def raise_faults(self, faults: Iterable[Fault]) -> None:
        """Raise one ModelError for the faults, if there are any, each with its place in the file."""
        placed = [
            replace(f, where=self.sources.get(f.node)) if f.node is not None and not f.where else f for f in faults
        ]
        if placed:
            raise ModelError.of(placed)

    def __str__(self) -> str:
        """One line a node; `nmc.text.parse` reads it back."""
        lines = [] if self.dt_s is None else [f"dt = {self.dt_s!r}"]
        return "\n".join([*lines, *map(str, self.nodes), f"return {', '.join(self.outputs)}"])

    def _structural_faults(self) -> list[Fault]:
        faults = []
        seen: set[str] = set()
        for node in self.nodes:
            if not node.name.isidentifier() or keyword.iskeyword(node.name):
                faults.append(Fault(
                    f"{node.name!r} is not a name",
                    "use letters, digits and underscores, starting with a letter", node.name,
                ))
            if node.name in seen:
                faults.append(Fault("this name is used twice", "give each node a name of its own", node.name))
            seen.add(node.name)
        for node in self.nodes:
            faults += self._input_faults(node, seen)
        for name in self.outputs:
            if name not in seen:
                faults.append(Fault(f"the output {name!r} is not a node", closest(name, seen)))
        if not self.outputs:
            faults.append(Fault("the graph has no output", "name the node whose value is the result"))
        if self.dt_s is not None and not self.dt_s > 0:
            faults.append(Fault(f"dt is {self.dt_s} s", "give the time step as a positive time, as in 'dt: 1 ms'"))
        return faults

    def _input_faults(self, node: Node, known: set[str]) -> list[Fault]:
        faults = [
            Fault(f"it reads {ref.node!r}, which is not a node", closest(ref.node, known), node.name)
            for ref in node.inputs
            if ref.node not in known
        ]
        low, high = node.operands
        count = len(node.inputs)
        if count < low or (high is not None and count > high):
            wanted = f"{low}" if low == high else f"at least {low}" if high is None else f"{low} to {high}"
            faults.append(Fault(
                f"{node.kind} takes {wanted} {'input' if high == 1 else 'inputs'}, got {count}",
                "mend what it reads from", node.name,
            ))
        return faults

    def _infer_shapes(self) -> tuple[dict[str, Shape], list[Fault]]:
        shapes: dict[str, Shape] = {}
        faults: list[Fault] = []
        waiting = list(self.order)
        failed: set[str] = set()
        while waiting:
            left = []
            for name in waiting:
                node = self[name]
                known = [shapes[ref.node] for ref in node.inputs if ref.node in shapes]
                if len(known) < len(node.inputs) and not (node.sums and known):
                    left.append(name)
                    continue
                try:
                    shapes[name] = node.output_shape(*(known[:1] if node.sums else known))
                except ShapeError as error:
                    read = " and ".join(f"{r.node} has shape {shapes[r.node]}" for r in node.inputs if r.node in shapes)
                    faults.append(Fault(str(error), f"change its facts, or what it reads: {read}", name))
                    failed.add(name)
            if len(left) == len(waiting):
                break
            waiting = left
        if waiting and not failed:
            faults.append(Fault(
                f"the shapes of {', '.join(waiting)} depend only on one another",
                "let one of them also read a node outside the loop", waiting[0],
            ))
        for node in self.nodes:
            faults += _sum_faults(node, shapes)
        return shapes, faults

    def _infer_timing(self) -> tuple[dict[str, Timing], list[Fault]]:
        timings: dict[str, Timing] = {}
        faults: list[Fault] = []
        late = "it reads the result of a readout, which is known only after the last step"
        remedy = "read the node before the readout instead"
        for name in self.order:
            node = self[name]
            reads: set[Timing] = {"stream" if ref.delay else timings[ref.node] for ref in node.inputs}
            if "final" in reads and (len(reads | {"static"}) > 2 or node.produces):
                faults.append(Fault(late, remedy, name))
            if node.produces == "final" and "stream" not in reads:
                faults.append(Fault(
                    f"{node.kind} reads out over time, but its input never changes",
                    "put it after a node with a state, or remove it", name,
                ))
            joined: Timing = "final" if "final" in reads else "stream" if "stream" in reads else "static"
            timings[name] = node.produces or joined
            if timings[name] != "static" and self.dt_s is None:
                faults.append(Fault(
                    f"{node.kind} works in time, but the graph has no time step",
                    "give the model a time step, as in 'dt: 1 ms'", name,
                ))
        faults += (
            Fault(late, remedy, node.name)
            for node in self.nodes
            if any(ref.delay and timings[ref.node] == "final" for ref in node.inputs)
        )
        return timings, faults

    def _infer_dtypes(self) -> dict[str, DType]:
        """The least solution: every node starts as spikes and is widened until nothing changes."""
        dtypes: dict[str, DType] = {node.name: "spike" for node in self.nodes}
        changed = True
        while changed:
            changed = False
            for name in self.order:
                node = self[name]
                xs = [dtypes[ref.node] for ref in node.inputs]
                if node.sums and len(xs) > 1:
                    xs = [max("integer", *xs, key=_DTYPES.index)]
                new = node.output_dtype(*xs)
                changed |= new != dtypes[name]
                dtypes[name] = new
        return dtypes


def widest(*dtypes: DType) -> DType:
    """The narrowest kind of element that holds all the given kinds."""
    return max(dtypes, key=_DTYPES.index)


def _sum_faults(node: Node, shapes: Mapping[str, Shape]) -> list[Fault]:
    """A fault for every input that cannot be added to the node's first one."""
    if not node.sums or not node.inputs or node.inputs[0].node not in shapes:
        return []
    first = node.inputs[0]
    return [
        Fault(
            f"its inputs add up, but {ref.node} has shape {shapes[ref.node]} and {first.node} {shapes[first.node]}",
            "make the shapes equal", node.name,
        )
        for ref in node.inputs[1:]
        if ref.node in shapes and shapes[ref.node] != shapes[first.node]
    ]
