"""Spiking nodes: discrete time, every convention a fact of the node.

In the equations x is the sum of the inputs at this step, primes mark values after this step, and
`decay` and `gain` are per step. From a time constant tau and a step dt they are
    exact:  decay = exp(-dt / tau)   gain = r (1 - decay)
    euler:  decay = 1 - dt / tau     gain = r dt / tau
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from nmc.graph import ArraySpec, DType, Node, Shape, State, Timing
from nmc.nodes.facts import Compare, Param, param_names, require
from nmc.nodes.tensor import Window

Reset = Literal["zero", "value", "subtract", "none"]
ResetAt = Literal["spike", "next"]


@dataclass(frozen=True, kw_only=True)
class _Stateful(Node):
    """A node with a state in time; its parameters broadcast over its elements."""

    initial: Param = 0.0

    produces: ClassVar[Timing | None] = "stream"

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        return {name: ArraySpec(xs[0], broadcast=True) for name in param_names(*self.params())}

    def params(self) -> tuple[Param, ...]:
        """The facts that may be one value or an array."""
        return (self.initial,)

    def state(self, *xs: Shape) -> Mapping[str, State]:
        return {"v": State(xs[0], self.initial)}


@dataclass(frozen=True, kw_only=True)
class Neuron(_Stateful):
    """What every spiking neuron states: when it spikes, and what a spike does to its voltage.

    spike = v' compare threshold. `reset`: "zero" sets v' to 0, "value" to reset_value, "subtract"
    takes the threshold away, "none" leaves v' as it is. `reset_at`: "spike" resets in the step of the spike; "next"
    lets v' stand and resets after the integration of the following step. For `refractory` steps after a spike the
    voltage keeps its value, input to it is lost (the current of CubaLIF goes on), and there is no
    spike. v starts at `initial`. With `multispike` a neuron spikes as often in a step as its threshold, which is above
    0, goes into v': it puts out that number, and subtracts as many thresholds.
    """

    threshold: Param = 1.0
    reset: Reset = "zero"
    reset_value: Param = 0.0
    reset_at: ResetAt = "spike"
    compare: Compare = ">"
    refractory: int = 0
    multispike: bool = False

    def __post_init__(self) -> None:
        require(self.refractory >= 0, f"refractory is {self.refractory}: it is 0 steps or more")
        require(
            self.reset == "value" or self.reset_value == 0.0,
            "reset_value goes with reset: value",
        )
        require(
            self.reset_at == "spike" or self.refractory == 0,
            "reset_at: next and refractory steps exclude each other",
        )
        plain = (self.reset, self.reset_at, self.compare, self.refractory) == ("subtract", "spike", ">=", 0)
        require(
            plain or not self.multispike,
            "multispike goes with reset: subtract, reset_at: spike, compare: '>=' and no refractory steps",
        )
        require(
            not self.multispike or not isinstance(self.threshold, float) or self.threshold > 0,
            f"threshold is {self.threshold}: with multispike it is above 0",
        )

    def output_dtype(self, *xs: DType) -> DType:
        return "integer" if self.multispike else "spike"

    def params(self) -> tuple[Param, ...]:
        return (self.initial, self.threshold, self.reset_value)

    def state(self, *xs: Shape) -> Mapping[str, State]:
        states = {"v": State(xs[0], self.initial)}
        if self.refractory:
            states["rest"] = State(xs[0])
        if self.reset_at == "next":
            states["spike"] = State(xs[0])
        return states


@dataclass(frozen=True, kw_only=True)
class LIF(Neuron):
    """v' = leak + decay (v - leak) + gain x; a spike where v' > threshold; then v' is reset."""

    decay: Param
    gain: Param = 1.0
    leak: Param = 0.0

    per_element: ClassVar[float] = 6

    def params(self) -> tuple[Param, ...]:
        return (*super().params(), self.decay, self.gain, self.leak)


