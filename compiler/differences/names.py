"""Which layer of one graph is which of another that passes made of it, and how much later it works there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nmc.differences.traces import Traces, is_stream
from nmc.graph import Graph, Node
from nmc.model import FloatArray
from nmc.nodes import FAMILIES, quantized
from nmc.nodes.spiking import Delay
from nmc.nodes.tensor import BatchNorm, Input

_BETTER = 2.0
"""How much nearer another move must bring a layer than the one that its delays say."""
_ROUNDED = "_rounded"
"""How nodes end that give what others read of a node in 8 bits; see `quantize_int8`."""


@dataclass(frozen=True)
class Pair:
    """A layer `name` of the first graph, and `other` of the second."""

    name: str
    other: str


def paired(first: Graph, second: Graph) -> tuple[Pair, ...]:
    """The layers that both graphs have, in numbers of the same unit."""
    if first == second:
        return tuple(Pair(node.name, node.name) for node in first if not isinstance(node, Input))
    folded = {norm.inputs[0].node: norm.name for norm in first if _is_folded(norm, first, second)}
    of = {norm: layer for layer, norm in folded.items()}
    found = []
    for node in first:
        name = of.get(node.name, node.name)
        if isinstance(node, Input) or node.name in folded:
            continue
        for other in (f"{name}{_ROUNDED}", name):
            if other in second and _comparable(first, node, second, second[other]):
                found.append(Pair(node.name, other))
                break
    return tuple(found)


def _is_folded(norm: Node, first: Graph, second: Graph) -> bool:
    """Whether a normalization is part of the layer before it in the second graph, which keeps that one's name."""
    return (
        isinstance(norm, BatchNorm) and norm.name not in second and len(norm.inputs) == 1
        and type(second.by_name.get(norm.inputs[0].node)) is type(first[norm.inputs[0].node])
    )  # fmt: skip


def _comparable(first: Graph, node: Node, second: Graph, other: Node) -> bool:
    one, two = first.signals[node.name], second.signals[other.name]
    if one.shape != two.shape or one.timing != two.timing:
        return False
    if one.dtype == two.dtype == "spike":
        return True
    in_integers = (*FAMILIES["fixed-point"], quantized.QuantizeLinear, quantized.BitPlanes)
    return type(node) is type(other) or (not isinstance(other, in_integers) and not isinstance(node, in_integers))


def aligned(pairs: tuple[Pair, ...], first: Graph, a: Traces, second: Graph, b: Traces) -> Mapping[str, FloatArray]:
    """The second's traces by the names of the first, at the steps of the first.

    What both put out is moved by the difference of their lags; anything else by how much later its input reaches it in
    the second, unless another move, from none to the second's lag, fits much better.
    """
    found = {}
    before, after = _earliest(first), _earliest(second)
    for pair in pairs:
        if pair.other not in b:
            continue
        trace = b[pair.other]
        if not is_stream(first, pair.name):
            found[pair.name] = trace[:, -1:]
            continue
        expected = a[pair.name]
        known = second.lag - first.lag if pair.other in second.outputs else None
        moves = range(second.lag + 1) if known is None else (known,)
        likely = after.get(pair.other, 0) - before.get(pair.name, 0)
        off = {
            k: float(np.mean(abs(_cut(trace, k, expected) - expected[: len(trace)]))) * (1 if k == likely else _BETTER)
            for k in moves
        }
        found[pair.name] = _cut(trace, min(off, key=lambda k: off[k]), expected)
    return found


def _earliest(graph: Graph) -> Mapping[str, int]:
    """After how many steps an input can reach a node at the soonest, for those that one reaches."""
    found = {node.name: 0 for node in graph if isinstance(node, Input)}
    waiting = list(found)
    while waiting:
        now = waiting.pop()
        for reader in graph.consumers.get(now, ()):
            own = reader.steps if isinstance(reader, Delay) and isinstance(reader.steps, int) else 0
            steps = found[now] + own + min(ref.delay for ref in reader.inputs if ref.node == now)
            if steps < found.get(reader.name, steps + 1):
                found[reader.name] = steps
                waiting.append(reader.name)
    return found


def _cut(trace: FloatArray, move: int, like: FloatArray) -> FloatArray:
    """A trace from step `move` on, with as many steps as another, zeros where it has none."""
    steps = like.shape[1]
    if move < 0:
        trace = np.concatenate([np.zeros_like(trace[:, :1]).repeat(-move, axis=1), trace], axis=1)
    else:
        trace = trace[:, move:]
    missing = max(steps - trace.shape[1], 0)
    return np.pad(trace[:, :steps], [(0, 0), (0, missing), *[(0, 0)] * (trace.ndim - 2)])
