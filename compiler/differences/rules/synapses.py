"""Rules of layers with weights: how these lie, which are there, and where a window goes."""

# Facts are changed by name, and rules are written as lambdas, whose types mypy cannot tell.
# mypy: disable-error-code="misc,arg-type,no-any-return,operator,return-value,dict-item,unused-ignore"

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product

import numpy as np

from nmc.differences.rules.rule import Family, Rule, Trial, Ways
from nmc.differences.rules.single_synapses import single_synapses
from nmc.differences.segment import Change, Segment
from nmc.graph import Node
from nmc.model import FloatArray
from nmc.nodes import fixed_point, spiking, tensor
from nmc.reference.fixed_point import IntArray, integers, message, shifted, toward_zero, wrap
from nmc.reference.interpreter import MEANINGS
from nmc.reference.meaning import Step, stateless
from nmc.reference.tensor import convolve

_REAL = (tensor.Linear, tensor.Conv1d, tensor.Conv2d)
_CONVOLUTIONS = (tensor.Conv1d, tensor.Conv2d, fixed_point.FixedConv2d)
_MATRICES = (tensor.Linear, fixed_point.FixedDense)
_WEIGHTED = (*_REAL, fixed_point.FixedDense, fixed_point.FixedConv2d, fixed_point.FixedSparse)
_POOLS = (tensor.AvgPool1d, tensor.AvgPool2d, tensor.MaxPool1d, tensor.MaxPool2d, spiking.SumPool2d)
_SUMMING = (
    spiking.LIF, spiking.CubaLIF, spiking.IF, spiking.LI, spiking.I, spiking.SigmaDelta, fixed_point.FixedLIF,
    fixed_point.FixedCompartments, fixed_point.FixedTernaryLIF, fixed_point.FixedSigmaDelta, tensor.Add,
)  # fmt: skip


def _weights(node: Node, segment: Segment) -> tuple[str, FloatArray]:
    name: str = node.weight  # type: ignore[attr-defined]
    return name, segment.arrays[name]


def _with_weights(node: Node, segment: Segment, says: str, change: Callable[[FloatArray], FloatArray]) -> Trial:
    name, weight = _weights(node, segment)
    return Trial(says, Change(node, {name: change(weight)}))


def _missing_biases(node: tensor.Linear, segment: Segment) -> Ways:
    if node.bias is not None:
        yield Trial("has no bias", Change(replace(node, bias=None)))


def _biases(node: tensor.Linear, segment: Segment) -> Ways:
    if node.bias is None:
        return
    bias = segment.arrays[node.bias]
    for times, says in ((2.0, "adds its bias twice"), (-1.0, "takes its bias away"), (0.5, "adds half of its bias")):
        yield Trial(says, Change(node, {node.bias: bias * times}))
    yield Trial("has its biases in the opposite order", Change(node, {node.bias: bias[::-1]}))
    yield Trial("has one bias for all channels", Change(node, {node.bias: np.full_like(bias, bias[0])}))
    if node.name == segment.name:
        axes = tuple(
            axis
            for axis in range(segment.found.ndim)
            if axis
            != (
                segment.found.ndim - 1
                if len(bias) == segment.found.shape[-1] and isinstance(node, tensor.Linear)
                else 2
            )
        )
        off = (segment.found - segment.expected).mean(axis=axes)
        if off.shape == bias.shape:
            yield Trial("has other biases", Change(node, {node.bias: bias + off}))


def _transposed(node: Node, segment: Segment) -> Ways:
    _, weight = _weights(node, segment)
    if weight.ndim != 2:
        return
    if weight.shape[0] == weight.shape[1]:
        yield _with_weights(node, segment, "takes its matrix by columns, not by rows", np.transpose)
    else:
        says = "takes its matrix as one stored by columns"
        yield _with_weights(node, segment, says, lambda w: w.T.reshape(w.shape))
        yield _with_weights(node, segment, says, lambda w: w.reshape(w.shape[::-1]).T)


