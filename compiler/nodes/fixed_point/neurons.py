"""Neurons beside the LIF: one with spikes of two signs, and resonators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from nmc.graph import ArraySpec, DType, Node, Shape, State, Timing
from nmc.nodes.facts import in_32_bits, param_names, require, require_in_32_bits, same_shape


@dataclass(frozen=True, kw_only=True)
class FixedTernaryLIF(Node):
    """Lava's TernaryLIF. u' and v' are integrated as in FixedLIF; puts out 1, 0 or -1.

    1 where v' > vth_hi << 6, -1 where v' < vth_lo << 6; there v' becomes 0. `initial` is v before the first step.
    """

    du: int
    dv: int
    vth_hi: int
    vth_lo: int
    bias_mant: int | str = 0
    bias_exp: int = 0
    initial: int | str = 0

    produces: ClassVar[Timing | None] = "stream"

    def __post_init__(self) -> None:
        limits = (
            ("du", -1, 4095), ("dv", 0, 4096), ("vth_hi", 1 - 2**17, 2**17 - 1), ("vth_lo", 1 - 2**17, self.vth_hi),
            ("bias_exp", -15, 15),
        )  # fmt: skip
        for fact, low, high in limits:
            value: int = getattr(self, fact)
            require(low <= value <= high, f"{fact} is {value}: it takes {low} to {high}")
        require_in_32_bits(bias_mant=self.bias_mant, initial=self.initial)

    def output_dtype(self, *xs: DType) -> DType:
        return "integer"

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        spec = in_32_bits(xs[0], broadcast=True)
        return dict.fromkeys(param_names(self.bias_mant, self.initial), spec)

    def state(self, *xs: Shape) -> Mapping[str, State]:
        return {"u": State(xs[0]), "v": State(xs[0], self.initial)}


@dataclass(frozen=True, kw_only=True)
class FixedResonator(Node):
    """Lava's RF, or its RF_IZ, of a real and, if there is a second one, an imaginary input.

    With rz and its shift decay_bits, x << state_exp wrapped to 32 bits, c = 2^23 - 1:
    real' = clip(rz(cos real) - rz(sin imag) + (x_real << state_exp), +-c);
    imag' = clip(rz(sin real) + rz(cos imag) + (x_imag << state_exp), +-c), sin and cos as whole numbers.
    "phase" (RF): a spike where real' >= vth, imag' >= 0 and imag < 0.
    "izhikevich" (RF_IZ): a spike where imag' >= vth; there real' becomes 0 and imag' vth - 1.
    `vth` is the threshold of the state itself, after all shifts.
    """

    sin_decay: int
    cos_decay: int
    decay_bits: int
    vth: int
    state_exp: int = 0
    fires: Literal["phase", "izhikevich"] = "phase"

    sums: ClassVar[bool] = False
    operands: ClassVar[tuple[int, int | None]] = (1, 2)
    produces: ClassVar[Timing | None] = "stream"

    def __post_init__(self) -> None:
        require(1 <= self.decay_bits <= 15, f"decay_bits is {self.decay_bits}: it takes 1 to 15")
        one = 2**self.decay_bits
        limits = (
            ("sin_decay", -one, one), ("cos_decay", -one, one), ("vth", 1 - 2**31, 2**31 - 1),
            ("state_exp", 0, 15),
        )  # fmt: skip
        for fact, low, high in limits:
            value: int = getattr(self, fact)
            require(low <= value <= high, f"{fact} is {value}: it takes {low} to {high}")

    def output_shape(self, *xs: Shape) -> Shape:
        return same_shape(self.kind, *xs)

    def output_dtype(self, *xs: DType) -> DType:
        return "spike"

    def state(self, *xs: Shape) -> Mapping[str, State]:
        return {"real": State(xs[0]), "imag": State(xs[0])}
