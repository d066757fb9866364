"""Synapses stored sparsely, and synapses with a delay each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nmc.graph import ArraySpec, DType, Node, Shape, State
from nmc.nodes.facts import in_32_bits, require, require_rank
from nmc.nodes.fixed_point.basic import FixedDense, SignMode, require_synapse


@dataclass(frozen=True, kw_only=True)
class FixedSparse(Node):
    """Lava's Sparse: as FixedDense, with W [features, inputs] in compressed rows.

    `weight` and `column`: [synapses]; `row_start`: [features + 1], so that row i has the entries from
    row_start[i] to row_start[i + 1], with columns that rise. Entries left out are 0.
    """

    features: int
    synapses: int
    weight: str
    column: str
    row_start: str
    weight_exp: int = 0
    num_weight_bits: int = 8
    num_message_bits: int = 0
    sign_mode: SignMode = "mixed"

    def __post_init__(self) -> None:
        require_synapse(self.features, self.weight_exp, self.num_message_bits)
        require(self.synapses >= 0, f"synapses is {self.synapses}: it is 0 or more")

    def output_shape(self, *xs: Shape) -> Shape:
        require_rank(self.kind, xs[0], 1, "[inputs]")
        return (self.features,)

    def output_dtype(self, *xs: DType) -> DType:
        return "integer"

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        return {
            self.weight: in_32_bits((self.synapses,)),
            self.column: ArraySpec(
                (self.synapses,), whole=True, low=0, high=xs[0][0] - 1, rises_in=self.row_start
            ),
            self.row_start: ArraySpec((self.features + 1,), whole=True, low=0, high=self.synapses, spans=True),
        }


@dataclass(frozen=True, kw_only=True)
class FixedDelayDense(FixedDense):
    """Lava's DelayDense: as FixedDense, each synapse `delay` steps later; y = w32 sum over k of c_k(t - k).

    c_k(t) = (sum over synapses of delay k of w32(w s)) << weight_exp: a negative exponent rounds each c_k
    by itself. `delay`: [features, inputs], whole numbers from 0 to `longest`, at most 63.
    """

    delay: str
    longest: int

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.longest <= 63, f"longest is {self.longest}: the chip delays by 0 to 63 steps")

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        return {**super().arrays(*xs), self.delay: _delays(self.longest, (self.features, xs[0][0]))}

    def state(self, *xs: Shape) -> Mapping[str, State]:
        return {"line": State((self.features, self.longest + 1))}


@dataclass(frozen=True, kw_only=True)
class FixedDelaySparse(FixedSparse):
    """Lava's DelaySparse: as FixedDelayDense, with W as in FixedSparse and `delay`: [synapses].

    Unlike there, c_k wraps to 32 bits before the shift.
    """

    delay: str
    longest: int

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.longest <= 63, f"longest is {self.longest}: the chip delays by 0 to 63 steps")

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        return {**super().arrays(*xs), self.delay: _delays(self.longest, (self.synapses,))}

    def state(self, *xs: Shape) -> Mapping[str, State]:
        return {"line": State((self.features, self.longest + 1))}


def _delays(longest: int, shape: Shape) -> ArraySpec:
    return ArraySpec(shape, whole=True, low=0, high=longest)
