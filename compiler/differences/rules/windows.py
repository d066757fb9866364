"""Rules of where the windows of convolutions and pooling go."""

from __future__ import annotations

from itertools import product

import numpy as np

from nmc.differences.rules.rule import Rule, Trial, Ways, with_facts
from nmc.differences.rules.weights import CONVOLUTIONS, Convolution
from nmc.differences.segment import Change, Operands, Segment
from nmc.graph import Node
from nmc.model import FloatArray
from nmc.nodes import spiking, tensor
from nmc.reference.interpreter import MEANINGS
from nmc.reference.meaning import Step, stateless

Pool = tensor.AvgPool1d | tensor.AvgPool2d | tensor.MaxPool1d | tensor.MaxPool2d | spiking.SumPool2d
Windowed = Convolution | Pool
POOLS = (tensor.AvgPool1d, tensor.AvgPool2d, tensor.MaxPool1d, tensor.MaxPool2d, spiking.SumPool2d)
_PADS = ("reflect", "edge", "wrap", "symmetric")


def _paddings(node: Windowed, segment: Segment) -> Ways:
    padding = node.padding
    rank = len(padding) // 2
    begin, end = padding[:rank], padding[rank:]
    total = [a + b for a, b in zip(begin, end, strict=True)]
    others: list[tuple[tuple[int, ...], str]] = [
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
    if isinstance(node, CONVOLUTIONS):
        yield from _filled(node, segment)


def _filled(node: Convolution, segment: Segment) -> Ways:
    """What else than zeros a convolution may read beyond the border."""
    rank = len(node.padding) // 2
    pads = list(zip(node.padding[:rank], node.padding[rank:], strict=True))
    sizes = segment.operands(node)[0].shape[3:]
    if not any(node.padding) or any(max(pad) >= size for pad, size in zip(pads, sizes, strict=True)):
        return
    plain = with_facts(node, padding=(0,) * 2 * rank)
    for mode in _PADS:

        def filled(xs: Operands, mode: str = mode) -> Operands:
            return (_padded(xs[0], pads, mode),)

        yield Trial(f"pads by {mode}, not with zeros", Change(plain, operands=filled))


def _padded(x: FloatArray, pads: list[tuple[int, int]], mode: str) -> FloatArray:
    """An image with more at its ends: see numpy.pad."""
    index = []
    for axis, (before, after) in enumerate(pads):
        size = x.shape[3 + axis]
        at = np.arange(size)
        index.append(np.pad(at, (before, after), mode=mode))  # type: ignore[call-overload]
    for axis, at in enumerate(index):
        x = np.take(x, at, axis=3 + axis)
    return x


def _strides(node: Windowed, segment: Segment) -> Ways:
    for wrong in _numbers(node.stride):
        says = f"has the stride {wrong}, not {node.stride}"
        yield Trial(says, _with_window(node, segment, stride=wrong))


def _dilations(node: Convolution, segment: Segment) -> Ways:
    for wrong in _numbers(node.dilation):
        says = f"has the dilation {wrong}, not {node.dilation}"
        yield Trial(says, _with_window(node, segment, dilation=wrong))


def _numbers(value: tuple[int, ...]) -> list[tuple[int, ...]]:
    """What a number for each axis may be by mistake."""
    same = [tuple(k for _ in value) for k in (1, 2, 3)]
    off = [tuple(n + by for n in value) for by in (1, -1)]
    return [wrong for wrong in dict.fromkeys([*same, value[::-1], *off]) if wrong != value and min(wrong) > 0]


def _with_window(node: Windowed, segment: Segment, **facts: object) -> Change:
    """A node with another window, whose output is cut or filled at its ends to the shape that it should have."""
    wrong = with_facts(node, **facts)
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


RULES = (
    Rule("padding", (*CONVOLUTIONS, *POOLS), _paddings),
    Rule("stride", (*CONVOLUTIONS, *POOLS), _strides),
    Rule("dilation", CONVOLUTIONS, _dilations),
)
