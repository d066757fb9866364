"""Rules of how weights lie, and of how many bits they keep."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nmc.differences.rules.rule import Family, Rule, Trial, Ways
from nmc.differences.segment import Change, Segment
from nmc.model import FloatArray
from nmc.nodes import fixed_point, tensor

Matrix = tensor.Linear | fixed_point.FixedDense
Convolution = tensor.Conv1d | tensor.Conv2d | fixed_point.FixedConv2d
Real = tensor.Linear | tensor.Conv1d | tensor.Conv2d
Weighted = Matrix | Convolution | fixed_point.FixedSparse
REAL = (tensor.Linear, tensor.Conv1d, tensor.Conv2d)
CONVOLUTIONS = (tensor.Conv1d, tensor.Conv2d, fixed_point.FixedConv2d)
MATRICES = (tensor.Linear, fixed_point.FixedDense)
WEIGHTED = (*MATRICES, *CONVOLUTIONS, fixed_point.FixedSparse)
_ROUNDINGS: tuple[tuple[str, Callable[[FloatArray], FloatArray]], ...] = (
    ("down", np.floor), ("to the nearest", np.rint), ("towards zero", np.trunc),
)  # fmt: skip


def with_weights(node: Weighted, says: str, weight: FloatArray) -> Trial:
    """The node with other weights."""
    return Trial(says, Change(node, {node.weight: weight}))


def _transposed(node: Matrix, segment: Segment) -> Ways:
    weight = segment.arrays[node.weight]
    if weight.shape[0] == weight.shape[1]:
        yield with_weights(node, "takes its matrix by columns, not by rows", weight.T)
    else:
        says = "takes its matrix as one stored by columns"
        yield with_weights(node, says, weight.T.reshape(weight.shape))
        yield with_weights(node, says, weight.reshape(weight.shape[::-1]).T)


def _flipped(node: Convolution, segment: Segment) -> Ways:
    weight = segment.arrays[node.weight]
    axes = tuple(range(2, weight.ndim))
    yield with_weights(node, "turns its kernels around, as a convolution in mathematics does", np.flip(weight, axes))
    for axis in axes if len(axes) > 1 else ():
        yield with_weights(node, f"turns its kernels around along axis {axis - 2}", np.flip(weight, axis))


def _kernels_transposed(node: Convolution, segment: Segment) -> Ways:
    weight = segment.arrays[node.weight]
    if weight.ndim == 4 and weight.shape[2] == weight.shape[3]:
        yield with_weights(node, "takes its kernels with height and width exchanged", weight.swapaxes(2, 3))
    if weight.shape[0] == weight.shape[1]:
        says = "takes its kernels with input and output channels exchanged"
        yield with_weights(node, says, weight.swapaxes(0, 1))
    last = tuple(range(2, weight.ndim))
    says = "takes its kernels as stored with channels last"
    yield with_weights(node, says, weight.transpose(0, *last, 1).reshape(weight.shape))
    stored = weight.reshape(weight.shape[0], *weight.shape[2:], weight.shape[1])
    yield with_weights(node, says, np.moveaxis(stored, -1, 1))


def _unsigned(node: Weighted, segment: Segment) -> Ways:
    weight = segment.arrays[node.weight]
    for bits in (8, 7, 9, 4, 5, 6, 16):
        says = f"takes its weights as numbers without sign, of {bits} bits"
        yield with_weights(node, says, np.where(weight < 0, weight + 2.0**bits, weight))
    yield with_weights(node, "takes the size of its weights without their sign", abs(weight))
    yield with_weights(node, "loses its weights below 0", np.maximum(weight, 0))
    yield with_weights(node, "loses its weights above 0", np.minimum(weight, 0))


def _signs(node: Weighted, segment: Segment) -> Ways:
    yield with_weights(node, "has all weights with the opposite sign", -segment.arrays[node.weight])


def _bits_lost(node: Weighted, segment: Segment) -> Ways:
    """Weights of fewer bits: whole ones lose their last, others are levels of the largest."""
    weight = segment.arrays[node.weight]
    largest = float(np.max(abs(weight), initial=0.0))
    if np.array_equal(weight, np.rint(weight)):
        steps = {f"to multiples of {step}": float(step) for step in (2, 4, 8, 16, 32)}
    else:
        steps = {}
        for bits in range(2, 9):
            steps[f"to {bits} bits"] = largest / (2 ** (bits - 1) - 1)
            steps[f"to {bits} bits, -{2 ** (bits - 1)} included,"] = largest / 2 ** (bits - 1)
    for text, step in steps.items():
        for says, rounded in _ROUNDINGS if step else ():
            yield with_weights(node, f"rounds its weights {text} {says}", rounded(weight / step) * step)


def _limited(node: Weighted, segment: Segment) -> Ways:
    weight = segment.arrays[node.weight]
    for bits in (8, 7, 6, 5, 4):
        most = 2.0 ** (bits - 1)
        yield with_weights(node, f"keeps its weights within {bits} bits", np.clip(weight, -most, most - 1))
        wrapped = (weight + most) % (2 * most) - most
        yield with_weights(node, f"lets its weights wrap to {bits} bits", wrapped)
    largest = float(np.max(abs(weight), initial=0.0))

    def within(share: float) -> Trial:
        most = share * largest
        return with_weights(node, f"keeps its weights within {most:.4g} of 0", np.clip(weight, -most, most))

    yield Family(0.05, 0.95, within)


def _channel_axes(node: Real, segment: Segment) -> Ways:
    if node.weight_scale is None:
        return
    weight, scale = segment.arrays[node.weight], segment.arrays[node.weight_scale]
    if weight.shape[1] == weight.shape[0]:
        rows = scale.reshape(-1, *(1,) * (weight.ndim - 1))
        wrong = weight * (scale.reshape(1, -1, *(1,) * (weight.ndim - 2)) / rows)
        yield with_weights(node, "scales its weights by input, not by output channel", wrong)
    for says, one in (("the first", scale[0]), ("the largest", scale.max()), ("the mean", scale.mean())):
        text = f"scales the weights of all channels by {says} scale"
        yield Trial(text, Change(node, {node.weight_scale: np.full_like(scale, one)}))
    yield Trial("has its scales in the opposite order", Change(node, {node.weight_scale: scale[::-1]}))
    for k in range(1, min(len(scale), 64)):
        yield Trial(f"has its scales moved by {k}", Change(node, {node.weight_scale: np.roll(scale, k)}))


def _scales(node: Weighted, segment: Segment) -> Ways:
    weight = segment.arrays[node.weight]

    def times(factor: float) -> Trial:
        return with_weights(node, f"has its weights times {factor:.5g}", weight * factor)

    def put_out(factor: float) -> Trial:
        return Trial(f"puts out everything times {factor:g}", Change(node, output=lambda y: y * factor))

    powers = [2.0**sign for size in range(1, 9) for sign in (size, -size)]
    yield from map(times, powers)
    if node.name == segment.name:
        yield from map(put_out, powers)
    yield Family(-3.0, 3.0, lambda power: times(2.0**power))


LAID_OUT = (
    Rule("weights-transposed", MATRICES, _transposed),
    Rule("kernel-flipped", CONVOLUTIONS, _flipped),
    Rule("kernel-transposed", CONVOLUTIONS, _kernels_transposed),
)
SIZED = (
    Rule("sign", WEIGHTED, _signs),
    Rule("weights-unsigned", WEIGHTED, _unsigned),
    Rule("channel-axis", REAL, _channel_axes),
    Rule("scale", WEIGHTED, _scales),
    Rule("rounding", WEIGHTED, _bits_lost),
    Rule("saturation", WEIGHTED, _limited),
)
