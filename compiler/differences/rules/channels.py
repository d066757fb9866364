"""Rules of channels and neurons that come in another order, or one in place of another."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nmc.differences.rules.rule import Rule, Trial, Ways
from nmc.differences.rules.weights import CONVOLUTIONS, MATRICES, Convolution, Matrix, with_weights
from nmc.differences.segment import Change, Operands, Segment
from nmc.graph import Node
from nmc.model import FloatArray
from nmc.nodes import tensor

Order = NDArray[np.int64]
_MOST = 64
"""How many channels there may be for each to be tried in the place of each."""
_MOST_NEURONS = 512
_NEAR = 1e-3
"""How near values of two channels must be, relative to the largest, to be the same ones."""


def _channels(node: Matrix | Convolution, segment: Segment) -> Ways:
    weight = segment.arrays[node.weight]
    for axis, what in ((0, "output"), (1, "input")):
        count = weight.shape[axis]
        if count < 2:
            continue
        yield with_weights(node, f"has its {what} channels in the opposite order", np.flip(weight, axis))
        for k in range(1, min(count, _MOST)):
            yield with_weights(node, f"has its {what} channels moved by {k}", np.roll(weight, k, axis))
        for groups in (g for g in range(2, count) if count % g == 0):
            says = f"has its {what} channels shuffled in {groups} groups"
            yield with_weights(node, says, np.take(weight, _shuffled(count, groups), axis))


def _shuffled(count: int, groups: int) -> Order:
    return np.arange(count).reshape(groups, -1).T.ravel()


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

        def read(xs: Operands, index: Order = index) -> Operands:
            return (xs[0][:, :, index],)

        yield Trial("reads the input channels of other groups", Change(node, operands=read))


def _neurons(node: Node, segment: Segment) -> Ways:
    """Channels, or single neurons, that put out what others should."""
    shape = segment.found.shape[2:]
    if node.name != segment.name or not shape:
        return
    expected, found = segment.expected[:, segment.known], segment.found[:, segment.known]
    for what, form in (("channels", (shape[0], -1)), ("neurons", (-1, 1))):
        kept = (*expected.shape[:2], *form)
        order = _matched(expected.reshape(kept), found.reshape(kept))
        if order is not None:

            def moved(y: FloatArray, order: Order = order, form: tuple[int, int] = form) -> FloatArray:
                return y.reshape(*y.shape[:2], *form)[:, :, order].reshape(y.shape)

            yield Trial(f"puts out its {what} in the order {_short(order)}", Change(node, output=moved))
        if len(shape) == 1:
            return


def _matched(expected: FloatArray, found: FloatArray) -> Order | None:
    """Which channel of what is expected each one is that was found; None where one is none of them."""
    count = expected.shape[2]
    if not 1 < count <= _MOST_NEURONS:
        return None
    one, other = (np.moveaxis(x, 2, 0).reshape(count, -1) for x in (expected, found))
    near = _NEAR * float(np.max(abs(one), initial=0.0))
    order = np.arange(count)
    wrong = np.flatnonzero(np.max(abs(one - other), axis=1) > near)
    for j in wrong:
        same = np.flatnonzero(np.max(abs(one - other[j]), axis=1) <= near)
        if not len(same):
            return None
        unused = [i for i in same if i not in order[wrong[wrong < j]]]
        order[j] = unused[0] if unused else same[0]
    return order if len(wrong) else None


def _rows(node: Matrix | Convolution, segment: Segment) -> Ways:
    """Rows of weights, with their biases or without, in the place of others: each is tried in each place."""
    weight = segment.arrays[node.weight]
    count = len(weight)
    if not 1 < count <= _MOST:
        return
    bias = getattr(node, "bias", None)
    for names in ((node.weight, bias), (node.weight,), (bias,)) if bias else ((node.weight,),):
        arrays = {name: segment.arrays[name] for name in names if name}
        order = _assembled(node, segment, arrays, count)
        if order is not None:
            what = "biases" if names == (bias,) else "output channels"
            wrong = {name: array[order] for name, array in arrays.items()}
            yield Trial(f"has its {what} in the order {_short(order)}", Change(node, wrong))


def _assembled(
    node: Matrix | Convolution, segment: Segment, arrays: dict[str, FloatArray], count: int
) -> Order | None:
    """The row that explains each channel, where one does: all are moved by as much, and each channel is looked at."""
    found = _by_channel(segment, segment.found, count)
    if found is None:
        return None
    order = np.full(count, -1)
    for k in range(count):
        moved = {name: np.roll(array, k, axis=0) for name, array in arrays.items()}
        produced = _by_channel(segment, segment.changed(Change(node, moved)), count)
        assert produced is not None
        near = _NEAR * float(np.max(abs(found), initial=0.0))
        right = np.max(abs(produced - found), axis=1) <= near
        order = np.where((order < 0) & right, (np.arange(count) - k) % count, order)
    return order if np.all(order >= 0) and np.any(order != np.arange(count)) else None


def _by_channel(segment: Segment, value: FloatArray, count: int) -> FloatArray | None:
    """Values by channel, where these are those of the weights."""
    kept = value[:, segment.known]
    axis = next((axis for axis in (2, kept.ndim - 1) if axis < kept.ndim and kept.shape[axis] == count), None)
    return None if axis is None else np.moveaxis(kept, axis, 0).reshape(count, -1)


def _pairs(node: Matrix | Convolution, segment: Segment) -> Ways:
    """Two inputs of which each is taken for the other."""
    weight = segment.arrays[node.weight]
    for one, other in combinations(range(weight.shape[1]), 2):
        order = np.arange(weight.shape[1])
        order[[one, other]] = other, one
        yield with_weights(node, f"has its input channels {one} and {other} exchanged", weight[:, order])


def _short(order: Order) -> str:
    """An order in few words."""
    moved = np.flatnonzero(order != np.arange(len(order)))
    if len(order) > 12 and len(moved) <= 4:
        return ", ".join(f"{j} from {order[j]}" for j in moved)
    return str(order.tolist()) if len(order) <= 12 else f"{order[:12].tolist()} and so on"


RULES = (
    Rule("channels", (*CONVOLUTIONS, *MATRICES), _channels),
    Rule("channels", (tensor.Conv1d, tensor.Conv2d), _groups),
)
ASSEMBLED = (
    Rule("channels", (Node,), _neurons),
    Rule("channels", (*CONVOLUTIONS, *MATRICES), _rows),
    Rule("channels", (*CONVOLUTIONS, *MATRICES), _pairs),
)
