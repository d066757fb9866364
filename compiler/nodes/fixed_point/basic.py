"""The LIF neuron, and the dense and convolutional synapse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from nmc.graph import ArraySpec, DType, Node, Shape, State, Timing
from nmc.nodes.facts import (
    Pads,
    Spatial,
    conv_shape,
    in_32_bits,
    param_names,
    require,
    require_entries,
    require_groups,
    require_in_32_bits,
    require_rank,
)

SignMode = Literal["mixed", "excitatory", "inhibitory"]


@dataclass(frozen=True, kw_only=True)
class FixedLIF(Node):
    """Lava's LIF, and its LIFReset where `reset_interval` is not 0. Puts out spikes, or v' (`emits`).

    u' = wrap24(w32(rz(u (4095 - du), 12) + w32(x << 6))), where wrap24 takes 2^24 off once above 2^23
    and adds it once at or below -2^23;
    v' = clip(w32(rz(v (4096 - dv), 12) + u' + bias), +-(2^23 - 1)), bias = bias_mant << bias_exp;
    a spike where v' > vth << 6; there v' becomes 0. u stays.
    At steps t (from 1) with t = reset_offset modulo reset_interval, u and v are 0 before this.
    `initial` is v before the first step.
    """

    du: int
    dv: int
    vth: int
    bias_mant: int | str = 0
    bias_exp: int = 0
    initial: int | str = 0
    reset_interval: int = 0
    reset_offset: int = 0
    emits: Literal["spikes", "voltage"] = "spikes"

    produces: ClassVar[Timing | None] = "stream"

    def __post_init__(self) -> None:
        for fact, low, high in (("du", -1, 4095), ("dv", 0, 4096), ("vth", 0, 2**17 - 1), ("bias_exp", -15, 15)):
            value: int = getattr(self, fact)
            require(low <= value <= high, f"{fact} is {value}: it takes {low} to {high}")
        require_in_32_bits(bias_mant=self.bias_mant, initial=self.initial)
        require(self.reset_interval >= 0, f"reset_interval is {self.reset_interval}: it is 0 steps or more")

    def output_dtype(self, *xs: DType) -> DType:
        return "spike" if self.emits == "spikes" else "integer"

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        spec = in_32_bits(xs[0], broadcast=True)
        return dict.fromkeys(param_names(self.bias_mant, self.initial), spec)

    def state(self, *xs: Shape) -> Mapping[str, State]:
        return {"u": State(xs[0]), "v": State(xs[0], self.initial), "t": State(())}


@dataclass(frozen=True, kw_only=True)
class FixedDense(Node):
    """Lava's Dense over the flattened input: y = w32((W s) << weight_exp); a negative exponent shifts right.

    W: [features, inputs], integers that Lava's clipping and truncation leave as they are. s is 0 or 1
    per input where num_message_bits is 0 (any other number counts as 1), else the input itself; then
    W s wraps to 32 bits before the shift, too.
    """

    features: int
    weight: str
    weight_exp: int = 0
    num_weight_bits: int = 8
    num_message_bits: int = 0
    sign_mode: SignMode = "mixed"

    def __post_init__(self) -> None:
        require_synapse(self.features, self.weight_exp, self.num_message_bits)

    def output_shape(self, *xs: Shape) -> Shape:
        require_rank(self.kind, xs[0], 1, "[inputs]")
        return (self.features,)

    def output_dtype(self, *xs: DType) -> DType:
        return "integer"

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        return {self.weight: in_32_bits((self.features, xs[0][0]))}


@dataclass(frozen=True, kw_only=True)
class FixedConv2d(Node):
    """Lava's Conv over [C, H, W], as cross-correlation: y = wrap to 24 bits of (W * s), zero padding.

    W: [channels, C / groups, kh, kw] integers (Lava's own order is [channels, kw, kh, C / groups], flipped).
    s as in FixedDense. Lava's Conv has no exponent. W * s must stay within 32 bits: what Lava computes
    beyond that depends on the machine.
    """

    channels: int
    kernel: Annotated[tuple[int, ...], Spatial]
    weight: str
    stride: Annotated[tuple[int, ...], Spatial] = (1, 1)
    padding: Annotated[tuple[int, ...], Pads] = (0, 0, 0, 0)
    dilation: Annotated[tuple[int, ...], Spatial] = (1, 1)
    groups: int = 1
    num_message_bits: int = 0

    def __post_init__(self) -> None:
        for fact, entries, least in (("kernel", 2, 1), ("stride", 2, 1), ("padding", 4, 0), ("dilation", 2, 1)):
            require_entries(fact, getattr(self, fact), entries, least)
        require_groups(self.channels, self.groups)
        _require_message_bits(self.num_message_bits)

    def output_shape(self, *xs: Shape) -> Shape:
        return conv_shape(
            self.kind, xs[0], self.channels, self.groups, self.kernel, self.stride, self.padding, self.dilation
        )

    def output_dtype(self, *xs: DType) -> DType:
        return "integer"

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        return {self.weight: in_32_bits((self.channels, xs[0][0] // self.groups, *self.kernel))}


def require_synapse(features: int, weight_exp: int, num_message_bits: int) -> None:
    """Raise ValueError unless the facts that all synapses but a convolution share are in range."""
    require(features > 0, f"features is {features}: it must be positive")
    require(-31 <= weight_exp <= 31, f"weight_exp is {weight_exp}: it takes -31 to 31")
    _require_message_bits(num_message_bits)


def _require_message_bits(bits: int) -> None:
    require(0 <= bits <= 32, f"num_message_bits is {bits}: it takes 0 to 32")
