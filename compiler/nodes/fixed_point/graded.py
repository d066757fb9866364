"""Neurons that send numbers: sigma-delta, graded vectors, products. All in 32-bit integers that wrap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from nmc.graph import ArraySpec, DType, Node, Shape, State, Timing
from nmc.nodes.facts import in_32_bits, param_names, require, require_in_32_bits, same_shape


@dataclass(frozen=True, kw_only=True)
class _Graded(Node):
    produces: ClassVar[Timing | None] = "stream"

    def output_dtype(self, *xs: DType) -> DType:
        return "integer"


@dataclass(frozen=True, kw_only=True)
class _Encoder(_Graded):
    vth: int
    cumulative: bool = False
    spike_exp: int = 0
    state_exp: int = 0

    def __post_init__(self) -> None:
        require(0 <= self.spike_exp <= 15, f"spike_exp is {self.spike_exp}: it takes 0 to 15")
        require(0 <= self.state_exp <= 15, f"state_exp is {self.state_exp}: it takes 0 to 15")
        require(0 <= self.vth << (self.spike_exp + self.state_exp) < 2**31, f"vth is {self.vth}: it overflows 31 bits")

    def state(self, *xs: Shape) -> Mapping[str, State]:
        return {"act": State(xs[0]), "residue": State(xs[0]), "error": State(xs[0])}


@dataclass(frozen=True, kw_only=True)
class FixedDelta(_Encoder):
    """Lava's Delta: y = delta(x << (spike_exp + state_exp)) >> state_exp.

    delta(a): d = a - act + residue; with `cumulative`, error += d and m = error, else m = d;
    delta = d where |m| >= vth << (spike_exp + state_exp), else 0; error becomes 0 where delta is not 0;
    residue = d - delta; act = a.
    """


@dataclass(frozen=True, kw_only=True)
class FixedSigma(_Graded):
    """Lava's Sigma: y = sigma' = sigma + x."""

    def state(self, *xs: Shape) -> Mapping[str, State]:
        return {"sigma": State(xs[0])}


@dataclass(frozen=True, kw_only=True)
class FixedSigmaDelta(_Encoder):
    """Lava's SigmaDelta: sigma' = sigma + x; y = delta(f(sigma' + bias')) >> state_exp, delta as in FixedDelta.

    bias' = bias << (spike_exp + state_exp); f is max(., 0) for "relu", and nothing for "unit".
    """

    bias: int | str = 0
    activation: Literal["relu", "unit"] = "relu"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_in_32_bits(bias=self.bias)

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        return dict.fromkeys(param_names(self.bias), in_32_bits(xs[0], broadcast=True))

    def state(self, *xs: Shape) -> Mapping[str, State]:
        return {"sigma": State(xs[0]), **super().state(*xs)}


@dataclass(frozen=True, kw_only=True)
class FixedGraded(_Graded):
    """Lava's GradedVec: y = x where |x| > vth, else 0; with `rectified` its GradedReluVec: x where x > vth."""

    vth: int = 1
    rectified: bool = False

    def __post_init__(self) -> None:
        require_in_32_bits(vth=self.vth)


@dataclass(frozen=True, kw_only=True)
class FixedProduct(_Graded):
    """Lava's ProdNeuron, of inputs a and b: p = w32(a b) >> exp; y = p where |p| > vth, else 0."""

    vth: int = 1
    exp: int = 0

    sums: ClassVar[bool] = False
    operands: ClassVar[tuple[int, int | None]] = (2, 2)

    def __post_init__(self) -> None:
        require_in_32_bits(vth=self.vth)
        require(0 <= self.exp <= 31, f"exp is {self.exp}: it takes 0 to 31")

    def output_shape(self, *xs: Shape) -> Shape:
        return same_shape(self.kind, *xs)


@dataclass(frozen=True, kw_only=True)
class FixedNormDelay(_Graded):
    """Lava's NormVecDelay, of inputs a and b: p = w32(a(t - 1) b(t)); y = p where |p| > vth, else 0.

    Lava's process also puts out the square of a; here that is FixedProduct(a, a, vth=-1).
    """

    vth: int = 1

    sums: ClassVar[bool] = False
    operands: ClassVar[tuple[int, int | None]] = (2, 2)

    def __post_init__(self) -> None:
        require_in_32_bits(vth=self.vth)

    def output_shape(self, *xs: Shape) -> Shape:
        return same_shape(self.kind, *xs)

    def state(self, *xs: Shape) -> Mapping[str, State]:
        return {"v": State(xs[0])}
