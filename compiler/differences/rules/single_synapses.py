"""Rules of one synapse among many: lost, doubled, or of another weight."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nmc.differences.rules.rule import Rule, Trial, Ways
from nmc.differences.rules.weights import CONVOLUTIONS, MATRICES, Convolution, Matrix
from nmc.differences.segment import Change, Segment
from nmc.model import FloatArray
from nmc.nodes import fixed_point
from nmc.reference.fixed_point import message
from nmc.reference.tensor import windows

KINDS = (*MATRICES, *CONVOLUTIONS)
WHOLE = (fixed_point.FixedDense, fixed_point.FixedConv2d)
_MOST = 4
"""How many neurons may be wrong for the synapses of each to be tried one by one."""
_MOST_INPUTS = 128
_FEW_INPUTS = 32


def columns_of(node: Matrix | Convolution, segment: Segment) -> Iterator[tuple[NDArray[np.int64], FloatArray]]:
    """Groups of outputs, and what each of their weights is multiplied with at known steps, [rows, inputs]."""
    (x,) = segment.operands(node)
    if x.shape[1] > 1:
        x = x[:, segment.known]
    x = message(getattr(node, "num_message_bits", 1), x)
    features = len(segment.arrays[node.weight])
    if isinstance(node, MATRICES):
        yield np.arange(features), x.reshape(-1, x.shape[-1])
        return
    assert isinstance(node, CONVOLUTIONS)
    taken = windows(x.reshape(-1, *x.shape[2:]), node.kernel, node.stride, node.padding, node.dilation)
    rank = len(node.kernel)
    first = taken.transpose(0, *range(2, 2 + rank), 1, *range(2 + rank, 2 + 2 * rank))
    columns = first.reshape(-1, first.shape[1 + rank], int(np.prod(node.kernel)))
    of_group = columns.shape[1] // node.groups
    for group, outputs in enumerate(np.split(np.arange(features), node.groups)):
        part = columns[:, group * of_group : (group + 1) * of_group]
        yield outputs, part.reshape(len(columns), -1)


def off_by(node: Matrix | Convolution, segment: Segment) -> FloatArray:
    """By how much a node that was seen is off at known steps, [rows, outputs]."""
    off = (segment.found - segment.expected)[:, segment.known]
    features = len(segment.arrays[node.weight])
    return (off if isinstance(node, MATRICES) else np.moveaxis(off, 2, -1)).reshape(-1, features)


def units_of(node: Matrix | Convolution, segment: Segment) -> FloatArray:
    """By how much an output rises with one of its weights, for each output."""
    scale = getattr(node, "weight_scale", None)
    features = len(segment.arrays[node.weight])
    size = np.ones(features) if scale is None else np.broadcast_to(segment.arrays[scale], (features,))
    return size * 2.0 ** getattr(node, "weight_exp", 0)


def is_seen(node: Matrix | Convolution, segment: Segment) -> bool:
    """Whether it is the node of its segment that was seen, one value for each of what it reads."""
    return node.name == segment.name and segment.graph.signals[node.name].timing != "final"


def _seen(node: Matrix | Convolution, segment: Segment) -> Iterator[tuple[str, Trial]]:
    """A synapse whose weight differs by c changes its output by c times its input, and nothing else."""
    if not is_seen(node, segment):
        return
    weight, rows, units = segment.arrays[node.weight], off_by(node, segment), units_of(node, segment)
    wrong = np.flatnonzero(np.any(rows != 0, axis=0))
    if not 0 < len(wrong) <= _MOST:
        return
    changed, lost, doubled, where = weight.copy(), True, True, []
    for outputs, inputs in columns_of(node, segment):
        power = np.maximum((inputs**2).sum(axis=0), 1e-300)
        for j in np.intersect1d(outputs, wrong):
            factor = inputs.T @ rows[:, j] / power
            left = ((rows[:, j : j + 1] - inputs * factor) ** 2).sum(axis=0)
            i = int(np.argmin(left))
            place = (int(j), *(int(k) for k in np.unravel_index(i, weight.shape[1:])))
            by = factor[i] / units[j]
            lost &= bool(np.isclose(by, -weight[place], rtol=1e-2))
            doubled &= bool(np.isclose(by, weight[place], rtol=1e-2))
            changed[place] += np.rint(by) if isinstance(node, WHOLE) else by
            where.append(place)
    what = "lacks the synapse" if lost else "doubles the synapse" if doubled else "has another weight at"
    rule = "synapse-missing" if lost else "synapse-doubled" if doubled else "weight"
    yield rule, Trial(f"{what} {', '.join(map(str, where))}", Change(node, {node.weight: changed}))


def _unseen(node: Matrix | Convolution, segment: Segment) -> Iterator[tuple[str, Trial]]:
    """Each synapse of the few neurons that are wrong, where weights lead to these: lost, doubled, or another."""
    if node.name == segment.name:
        return
    weight = segment.arrays[node.weight]
    wrong = _wrong_outputs(segment, len(weight))
    if not 0 < len(wrong) <= _MOST or weight[0].size > _MOST_INPUTS:
        return
    largest = float(np.max(abs(weight)))
    places = [(int(j), *map(int, i)) for j in wrong for i in np.ndindex(weight.shape[1:]) if weight[(j, *i)]]
    others = [("synapse-missing", "lacks", 0.0, 0.0), ("synapse-doubled", "doubles", 2.0, 0.0),
              ("weight", "has the opposite weight at", -1.0, 0.0)]  # fmt: skip
    if weight[0].size <= _FEW_INPUTS:
        others += [("weight", "has another weight at", 1.0, share * largest) for share in (0.5, -0.5, 1.0, -1.0)]
    for rule, word, times, more in others:
        for place in places:
            changed = weight.copy()
            changed[place] = changed[place] * times + more
            of = "" if rule == "weight" else "the synapse "
            yield rule, Trial(f"{word} {of}{place}", Change(node, {node.weight: changed}))


def _wrong_outputs(segment: Segment, features: int) -> NDArray[np.int64]:
    """Which outputs are wrong, where the channels or neurons that were seen are those of the weights."""
    differs = (segment.found != segment.expected)[:, segment.known]
    flat = differs.reshape(*differs.shape[:2], -1)
    if differs.ndim > 2 and differs.shape[2] == features:
        return np.flatnonzero(differs.reshape(*differs.shape[:3], -1).any(axis=(0, 1, 3)))
    return np.flatnonzero(flat.any(axis=(0, 1))) if flat.shape[2] == features else np.empty(0, np.int64)


def _ways(rule: str, node: Matrix | Convolution, segment: Segment) -> Ways:
    for name, trial in (*_seen(node, segment), *_unseen(node, segment)):
        if name == rule:
            yield trial


def _rule(name: str) -> Rule:
    return Rule(name, KINDS, lambda node, segment: _ways(name, node, segment))


RULES = (_rule("synapse-missing"), _rule("synapse-doubled"))
ESTIMATED = (_rule("weight"),)
