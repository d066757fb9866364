"""Nodes that work on each element by itself, and Softmax; sums and products of operands."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from nmc.graph import DType, Node, Shape, widest
from nmc.nodes.facts import broadcast_shape, require, require_axis


@dataclass(frozen=True, kw_only=True)
class Relu(Node):
    """y = max(x, 0)."""

    per_element: ClassVar[float] = 1

    def output_dtype(self, *xs: DType) -> DType:
        return xs[0]


@dataclass(frozen=True, kw_only=True)
class LeakyRelu(Node):
    """y = x for x >= 0, alpha x below."""

    alpha: float = 0.01

    per_element: ClassVar[float] = 2


@dataclass(frozen=True, kw_only=True)
class Sigmoid(Node):
    """y = 1 / (1 + exp(-x))."""

    per_element: ClassVar[float] = 4


@dataclass(frozen=True, kw_only=True)
class Tanh(Node):
    """y = tanh(x)."""

    per_element: ClassVar[float] = 4


@dataclass(frozen=True, kw_only=True)
class Clip(Node):
    """y = min(max(x, minimum), maximum)."""

    minimum: float = float("-inf")
    maximum: float = float("inf")

    per_element: ClassVar[float] = 2

    def __post_init__(self) -> None:
        require(self.minimum <= self.maximum, f"minimum {self.minimum} is above maximum {self.maximum}")


@dataclass(frozen=True, kw_only=True)
class Softmax(Node):
    """y = exp(x) / sum(exp(x)) along `axis`, which does not count the batch."""

    axis: int = -1

    per_element: ClassVar[float] = 6

    def output_shape(self, *xs: Shape) -> Shape:
        require_axis(self.kind, self.axis, xs[0])
        return xs[0]


@dataclass(frozen=True, kw_only=True)
class Add(Node):
    """y = x0 + x1 + ...; operands of one rank broadcast."""

    sums: ClassVar[bool] = False

    def output_shape(self, *xs: Shape) -> Shape:
        return broadcast_shape(self.kind, *xs)

    def operations(self, *xs: Shape) -> float:
        return float((len(xs) - 1) * prod(self.output_shape(*xs)))

    def output_dtype(self, *xs: DType) -> DType:
        return xs[0] if len(xs) == 1 else widest("integer", *xs)


@dataclass(frozen=True, kw_only=True)
class Mul(Node):
    """y = x0 x1 ...; operands of one rank broadcast."""

    sums: ClassVar[bool] = False

    def output_shape(self, *xs: Shape) -> Shape:
        return broadcast_shape(self.kind, *xs)

    def operations(self, *xs: Shape) -> float:
        return float((len(xs) - 1) * prod(self.output_shape(*xs)))

    def output_dtype(self, *xs: DType) -> DType:
        return widest(*xs)
