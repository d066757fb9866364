"""Rules of synapses in a chip's integers: shifts of sums, and what these and messages keep."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nmc.differences.rules.rule import Rule, Trial, Ways, with_facts
from nmc.differences.segment import Change, Operands, Segment
from nmc.model import FloatArray
from nmc.nodes.fixed_point import FixedConv2d, FixedDense, FixedSparse
from nmc.reference.fixed_point import IntArray, integers, message, shifted, toward_zero, wrap
from nmc.reference.meaning import Step
from nmc.reference.tensor import convolve


def _exponents(node: FixedDense | FixedSparse, segment: Segment) -> Ways:
    for moved in (1, -1, 2, -2, 3, -3, 6, -6, 4, -4, 5, -5):
        to = node.weight_exp + moved
        if -31 <= to <= 31:
            says = f"shifts its sums by {to} bits, not by {node.weight_exp}"
            yield Trial(says, Change(with_facts(node, weight_exp=to)))
    if node.weight_exp:
        yield Trial("does not shift its sums", Change(with_facts(node, weight_exp=0)))
        yield Trial("shifts its sums the other way", Change(with_facts(node, weight_exp=-node.weight_exp)))


def _shift_roundings(node: FixedDense, segment: Segment) -> Ways:
    """How a shift to the right rounds."""
    if node.weight_exp >= 0:
        return
    right = -node.weight_exp
    roundings: dict[str, Callable[[IntArray], IntArray]] = {
        "towards zero": lambda x: toward_zero(x, right),
        "to the nearest number": lambda x: (x + (1 << right >> 1)) >> right,
        "up": lambda x: -(-x >> right),
    }
    for says, rounded in roundings.items():
        yield Trial(f"rounds what it shifts {says}, not down", Change(node, meaning=_dense(rounded)))
    each = {node.weight: shifted(integers(segment.arrays[node.weight]), node.weight_exp).astype(np.float64)}
    yield Trial("shifts each weight, not their sums", Change(with_facts(node, weight_exp=0), each))


def _sum(node: FixedDense, step: Step) -> IntArray:
    return integers(message(node.num_message_bits, step.x) @ step.arrays[node.weight].T)


def _dense(rounded: Callable[[IntArray], IntArray]) -> Callable[..., FloatArray]:
    def meaning(node: FixedDense, step: Step) -> FloatArray:
        total = _sum(node, step)
        return wrap(rounded(wrap(total, 32) if node.num_message_bits else total), 32).astype(np.float64)

    return meaning


def _dense_wraps(node: FixedDense, segment: Segment) -> Ways:
    def unwrapped(node: FixedDense, step: Step) -> FloatArray:
        return shifted(_sum(node, step), node.weight_exp).astype(np.float64)

    for bits in (16, 18, 22, 24):
        yield Trial(f"keeps {bits} bits of its sums", Change(node, output=_wrapped(bits)))
    yield Trial("keeps its sums beyond 32 bits", Change(node, meaning=unwrapped))


def _wrapped(bits: int) -> Callable[[FloatArray], FloatArray]:
    return lambda y: wrap(integers(y), bits).astype(np.float64)


def _conv_wraps(node: FixedConv2d, segment: Segment) -> Ways:
    def sums(node: FixedConv2d, step: Step) -> FloatArray:
        return np.rint(convolve(node, message(node.num_message_bits, step.x), step.arrays[node.weight]))

    def clipped(node: FixedConv2d, step: Step) -> FloatArray:
        return np.clip(sums(node, step), -(2.0**23), 2.0**23 - 1)

    yield Trial("keeps its sums beyond 24 bits", Change(node, meaning=sums))
    yield Trial("keeps its sums at the limits of 24 bits", Change(node, meaning=clipped))
    for bits in (16, 18, 22, 32):
        yield Trial(f"wraps its sums to {bits} bits", Change(node, meaning=sums, output=_wrapped(bits)))


def _messages(node: FixedDense | FixedConv2d, segment: Segment) -> Ways:
    if not node.num_message_bits:
        yield Trial("takes spikes for numbers", Change(with_facts(node, num_message_bits=8)))
        return
    yield Trial("takes numbers for spikes", Change(with_facts(node, num_message_bits=0)))
    for bits in (node.num_message_bits - 1, 8, 7, 4):
        most = 2.0 ** (bits - 1)

        def wrapped(xs: Operands, most: float = most) -> Operands:
            return ((xs[0] + most) % (2 * most) - most,)

        def clipped(xs: Operands, most: float = most) -> Operands:
            return (np.clip(xs[0], -most, most - 1),)

        for kept in (wrapped, clipped) if bits > 1 else ():
            yield Trial(f"keeps {bits} bits of the numbers that it reads", Change(node, operands=kept))


RULES = (
    Rule("scale", (FixedDense, FixedSparse), _exponents),
    Rule("rounding", (FixedDense,), _shift_roundings),
    Rule("wrap", (FixedDense,), _dense_wraps),
    Rule("wrap", (FixedConv2d,), _conv_wraps),
    Rule("messages", (FixedDense, FixedConv2d), _messages),
)
