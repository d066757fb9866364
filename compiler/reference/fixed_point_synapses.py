"""The meaning of fixed-point synapses that are stored sparsely or have delays of their own."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nmc.graph import Node
from nmc.model import FloatArray
from nmc.nodes import fixed_point
from nmc.reference.fixed_point import IntArray, integers, message, shifted, wrap
from nmc.reference.meaning import Meaning, Result, Step


def _rows(node: fixed_point.FixedSparse, step: Step) -> IntArray:
    """The row of each entry of W."""
    counts = np.diff(integers(step.arrays[node.row_start]))
    return np.repeat(np.arange(node.features), counts)


def _products(node: fixed_point.FixedSparse, step: Step) -> IntArray:
    """W s of each entry, [B, synapses]."""
    s = integers(message(node.num_message_bits, step.x))
    return s[:, integers(step.arrays[node.column])] * integers(step.arrays[node.weight])


def _summed(products: IntArray, places: IntArray, size: int) -> IntArray:
    """The sum of all products [B, synapses] that go to each place, [B, size]."""
    return np.stack([np.bincount(places, each, size).astype(np.int64) for each in products])


def _sparse(node: fixed_point.FixedSparse, step: Step) -> FloatArray:
    total = _summed(_products(node, step), _rows(node, step), node.features)
    if node.num_message_bits:
        total = wrap(total, 32)
    return wrap(shifted(total, node.weight_exp), 32).astype(np.float64)


def _delay_dense(node: fixed_point.FixedDelayDense, step: Step) -> Result:
    s = integers(message(node.num_message_bits, step.x))
    products = wrap(s[:, None, :] * integers(step.arrays[node.weight]), 32)
    delay = integers(step.arrays[node.delay])
    arriving = np.stack([np.where(delay == k, products, 0).sum(-1) for k in range(node.longest + 1)], axis=-1)
    return _delayed(node, step, arriving)


def _delay_sparse(node: fixed_point.FixedDelaySparse, step: Step) -> Result:
    places = _rows(node, step) * (node.longest + 1) + integers(step.arrays[node.delay])
    arriving = _summed(_products(node, step), places, node.features * (node.longest + 1))
    return _delayed(node, step, wrap(arriving, 32).reshape(len(step.x), node.features, -1))


def _delayed(
    node: fixed_point.FixedDelayDense | fixed_point.FixedDelaySparse, step: Step, arriving: IntArray
) -> Result:
    """What is due now, and the line of what comes later: [B, features, longest + 1], by delay."""
    line = np.roll(integers(step.state["line"]), -1, axis=-1)
    line[..., -1] = 0
    line = wrap(line + shifted(arriving, node.weight_exp), 32)
    return Result(line[..., 0].astype(np.float64), {"line": line.astype(np.float64)})


MEANINGS: Mapping[type[Node], Meaning] = {
    fixed_point.FixedSparse: _sparse,
    fixed_point.FixedDelayDense: _delay_dense,
    fixed_point.FixedDelaySparse: _delay_sparse,
}
