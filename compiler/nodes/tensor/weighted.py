"""Layers with weights, and normalization."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Annotated, ClassVar

from nmc.graph import ArraySpec, Node, Shape, ShapeError
from nmc.nodes.facts import (
    Pads,
    Spatial,
    complete,
    complete_window,
    conv_shape,
    require,
    require_entries,
    require_groups,
    require_rank,
)


@dataclass(frozen=True, kw_only=True)
class Linear(Node):
    """y = x W^T + b over the last axis. W: [features, inputs], b: [features].

    With `weight_scale` (an array of [features]), W holds integers that mean weight_scale * W.
    """

    features: int
    weight: str
    bias: str | None = None
    weight_scale: str | None = None

    def __post_init__(self) -> None:
        require(self.features > 0, f"features is {self.features}: it must be positive")
        _require_other_names(self.weight, self.bias, self.weight_scale)

    def output_shape(self, *xs: Shape) -> Shape:
        if not xs[0]:
            raise ShapeError("Linear takes at least one axis, got a scalar")
        return (*xs[0][:-1], self.features)

    def operations(self, *xs: Shape) -> float:
        return float(prod(self.output_shape(*xs))) if self.bias else 0.0

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        return _weights(self.weight, (self.features, xs[0][-1]), self.bias, self.weight_scale)


@dataclass(frozen=True, kw_only=True)
class SparseLinear(Node):
    """y[i] = sum of W[k] x[column[k]] over every k with row[k] = i: a matrix [features, inputs] by its entries.

    W, row and column: [synapses]; rows from 0 to `features` - 1, columns from 0 to one less than the inputs.
    """

    features: int
    synapses: int
    weight: str
    row: str
    column: str

    def __post_init__(self) -> None:
        require(self.features > 0, f"features is {self.features}: it must be positive")
        require(self.synapses >= 0, f"synapses is {self.synapses}: it is 0 or more")
        _require_other_names(self.weight, self.row, self.column)

    def output_shape(self, *xs: Shape) -> Shape:
        require_rank(self.kind, xs[0], 1, "[inputs]")
        return (self.features,)

    def operations(self, *xs: Shape) -> float:
        return 2.0 * self.synapses  # a product and a sum of what was gathered

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        return {
            self.weight: ArraySpec((self.synapses,)),
            self.row: ArraySpec((self.synapses,), whole=True, low=0, high=self.features - 1),
            self.column: ArraySpec((self.synapses,), whole=True, low=0, high=xs[0][0] - 1),
        }


@dataclass(frozen=True, kw_only=True)
class _Conv(Node):
    channels: int
    kernel: Annotated[tuple[int, ...], Spatial]
    weight: str
    bias: str | None = None
    stride: Annotated[tuple[int, ...], Spatial] = ()
    padding: Annotated[tuple[int, ...], Pads] = ()
    dilation: Annotated[tuple[int, ...], Spatial] = ()
    groups: int = 1
    weight_scale: str | None = None

    rank: ClassVar[int]

    def __post_init__(self) -> None:
        complete_window(self, self.rank)
        complete(self, "dilation", (1,) * self.rank)
        require_entries("dilation", self.dilation, self.rank, 1)
        require_groups(self.channels, self.groups)
        _require_other_names(self.weight, self.bias, self.weight_scale)

    def output_shape(self, *xs: Shape) -> Shape:
        return conv_shape(
            self.kind, xs[0], self.channels, self.groups, self.kernel, self.stride, self.padding, self.dilation
        )

    def operations(self, *xs: Shape) -> float:
        return float(prod(self.output_shape(*xs))) if self.bias else 0.0

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        shape = (self.channels, xs[0][0] // self.groups, *self.kernel)
        return _weights(self.weight, shape, self.bias, self.weight_scale)


@dataclass(frozen=True, kw_only=True)
class Conv1d(_Conv):
    """Cross-correlation over [C, N] with W: [channels, C / groups, kernel], b: [channels]; zero padding."""

    rank: ClassVar[int] = 1


@dataclass(frozen=True, kw_only=True)
class Conv2d(_Conv):
    """Cross-correlation over [C, H, W] with W: [channels, C / groups, kh, kw], b: [channels]; zero padding."""

    rank: ClassVar[int] = 2


@dataclass(frozen=True, kw_only=True)
class BatchNorm(Node):
    """y = scale (x - mean) / sqrt(variance + epsilon) + bias, per channel (axis 0), in inference form."""

    scale: str
    bias: str
    mean: str
    variance: str
    epsilon: float = 1e-5

    per_element: ClassVar[float] = 2

    def output_shape(self, *xs: Shape) -> Shape:
        if not xs[0]:
            raise ShapeError("BatchNorm takes at least one axis, got a scalar")
        return xs[0]

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        specs = {name: ArraySpec(xs[0][:1]) for name in (self.scale, self.bias, self.mean)}
        return {**specs, self.variance: ArraySpec(xs[0][:1], low=0)}


def _weights(weight: str, shape: Shape, bias: str | None, scale: str | None) -> dict[str, ArraySpec]:
    specs = {weight: ArraySpec(shape)}
    for name in (bias, scale):
        if name is not None:
            specs[name] = ArraySpec(shape[:1])
    return specs


def _require_other_names(weight: str, *others: str | None) -> None:
    require(weight not in others, f"the array {weight!r} cannot be both the weight and something else")