def _flipped(node: Node, segment: Segment) -> Ways:
    rank = segment.arrays[node.weight].ndim - 2  # type: ignore[attr-defined]
    axes = tuple(range(2, 2 + rank))
    yield _with_weights(
        node, segment, "turns its kernels around, as a convolution in mathematics does", lambda w: np.flip(w, axes)
    )
    for axis in axes if rank > 1 else ():
        yield _with_weights(
            node, segment, f"turns its kernels around along axis {axis - 2}", lambda w, axis=axis: np.flip(w, axis)
        )


def _kernels_transposed(node: Node, segment: Segment) -> Ways:
    _, weight = _weights(node, segment)
    if weight.ndim == 4:
        if weight.shape[2] == weight.shape[3]:
            says = "takes its kernels with height and width exchanged"
            yield _with_weights(node, segment, says, lambda w: w.swapaxes(2, 3))
        if weight.shape[0] == weight.shape[1]:
            says = "takes its kernels with input and output channels exchanged"
            yield _with_weights(node, segment, says, lambda w: w.swapaxes(0, 1))
        says = "takes its kernels as stored with channels last"
        yield _with_weights(node, segment, says, lambda w: w.transpose(0, 2, 3, 1).reshape(w.shape))
        yield _with_weights(
            node, segment, says, lambda w: w.reshape(w.shape[0], *w.shape[2:], w.shape[1]).transpose(0, 3, 1, 2)
        )


def _unsigned(node: Node, segment: Segment) -> Ways:
    for bits in (8, 7, 9, 4, 5, 6, 16):
        says = f"takes its weights as numbers without sign, of {bits} bits"
        yield _with_weights(node, segment, says, lambda w, bits=bits: np.where(w < 0, w + 2.0**bits, w))
    yield _with_weights(node, segment, "takes the size of its weights without their sign", abs)
    yield _with_weights(node, segment, "loses its weights below 0", lambda w: np.maximum(w, 0))
    yield _with_weights(node, segment, "loses its weights above 0", lambda w: np.minimum(w, 0))


def _signs(node: Node, segment: Segment) -> Ways:
    yield _with_weights(node, segment, "has all weights with the opposite sign", np.negative)


def _bits_lost(node: Node, segment: Segment) -> Ways:
    """Weights of fewer bits, or beyond those they should have."""
    for step in (2, 4, 8, 16):
        for says, rounded in (("down", np.floor), ("to the nearest", np.rint), ("towards zero", np.trunc)):
            text = f"rounds its weights {says} to multiples of {step}"
            yield _with_weights(node, segment, text, lambda w, step=step, rounded=rounded: rounded(w / step) * step)


def _limited(node: Node, segment: Segment) -> Ways:
    for bits in (8, 7, 6, 5, 4):
        most = 2.0 ** (bits - 1)
        says = f"keeps its weights within {bits} bits"
        yield _with_weights(node, segment, says, lambda w, most=most: np.clip(w, -most, most - 1))
        wrapped = f"lets its weights wrap to {bits} bits"
        yield _with_weights(node, segment, wrapped, lambda w, most=most: (w + most) % (2 * most) - most)


def _channels(node: Node, segment: Segment) -> Ways:
    _, weight = _weights(node, segment)
    for axis, what in ((0, "output"), (1, "input")):
        if weight.ndim <= axis or weight.shape[axis] < 2 or weight.ndim < 2:
            continue
        yield _with_weights(
            node, segment, f"has its {what} channels in the opposite order", lambda w, axis=axis: np.flip(w, axis)
        )
        for k in range(1, min(weight.shape[axis], 64)):
            says = f"has its {what} channels moved by {k}"
            yield _with_weights(node, segment, says, lambda w, axis=axis, k=k: np.roll(w, k, axis))
        for groups in (g for g in range(2, weight.shape[axis]) if weight.shape[axis] % g == 0):
            says = f"has its {what} channels shuffled in {groups} groups"
            yield _with_weights(
                node,
                segment,
                says,
                lambda w, axis=axis, groups=groups: np.take(w, _shuffled(w.shape[axis], groups), axis),
            )


def _shuffled(count: int, groups: int) -> IntArray:
    return np.arange(count).reshape(groups, -1).T.ravel()


