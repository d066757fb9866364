"""What a graph is made of: nodes, the reads between them, and what flows along those."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from math import prod
from typing import ClassVar, Literal

Shape = tuple[int, ...]
DType = Literal["spike", "integer", "real"]
"""What an element is: 0 or 1, a whole number, or a real number; each includes the one before."""
Timing = Literal["static", "stream", "final"]
"""When a value is known: before the run, anew at every step, or once the last step is done."""

_DTYPES: tuple[DType, ...] = ("spike", "integer", "real")


def widest(*dtypes: DType) -> DType:
    """The narrowest kind of element that holds all the given kinds."""
    return max(dtypes, key=_DTYPES.index)


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
    """What a node expects of an array: its exact shape, or one that broadcasts to it, and its values.

    `whole` asks for whole numbers; every value lies from `low` to `high`. With `spans`, values go from `low` to
    `high` and never fall, as the places do at which rows start in an array; `rises_in` names such an array, between
    whose places values rise: no column comes twice in a row.
    """

    shape: Shape
    broadcast: bool = False
    whole: bool = False
    low: float = float("-inf")
    high: float = float("inf")
    spans: bool = False
    rises_in: str | None = None

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
    otherwise each input is an operand of its own. `operands` bounds the number of inputs. The shape of the
    output follows from the first `shaped_by` operands, or from all; the others are checked once they are known.

    A node that a run feeds is `fed`. What it costs a chip that runs kernels: a `view` nothing, since another kernel
    reads or writes in its place; a node that `moves` values no arithmetic; others `operations`, by default
    `per_element` for each element put out.
    """

    name: str
    inputs: tuple[Ref, ...] = ()

    sums: ClassVar[bool] = True
    operands: ClassVar[tuple[int, int | None]] = (1, None)
    shaped_by: ClassVar[int | None] = None
    fed: ClassVar[bool] = False
    view: ClassVar[bool] = False
    moves: ClassVar[bool] = False
    per_element: ClassVar[float]

    @property
    def produces(self) -> Timing | None:
        """The timing this node imposes; None: that of its inputs."""
        return None

    @property
    def kind(self) -> str:
        """The node's kind, as written in model files and printed graphs."""
        return type(self).__name__

    def output_shape(self, *xs: Shape) -> Shape:
        """The output shape, given one shape per operand, or those of the first `shaped_by`. Raises ShapeError."""
        return xs[0]

    def output_dtype(self, *xs: DType) -> DType:
        """The kind of element put out, given that of each operand."""
        return "real"

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        """The arrays this node reads, by name, given the shapes of its operands."""
        return {}

    def operations(self, *xs: Shape) -> float:
        """Arithmetic operations on one sample beyond those of products, given the shapes of its operands."""
        return 0.0 if self.view or self.moves else self.per_element * prod(self.output_shape(*xs))

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
