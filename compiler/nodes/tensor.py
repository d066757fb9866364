"""Tensor nodes: ONNX's names and semantics, without the batch axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Annotated, ClassVar

from nmc.graph import ArraySpec, DType, Node, Shape, ShapeError, Timing, widest
from nmc.nodes.facts import (
    LAYOUT,
    Pads,
    Spatial,
    axis_of,
    broadcast_shape,
    conv_shape,
    require,
    require_entries,
    require_groups,
    require_rank,
    window_shape,
)


@dataclass(frozen=True, kw_only=True)
class Input(Node):
    """What is fed to the graph: one sample held through the run or, with `stream`, a value a step."""

    shape: tuple[int, ...]
    stream: bool = False

    operands: ClassVar[tuple[int, int | None]] = (0, 0)
    sums: ClassVar[bool] = False

    def __post_init__(self) -> None:
        require(all(n > 0 for n in self.shape), f"shape {self.shape} must be positive in every axis")

    @property
    def produces(self) -> Timing | None:
        return "stream" if self.stream else None

    def output_shape(self, *xs: Shape) -> Shape:
        return self.shape


@dataclass(frozen=True, kw_only=True)
class Constant(Node):
    """y = value, the same for every sample."""

    value: str
    shape: tuple[int, ...]

    operands: ClassVar[tuple[int, int | None]] = (0, 0)
    sums: ClassVar[bool] = False

    def output_shape(self, *xs: Shape) -> Shape:
        return self.shape

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        return {self.value: ArraySpec(self.shape)}


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

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        return _weights(self.weight, (self.features, xs[0][-1]), self.bias, self.weight_scale)


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
        _complete_window(self, self.rank)
        _complete(self, "dilation", (1,) * self.rank)
        require_entries("dilation", self.dilation, self.rank, 1)
        require_groups(self.channels, self.groups)
        _require_other_names(self.weight, self.bias, self.weight_scale)

    def output_shape(self, *xs: Shape) -> Shape:
        return conv_shape(
            self.kind, xs[0], self.channels, self.groups, self.kernel, self.stride, self.padding, self.dilation
        )

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

    def output_shape(self, *xs: Shape) -> Shape:
        if not xs[0]:
            raise ShapeError("BatchNorm takes at least one axis, got a scalar")
        return xs[0]

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        specs = {name: ArraySpec(xs[0][:1]) for name in (self.scale, self.bias, self.mean)}
        return {**specs, self.variance: ArraySpec(xs[0][:1], low=0)}


@dataclass(frozen=True, kw_only=True)
class Relu(Node):
    """y = max(x, 0)."""

    def output_dtype(self, *xs: DType) -> DType:
        return xs[0]


@dataclass(frozen=True, kw_only=True)
class LeakyRelu(Node):
    """y = x for x >= 0, alpha x below."""

    alpha: float = 0.01


@dataclass(frozen=True, kw_only=True)
class Sigmoid(Node):
    """y = 1 / (1 + exp(-x))."""


@dataclass(frozen=True, kw_only=True)
class Tanh(Node):
    """y = tanh(x)."""


@dataclass(frozen=True, kw_only=True)
class Clip(Node):
    """y = min(max(x, minimum), maximum)."""

    minimum: float = float("-inf")
    maximum: float = float("inf")

    def __post_init__(self) -> None:
        require(self.minimum <= self.maximum, f"minimum {self.minimum} is above maximum {self.maximum}")


@dataclass(frozen=True, kw_only=True)
class Softmax(Node):
    """y = exp(x) / sum(exp(x)) along `axis`, which does not count the batch."""

    axis: int = -1

    def output_shape(self, *xs: Shape) -> Shape:
        axis_of(self.kind, self.axis, xs[0])
        return xs[0]


@dataclass(frozen=True, kw_only=True)
class Add(Node):
    """y = x0 + x1 + ...; operands of one rank broadcast."""

    sums: ClassVar[bool] = False

    def output_shape(self, *xs: Shape) -> Shape:
        return broadcast_shape(self.kind, *xs)

    def output_dtype(self, *xs: DType) -> DType:
        return xs[0] if len(xs) == 1 else widest("integer", *xs)


@dataclass(frozen=True, kw_only=True)
class Mul(Node):
    """y = x0 x1 ...; operands of one rank broadcast."""

    sums: ClassVar[bool] = False

    def output_shape(self, *xs: Shape) -> Shape:
        return broadcast_shape(self.kind, *xs)

    def output_dtype(self, *xs: DType) -> DType:
        return widest(*xs)


@dataclass(frozen=True, kw_only=True)
class Concat(Node):
    """The operands one after another along `axis`, which does not count the batch."""

    axis: int = 0

    sums: ClassVar[bool] = False

    def output_shape(self, *xs: Shape) -> Shape:
        axis = axis_of(self.kind, self.axis, xs[0])
        for x in xs[1:]:
            if len(x) != len(xs[0]) or x[:axis] + x[axis + 1 :] != xs[0][:axis] + xs[0][axis + 1 :]:
                raise ShapeError(f"Concat along axis {axis} takes shapes equal elsewhere, got {xs[0]} and {x}")
        return (*xs[0][:axis], sum(x[axis] for x in xs), *xs[0][axis + 1 :])

    def output_dtype(self, *xs: DType) -> DType:
        return widest(*xs)


@dataclass(frozen=True, kw_only=True)
class Window(Node):
    """A window that slides over the spatial axes, each channel by itself. Stride defaults to the kernel.

    Padding is less than the kernel, so that every window holds some of the input.
    """

    kernel: Annotated[tuple[int, ...], Spatial]
    stride: Annotated[tuple[int, ...], Spatial] = ()
    padding: Annotated[tuple[int, ...], Pads] = ()

    rank: ClassVar[int]

    def __post_init__(self) -> None:
        if not self.stride:
            object.__setattr__(self, "stride", self.kernel)
        _complete_window(self, self.rank)
        require(
            all(pad < size for pad, size in zip(self.padding, self.kernel * 2, strict=True)),
            f"padding {self.padding} must be less than the kernel {self.kernel}",
        )

    def output_shape(self, *xs: Shape) -> Shape:
        x = xs[0]
        require_rank(self.kind, x, self.rank + 1, LAYOUT[self.rank])
        ones = (1,) * self.rank
        return (x[0], *window_shape(self.kind, x[1:], self.kernel, self.stride, self.padding, ones))


@dataclass(frozen=True, kw_only=True)
class MaxPool1d(Window):
    """The largest value of each window over [C, N]; padding never wins."""

    rank: ClassVar[int] = 1

    def output_dtype(self, *xs: DType) -> DType:
        return xs[0]


@dataclass(frozen=True, kw_only=True)
class MaxPool2d(Window):
    """The largest value of each window over [C, H, W]; padding never wins."""

    rank: ClassVar[int] = 2

    def output_dtype(self, *xs: DType) -> DType:
        return xs[0]


@dataclass(frozen=True, kw_only=True)
class _AvgPool(Window):
    count_include_pad: bool = False


@dataclass(frozen=True, kw_only=True)
class AvgPool1d(_AvgPool):
    """The mean of each window over [C, N]; padding counts as zeros only with `count_include_pad`."""

    rank: ClassVar[int] = 1


@dataclass(frozen=True, kw_only=True)
class AvgPool2d(_AvgPool):
    """The mean of each window over [C, H, W]; padding counts as zeros only with `count_include_pad`."""

    rank: ClassVar[int] = 2


@dataclass(frozen=True, kw_only=True)
class GlobalAvgPool(Node):
    """The mean over all spatial axes, which stay as ones: [C, H, W] -> [C, 1, 1]."""

    def output_shape(self, *xs: Shape) -> Shape:
        if len(xs[0]) < 2:
            raise ShapeError(f"GlobalAvgPool takes channels and at least one spatial axis, got shape {xs[0]}")
        return (xs[0][0], *(1 for _ in xs[0][1:]))


@dataclass(frozen=True, kw_only=True)
class _Moves(Node):
    """A node that only moves elements about."""

    def output_dtype(self, *xs: DType) -> DType:
        return xs[0]


@dataclass(frozen=True, kw_only=True)
class Flatten(_Moves):
    """All elements in one axis, the last axis running fastest."""

    def output_shape(self, *xs: Shape) -> Shape:
        return (prod(xs[0]),)


@dataclass(frozen=True, kw_only=True)
class Reshape(_Moves):
    """The same elements in another shape; one axis may be -1, to take what is left."""

    shape: tuple[int, ...]

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

    def __post_init__(self) -> None:
        require(all(n >= 0 for n in self.padding), f"padding {self.padding} must not be negative")

    def output_shape(self, *xs: Shape) -> Shape:
        rank = len(xs[0])
        if len(self.padding) != 2 * rank:
            raise ShapeError(f"Pad takes {2 * rank} numbers for shape {xs[0]}, got {self.padding}")
        return tuple(n + self.padding[i] + self.padding[rank + i] for i, n in enumerate(xs[0]))

    def output_dtype(self, *xs: DType) -> DType:
        return xs[0] if self.value == 0 else "real"


def _weights(weight: str, shape: Shape, bias: str | None, scale: str | None) -> dict[str, ArraySpec]:
    specs = {weight: ArraySpec(shape)}
    for name in (bias, scale):
        if name is not None:
            specs[name] = ArraySpec(shape[:1])
    return specs


def _require_other_names(weight: str, *others: str | None) -> None:
    require(weight not in others, f"the array {weight!r} cannot be both the weight and something else")


def _complete(node: Node, fact: str, default: Shape) -> None:
    """Give an empty per-axis fact its default, which depends on the rank."""
    if not getattr(node, fact):
        object.__setattr__(node, fact, default)


def _complete_window(node: _Conv | Window, rank: int) -> None:
    _complete(node, "stride", (1,) * rank)
    _complete(node, "padding", (0,) * 2 * rank)
    for fact, entries, least in (("kernel", rank, 1), ("stride", rank, 1), ("padding", 2 * rank, 0)):
        require_entries(fact, getattr(node, fact), entries, least)


KINDS: tuple[type[Node], ...] = (
    Input, Constant, Linear, Conv1d, Conv2d, BatchNorm, Relu, LeakyRelu, Sigmoid, Tanh, Clip, Softmax,
    Add, Mul, Concat, MaxPool1d, MaxPool2d, AvgPool1d, AvgPool2d, GlobalAvgPool,
    Flatten, Reshape, Transpose, Pad,
)
