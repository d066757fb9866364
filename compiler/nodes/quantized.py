"""Nodes of quantized graphs: ONNX's QuantizeLinear and DequantizeLinear, and the digits of whole numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nmc.graph import DType, Node, Shape, ShapeError
from nmc.nodes.facts import require


@dataclass(frozen=True, kw_only=True)
class _Affine(Node):
    scale: float
    zero_point: int = 0
    bits: int = 8

    def __post_init__(self) -> None:
        require(self.scale > 0, f"scale is {self.scale}: it must be positive")
        require(2 <= self.bits <= 32, f"bits is {self.bits}: it takes 2 to 32")
        low, high = self.limits
        require(low <= self.zero_point <= high, f"zero_point {self.zero_point} is outside {low}..{high}")

    @property
    def limits(self) -> tuple[int, int]:
        """The least and the largest integer of a signed number of `bits` bits."""
        return -(2 ** (self.bits - 1)), 2 ** (self.bits - 1) - 1


@dataclass(frozen=True, kw_only=True)
class QuantizeLinear(_Affine):
    """y = saturate(round(x / scale) + zero_point) to signed `bits`-bit integers; rounding is half to even."""

    view: ClassVar[bool] = True

    def output_dtype(self, *xs: DType) -> DType:
        return "integer"


@dataclass(frozen=True, kw_only=True)
class DequantizeLinear(_Affine):
    """y = (x - zero_point) scale."""

    view: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class BitPlanes(Node):
    """The binary digits of whole numbers as spikes: for each from the lowest, that of max(x, 0), then of max(-x, 0).

    They follow one another along axis 0, 2 (bits - 1) times the input. `bits` counts the sign; more digits are lost.
    """

    bits: int = 8

    per_element: ClassVar[float] = 1

    def __post_init__(self) -> None:
        require(2 <= self.bits <= 32, f"bits is {self.bits}: it takes 2 to 32")

    def output_shape(self, *xs: Shape) -> Shape:
        if not xs[0]:
            raise ShapeError("BitPlanes takes one axis or more, got a single number")
        return (2 * (self.bits - 1) * xs[0][0], *xs[0][1:])

    def output_dtype(self, *xs: DType) -> DType:
        return "spike"


KINDS: tuple[type[Node], ...] = (QuantizeLinear, DequantizeLinear, BitPlanes)
