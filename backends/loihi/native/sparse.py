"""Sparse synapses: the matrix by source, so that an event finds its synapses in one piece."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi.native.accumulators import LARGEST, fits_16_bits
from nmc.backends.loihi.native.layout import Index, Layout, source_order
from nmc.backends.loihi.native.runner import Runner
from nmc.backends.loihi.native.signals import Signals
from nmc.model import Array, Model
from nmc.nodes import fixed_point


@dataclass(frozen=True, eq=False)
class SparseRunner:
    """FixedSparse: every event adds the weights of its synapses to their targets."""

    node: fixed_point.FixedSparse
    order: Index | None
    starts: NDArray[np.int64]
    targets: Array
    weight: Array
    zero: Array
    graded: bool
    narrow: bool

    @classmethod
    def of(cls, node: fixed_point.FixedSparse, model: Model, layout: Layout) -> SparseRunner:
        """The runner of a node."""
        from nmc.backends.loihi.native import sparse_kernels as kernels

        ((inputs,),) = layout.graph.operand_shapes(node)
        order = source_order(node, layout)
        weight = narrowest(model.weights[node.weight])
        columns = integers(model.weights[node.column])
        if order is not None:
            columns = np.argsort(order).astype(np.int32)[columns]
        starts = np.zeros(inputs + 1, np.int64)
        targets = np.empty(node.synapses, np.uint16 if node.features <= 2**16 else np.int32)
        by_source = np.empty_like(weight)
        kernels.by_source(
            model.weights[node.row_start].astype(np.int64), columns, weight, starts, targets, by_source
        )
        used = slice(0, int(starts[-1]))
        up, down = np.zeros((2, node.features), np.int64)
        kernels.largest_sums(targets[used], by_source[used], up, down)
        worst = max(int(up.max()), -int(down.min()))
        (source, *others) = layout.reads(node)
        graded = bool(node.num_message_bits) and (bool(others) or layout.graph.signals[source.node].dtype != "spike")
        kind = np.int16 if worst <= LARGEST[16] else np.int32 if worst <= LARGEST[32] else np.int64
        return cls(
            node, order, starts, targets, by_source, np.zeros(node.features, kind), graded,
            not graded and fits_16_bits(worst, node.weight_exp),
        )

    def start(self, batch: int) -> Runner:
        return self

    def advance(self, signals: Signals, first: int, last: int) -> None:
        from nmc.backends.loihi.native import sparse_kernels as kernels

        name = self.node.name
        x, row = signals.operand(self.node, first, last, self.order)
        out, out_row = signals.target(name, first)
        if self.graded:
            kernels.sparse_graded(
                x, row, last - first, self.starts, self.targets, self.weight, self.node.weight_exp,
                out, out_row, signals.operations[name],
            )
            return
        if x.dtype != np.uint8:
            x, row = (x[:, row : row + last - first] != 0).astype(np.uint8), 0
        kernels.sparse_spikes(
            x, row, last - first, self.starts, self.targets, self.weight, self.zero, self.node.weight_exp,
            out, out_row, signals.operations[name],
        )


def narrowest(weight: Array) -> Array:
    """Whole numbers in the narrowest type, without a copy where they have it."""
    low, high = (int(weight.min()), int(weight.max())) if weight.size else (0, 0)
    fitting = (t for t in (np.int8, np.int16, np.int32) if np.iinfo(t).min <= low and high <= np.iinfo(t).max)
    return np.ascontiguousarray(weight, dtype=next(fitting, np.int64))


def integers(numbers: Array) -> Array:
    """Whole numbers of 32 bits, without a copy where they are."""
    return np.ascontiguousarray(numbers, dtype=np.int32)
