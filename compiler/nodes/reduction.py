"""Reductions over axes, which stay as ones."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from nmc.graph import DType, Node, Shape, ShapeError, widest
from nmc.nodes.facts import require, require_axis


@dataclass(frozen=True, kw_only=True)
class Reduction(Node):
    """A value of all elements along some axes, which do not count the batch and stay as ones."""

    axes: tuple[int, ...]

    def __post_init__(self) -> None:
        require(bool(self.axes), "axes is (): name the axes to reduce")

    def output_shape(self, *xs: Shape) -> Shape:
        axes = [require_axis(self.kind, axis, xs[0]) for axis in self.axes]
        if len(set(axes)) < len(axes):
            raise ShapeError(f"{self.kind} takes each axis once, got {self.axes} for shape {xs[0]}")
        return tuple(1 if axis in axes else n for axis, n in enumerate(xs[0]))

    def operations(self, *xs: Shape) -> float:
        return float(prod(xs[0]))


@dataclass(frozen=True, kw_only=True)
class ReduceSum(Reduction):
    """The sum along `axes`, which do not count the batch and stay as ones."""

    def output_dtype(self, *xs: DType) -> DType:
        return widest("integer", *xs)


@dataclass(frozen=True, kw_only=True)
class ReduceMean(Reduction):
    """The mean along `axes`, which do not count the batch and stay as ones."""


@dataclass(frozen=True, kw_only=True)
class ReduceMax(Reduction):
    """The largest element along `axes`, which do not count the batch and stay as ones."""

    def output_dtype(self, *xs: DType) -> DType:
        return xs[0]


@dataclass(frozen=True, kw_only=True)
class ReduceProd(Reduction):
    """The product along `axes`, which do not count the batch and stay as ones."""

    def output_dtype(self, *xs: DType) -> DType:
        return xs[0]


@dataclass(frozen=True, kw_only=True)
class ArgMax(Node):
    """Where the largest element along `axis` is, counted from 0, the first of equals; the axis stays as one."""

    axis: int

    def output_shape(self, *xs: Shape) -> Shape:
        axis = require_axis(self.kind, self.axis, xs[0])
        return (*xs[0][:axis], 1, *xs[0][axis + 1 :])

    def operations(self, *xs: Shape) -> float:
        return float(prod(xs[0]))

    def output_dtype(self, *xs: DType) -> DType:
        return "integer"


KINDS: tuple[type[Node], ...] = (ReduceSum, ReduceMean, ReduceMax, ReduceProd, ArgMax)
