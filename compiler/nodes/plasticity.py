"""Connections that learn while they work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import exp, inf
from typing import Annotated, ClassVar

from nmc.graph import ArraySpec, DType, Node, Ref, Shape, ShapeError, State, Timing
from nmc.nodes.facts import RuleText, require, require_rank
from nmc.nodes.learning_rule import SYNAPTIC, TRACES, Rule, RuleError, parse_rule, uses

TARGETS: Mapping[str, str] = {"w": "dw", "t": "dt", "d": "dd"}
"""The variables of a synapse that learn, and the fact that says how."""


@dataclass(frozen=True)
class Trace:
    """A running memory of spikes: decay times what it was, plus impulse times what came."""

    name: str
    impulse: float
    tau: float

    @property
    def decay(self) -> float:
        """What is left after a step."""
        return exp(-1 / self.tau) if self.tau else 0.0


@dataclass(frozen=True, kw_only=True)
class Learning(Node):
    """What all connections that learn state: the rules of w, t and d, and the traces that these name."""

    features: int
    weight: str
    dw: Annotated[str, RuleText]
    dt: Annotated[str, RuleText] = ""
    dd: Annotated[str, RuleText] = ""
    x1_impulse: float = 1.0
    x1_tau: float = 0.0
    x2_impulse: float = 1.0
    x2_tau: float = 0.0
    y1_impulse: float = 1.0
    y1_tau: float = 0.0
    y2_impulse: float = 1.0
    y2_tau: float = 0.0
    y3_impulse: float = 1.0
    y3_tau: float = 0.0

    produces: ClassVar[Timing | None] = "stream"
    sums: ClassVar[bool] = False
    shaped_by: ClassVar[int | None] = 1

    def __post_init__(self) -> None:
        require(self.features > 0, f"features is {self.features}: it must be positive")
        for fact in TARGETS.values():
            try:
                parse_rule(getattr(self, fact))
            except RuleError as error:
                raise ValueError(f"{fact} is no learning rule: {error}") from None
        require(bool(self.rules["w"]), "dw says nothing: give the rule by which weights change")
        for trace in TRACES:
            impulse, tau = getattr(self, f"{trace}_impulse"), getattr(self, f"{trace}_tau")
            require(0 <= impulse < inf, f"{trace}_impulse is {impulse}: it is 0 or more")
            require(0 <= tau < inf, f"{trace}_tau is {tau}: it is 0 steps or more")

    @cached_property
    def rules(self) -> Mapping[str, Rule]:
        """The rule of each variable of a synapse; empty where it stays as it is."""
        return {variable: parse_rule(getattr(self, fact)) for variable, fact in TARGETS.items()}

    @cached_property
    def variables(self) -> frozenset[str]:
        """All variables that the rules name."""
        return uses(*self.rules.values())

    @cached_property
    def traces(self) -> tuple[Trace, ...]:
        """The traces that the rules name."""
        return tuple(
            Trace(name, getattr(self, f"{name}_impulse"), getattr(self, f"{name}_tau"))
            for name in TRACES if name in self.variables
        )  # fmt: skip

    @property
    def tags(self) -> tuple[str, ...]:
        """The variables of a synapse, beside its weight, that the rules name or change."""
        return tuple(tag for tag in SYNAPTIC[1:] if tag in self.variables or self.rules[tag])


    def output_shape(self, *xs: Shape) -> Shape:
        require_rank(self.kind, xs[0], 1, "[inputs]")
        if len(xs) > 1 and xs[1] != (self.features,):
            raise ShapeError(f"{self.kind} reads what {self.features} neurons behind it send, got shape {xs[1]}")
        return (self.features,)

    def trace_shape(self, trace: str, *xs: Shape) -> Shape:
        """That of a trace of what arrives, or of what the neurons behind sent."""
        return xs[0] if trace.startswith("x") else (self.features,)


@dataclass(frozen=True, kw_only=True)
class PlasticLinear(Learning):
    """y = x W^T, where W changes while it works. Reads x [inputs], what the neurons behind sent z [features], late, and
    for rules with r a third factor, [features] or [1].

    W: [features, inputs] is `weight` before the first step, for every sample. After y, with x0 = x, y0 = z:
    x1' = exp(-1 / x1_tau) x1 + x1_impulse x0, or x1_impulse x0 where x1_tau is 0; x2 likewise, and y1, y2, y3 of y0.
    W' = min(max(W + dw, w_min), w_max); t' = t + dt; d' = d + dd; the rules see traces after, and w, t, d before it.
    dw, dt and dd are sums of products as in '2^-2*x1*y0 - 2^-2*y1*x0', of these, r, constants, sgn(w), and uk, which is
    1 at steps (from 1) that 2^k divides, else 0.
    """

    w_min: float = -inf
    w_max: float = inf

    operands: ClassVar[tuple[int, int | None]] = (2, 3)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.w_min < self.w_max, f"w_min is {self.w_min}: it must be below w_max, {self.w_max}")
        given = len(self.inputs) > 2
        require(given or "r" not in self.variables, "dw or dt names r: read a third factor after the neurons behind")
        require("r" in self.variables or not given, "dw reads a third factor, but names no r")

    def output_shape(self, *xs: Shape) -> Shape:
        if len(xs) > 2 and xs[2] not in ((self.features,), (1,)):
            raise ShapeError(f"the third factor of {self.kind} has shape ({self.features},) or (1,), got {xs[2]}")
        return super().output_shape(*xs)

    def operations(self, *xs: Shape) -> float:
        """Each sample has weights of its own, so that reading them is no product of matrices."""
        learning = sum(len(product.factors) + 1 for rule in self.rules.values() for product in rule)
        return float(self.features * xs[0][0] * (2 + learning))

    def output_dtype(self, *xs: DType) -> DType:
        return "real"

    def arrays(self, *xs: Shape) -> Mapping[str, ArraySpec]:
        return {self.weight: ArraySpec((self.features, xs[0][0]), low=self.w_min, high=self.w_max)}

    def state(self, *xs: Shape) -> Mapping[str, State]:
        shape = (self.features, *xs[0])
        return {
            "w": State(shape, self.weight), **{tag: State(shape) for tag in self.tags},
            **{trace.name: State(self.trace_shape(trace.name, *xs)) for trace in self.traces},
            **({"n": State(())} if self.gates else {}),
        }  # fmt: skip

    @property
    def gates(self) -> tuple[str, ...]:
        """The variables uk that its rules name."""
        return tuple(sorted(variable for variable in self.variables if variable.startswith("u")))


def learning_nodes(graph: Iterable[Node]) -> tuple[Learning, ...]:
    """The connections of a graph that learn."""
    return tuple(node for node in graph if isinstance(node, Learning))


def driving(node: Node) -> tuple[Ref, ...]:
    """What a node computes its output from; what a connection that learns reads beside that only teaches it."""
    return node.inputs[:1] if isinstance(node, Learning) else node.inputs


KINDS: tuple[type[Node], ...] = (PlasticLinear,)
