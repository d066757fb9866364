"""Windows that slide over the spatial axes, each channel by itself."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Annotated, ClassVar

from nmc.graph import DType, Node, Shape, ShapeError
from nmc.nodes.facts import LAYOUT, Pads, Spatial, complete_window, require, require_rank, window_shape


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
        complete_window(self, self.rank)
        require(
            all(pad < size for pad, size in zip(self.padding, self.kernel * 2, strict=True)),
            f"padding {self.padding} must be less than the kernel {self.kernel}",
        )

    def output_shape(self, *xs: Shape) -> Shape:
        x = xs[0]
        require_rank(self.kind, x, self.rank + 1, LAYOUT[self.rank])
        ones = (1,) * self.rank
        return (x[0], *window_shape(self.kind, x[1:], self.kernel, self.stride, self.padding, ones))

    def operations(self, *xs: Shape) -> float:
        return float(prod(self.kernel) * prod(self.output_shape(*xs)))


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

    def operations(self, *xs: Shape) -> float:
        return float(prod(xs[0]))
