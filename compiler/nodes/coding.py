"""Encoders, which turn numbers into spikes, and readouts, which turn a run into one result.

In the equations t counts steps from 1 and x is the input at this step; a held sample is the same x
at every step. Encoders and readouts may run on the host, beside a chip.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from nmc.graph import DType, Node, Shape, State, Timing
from nmc.nodes.facts import require


@dataclass(frozen=True, kw_only=True)
class _Encoder(Node):
    produces: ClassVar[Timing | None] = "stream"

    def output_dtype(self, *xs: DType) -> DType:
        return "spike"


@dataclass(frozen=True, kw_only=True)
class ConstantCurrent(_Encoder):
    """y = gain x at every step: direct input of real numbers."""

    gain: float = 1.0

    per_element: ClassVar[float] = 1

    def output_dtype(self, *xs: DType) -> DType:
        return xs[0] if self.gain == 1.0 else "real"


@dataclass(frozen=True, kw_only=True)
class BernoulliEncode(_Encoder):
    """A spike with probability gain x, independent at every step: y = 1 where gain x > u(t, element).

    u is a fixed sequence, so that every target draws the same spikes and a sample is encoded alike in
    any batch. For element i (counted over the flattened sample) at step t, with P = 2^31 - 1 and all in
    whole numbers:  z = (start + t) % P;  z = (z z + i) % P;  z = (z z + t) % P;  z = (z z + seed) % P;
    u = z / P. The start is far from zero: squares of small numbers would not mix.
    """

    seed: int = 0
    gain: float = 1.0

    per_element: ClassVar[float] = 6

    def __post_init__(self) -> None:
        require(0 <= self.seed < 2**31 - 1, f"seed is {self.seed}: it takes a number from 0 to 2^31 - 2")

    @property
    def start(self) -> int:
        """Where the sequence of this seed starts: 48271 seed + 1103515245."""
        return 48271 * self.seed + 1103515245

    def state(self, *xs: Shape) -> Mapping[str, State]:
        return {"t": State(())}


@dataclass(frozen=True, kw_only=True)
class RateEncode(_Encoder):
    """Evenly spaced spikes: a' = a + gain x; y = 1 where a' >= 1; a' then loses y. a starts at `initial`.

    At most one spike a step: values above 1 saturate, since what is left stays in a.
    """

    gain: float = 1.0
    initial: float = 0.0

    per_element: ClassVar[float] = 3

    def state(self, *xs: Shape) -> Mapping[str, State]:
        return {"a": State(xs[0], self.initial)}


@dataclass(frozen=True, kw_only=True)
class LatencyEncode(_Encoder):
    """One spike, earlier for larger values: at step t = 1 + round((1 - x) (window - 1)), x in (minimum, 1].

    Rounding is half to even. Values of `minimum` or less never spike; values above 1 count as 1.
    """

    window: int
    minimum: float = 0.0

    per_element: ClassVar[float] = 4

    def __post_init__(self) -> None:
        require(self.window >= 1, f"window is {self.window}: it is at least 1 step")

    def state(self, *xs: Shape) -> Mapping[str, State]:
        return {"t": State(())}


@dataclass(frozen=True, kw_only=True)
class DeltaEncode(_Encoder):
    """Send on delta: y = +1 where x - r >= threshold, -1 where r - x >= threshold; then r' = r + y threshold.

    r starts at 0. Without `falling`, only +1 is sent, and r' still follows downwards.
    """

    threshold: float
    falling: bool = True

    per_element: ClassVar[float] = 5

    def __post_init__(self) -> None:
        require(self.threshold > 0, f"threshold is {self.threshold}: it must be positive")

    def output_dtype(self, *xs: DType) -> DType:
        return "integer" if self.falling else "spike"

    def state(self, *xs: Shape) -> Mapping[str, State]:
        return {"r": State(xs[0])}


@dataclass(frozen=True, kw_only=True)
class Delta(_Encoder):
    """Changes: y = x - r where |x - r| >= threshold, else 0; r' = r + y. r starts at 0."""

    threshold: float = 0.0

    per_element: ClassVar[float] = 4

    def __post_init__(self) -> None:
        require(self.threshold >= 0, f"threshold is {self.threshold}: it is 0 or more")

    def output_dtype(self, *xs: DType) -> DType:
        return "real"

    def state(self, *xs: Shape) -> Mapping[str, State]:
        return {"r": State(xs[0])}


@dataclass(frozen=True, kw_only=True)
class _Readout(Node):
    produces: ClassVar[Timing | None] = "final"


@dataclass(frozen=True, kw_only=True)
class Last(_Readout):
    """x at the last step."""

    per_element: ClassVar[float] = 1

    def output_dtype(self, *xs: DType) -> DType:
        return xs[0]


@dataclass(frozen=True, kw_only=True)
class Sum(_Readout):
    """The sum of x over all steps: with spikes, their count."""

    per_element: ClassVar[float] = 1

    def output_dtype(self, *xs: DType) -> DType:
        return "integer" if xs[0] == "spike" else xs[0]

    def state(self, *xs: Shape) -> Mapping[str, State]:
        return {"sum": State(xs[0])}


@dataclass(frozen=True, kw_only=True)
class Mean(_Readout):
    """The mean of x over all steps: with spikes, their rate."""

    per_element: ClassVar[float] = 1

    def state(self, *xs: Shape) -> Mapping[str, State]:
        return {"sum": State(xs[0]), "t": State(())}


@dataclass(frozen=True, kw_only=True)
class Max(_Readout):
    """The largest x of all steps."""

    per_element: ClassVar[float] = 1

    def output_dtype(self, *xs: DType) -> DType:
        return xs[0]

    def state(self, *xs: Shape) -> Mapping[str, State]:
        return {"max": State(xs[0], float("-inf"))}


KINDS: tuple[type[Node], ...] = (
    ConstantCurrent, BernoulliEncode, RateEncode, LatencyEncode, DeltaEncode, Delta, Last, Sum, Mean, Max,
)
