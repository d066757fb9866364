"""Dense synapses: rows of weights by source, added up where inputs spike."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi.native import kernels
from nmc.backends.loihi.native.accumulators import largest_sum, narrow_exponent, packed, proven_accumulator
from nmc.backends.loihi.native.layout import Index, Layout, source_order
from nmc.backends.loihi.native.runner import OneCall, Prepared, Runner
from nmc.backends.loihi.native.signals import Signals
from nmc.machine_code import Call
from nmc.model import Array, Model
from nmc.nodes import fixed_point

Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]


def prepared_dense(node: fixed_point.FixedDense, model: Model, layout: Layout) -> Prepared:
    """The weights of a node."""
    order = source_order(node, layout)
    rows = model.weights[node.weight].astype(np.int64).T
    rows = rows if order is None else rows[order]
    out_order = layout.order[node.name]
    rows = rows if out_order is None else np.ascontiguousarray(rows[:, out_order])
    fan_out = np.count_nonzero(rows, axis=1).astype(np.int32)
    (source, *others) = layout.reads(node)
    graded = bool(node.num_message_bits) and (bool(others) or layout.graph.signals[source.node].dtype != "spike")
    weight, shift = packed(rows)
    proven = proven_accumulator(weight)
    if graded or proven is None:
        return PreparedGradedDense(node, order, np.ascontiguousarray(rows), fan_out, graded)
    shift += node.weight_exp
    exponent = narrow_exponent(largest_sum(weight), shift, layout.bits_read(node.name))
    return PreparedDense(node, order, weight, shift - (exponent or 0), fan_out, *proven, exponent)


@dataclass(frozen=True, eq=False)
class PreparedDense:
    """FixedDense for spikes: its rows of weights.

    As many as `block` may be added up in numbers of the type `total`; sums are put out times 2^shift.
    """

    node: fixed_point.FixedDense
    order: Index | None
    weight: Array
    shift: int
    fan_out: Int32Array
    total: np.dtype[np.signedinteger]
    block: int
    exponent: int | None

    def start(self, batch: int) -> Runner:
        inputs, outputs = self.weight.shape
        return DenseRunner(
            self, kernels.room_for(inputs), np.zeros(outputs, self.total), np.zeros(outputs, np.int32)
        )


@dataclass(frozen=True, eq=False)
class DenseRunner(OneCall):
    """FixedDense for spikes: rows of weights added up where inputs spike."""

    prepared: PreparedDense
    index: Int32Array
    total: Array
    wide: Int32Array
    call: Call[...] = field(default_factory=kernels.dense_spikes.prepared, kw_only=True)

    def advance(self, signals: Signals, first: int, last: int) -> None:
        dense, node = self.prepared, self.prepared.node
        x, row = signals.spikes_read(node, first, last, dense.order)
        out, out_row = signals.target(node.name, first)
        self.call(
            x, row, last - first, dense.weight, dense.fan_out, self.index, self.total, self.wide, dense.block,
            dense.shift, out, out_row, signals.operations[node.name],
        )


@dataclass(frozen=True, eq=False)
class PreparedGradedDense:
    """FixedDense for graded messages, or for spikes where weights are large: its rows of weights."""

    node: fixed_point.FixedDense
    order: Index | None
    weight: Int64Array
    fan_out: Int32Array
    graded: bool
    exponent: int | None = None

    def start(self, batch: int) -> Runner:
        return GradedDenseRunner(self, np.zeros(self.node.features, np.int64))


@dataclass(frozen=True, eq=False)
class GradedDenseRunner(OneCall):
    """FixedDense for graded messages: rows of weights, each multiplied by its input's message."""

    prepared: PreparedGradedDense
    total: Int64Array
    call: Call[...] = field(default_factory=kernels.dense_graded.prepared, kw_only=True)

    def advance(self, signals: Signals, first: int, last: int) -> None:
        dense, node = self.prepared, self.prepared.node
        read = signals.operand if dense.graded else signals.spikes_read
        x, row = read(node, first, last, dense.order)
        out, out_row = signals.target(node.name, first)
        self.call(
            x, row, last - first, dense.weight, dense.fan_out, self.total, node.weight_exp,
            out, out_row, signals.operations[node.name],
        )
