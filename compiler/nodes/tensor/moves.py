"""Nodes that only move elements about."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from nmc.graph import DType, Node, Shape, ShapeError, widest
from nmc.nodes.facts import require, require_axis


@dataclass(frozen=True, kw_only=True)
class Concat(Node):
    """The operands one after another along `axis`, which does not count the batch."""

    axis: int = 0

    sums: ClassVar[bool] = False
    moves: ClassVar[bool] = True

    def output_shape(self, *xs: Shape) -> Shape:
        axis = require_axis(self.kind, self.axis, xs[0])
        for x in xs[1:]:
            if len(x) != len(xs[0]) or x[:axis] + x[axis + 1 :] != xs[0][:axis] + xs[0][axis + 1 :]:
                raise ShapeError(f"Concat along axis {axis} takes shapes equal elsewhere, got {xs[0]} and {x}")
        return (*xs[0][:axis], sum(x[axis] for x in xs), *xs[0][axis + 1 :])

    def output_dtype(self, *xs: DType) -> DType:
        return widest(*xs)


@dataclass(frozen=True, kw_only=True)
class _Moves(Node):
    """A node that only moves elements about."""

    def output_dtype(self, *xs: DType) -> DType:
        return xs[0]


@dataclass(frozen=True, kw_only=True)
class Flatten(_Moves):
    """All elements in one axis, the last axis running fastest."""

    view: ClassVar[bool] = True

    def output_shape(self, *xs: Shape) -> Shape:
        return (prod(xs[0]),)


@dataclass(frozen=True, kw_only=True)
class Reshape(_Moves):
    """The same elements in another shape; one axis may be -1, to take what is left."""

    shape: tuple[int, ...]

    view: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(
            all(n > 0 or n == -1 for n in self.shape) and self.shape.count(-1) <= 1,
            f"shape {self.shape} must be positive, but for at most one -1",
        )

    def output_shape(self, *xs: Shape) -> Shape:
        size, fixed = prod(xs[0]), prod(n for n in self.shape if n != -1)
        if size != fixed and (-1 not in self.shape or size % fixed):
            raise ShapeError(f"Reshape to {self.shape} does not hold the {size} elements of shape {xs[0]}")
        return tuple(size // fixed if n == -1 else n for n in self.shape)


@dataclass(frozen=True, kw_only=True)
class Transpose(_Moves):
    """Axis i of the output is axis permutation[i] of the input; axes do not count the batch."""

    permutation: tuple[int, ...]

    moves: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(
            sorted(self.permutation) == list(range(len(self.permutation))),
            f"permutation {self.permutation} must name each axis from 0 once",
        )

    def output_shape(self, *xs: Shape) -> Shape:
        if len(xs[0]) != len(self.permutation):
            raise ShapeError(f"Transpose permutes {len(self.permutation)} axes, got shape {xs[0]}")
        return tuple(xs[0][axis] for axis in self.permutation)


@dataclass(frozen=True, kw_only=True)
class Pad(_Moves):
    """`value` around the input: padding is given for the begin of every axis, then for the end."""

    padding: tuple[int, ...]
    value: float = 0.0

    moves: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(all(n >= 0 for n in self.padding), f"padding {self.padding} must not be negative")

    def output_shape(self, *xs: Shape) -> Shape:
        rank = len(xs[0])
        if len(self.padding) != 2 * rank:
            raise ShapeError(f"Pad takes {2 * rank} numbers for shape {xs[0]}, got {self.padding}")
        return tuple(n + self.padding[i] + self.padding[rank + i] for i, n in enumerate(xs[0]))

    def output_dtype(self, *xs: DType) -> DType:
        return xs[0] if self.value == 0 else "real"