def _channel_axes(node: tensor.Linear, segment: Segment) -> Ways:
    if node.weight_scale is None:
        return
    _, weight = _weights(node, segment)
    scale = segment.arrays[node.weight_scale]
    if weight.shape[1] == weight.shape[0]:
        wrong = weight * (
            scale.reshape(1, -1, *(1,) * (weight.ndim - 2)) / scale.reshape(-1, *(1,) * (weight.ndim - 1))
        )
        yield Trial("scales its weights by input, not by output channel", Change(node, {node.weight: wrong}))
    for says, one in (("the first", scale[0]), ("the largest", scale.max()), ("the mean", scale.mean())):
        text = f"scales the weights of all channels by {says} scale"
        yield Trial(text, Change(node, {node.weight_scale: np.full_like(scale, one)}))
    yield Trial("has its scales in the opposite order", Change(node, {node.weight_scale: scale[::-1]}))


def _scales(node: Node, segment: Segment) -> Ways:
    def times(factor: float) -> Trial:
        name, weight = _weights(node, segment)
        wrong = {name: weight * factor}
        return Trial(f"has its weights times {factor:.5g}", Change(node, wrong))

    for power in (1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, -6, 7, -7, 8, -8):
        yield times(2.0**power)
    if node.name == segment.name:
        for power in (1, -1, 2, -2, 3, -3, 4, -4, 6, -6, 8, -8):
            yield Trial(f"puts out everything times {2.0**power:g}", Change(node, output=lambda y, k=power: y * 2.0**k))
    yield Family(-3.0, 3.0, lambda power: times(2.0**power))


def _exponents(node: fixed_point.FixedDense, segment: Segment) -> Ways:
    for moved in (1, -1, 2, -2, 3, -3, 6, -6, 4, -4, 5, -5):
        to = node.weight_exp + moved
        if -31 <= to <= 31:
            yield Trial(f"shifts its sums by {to} bits, not by {node.weight_exp}", Change(replace(node, weight_exp=to)))
    if node.weight_exp:
        yield Trial("does not shift its sums", Change(replace(node, weight_exp=0)))
        yield Trial("shifts its sums the other way", Change(replace(node, weight_exp=-node.weight_exp)))


def _shift_roundings(node: fixed_point.FixedDense, segment: Segment) -> Ways:
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
    _, weight = _weights(node, segment)
    each = {node.weight: shifted(integers(weight), node.weight_exp).astype(np.float64)}
    yield Trial("shifts each weight, not their sums", Change(replace(node, weight_exp=0), each))


def _dense(rounded: Callable[[IntArray], IntArray]) -> Callable[..., FloatArray]:
    def meaning(node: fixed_point.FixedDense, step: Step) -> FloatArray:
        total = integers(message(node.num_message_bits, step.x) @ step.arrays[node.weight].T)
        return wrap(rounded(wrap(total, 32) if node.num_message_bits else total), 32).astype(np.float64)

    return meaning


def _dense_wraps(node: fixed_point.FixedDense, segment: Segment) -> Ways:
    for bits in (16, 18, 22, 24):
        yield Trial(
            f"keeps {bits} bits of its sums",
            Change(node, output=lambda y, bits=bits: wrap(integers(y), bits).astype(np.float64)),
        )
    yield Trial("keeps its sums beyond 32 bits", Change(node, meaning=lambda node, step: shifted(
        integers(message(node.num_message_bits, step.x) @ step.arrays[node.weight].T), node.weight_exp
    ).astype(np.float64)))  # fmt: skip


def _conv_wraps(node: fixed_point.FixedConv2d, segment: Segment) -> Ways:
    def sums(node: fixed_point.FixedConv2d, step: Step) -> FloatArray:
        return np.rint(convolve(node, message(node.num_message_bits, step.x), step.arrays[node.weight]))

    yield Trial("keeps its sums beyond 24 bits", Change(node, meaning=sums))
    yield Trial(
        "keeps its sums at the limits of 24 bits",
        Change(node, meaning=lambda node, step: np.clip(sums(node, step), -(2.0**23), 2.0**23 - 1)),
    )
    for bits in (16, 18, 22, 32):
        yield Trial(
            f"wraps its sums to {bits} bits",
            Change(
                node, meaning=lambda node, step, bits=bits: wrap(integers(sums(node, step)), bits).astype(np.float64)
            ),
        )


