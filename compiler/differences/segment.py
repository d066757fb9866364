"""The nodes that lead to one whose output is known, from others that are: to be computed under other rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from nmc.differences.traces import Traces, is_stream
from nmc.graph import Graph, Node, Ref
from nmc.model import FloatArray, Model
from nmc.nodes.tensor import Input
from nmc.reference.interpreter import MEANINGS
from nmc.reference.meaning import Meaning, Step, stateless

_AT_ONCE = 64
"""How many samples, or steps of samples, of a node without a state are computed at once."""

Operands = tuple[FloatArray, ...]


@dataclass(frozen=True, eq=False)
class Change:
    """How a node may work otherwise: with other facts, reads, arrays, meaning, operands, or outputs.

    `node` is the node with its facts and reads as changed. Operands and outputs are [samples, steps, *shape].
    `in_sequence`: each sample begins with the state in which the one before ended.
    """

    node: Node
    arrays: Mapping[str, FloatArray] = field(default_factory=dict)
    meaning: Meaning | None = None
    operands: Callable[[Operands], Operands] | None = None
    output: Callable[[FloatArray], FloatArray] | None = None
    in_sequence: bool = False
    lag: int | None = None


@dataclass(frozen=True, eq=False)
class Segment:
    """The node `name`, and those before it that nobody saw; `forced` are the values that all nodes read.

    `expected` is what it should have put out, `found` what it did, of which the steps `known` were seen.
    """

    model: Model
    name: str
    seen: frozenset[str]
    forced: Traces
    expected: FloatArray
    found: FloatArray
    known: slice = field(default_factory=lambda: slice(None))

    @property
    def graph(self) -> Graph:
        """The graph it is part of."""
        return self.model.graph

    def of_samples(self, samples: slice) -> Segment:
        """The same for some of the samples."""
        forced = {name: value[samples] if len(value) > 1 else value for name, value in self.forced.items()}
        return replace(self, forced=forced, expected=self.expected[samples], found=self.found[samples])

    @cached_property
    def arrays(self) -> Mapping[str, FloatArray]:
        """The model's arrays in double precision."""
        return {name: np.asarray(array, np.float64) for name, array in self.model.weights.items()}

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Its nodes, each after those it reads; the last is the one that was seen."""
        found: dict[str, None] = {}
        entered, waiting = {self.name}, [self.name]
        while waiting:
            unseen = (ref.node for ref in self.graph[waiting[-1]].inputs if ref.node not in self.seen | entered)
            before = next((name for name in unseen if not isinstance(self.graph[name], Input)), None)
            if before is None:
                found[waiting.pop()] = None
            else:
                entered.add(before)
                waiting.append(before)
        return tuple(self.graph[name] for name in found)

    @cached_property
    def loops(self) -> bool:
        """Whether something unseen in it depends on itself, so that it cannot be computed node by node."""
        known: set[str] = set()
        inside = {node.name for node in self.nodes} - {self.name}
        for node in self.nodes:
            if any(ref.node in inside - known for ref in node.inputs):
                return True
            known.add(node.name)
        return False

    def changed(self, change: Change) -> FloatArray:
        """What the segment puts out where one of its nodes works otherwise."""
        values: dict[str, FloatArray] = {}
        started = False
        for node in self.nodes:
            if node.name == change.node.name:
                started = True
                values[node.name] = self.computed(change)
            elif started and any(ref.node in values for ref in node.inputs):
                values[node.name] = self.computed(Change(node), values)
        return values[self.name]

    def operands(self, node: Node, values: Traces | None = None) -> Operands:
        """What a node reads, [samples, steps, *shape] each, its inputs added up where it sums."""
        reads = [self._read(ref, values or {}) for ref in node.inputs]
        if node.sums and reads:
            return (sum(reads[1:], start=reads[0]),)
        return tuple(reads)

    def _read(self, ref: Ref, values: Traces) -> FloatArray:
        value = values[ref.node] if ref.node in values and ref.node != self.name else self.forced[ref.node]
        return late(value, ref.delay)

    def computed(self, change: Change, values: Traces | None = None) -> FloatArray:
        """What one node puts out, given the values of some of those before it, others as they are forced."""
        node = change.node
        steps = self.forced[node.name].shape[1]
        operands = self.operands(node, values)
        if change.operands is not None:
            operands = change.operands(operands)
        meaning = change.meaning or MEANINGS[type(node)]
        arrays = {**self.arrays, **change.arrays}
        shapes = tuple(x.shape[2:] for x in operands)
        lag = self.graph.lag if change.lag is None else change.lag
        if change.in_sequence:
            y = in_time(node, meaning, tuple(_in_a_row(x) for x in operands), arrays, 0, 1).reshape(self.found.shape)
        elif node.state(*shapes):
            y = in_time(node, meaning, operands, arrays, lag if node.produces == "final" else 0, steps)
        else:
            y = _at_once(node, meaning, operands, arrays)
        if change.output is not None:
            y = change.output(y)
        stream = is_stream(self.graph, node.name)
        samples = max(len(y), *(len(x) for x in operands)) if operands else len(self.found)
        return np.broadcast_to(y if stream else y[:, -1:], (samples, steps if stream else 1, *y.shape[2:]))


def late(value: FloatArray, steps: int) -> FloatArray:
    """A trace so many steps later, or, below 0, earlier; zeros come in. What has one step stays."""
    if not steps or value.shape[1] == 1:
        return value
    moved = np.zeros_like(value)
    if steps > 0:
        moved[:, steps:] = value[:, :-steps]
    else:
        moved[:, :steps] = value[:, -steps:]
    return moved


def in_time(
    node: Node, meaning: Meaning, operands: Operands, arrays: Mapping[str, FloatArray], lag: int, least: int
) -> FloatArray:
    """What a node with a state puts out at all steps, `least` at least; the first `lag` do not change its state."""
    samples, steps = max(len(x) for x in operands), max(least, *(x.shape[1] for x in operands))
    state = {
        name: np.broadcast_to(
            arrays[spec.initial] if isinstance(spec.initial, str) else np.float64(spec.initial), (samples, *spec.shape)
        )
        for name, spec in node.state(*(x.shape[2:] for x in operands)).items()
    }
    out = []
    for t in range(steps):
        now = tuple(x[:, t if x.shape[1] > 1 else 0] for x in operands)
        result = stateless(meaning(node, Step(now, arrays, state)))
        state = dict(result.state) if t >= lag else state
        out.append(result.y)
    return np.stack(out, axis=1)


def _at_once(node: Node, meaning: Meaning, operands: Operands, arrays: Mapping[str, FloatArray]) -> FloatArray:
    """What a node without a state puts out, steps taken as samples."""
    if not operands:
        return stateless(meaning(node, Step((), arrays, {}))).y[:, None]
    samples, steps = max(len(x) for x in operands), max(x.shape[1] for x in operands)
    flat = [np.broadcast_to(x, (samples, steps, *x.shape[2:])).reshape(-1, *x.shape[2:]) for x in operands]
    parts = [
        stateless(meaning(node, Step(tuple(x[first : first + _AT_ONCE] for x in flat), arrays, {}))).y
        for first in range(0, len(flat[0]), _AT_ONCE)
    ]
    y = np.concatenate(parts)
    return y.reshape(samples, steps, *y.shape[1:])


def _in_a_row(x: FloatArray) -> FloatArray:
    return x.reshape(1, -1, *x.shape[2:])
