"""What the emission of a node sees, and what it gives: the counterpart of nmc.reference.meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from math import inf

from nmc.backends.onnx.emit import Emitter, File, FunctionBody
from nmc.graph import Shape
from nmc.model import Model
from nmc.nodes.facts import Param


@dataclass(frozen=True)
class Emitted:
    """The names of what a node puts out, and of the state that it carries on."""

    y: str
    state: Mapping[str, str]


@dataclass(frozen=True)
class Site:
    """Where a node is emitted: names of its operands [N, ...], of its state [N, ...] and of the step t from 1.

    `shapes` are those of the operands, without the batch. `root` is the outermost graph, for what
    need not be computed anew at every step. `batch` names [N].
    """

    out: Emitter
    root: Emitter
    model: Model
    operands: tuple[str, ...]
    shapes: tuple[Shape, ...]
    state: Mapping[str, str]
    batch: str
    t: str

    @property
    def x(self) -> str:
        """The only operand of a node that sums its inputs."""
        return self.operands[0]

    @property
    def shape(self) -> Shape:
        """The shape of `x`."""
        return self.shapes[0]

    def array(self, name: str) -> str:
        """An array of the model as real numbers."""
        return self.out.constant(self.model.weights[name], hint=name)

    def added(self, name: str | None) -> tuple[str, ...]:
        """An array that is added to sums of products, if there is one; what is too small to be said is lost in them."""
        return () if name is None else (self.out.constant(self.model.weights[name], hint=name, beside=inf),)

    def param(self, value: Param) -> str:
        """A parameter as real numbers: its one value, or the array that it names."""
        return self.array(value) if isinstance(value, str) else self.out.constant(value)

    def function(self, name: str, build: Callable[[Body], Emitted]) -> Emitted:
        """What a call of a model-local function gives, whose body is what `build` emits."""
        body = Body(File(self.out.file.real), site=self)
        made = build(body)
        named = {value: state for state, value in made.state.items()}
        inner = tuple({made.y: "y", **named})
        called = self.out.file.function(name, tuple(body.actual), inner, body.nodes)
        outer = [self.out.fresh("y" if value == made.y else named[value]) for value in inner]
        self.out.call(called, tuple(body.actual.values()), outer)
        given = dict(zip(inner, outer, strict=True))
        return Emitted(given[made.y], {state: given[value] for state, value in made.state.items()})


@dataclass
class Body(FunctionBody):
    """The body of a model-local function: whatever it reads of the site becomes an input of the function."""

    site: Site = field(kw_only=True)
    actual: dict[str, str] = field(default_factory=dict)

    @property
    def x(self) -> str:
        """The node's operand."""
        return self.formal("x", self.site.x)

    def state(self, name: str) -> str:
        """The node's state before this step."""
        return self.formal(name, self.site.state[name])

    def param(self, fact: str, value: Param) -> str:
        """A parameter of the node."""
        return self.formal(fact, self.site.param(value))

    def formal(self, name: str, actual: str) -> str:
        """An input of the function, given the value that the site passes for it."""
        self.file.taken.add(name)
        self.actual[name] = actual
        return name

    def where(self, condition: str, yes: str, no: str) -> str:
        """`yes` where the condition holds, else `no`."""
        return self.op("Where", condition, yes, no)


Emission = Callable[..., str | Emitted]
"""`emission(node, site)`, for the one kind of node it is listed under; a node without state gives a name."""


def with_state(emitted: str | Emitted) -> Emitted:
    """What was emitted, as the output and state of a node."""
    return emitted if isinstance(emitted, Emitted) else Emitted(emitted, {})


def with_batch(axis: int) -> int:
    """An axis of a value with the batch in front, for one that does not count the batch."""
    return axis if axis < 0 else axis + 1


def folded(kind: str) -> Emission:
    """A binary operation over all operands, from the first to the last."""
    return lambda node, site: reduce(lambda left, right: site.out.op(kind, left, right), site.operands)


def plain(kind: str) -> Emission:
    """An operation of one operand, without facts."""
    return lambda node, site: site.out.op(kind, site.x)
