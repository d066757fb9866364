"""Rules of rounding, clipping and pooling."""


from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import partial

import numpy as np

from nmc.differences.rules.rule import Family, Rule, Trial, Ways
from nmc.differences.segment import Change, Segment
from nmc.graph import Node
from nmc.model import FloatArray
from nmc.nodes import quantized, spiking, tensor
from nmc.reference.meaning import Step

Rounding = Callable[[FloatArray], FloatArray]
ROUNDINGS: Mapping[str, Rounding] = {
    "down": np.floor,
    "up": np.ceil,
    "towards zero": np.trunc,
    "halves up": lambda x: np.floor(x + 0.5),
    "halves away from zero": lambda x: np.copysign(np.floor(abs(x) + 0.5), x),
}
_POOLS = (tensor.AvgPool1d, tensor.AvgPool2d, tensor.MaxPool1d, tensor.MaxPool2d, spiking.SumPool2d)
_BOUNDED = (tensor.Clip, tensor.Relu, tensor.LeakyRelu, tensor.Tanh, tensor.Sigmoid, tensor.Softmax)


def _quantized(rounded: Rounding, clips: bool = True, wraps: bool = False) -> Callable[..., FloatArray]:
    def meaning(node: quantized.QuantizeLinear, step: Step) -> FloatArray:
        y = rounded(step.x / node.scale) + node.zero_point
        low, high = node.limits
        if wraps:
            return (y - low) % (high - low + 1) + low
        return np.clip(y, low, high) if clips else y

    return meaning


def _roundings(node: quantized.QuantizeLinear, segment: Segment) -> Ways:
    for says, rounded in ROUNDINGS.items():
        yield Trial(
            f"rounds {says}, not to the nearest number, halves to even", Change(node, meaning=_quantized(rounded))
        )


def _limits(node: quantized.QuantizeLinear, segment: Segment) -> Ways:
    yield Trial("keeps numbers beyond its bits as they are", Change(node, meaning=_quantized(np.rint, clips=False)))
    yield Trial("lets numbers beyond its bits wrap", Change(node, meaning=_quantized(np.rint, wraps=True)))
    for bits in (node.bits - 1, node.bits + 1):
        if bits > 1:
            yield Trial(f"has {bits} bits, not {node.bits}", Change(replace(node, bits=bits)))


def _zero_points(node: quantized.QuantizeLinear | quantized.DequantizeLinear, segment: Segment) -> Ways:
    off = np.median(segment.found - segment.expected)
    if isinstance(node, quantized.DequantizeLinear):
        off = -off / node.scale
    for zero in (node.zero_point + int(np.rint(off)), 0, -node.zero_point, node.zero_point + 1, node.zero_point - 1):
        if zero != node.zero_point:
            change = Change(_unchecked(node, zero_point=zero))
            yield Trial(f"has the zero point {zero}, not {node.zero_point}", change)


def _scales(node: quantized.QuantizeLinear | quantized.DequantizeLinear, segment: Segment) -> Ways:
    for power in (1, -1, 2, -2, 3, -3, 4, -4, 6, -6, 8, -8):
        yield _scaled(node, 2.0**power)
    yield Family(0.25, 4.0, lambda factor: _scaled(node, factor))


def _scaled(node: quantized.QuantizeLinear | quantized.DequantizeLinear, factor: float) -> Trial:
    return Trial(f"has its scale times {factor:g}", Change(_unchecked(node, scale=node.scale * factor)))


def _unchecked(node: Node, **facts: object) -> Node:
    """A node with other facts, even such as the compiler would refuse: others may have compiled so."""
    new = object.__new__(type(node))
    for f in fields(node):
        object.__setattr__(new, f.name, facts.get(f.name, getattr(node, f.name)))
    return new


def _unbounded(node: Node, segment: Segment) -> Ways:
    yield Trial("lets everything through as it is", Change(node, output=lambda y: _same(node, segment)))
    yield Trial("keeps what is above 0 alone", Change(node, output=lambda y: np.maximum(_same(node, segment), 0.0)))
    if isinstance(node, tensor.Clip):
        yield Trial("has no upper limit", Change(replace(node, maximum=np.inf)))
        yield Trial("has no lower limit", Change(replace(node, minimum=-np.inf)))
    if isinstance(node, tensor.LeakyRelu):
        yield Trial("has no slope below 0", Change(replace(node, alpha=0.0)))


def _same(node: Node, segment: Segment) -> FloatArray:
    (x,) = segment.operands(node)
    return x


def _missing(node: tensor.Relu, segment: Segment) -> Ways:
    for most in (6.0, 1.0):
        yield Trial(f"has an upper limit of {most:g}", Change(node, output=partial(np.minimum, most)))


