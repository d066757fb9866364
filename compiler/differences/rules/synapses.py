"""Rules of what is added up: synapses and biases that are lost, doubled, late, or others."""

from __future__ import annotations

import numpy as np

from nmc.differences.rules.rule import Rule, Trial, Ways, with_facts
from nmc.differences.rules.weights import REAL, Real
from nmc.differences.segment import Change, Operands, Segment, late
from nmc.differences.traces import is_stream
from nmc.graph import Node
from nmc.model import FloatArray
from nmc.nodes import fixed_point, spiking, tensor

_SUMMING = (
    spiking.LIF, spiking.CubaLIF, spiking.IF, spiking.LI, spiking.I, spiking.SigmaDelta, fixed_point.FixedLIF,
    fixed_point.FixedCompartments, fixed_point.FixedTernaryLIF, fixed_point.FixedSigmaDelta, tensor.Add,
)  # fmt: skip


def _missing_biases(node: Real, segment: Segment) -> Ways:
    if node.bias is not None:
        yield Trial("has no bias", Change(with_facts(node, bias=None)))


def _biases(node: Real, segment: Segment) -> Ways:
    if node.bias is None:
        return
    bias = segment.arrays[node.bias]
    for times, says in ((2.0, "adds its bias twice"), (-1.0, "takes its bias away"), (0.5, "adds half of its bias")):
        yield Trial(says, Change(node, {node.bias: bias * times}))
    if is_stream(segment.graph, node.name):
        added = bias if isinstance(node, tensor.Linear) else bias.reshape(-1, *(1,) * len(node.kernel))

        def afterwards(y: FloatArray) -> FloatArray:
            return y - added + late(np.broadcast_to(added, y.shape), 1)

        yield Trial("adds its bias from the second step on", Change(node, output=afterwards))
    yield Trial("has its biases in the opposite order", Change(node, {node.bias: bias[::-1]}))
    yield Trial("has one bias for all channels", Change(node, {node.bias: np.full_like(bias, bias[0])}))
    for k in range(1, min(len(bias), 64)):
        yield Trial(f"has its biases moved by {k}", Change(node, {node.bias: np.roll(bias, k)}))


def _other_biases(node: Real, segment: Segment) -> Ways:
    """Biases that are off by what the channels are off, on average."""
    if node.bias is None or node.name != segment.name:
        return
    axis = -1 if isinstance(node, tensor.Linear) else 2
    off = np.moveaxis((segment.found - segment.expected)[:, segment.known], axis, 0)
    wrong = segment.arrays[node.bias] + off.reshape(len(off), -1).mean(axis=1)
    yield Trial("has other biases", Change(node, {node.bias: wrong}))


def _missing(node: Node, segment: Segment) -> Ways:
    for index, ref in enumerate(node.inputs) if len(node.inputs) > 1 else ():
        reads = (*node.inputs[:index], *node.inputs[index + 1 :])
        yield Trial(f"does not read {ref.node!r}", Change(with_facts(node, inputs=reads)))


def _nothing_read(node: Node, segment: Segment) -> Ways:
    def nothing(xs: Operands) -> Operands:
        return tuple(np.zeros_like(x) for x in xs)

    yield Trial("reads nothing", Change(node, operands=nothing))


def _doubled(node: Node, segment: Segment) -> Ways:
    if len(node.inputs) < 2:
        return
    for times, word in ((2, "twice"), (3, "three times")):
        for ref in node.inputs:
            reads = (*node.inputs, *(ref,) * (times - 1))
            yield Trial(f"reads {ref.node!r} {word}", Change(with_facts(node, inputs=reads)))
    for times in (2, 3):
        yield Trial(f"reads everything {times} times", Change(with_facts(node, inputs=node.inputs * times)))


MISSING = (
    Rule("bias-missing", REAL, _missing_biases),
    Rule("synapse-missing", _SUMMING, _missing),
    Rule("synapse-doubled", _SUMMING, _doubled),
    Rule("synapse-missing", _SUMMING, _nothing_read),
)
BIASES = (Rule("bias", REAL, _biases),)
ESTIMATED = (Rule("bias", REAL, _other_biases),)
