"""Products beyond those of layers: of two signals, and transposed convolutions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Annotated, ClassVar

from nmc.graph import ArraySpec, DType, Node, Shape, ShapeError, widest
from nmc.nodes.facts import (
    LAYOUT,
    Pads,
    Spatial,
    broadcast_shape,
    require,
    require_entries,
    require_groups,
    require_rank,
)


@dataclass(frozen=True, kw_only=True)
class MatMul(Node):
    """The matrix product x0 x1 over the last two axes; the axes before, as many in both, broadcast."""

    sums: ClassVar[bool] = False
    operands: ClassVar[tuple[int, int | None]] = (2, 2)
    per_element: ClassVar[float] = 0

    def output_shape(self, *xs: Shape) -> Shape:
        left, right = xs
        if min(len(left), len(right)) < 2 or left[-1] != right[-2]:
            raise ShapeError(f"MatMul takes [..., m, k] and [..., k, n], got shapes {left} and {right}")
        return (*broadcast_shape(self.kind, left[:-2], right[:-2]), left[-2], right[-1])

    def output_dtype(self, *xs: DType) -> DType:
        return widest("integer", *xs)


@dataclass(frozen=True, kw_only=True)
class _ConvTranspose(Node):
    channels: int
    kernel: Annotated[tuple[int, ...], Spatial]
    weight: str
    bias: str | None = None
    stride: Annotated[tuple[int, ...], Spatial] = ()
    padding: Annotated[tuple[int, ...], Pads] = ()
    dilation: Annotated[tuple[int, ...], Spatial] = ()
    output_padding: Annotated[tuple[int, ...], Spatial] = ()
    groups: int = 1

    rank: ClassVar[int]

    def __post_init__(self) -> None:
        for fact, default in (("stride", 1), ("padding", 0), ("dilation", 1), ("output_padding", 0)):
            if not getattr(self, fact):
                object.__setattr__(self, fact, (default,) * self.rank * (2 if fact == "padding" else 1))
        for fact, least in (("kernel", 1), ("stride", 1), ("dilation", 1), ("output_padding", 0)):
            require_entries(fact, getattr(self, fact), self.rank, least)
        require_entries("padding", self.padding, 2 * self.rank, 0)
        require_groups(self.channels, self.groups)
        require(self.weight != self.bias, f"the array {self.weight!r} cannot be both the weight and something else")

    def output_shape(self, *xs: Shape) -> Shape:
        x = xs[0]
        require_rank(self.kind, x, self.rank + 1, LAYOUT[self.rank])
        if x[0] % self.groups:
            raise ShapeError(f"{self.kind} has {self.groups} groups, which do not divide its {x[0]} input channels")
        out = tuple(map(self._length, range(self.rank), x[1:]))
        if min(out) < 1:
            raise ShapeError(f"{self.kind} has padding {self.padding}, which leaves nothing of shape {x}")
        return (self.channels, *out)

    def _length(self, axis: int, n: int) -> int:
        reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1
        pads = self.padding[axis] + self.padding[self.rank + axis]
        return self.stride[axis] * (n - 1) + reach + self.output_padding[axis] - pads

    def operations(self, *xs: Shape) -> float:
        return float(prod(self.output_shape(*xs))) if self.bias else 0.0

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        specs = {self.weight: ArraySpec((xs[0][0], self.channels // self.groups, *self.kernel))}
        return specs if self.bias is None else {**specs, self.bias: ArraySpec((self.channels,))}


@dataclass(frozen=True, kw_only=True)
class ConvTranspose1d(_ConvTranspose):
    """Every element of [C, N] adds its product with W to the output, `stride` places apart.

    `padding` is what is cut off the ends, `output_padding` what is added to the last.
    W: [C, channels / groups, kernel], b: [channels].
    """

    rank: ClassVar[int] = 1


@dataclass(frozen=True, kw_only=True)
class ConvTranspose2d(_ConvTranspose):
    """Every element of [C, H, W] adds its product with W to the output, `stride` places apart.

    `padding` is what is cut off the ends, `output_padding` what is added to the last.
    W: [C, channels / groups, kh, kw], b: [channels].
    """

    rank: ClassVar[int] = 2


KINDS: tuple[type[Node], ...] = (MatMul, ConvTranspose1d, ConvTranspose2d)