@dataclass(frozen=True, kw_only=True)
class CubaLIF(Neuron):
    """i' = current_decay i + current_gain x; v' = leak + decay (v - leak) + gain j; spike and reset as LIF.

    j is i' where `current` is "new", and i where it is "old".
    """

    decay: Param
    current_decay: Param
    gain: Param = 1.0
    current_gain: Param = 1.0
    leak: Param = 0.0
    current: Literal["new", "old"] = "new"

    per_element: ClassVar[float] = 9

    def params(self) -> tuple[Param, ...]:
        return (*super().params(), self.decay, self.current_decay, self.gain, self.current_gain, self.leak)

    def state(self, *xs: Shape) -> Mapping[str, State]:
        return {"i": State(xs[0]), **super().state(*xs)}


@dataclass(frozen=True, kw_only=True)
class IF(Neuron):
    """v' = v + gain x; spike and reset as LIF."""

    gain: Param = 1.0

    per_element: ClassVar[float] = 4

    def params(self) -> tuple[Param, ...]:
        return (*super().params(), self.gain)


@dataclass(frozen=True, kw_only=True)
class LI(_Stateful):
    """v' = leak + decay (v - leak) + gain x; puts out v'."""

    decay: Param
    gain: Param = 1.0
    leak: Param = 0.0

    per_element: ClassVar[float] = 4

    def params(self) -> tuple[Param, ...]:
        return (self.initial, self.decay, self.gain, self.leak)


@dataclass(frozen=True, kw_only=True)
class I(_Stateful):  # noqa: E742 - NIR names it so
    """v' = v + gain x; puts out v'."""

    gain: Param = 1.0

    per_element: ClassVar[float] = 2

    def params(self) -> tuple[Param, ...]:
        return (self.initial, self.gain)


@dataclass(frozen=True, kw_only=True)
class SigmaDelta(Node):
    """s' = s + x; a = f(s' + bias); y = a - r where |a - r| >= threshold, else 0; r' = r + y. s and r start at 0.

    Inputs are changes, and so is the output: f is max(., 0) for "relu", and nothing for "unit".
    """

    threshold: float = 0.0
    bias: Param = 0.0
    activation: Literal["relu", "unit"] = "relu"

    produces: ClassVar[Timing | None] = "stream"
    per_element: ClassVar[float] = 6

    def __post_init__(self) -> None:
        require(self.threshold >= 0, f"threshold is {self.threshold}: it is 0 or more")

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        return {name: ArraySpec(xs[0], broadcast=True) for name in param_names(self.bias)}

    def state(self, *xs: Shape) -> Mapping[str, State]:
        return {"s": State(xs[0]), "r": State(xs[0])}


@dataclass(frozen=True, kw_only=True)
class Threshold(Node):
    """y = 1 where x > threshold, else 0; no state."""

    threshold: Param = 1.0
    compare: Compare = ">"

    per_element: ClassVar[float] = 1

    def output_dtype(self, *xs: DType) -> DType:
        return "spike"

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        return {name: ArraySpec(xs[0], broadcast=True) for name in param_names(self.threshold)}


@dataclass(frozen=True, kw_only=True)
class Delay(Node):
    """y(t) = x(t - steps), and 0 before there is such an x. `steps`: one number, or one an element.

    An array of steps must hold whole numbers from 0 to `longest`.
    """

    steps: int | str
    longest: int = 0

    produces: ClassVar[Timing | None] = "stream"
    moves: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if isinstance(self.steps, int):
            require(self.steps >= 0, f"steps is {self.steps}: a delay is 0 steps or more")
            object.__setattr__(self, "longest", self.steps)
        else:
            require(self.longest > 0, "per-element steps need 'longest', the largest of them")

    def output_dtype(self, *xs: DType) -> DType:
        return xs[0]

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        spec = ArraySpec(xs[0], broadcast=True, whole=True, low=0, high=self.longest)
        return dict.fromkeys(param_names(self.steps), spec)

    def state(self, *xs: Shape) -> Mapping[str, State]:
        return {"line": State((self.longest, *xs[0]))} if self.longest else {}


@dataclass(frozen=True, kw_only=True)
class SumPool2d(Window):
    """The sum of each window over [C, H, W]."""

    rank: ClassVar[int] = 2

    def output_dtype(self, *xs: DType) -> DType:
        return "integer" if xs[0] == "spike" else xs[0]


KINDS: tuple[type[Node], ...] = (LIF, CubaLIF, IF, LI, I, SigmaDelta, Threshold, Delay, SumPool2d)