def _messages(node: fixed_point.FixedDense | fixed_point.FixedConv2d, segment: Segment) -> Ways:
    if node.num_message_bits:
        says = "takes numbers for spikes"
        yield Trial(says, Change(replace(node, num_message_bits=0)))
        for bits in (node.num_message_bits - 1, 8, 7, 4):
            if bits > 1:
                most = 2.0 ** (bits - 1)
                text = f"keeps {bits} bits of the numbers that it reads"
                yield Trial(text, Change(node, operands=lambda xs, most=most: ((xs[0] + most) % (2 * most) - most,)))
                yield Trial(text, Change(node, operands=lambda xs, most=most: (np.clip(xs[0], -most, most - 1),)))
    else:
        yield Trial("takes spikes for numbers", Change(replace(node, num_message_bits=8)))


def _paddings(node: Node, segment: Segment) -> Ways:
    padding = node.padding  # type: ignore[attr-defined]
    rank = len(padding) // 2
    begin, end = padding[:rank], padding[rank:]
    total = [a + b for a, b in zip(begin, end, strict=True)]
    others = [
        (tuple(0 for _ in total) + tuple(total), "pads at the end alone"),
        (tuple(total) + tuple(0 for _ in total), "pads at the beginning alone"),
        ((*end, *begin), "exchanges what it pads at the beginning and at the end"),
        ((*begin[::-1], *end[::-1]), "exchanges what it pads along its axes"),
        ((*end[::-1], *begin[::-1]), "exchanges what it pads along its axes and at their ends"),
        (tuple(n // 2 for n in total) + tuple(n - n // 2 for n in total), "pads the odd pixel at the end"),
        (tuple(n - n // 2 for n in total) + tuple(n // 2 for n in total), "pads the odd pixel at the beginning"),
        (tuple(0 for _ in padding), "does not pad"),
    ]
    for off in product((-1, 0, 1), repeat=rank) if rank < 3 else ():
        moved = (*(a + d for a, d in zip(begin, off, strict=True)), *(b - d for b, d in zip(end, off, strict=True)))
        others.append((moved, f"is moved by {off} pixels"))
    for wrong, says in dict.fromkeys(others):
        if wrong != padding and min(wrong) >= 0:
            yield Trial(says, _with_window(node, segment, padding=wrong))
    if isinstance(node, _CONVOLUTIONS):
        yield from _filled(node, segment)


def _filled(node: Node, segment: Segment) -> Ways:
    """What else than zeros a convolution may read beyond the border."""
    padding = node.padding  # type: ignore[attr-defined]
    rank = len(padding) // 2
    pads = [(0, 0)] * 3 + list(zip(padding[:rank], padding[rank:], strict=True))
    plain = replace(node, padding=(0,) * 2 * rank)  # type: ignore[call-arg]
    for mode in ("reflect", "edge", "wrap", "symmetric"):
        sizes = segment.operands(node)[0].shape[3:]
        if any(padding) and all(max(p) < n for p, n in zip(pads[3:], sizes, strict=True)):
            yield Trial(
                f"pads by {mode}, not with zeros",
                Change(plain, operands=lambda xs, mode=mode: (np.pad(xs[0], pads, mode=mode),)),
            )  # type: ignore[call-overload]


def _strides(node: Node, segment: Segment) -> Ways:
    yield from _numbers(node, segment, "stride")


def _dilations(node: Node, segment: Segment) -> Ways:
    yield from _numbers(node, segment, "dilation")


def _numbers(node: Node, segment: Segment, fact: str) -> Ways:
    value: tuple[int, ...] = getattr(node, fact)
    others: Iterator[tuple[int, ...]] = (tuple(k for _ in value) for k in (1, 2, 3))
    for wrong in dict.fromkeys([*others, value[::-1]]):
        if wrong != value:
            yield Trial(f"has the {fact} {wrong}, not {value}", _with_window(node, segment, **{fact: wrong}))


def _with_window(node: Node, segment: Segment, **facts: object) -> Change:
    """A node with another window, whose output is cut or filled at its ends to the shape that it should have."""
    wrong = replace(node, **facts)  # type: ignore[arg-type]
    shape = segment.graph.signals[node.name].shape

    def meaning(_: Node, step: Step) -> FloatArray:
        x = step.x
        try:
            wrong.output_shape(x.shape[1:])
        except ValueError:
            return np.zeros((len(x), *shape))
        y = stateless(MEANINGS[type(node)](wrong, step)).y
        cut = y[(slice(None), *(slice(0, n) for n in shape))]
        return np.pad(cut, [(0, 0), *((0, n - have) for n, have in zip(shape, cut.shape[1:], strict=True))])

    return Change(node, meaning=meaning)


def _groups(node: tensor.Conv2d, segment: Segment) -> Ways:
    """Groups taken one after another of what should be every so-many-th channel, or the other way round."""
    groups = node.groups
    if groups == 1:
        return
    channels = segment.operands(node)[0].shape[2]
    for index in (
        _shuffled(channels, groups),
        _shuffled(channels, channels // groups),
        np.roll(np.arange(channels), channels // groups),
    ):
        yield Trial(
            "reads the input channels of other groups",
            Change(node, operands=lambda xs, index=index: (xs[0][:, :, index],)),
        )


def _missing(node: Node, segment: Segment) -> Ways:
    if len(node.inputs) > 1:
        for index, ref in enumerate(node.inputs):
            reads = (*node.inputs[:index], *node.inputs[index + 1 :])
            yield Trial(f"does not read {ref.node!r}", Change(replace(node, inputs=reads)))
    yield Trial("reads nothing", Change(node, operands=lambda xs: tuple(np.zeros_like(x) for x in xs)))


def _doubled(node: Node, segment: Segment) -> Ways:
    for times, word in ((2, "twice"), (3, "three times")):
        for index, ref in enumerate(node.inputs):
            if len(node.inputs) > 1:
                reads = (*node.inputs, *(node.inputs[index],) * (times - 1))
                yield Trial(f"reads {ref.node!r} {word}", Change(replace(node, inputs=reads)))
    if len(node.inputs) > 1:
        for times in (2, 3):
            yield Trial(f"reads everything {times} times", Change(replace(node, inputs=node.inputs * times)))


RULES = (
    Rule("synapse-missing", _SUMMING, _missing),
    Rule("synapse-doubled", _SUMMING, _doubled),
    Rule("bias-missing", _REAL, _missing_biases),
    Rule("weights-transposed", _MATRICES, _transposed),
    Rule("kernel-flipped", _CONVOLUTIONS, _flipped),
    Rule("kernel-transposed", _CONVOLUTIONS, _kernels_transposed),
    Rule("padding", (*_CONVOLUTIONS, *_POOLS), _paddings),
    Rule("stride", (*_CONVOLUTIONS, *_POOLS), _strides),
    Rule("dilation", _CONVOLUTIONS, _dilations),
    Rule("channels", (*_CONVOLUTIONS, *_MATRICES), _channels),
    Rule("channels", _CONVOLUTIONS, _groups),
    Rule("sign", _WEIGHTED, _signs),
    Rule("weights-unsigned", _WEIGHTED, _unsigned),
    Rule("channel-axis", _REAL, _channel_axes),
    Rule("scale", (fixed_point.FixedDense, fixed_point.FixedSparse), _exponents),
    Rule("scale", _WEIGHTED, _scales),
    Rule("rounding", (fixed_point.FixedDense,), _shift_roundings),
    Rule("wrap", (fixed_point.FixedDense,), _dense_wraps),
    Rule("wrap", (fixed_point.FixedConv2d,), _conv_wraps),
    Rule("messages", (fixed_point.FixedDense, fixed_point.FixedConv2d), _messages),
    Rule("bias", _REAL, _biases),
    Rule("rounding", _WEIGHTED, _bits_lost),
    Rule("saturation", _WEIGHTED, _limited),
    *single_synapses(),
)
