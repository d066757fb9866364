"""Synapses with a delay each: events that add to what arrives, by delay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi.native import synapse_kernels as kernels
from nmc.backends.loihi.native.layout import Index, Layout, source_order
from nmc.backends.loihi.native.runner import OneCall, Runner
from nmc.backends.loihi.native.signals import Signals
from nmc.machine_code import Call
from nmc.model import Array, Model
from nmc.nodes import fixed_point

IntArray = NDArray[np.int64]
Delayed = fixed_point.FixedDelayDense | fixed_point.FixedDelaySparse


@dataclass(frozen=True, eq=False)
class PreparedDelayed:
    """The synapses of a node, by source: see the kernel."""

    node: Delayed
    order: Index | None
    starts: IntArray
    places: NDArray[np.int32]
    weight: IntArray
    delays: int
    exponent: int | None = None

    @classmethod
    def of(cls, node: Delayed, model: Model, layout: Layout) -> PreparedDelayed:
        """The synapses of a node, zeros left out."""
        target, source, weight = _entries(node, model)
        delays, delay = node.longest + 1, model.weights[node.delay].astype(np.int64).ravel()
        order = source_order(node, layout)
        if order is not None:
            source = np.argsort(order)[source]
        kept = np.flatnonzero(weight)
        kept = kept[np.argsort(source[kept], kind="stable")]
        ((inputs,),) = layout.graph.operand_shapes(node)
        starts = np.searchsorted(source[kept], np.arange(inputs + 1))
        places = (target * delays + delay)[kept].astype(np.int32)
        return cls(node, order, starts.astype(np.int64), places, weight[kept], delays)

    def start(self, batch: int) -> Runner:
        shape = (self.node.features, self.delays)
        return DelayedRunner(self, np.zeros((batch, *shape), np.int32), np.zeros(prod(shape), np.int64))


def _entries(node: Delayed, model: Model) -> tuple[IntArray, IntArray, IntArray]:
    """The target, source and weight of every synapse."""
    weight = model.weights[node.weight].astype(np.int64)
    if isinstance(node, fixed_point.FixedDelayDense):
        target, source = np.indices(weight.shape).reshape(2, -1)
        return target, source, weight.ravel()
    row_start = model.weights[node.row_start].astype(np.int64)
    target = np.repeat(np.arange(node.features), row_start[1:] - row_start[:-1])
    return target, model.weights[node.column].astype(np.int64), weight


@dataclass(frozen=True, eq=False)
class DelayedRunner(OneCall):
    """FixedDelayDense and FixedDelaySparse: what is still to come, by delay."""

    prepared: PreparedDelayed
    line: NDArray[np.int32]
    arriving: IntArray
    call: Call[...] = field(default_factory=kernels.delayed.prepared, kw_only=True)

    def state(self) -> Mapping[str, Array]:
        return {"line": self.line}

    def advance(self, signals: Signals, first: int, last: int) -> None:
        synapses, node = self.prepared, self.prepared.node
        x, row = signals.operand(node, first, last, synapses.order)
        out, out_row = signals.target(node.name, first)
        self.call(
            x, row, last - first, bool(node.num_message_bits), synapses.starts, synapses.places, synapses.weight,
            node.weight_exp, isinstance(node, fixed_point.FixedDelaySparse), self.arriving, self.line,
            out, out_row, signals.operations[node.name],
        )
