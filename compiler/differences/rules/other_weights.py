"""What weights a layer really has, where what it read says so: those of other inputs, or any others."""

from __future__ import annotations

import numpy as np

from nmc.differences.rules.rule import Rule, Ways
from nmc.differences.rules.single_synapses import KINDS, WHOLE, columns_of, is_seen, off_by, units_of
from nmc.differences.rules.weights import Convolution, Matrix, with_weights
from nmc.differences.segment import Segment
from nmc.model import FloatArray

_MOST_INPUTS, _MOST_ROWS = 600, 20_000
_NEAR = 2e-3
"""How near weights must be, relative to the largest, to be the same ones."""


def _real_weights(node: Matrix | Convolution, segment: Segment) -> FloatArray | None:
    """The weights that make of what was read what was found; None where more than one choice does."""
    weight = segment.arrays[node.weight]
    if not is_seen(node, segment) or weight[0].size > _MOST_INPUTS:
        return None
    found = weight.reshape(len(weight), -1).copy()
    off, units = off_by(node, segment), units_of(node, segment)
    for outputs, inputs in columns_of(node, segment):
        x, y = inputs[:_MOST_ROWS], off[:_MOST_ROWS, outputs]
        used = np.flatnonzero(np.any(x, axis=0))
        if np.linalg.matrix_rank(x[:, used]) < len(used):
            return None
        change = np.linalg.lstsq(x[:, used], y, rcond=None)[0].T
        found[np.ix_(outputs, used)] += change / units[outputs, None]
    return (np.rint(found) if isinstance(node, WHOLE) else found).reshape(weight.shape)


def _inputs_moved(node: Matrix | Convolution, segment: Segment) -> Ways:
    """Weights that are those of other inputs."""
    real, weight = _real_weights(node, segment), segment.arrays[node.weight]
    if real is None:
        return
    near = _NEAR * float(np.max(abs(weight), initial=0.0))
    order = []
    for i in range(weight.shape[1]):
        same = [j for j in range(weight.shape[1]) if np.max(abs(weight[:, j] - real[:, i])) <= near]
        order.append(i if i in same or not same else next((j for j in same if j not in order), same[0]))
    if order != sorted(order):
        says = f"takes its inputs in the order {order}" if len(order) <= 12 else "takes its inputs in another order"
        yield with_weights(node, says, weight[:, order])


def _others(node: Matrix | Convolution, segment: Segment) -> Ways:
    real, weight = _real_weights(node, segment), segment.arrays[node.weight]
    if real is not None:
        near = _NEAR * float(np.max(abs(weight), initial=0.0))
        count = np.count_nonzero(abs(real - weight) > near)
        yield with_weights(node, f"has other weights, {count} of {weight.size}", real)


RULES = (Rule("channels", KINDS, _inputs_moved), Rule("weight", KINDS, _others))