def _pooled(node: tensor.Window, segment: Segment) -> Ways:
    facts = {f.name: getattr(node, f.name) for f in fields(tensor.Window)}
    size = float(np.prod(node.kernel))
    for kind in _POOLS:
        if kind.rank == node.rank and not isinstance(node, kind):
            yield Trial(f"pools as {kind.__name__} does", Change(kind(**facts)))
    if isinstance(node, tensor.AvgPool1d | tensor.AvgPool2d):
        yield Trial("does not divide by the size of the window", Change(node, output=lambda y: y * size))
    if isinstance(node, spiking.SumPool2d):
        yield Trial("divides by the size of the window", Change(node, output=lambda y: y / size))


def _counted(node: tensor.AvgPool1d | tensor.AvgPool2d, segment: Segment) -> Ways:
    counts = not node.count_include_pad
    what = "counts" if counts else "does not count"
    yield Trial(f"{what} padding among what it divides by", Change(replace(node, count_include_pad=counts)))


def _signs(node: Node, segment: Segment) -> Ways:
    if node.name == segment.name:
        yield Trial("puts out everything with the opposite sign", Change(node, output=lambda y: -y))
        if segment.graph.signals[node.name].dtype == "spike":
            yield Trial("puts out 1 for 0 and 0 for 1", Change(node, output=lambda y: 1 - y))


def _normalizations(node: tensor.BatchNorm, segment: Segment) -> Ways:
    mean, variance = segment.arrays[node.mean], segment.arrays[node.variance]
    scale, bias = segment.arrays[node.scale], segment.arrays[node.bias]
    for says, arrays in (
        ("adds its mean where it should take it away", {node.mean: -mean}),
        ("does not take its mean away", {node.mean: np.zeros_like(mean)}),
        ("divides by the variance, not by its root", {node.variance: (variance + node.epsilon) ** 2}),
        ("does not divide by the deviation", {node.variance: np.ones_like(variance)}),
        ("does not scale", {node.scale: np.ones_like(scale)}),
        ("has no bias", {node.bias: np.zeros_like(bias)}),
        ("takes its bias for its mean", {node.bias: mean, node.mean: bias}),
        ("takes its mean away without dividing it", {node.mean: mean * np.sqrt(variance) / np.where(scale, scale, 1)}),
    ):
        yield Trial(says, Change(node, arrays))
    for epsilon in (0.0, 1e-3, 1e-5):
        yield Trial(f"has the epsilon {epsilon:g}, not {node.epsilon:g}", Change(replace(node, epsilon=epsilon)))

    def of_the_batch(node: tensor.BatchNorm, step: Step) -> FloatArray:
        axes = (0, *range(2, step.x.ndim))
        middle, spread = step.x.mean(axis=axes, keepdims=True), step.x.var(axis=axes, keepdims=True)
        shape = (1, -1, *(1,) * (step.x.ndim - 2))
        normal: FloatArray = (step.x - middle) / np.sqrt(spread + node.epsilon)
        return normal * scale.reshape(shape) + bias.reshape(shape)

    yield Trial("normalizes by the samples of the batch, as in training", Change(node, meaning=of_the_batch))


def _offsets(node: Node, segment: Segment) -> Ways:
    """All values too high or too low by as much, or too large by one factor."""
    if node.name != segment.name or segment.graph.signals[node.name].dtype == "spike":
        return
    off = float(np.median(segment.found - segment.expected))
    if off:
        word = "high" if off > 0 else "low"
        says = f"puts out everything {abs(off):.5g} too {word}, as where a zero point is off"
        yield Trial(says, Change(node, output=lambda y: y + off))


def _factors(node: Node, segment: Segment) -> Ways:
    if node.name != segment.name or segment.graph.signals[node.name].dtype == "spike":
        return
    power = float(np.sum(segment.expected**2))
    factor = float(np.sum(segment.expected * segment.found)) / power if power else 1.0
    yield Trial(f"puts out everything times {factor:.5g}", Change(node, output=lambda y: y * factor))


RULES = (
    Rule("normalization", (tensor.BatchNorm,), _normalizations),
    Rule("rounding", (quantized.QuantizeLinear,), _roundings),
    Rule("zero-point", (quantized.QuantizeLinear, quantized.DequantizeLinear), _zero_points),
    Rule("saturation", (quantized.QuantizeLinear,), _limits),
    Rule("scale", (quantized.QuantizeLinear, quantized.DequantizeLinear), _scales),
    Rule("clip", _BOUNDED, _unbounded),
    Rule("clip", (tensor.Relu,), _missing),
    Rule("padding-counted", (tensor.AvgPool1d, tensor.AvgPool2d), _counted),
    Rule("pooling", _POOLS, _pooled),
    Rule("sign", (Node,), _signs),
)
ESTIMATED = (Rule("zero-point", (Node,), _offsets), Rule("scale", (Node,), _factors))
