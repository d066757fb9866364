"""Rules that say when, for whom, and in which order a layer's values come."""


from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import permutations
from math import prod

import numpy as np
from numpy.typing import NDArray

from nmc.differences.rules.rule import Rule, Trial, Ways
from nmc.differences.segment import Change, Operands, Segment, late
from nmc.differences.traces import is_stream
from nmc.graph import Node, Ref
from nmc.model import FloatArray
from nmc.nodes import coding, spiking

_SHIFTS = (1, -1, 2, -2, 3, -3)
_NAMED = 4
"""How many elements are named."""


def _last(node: Node, segment: Segment) -> bool:
    """Whether the node is the one of its segment that was seen."""
    return node.name == segment.name


def _words(steps: int) -> str:
    size = "one step" if abs(steps) == 1 else f"{abs(steps)} steps"
    return f"{size} {'late' if steps > 0 else 'early'}"


def _delays(node: Node, segment: Segment) -> Ways:
    if isinstance(node, spiking.Delay):
        steps = node.longest
        for moved in (1, -1, 2, -2, -steps):
            if steps + moved >= 0:
                yield Trial(f"delays by {steps + moved} steps, not {steps}", _moved_delay(node, segment, moved))
    for index, ref in enumerate(node.inputs):
        for moved in (1, -1, 2, -2):
            if ref.delay + moved >= 0 and (ref.delay or len(node.inputs) > 1):
                reads = (*node.inputs[:index], Ref(ref.node, ref.delay + moved), *node.inputs[index + 1 :])
                says = f"reads {ref.node!r} {ref.delay + moved} steps late, not {ref.delay}"
                yield Trial(says, Change(replace(node, inputs=reads)))
    if isinstance(getattr(node, "delay", None), str):
        name, longest = node.delay, node.longest  # type: ignore[attr-defined]
        for moved in (1, -1):
            wrong = {name: np.clip(segment.arrays[name] + moved, 0, longest)}
            yield Trial(f"has every synapse {_words(moved)}", Change(node, wrong))


def _moved_delay(node: spiking.Delay, segment: Segment, moved: int) -> Change:
    if isinstance(node.steps, int):
        steps = node.steps + moved
        return Change(replace(node, steps=steps, longest=steps))
    wrong = np.maximum(segment.arrays[node.steps] + moved, 0)
    return Change(replace(node, longest=max(int(wrong.max(initial=0)), 0)), {node.steps: wrong})


def _shifts(node: Node, segment: Segment) -> Ways:
    if is_stream(segment.graph, node.name):
        for steps in _SHIFTS:
            if not isinstance(node, spiking.Delay):
                yield Trial(f"reads its inputs {_words(steps)}", Change(node, operands=_each_late(steps)))
        for steps in (*_SHIFTS, *_nearest_shift(node, segment)):
            yield Trial(f"puts everything out {_words(steps)}", Change(node, output=partial(late, steps=steps)))
    elif node.produces == "final":
        for lag in {segment.graph.lag + 1, max(segment.graph.lag - 1, 0), 0} - {segment.graph.lag}:
            yield Trial(f"leaves out the first {lag} steps, not {segment.graph.lag}", Change(node, lag=lag))
        for steps in (1, -1, 2, -2):
            yield Trial(f"reads its inputs {_words(steps)}", Change(node, operands=_each_late(steps)))


def _nearest_shift(node: Node, segment: Segment) -> tuple[int, ...]:
    """The many steps by which what was found is nearest to what is expected, if it is that many."""
    expected, found = segment.expected, segment.found
    if not _last(node, segment) or expected.shape != found.shape:
        return ()
    most = found.shape[1] // 2
    off = {steps: float(np.sum(abs(late(expected, steps) - found))) for steps in range(-most, most + 1)}
    best = min(off, key=lambda steps: off[steps])
    return (best,) if abs(best) > max(_SHIFTS) else ()


def _each_late(steps: int) -> Callable[[Operands], Operands]:
    return lambda operands: tuple(late(x, steps) for x in operands)


def _sample_orders(node: Node, segment: Segment) -> Ways:
    samples = len(segment.found)
    if not _last(node, segment) or samples < 2 or segment.expected.shape != segment.found.shape:
        return
    flat = segment.found.reshape(samples, -1)
    near = [int(np.argmin([np.sum(abs(one - other)) for other in flat])) for one in _flat(segment)]
    order = np.argsort(near)
    if sorted(near) == list(range(samples)) and near != sorted(near):
        yield Trial(f"has the samples in another order: {order.tolist()[:8]}", Change(node, output=lambda y: y[order]))
    for steps in (1, -1):
        moved = f"has every sample at the place of the {'next' if steps > 0 else 'one before'}"
        yield Trial(moved, Change(node, output=partial(np.roll, shift=steps, axis=0)))


def _flat(segment: Segment) -> FloatArray:
    return segment.expected.reshape(len(segment.expected), -1)


def _states_kept(node: Node, segment: Segment) -> Ways:
    shapes = segment.graph.operand_shapes(node)
    if node.state(*shapes) and is_stream(segment.graph, node.name) and len(segment.found) > 1:
        yield Trial("starts each sample from the state in which the one before ended", Change(node, in_sequence=True))


