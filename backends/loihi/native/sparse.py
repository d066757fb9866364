"""Sparse synapses: the matrix by source, so that an event finds its synapses in one piece."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi.native import sparse_kernels as kernels
from nmc.backends.loihi.native.accumulators import LARGEST, common_zeros, narrow_exponent
from nmc.backends.loihi.native.kernels import conv_lanes, room_for
from nmc.backends.loihi.native.lanes import Lanes, in_lanes
from nmc.backends.loihi.native.layout import Index, Layout, source_order
from nmc.backends.loihi.native.runner import OneCall, Runner
from nmc.backends.loihi.native.signals import Signals
from nmc.machine_code import Call
from nmc.model import Array, Model
from nmc.nodes import fixed_point


@dataclass(frozen=True, eq=False)
class PreparedSparse:
    """FixedSparse: its synapses by source, those of input i from starts[i] to starts[i + 1]."""

    node: fixed_point.FixedSparse
    order: Index | None
    starts: NDArray[np.int64]
    targets: Array
    weight: Array
    shift: int
    total: np.dtype[np.signedinteger]
    graded: bool
    exponent: int | None
    lanes: Lanes | None

    @classmethod
    def of(cls, node: fixed_point.FixedSparse, model: Model, layout: Layout) -> PreparedSparse:
        """The synapses of a node."""
        ((inputs,),) = layout.graph.operand_shapes(node)
        order = source_order(node, layout)
        weight = narrowest(model.weights[node.weight])
        (source, *others) = layout.reads(node)
        graded = bool(node.num_message_bits) and (bool(others) or layout.graph.signals[source.node].dtype != "spike")
        packed = 0 if graded else common_zeros(weight)
        columns = integers(model.weights[node.column])
        if order is not None:
            columns = np.argsort(order).astype(np.int32)[columns]
        starts = np.zeros(inputs + 1, np.int64)
        targets = np.empty(node.synapses, np.uint16 if node.features <= 2**16 else np.int32)
        by_source = np.empty_like(weight)
        up, down = np.zeros((2, node.features), np.int64)
        kernels.by_source(
            model.weights[node.row_start].astype(np.int64), columns, weight, packed, starts, np.empty_like(starts),
            targets, by_source, up, down,
        )
        targets, by_source = targets[: starts[-1]], by_source[: starts[-1]]
        by_source = narrowest(by_source) if packed else by_source
        if (place := layout.place[node.name]) is not None:
            targets = place.astype(targets.dtype)[targets]
        worst = max(int(up.max()), -int(down.min()))
        kind = np.int16 if worst <= LARGEST[16] else np.int32 if worst <= LARGEST[32] else np.int64
        shift = node.weight_exp + packed
        exponent = None if graded else narrow_exponent(worst, shift, layout.bits_read(node.name))
        lanes = None if exponent is None or shift != exponent else in_lanes(starts, targets, by_source, node.features)
        return cls(
            node, order, starts, targets, by_source, shift - (exponent or 0), np.dtype(kind), graded, exponent, lanes
        )

    def start(self, batch: int) -> Runner:
        if self.lanes is not None:
            sums = np.zeros(self.node.features, np.int16)
            return SparseLanesRunner(self, self.lanes, room_for(len(self.starts) - 1), sums)
        if self.graded:
            return GradedSparseRunner(self, np.zeros(self.node.features, np.int64))
        index, total = room_for(len(self.starts) - 1), np.zeros(self.node.features, self.total)
        return SparseRunner(self, index, total)


@dataclass(frozen=True, eq=False)
class SparseRunner(OneCall):
    """FixedSparse for spikes: each adds the weights of its synapses to their targets."""

    prepared: PreparedSparse
    index: NDArray[np.int32]
    total: Array
    call: Call[...] = field(default_factory=kernels.sparse_spikes.prepared, kw_only=True)

    def advance(self, signals: Signals, first: int, last: int) -> None:
        synapses, node = self.prepared, self.prepared.node
        x, row = signals.spikes_read(node, first, last, synapses.order)
        out, out_row = signals.target(node.name, first)
        self.call(
            x, row, last - first, synapses.starts, synapses.targets, synapses.weight, self.index, self.total,
            synapses.shift, out, out_row, signals.operations[node.name],
        )


@dataclass(frozen=True, eq=False)
class SparseLanesRunner(OneCall):
    """The same where weights are added in whole lanes."""

    prepared: PreparedSparse
    lanes: Lanes
    index: NDArray[np.int32]
    total: NDArray[np.int16]
    call: Call[...] = field(default_factory=conv_lanes.prepared, kw_only=True)

    def advance(self, signals: Signals, first: int, last: int) -> None:
        synapses, node, lanes = self.prepared, self.prepared.node, self.lanes
        x, row = signals.spikes_read(node, first, last, synapses.order)
        out, out_row = signals.target(node.name, first)
        self.call(
            x, row, last - first, lanes.inputs, lanes.places, lanes.double, lanes.weight, self.index, self.total, 0,
            out, out_row, signals.operations[node.name],
        )


@dataclass(frozen=True, eq=False)
class GradedSparseRunner(OneCall):
    """FixedSparse for graded messages: each adds its product with the weights."""

    prepared: PreparedSparse
    total: NDArray[np.int64]
    call: Call[...] = field(default_factory=kernels.sparse_graded.prepared, kw_only=True)

    def advance(self, signals: Signals, first: int, last: int) -> None:
        synapses, node = self.prepared, self.prepared.node
        x, row = signals.operand(node, first, last, synapses.order)
        out, out_row = signals.target(node.name, first)
        self.call(
            x, row, last - first, synapses.starts, synapses.targets, synapses.weight, self.total,
            synapses.shift, out, out_row, signals.operations[node.name],
        )


def narrowest(weight: Array) -> Array:
    """Whole numbers in the narrowest type, without a copy where they have it."""
    low, high = (int(weight.min()), int(weight.max())) if weight.size else (0, 0)
    fitting = (t for t in (np.int8, np.int16, np.int32) if np.iinfo(t).min <= low and high <= np.iinfo(t).max)
    return np.ascontiguousarray(weight, dtype=next(fitting, np.int64))


def integers(numbers: Array) -> Array:
    """Whole numbers of 32 bits, without a copy where they are."""
    return np.ascontiguousarray(numbers, dtype=np.int32)
