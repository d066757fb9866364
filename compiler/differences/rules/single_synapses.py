"""Rules of one synapse, or one bias, among many: lost, doubled, or of another weight."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nmc.differences.rules.rule import Rule, Trial, Ways
from nmc.differences.segment import Change, Segment
from nmc.graph import Node
from nmc.model import FloatArray
from nmc.nodes import fixed_point, tensor
from nmc.reference.fixed_point import message
from nmc.reference.tensor import windows

_KINDS = (tensor.Linear, tensor.Conv1d, tensor.Conv2d, fixed_point.FixedDense, fixed_point.FixedConv2d)
_MOST = 4
"""How many neurons may be wrong for the synapses of each to be tried one by one."""
_MOST_INPUTS = 64


def _columns(node: Node, segment: Segment) -> FloatArray:
    """What each weight of an output is multiplied with, [rows, inputs of an output], where all outputs share it."""
    (x,) = segment.operands(node)
    x = message(getattr(node, "num_message_bits", 1), x)
    flat = x.reshape(-1, *x.shape[2:])
    if isinstance(node, tensor.Linear | fixed_point.FixedDense):
        return flat.reshape(-1, flat.shape[-1])
    assert isinstance(node, tensor.Conv1d | tensor.Conv2d | fixed_point.FixedConv2d)
    taken = windows(flat, node.kernel, node.stride, node.padding, node.dilation)
    rank = len(node.kernel)
    first = taken.transpose(0, *range(2, 2 + rank), 1, *range(2 + rank, 2 + 2 * rank))
    return first.reshape(-1, first.shape[1 + rank], int(np.prod(node.kernel)))


def _seen(node: Node, segment: Segment) -> Iterator[tuple[str, Trial]]:
    """A synapse whose weight differs by c changes its output by c times its input, and nothing else."""
    if node.name != segment.name or segment.graph.signals[node.name].timing == "final":
        return
    name: str = node.weight  # type: ignore[attr-defined]
    weight, off = segment.arrays[name], segment.found - segment.expected
    features = weight.shape[0]
    matrix = isinstance(node, tensor.Linear | fixed_point.FixedDense)
    rows = off.reshape(-1, features) if matrix else np.moveaxis(off, 2, -1).reshape(-1, features)
    wrong = np.flatnonzero(np.any(rows != 0, axis=0))
    if not 0 < len(wrong) <= _MOST:
        return
    columns = _columns(node, segment)
    unit = 2.0 ** getattr(node, "weight_exp", 0) * _scale(node, segment)
    changed, lost, doubled, where = weight.copy(), True, True, []
    for j in wrong:
        inputs = columns
        if not matrix:
            groups = node.groups  # type: ignore[attr-defined]
            per_group, of = weight.shape[1], int(j) * groups // features
            inputs = columns[:, of * per_group : (of + 1) * per_group].reshape(len(columns), -1)
        power = np.maximum((inputs**2).sum(axis=0), 1e-300)
        factor = inputs.T @ rows[:, j] / power
        left = ((rows[:, j : j + 1] - inputs * factor) ** 2).sum(axis=0)
        i = int(np.argmin(left))
        place = (int(j), *(int(k) for k in np.unravel_index(i, weight.shape[1:])))
        by = factor[i] / unit[int(j) if unit.size > 1 else 0]
        lost &= bool(np.isclose(by, -weight[place], rtol=1e-2))
        doubled &= bool(np.isclose(by, weight[place], rtol=1e-2))
        changed[place] += by if not isinstance(node, fixed_point.FixedDense | fixed_point.FixedConv2d) else np.rint(by)
        where.append(place)
    what = "lacks the synapse" if lost else "doubles the synapse" if doubled else "has another weight at"
    rule = "synapse-missing" if lost else "synapse-doubled" if doubled else "weight"
    yield rule, Trial(f"{what} {', '.join(map(str, where))}", Change(node, {name: changed}))


def _scale(node: Node, segment: Segment) -> FloatArray:
    scale = getattr(node, "weight_scale", None)
    return np.ones(1) if scale is None else segment.arrays[scale]


def _unseen(node: Node, segment: Segment) -> Iterator[tuple[str, Trial]]:
    """Each synapse of the few neurons that are wrong, where a matrix leads to these."""
    if node.name == segment.name or not isinstance(node, tensor.Linear | fixed_point.FixedDense):
        return
    differs = (segment.found != segment.expected).reshape(*segment.found.shape[:2], -1)
    wrong = np.flatnonzero(differs.any(axis=(0, 1)))
    weight = segment.arrays[node.weight]
    if not 0 < len(wrong) <= _MOST or differs.shape[2] != weight.shape[0] or weight.shape[1] > _MOST_INPUTS:
        return
    for times, rule, word in ((0.0, "synapse-missing", "lacks"), (2.0, "synapse-doubled", "doubles")):
        for j in wrong:
            for i in range(weight.shape[1]):
                if weight[j, i]:
                    changed = weight.copy()
                    changed[j, i] *= times
                    yield rule, Trial(f"{word} the synapse ({j}, {i})", Change(node, {node.weight: changed}))


def _ways(rule: str, node: Node, segment: Segment) -> Ways:
    for name, trial in (*_seen(node, segment), *_unseen(node, segment)):
        if name == rule:
            yield trial


def single_synapses() -> tuple[Rule, ...]:
    """A rule for each of what may be with them."""

    def of(rule: str) -> Rule:
        return Rule(rule, _KINDS, lambda node, segment: _ways(rule, node, segment))

    return tuple(map(of, ("synapse-missing", "synapse-doubled", "weight")))