def _layouts(node: Node, segment: Segment) -> Ways:
    shape = segment.found.shape[2:]
    reads = segment.operands(node)[0].shape[2:] if node.inputs else ()
    for axes in permutations(range(len(shape))) if _last(node, segment) else ():
        if list(axes) != sorted(axes) and prod(shape) > 1:
            yield Trial(f"has its axes in the order {axes}", Change(node, output=_permuted(axes)))
    if len(reads) > 1 and not {ref.node for ref in node.inputs} & {other.name for other in segment.nodes[:-1]}:
        for axes in permutations(range(len(reads))):
            if list(axes) != sorted(axes):
                says = f"reads its input with its axes in the order {axes}"
                yield Trial(says, Change(node, operands=partial(_first_permuted, axes)))
    source = _image_before(node, segment)
    if source is not None:
        for axes in permutations(range(len(source))):
            if list(axes) != sorted(axes):
                says = f"takes what was flattened from {list(source)} with its axes in the order {axes}"
                yield Trial(says, Change(node, operands=_flattened(source, axes)))


def _first_permuted(axes: tuple[int, ...], operands: Operands) -> Operands:
    return (_permuted(axes)(operands[0]), *operands[1:])


def _permuted(axes: tuple[int, ...]) -> Callable[[FloatArray], FloatArray]:
    """Values as if their axes came in this order, in the shape that they have."""
    return lambda y: y.transpose(0, 1, *(2 + axis for axis in axes)).reshape(y.shape)


def _flattened(shape: tuple[int, ...], axes: tuple[int, ...]) -> Callable[[Operands], Operands]:
    def moved(operands: Operands) -> Operands:
        (x,) = operands
        return (_permuted(axes)(x.reshape(*x.shape[:2], *shape)).reshape(x.shape),)

    return moved


def _image_before(node: Node, segment: Segment) -> tuple[int, ...] | None:
    """The shape that the one input of a node had before it was flattened."""
    graph = segment.graph
    if len(node.inputs) != 1:
        return None
    before = graph[node.inputs[0].node]
    while before.kind in ("Delay", "QuantizeLinear", "DequantizeLinear") and len(before.inputs) == 1:
        before = graph[before.inputs[0].node]
    if before.kind not in ("Flatten", "Reshape") or len(before.inputs) != 1:
        return None
    shape = graph.signals[before.inputs[0].node].shape
    return shape if len(shape) > 1 and len(graph.operand_shapes(node)[0]) == 1 else None


def _readouts(node: Node, segment: Segment) -> Ways:
    for kind in (coding.Sum, coding.Mean, coding.Last, coding.Max):
        if not isinstance(node, kind):
            other = kind(name=node.name, inputs=node.inputs)
            yield Trial(f"gives the {kind.__name__.lower()} over the steps", Change(other))
    steps = max(x.shape[1] for x in segment.operands(node)) - segment.graph.lag
    if isinstance(node, coding.Mean):
        for wrong in (steps + 1, steps - 1, steps + segment.graph.lag):
            if wrong > 0 and wrong != steps:
                yield Trial(f"divides by {wrong}, not by {steps} steps", Change(node, output=_times(steps / wrong)))


def _times(factor: float) -> Callable[[FloatArray], FloatArray]:
    return lambda y: y * factor


def _silent_neurons(node: Node, segment: Segment) -> Ways:
    """A layer of neurons that is silent."""
    if segment.graph.signals[node.name].dtype == "spike":
        yield from _silences(node, segment)


def _silences(node: Node, segment: Segment) -> Ways:
    if _last(node, segment) and not np.any(segment.found[:, segment.known]):
        yield Trial("puts out nothing at all", Change(node, output=np.zeros_like))


def _dead(node: Node, segment: Segment) -> Ways:
    yield from _held(node, segment, "never spike", lambda value: value == 0)


def _stuck(node: Node, segment: Segment) -> Ways:
    yield from _held(node, segment, "spike at every step", lambda value: value != 0)


def _held(node: Node, segment: Segment, says: str, holds: Callable[[FloatArray], NDArray[np.bool_]]) -> Ways:
    """Some neurons do one thing in all samples and at all steps."""
    if not _last(node, segment) or segment.graph.signals[node.name].dtype != "spike":
        return
    found, expected = segment.found[:, segment.known], segment.expected[:, segment.known]
    first = found[0, 0]
    same = (found == first).all(axis=(0, 1)) & (found != expected).any(axis=(0, 1)) & holds(first)
    count = int(np.count_nonzero(same))
    if 0 < count < same.size:
        each = ", ".join(str(tuple(map(int, index))) for index in np.argwhere(same)[:_NAMED])
        more = " and others" if count > _NAMED else ""
        yield Trial(f"has neurons that {says}: {each}{more}", Change(node, output=lambda y: np.where(same, first, y)))


FIRST = (Rule("silent", (Node,), _silent_neurons), Rule("sample-order", (Node,), _sample_orders))
RULES = (
    Rule("delay", (Node,), _delays),
    Rule("time-shift", (Node,), _shifts),
    Rule("readout", (coding.Sum, coding.Mean, coding.Last, coding.Max), _readouts),
    Rule("layout", (Node,), _layouts),
    Rule("state-kept", (Node,), _states_kept),
)
LAST = (Rule("silent", (Node,), _silences), Rule("silent", (Node,), _dead), Rule("stuck", (Node,), _stuck))
