"""The compartments of NengoLoihi's emulator, which rounds, clips and wraps otherwise than Lava's LIF."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from nmc.graph import ArraySpec, DType, Node, Shape, State, Timing
from nmc.nodes.facts import in_32_bits, param_names, require, require_in_32_bits


@dataclass(frozen=True, kw_only=True)
class FixedCompartments(Node):
    """NengoLoihi's compartments. wrapN keeps the lowest N bits as a signed number.

    u' = wrap24(rz(u (4095 - decay_u), 12) + wrap22(x)); v' = rz(v (4096 - decay_v), 12) + wrap24(u' + bias), clipped
    to vmin and vmax; v' is 0 for `refractory` steps after a spike. A spike where v' > vth; there v' becomes 0.
    `bias`, `vth` and `vmin` may differ from neuron to neuron, as where a population lies on several cores.
    """

    decay_u: int
    decay_v: int
    vth: int | str
    bias: int | str = 0
    vmin: int | str = 0
    vmax: int = 2**23 - 1
    refractory: int = 0

    produces: ClassVar[Timing | None] = "stream"

    def __post_init__(self) -> None:
        for fact in ("decay_u", "decay_v"):
            value: int = getattr(self, fact)
            require(0 <= value <= 4095, f"{fact} is {value}: it takes 0 to 4095")
        require_in_32_bits(vth=self.vth, bias=self.bias, vmin=self.vmin, vmax=self.vmax)
        require(self.refractory >= 0, f"refractory is {self.refractory}: it is 0 steps or more")

    def output_dtype(self, *xs: DType) -> DType:
        return "spike"

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        spec = in_32_bits(xs[0], broadcast=True)
        return dict.fromkeys(param_names(self.vth, self.bias, self.vmin), spec)

    def state(self, *xs: Shape) -> Mapping[str, State]:
        return {"u": State(xs[0]), "v": State(xs[0]), "rest": State(xs[0])}
