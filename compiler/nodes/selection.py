"""Nodes that pick, repeat and look up elements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from nmc.graph import ArraySpec, DType, Node, Shape, ShapeError
from nmc.nodes.facts import broadcast_shape, require, require_axis


@dataclass(frozen=True, kw_only=True)
class Slice(Node):
    """The elements `start`, `start` + `step`, ... below `stop` along `axis`, which does not count the batch."""

    axis: int
    start: int
    stop: int
    step: int = 1

    moves: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(0 <= self.start < self.stop, f"start is {self.start}: it must be from 0 to below stop {self.stop}")
        require(self.step > 0, f"step is {self.step}: it must be positive")

    def output_shape(self, *xs: Shape) -> Shape:
        axis = require_axis(self.kind, self.axis, xs[0])
        if self.stop > xs[0][axis]:
            raise ShapeError(f"Slice stops at {self.stop} along axis {axis}, which shape {xs[0]} does not reach")
        return (*xs[0][:axis], len(range(self.start, self.stop, self.step)), *xs[0][axis + 1 :])

    def output_dtype(self, *xs: DType) -> DType:
        return xs[0]


@dataclass(frozen=True, kw_only=True)
class Gather(Node):
    """The elements at fixed `indices` along `axis`, which does not count the batch. indices: [count], from 0."""

    axis: int
    indices: str
    count: int

    moves: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(self.count > 0, f"count is {self.count}: it must be positive")

    def output_shape(self, *xs: Shape) -> Shape:
        axis = require_axis(self.kind, self.axis, xs[0])
        return (*xs[0][:axis], self.count, *xs[0][axis + 1 :])

    def output_dtype(self, *xs: DType) -> DType:
        return xs[0]

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        last = xs[0][require_axis(self.kind, self.axis, xs[0])] - 1
        return {self.indices: ArraySpec((self.count,), whole=True, low=0, high=last)}


@dataclass(frozen=True, kw_only=True)
class Embedding(Node):
    """Row x of the table W for every element: y = W[x]. W: [rows, features]; x holds whole numbers from 0."""

    rows: int
    features: int
    weight: str

    moves: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(self.rows > 0, f"rows is {self.rows}: it must be positive")
        require(self.features > 0, f"features is {self.features}: it must be positive")

    def output_shape(self, *xs: Shape) -> Shape:
        return (*xs[0], self.features)

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        return {self.weight: ArraySpec((self.rows, self.features))}


@dataclass(frozen=True, kw_only=True)
class Expand(Node):
    """x repeated along its axes of size one, to `shape`, which has as many axes."""

    shape: tuple[int, ...]

    moves: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(all(n > 0 for n in self.shape), f"shape {self.shape} must be positive in every axis")

    def output_shape(self, *xs: Shape) -> Shape:
        if broadcast_shape(self.kind, xs[0], self.shape) != self.shape:
            raise ShapeError(f"Expand cannot repeat shape {xs[0]} to {self.shape}")
        return self.shape

    def output_dtype(self, *xs: DType) -> DType:
        return xs[0]


KINDS: tuple[type[Node], ...] = (Slice, Gather, Embedding, Expand)
