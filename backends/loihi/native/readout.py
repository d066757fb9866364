"""What the host weighs of the chip's spikes: products with a matrix, added up event by event.

A sum of real numbers depends on its order, unless no partial sum is ever rounded. Only then is a matrix taken here,
so that results are those of the reference, bit for bit.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi.native import readout_kernels as kernels
from nmc.backends.loihi.native.accumulators import adds_exactly
from nmc.backends.loihi.native.kernels import room_for
from nmc.backends.loihi.native.layout import Layout
from nmc.backends.loihi.native.signals import Signals
from nmc.graph import Node, Ref
from nmc.machine_code import Call
from nmc.model import FloatArray, Model
from nmc.nodes import tensor


@dataclass(frozen=True, eq=False)
class Readout:
    """A Linear of the host that reads spikes of the chip: its weights [N, M] as these lie."""

    source: Ref
    weight: FloatArray
    bias: FloatArray

    def start(self, batch: int, steps: int) -> ReadoutRunner:
        """It for so many samples, and windows of so many steps."""
        inputs, outputs = self.weight.shape
        return ReadoutRunner(self, room_for(inputs), np.empty((batch, steps, outputs)))


@dataclass(frozen=True, eq=False)
class ReadoutRunner:
    """A readout at work: what it puts out over a window is in `out` [B, steps, M]."""

    readout: Readout
    index: NDArray[np.int32]
    out: FloatArray
    call: Call[...] = field(default_factory=kernels.weighed.prepared, kw_only=True)

    def weigh(self, signals: Signals) -> FloatArray:
        """Weigh the spikes of the whole window."""
        spikes, row = signals.stored(self.readout.source, 0)
        facts, steps = self.readout, self.out.shape[1]
        self.call(spikes, row, steps, facts.weight, facts.bias, self.index, self.out)
        return self.out


def readouts(model: Model, layout: Layout, computed: Iterable[str]) -> Mapping[str, Readout]:
    """The nodes of the host that can be weighed here, where the chip computes `computed`."""
    chip = set(computed)
    found = {node.name: _readout(node, model, layout) for node in model.graph if _reads_a_row(node, model, chip)}
    return {name: readout for name, readout in found.items() if readout is not None}


def _reads_a_row(node: Node, model: Model, chip: Container[str]) -> TypeGuard[tensor.Linear]:
    """Whether a node is a matrix of the host, of one population of the chip."""
    if not isinstance(node, tensor.Linear) or node.name in chip or len(node.inputs) != 1:
        return False
    read = model.graph.signals[node.inputs[0].node]
    return node.inputs[0].node in chip and read.dtype == "spike" and len(read.shape) == 1


def _readout(node: tensor.Linear, model: Model, layout: Layout) -> Readout | None:
    """How a matrix is weighed; None where its sums may be rounded on the way."""
    source = layout.root(node.inputs[0])
    weight = model.weights[node.weight].astype(np.float64)
    if node.weight_scale is not None:
        weight = weight * model.weights[node.weight_scale].astype(np.float64).reshape(-1, 1)
    rows, order = weight.T, layout.order[source.node]
    if not adds_exactly(rows):
        return None
    bias = np.zeros(rows.shape[1]) if node.bias is None else model.weights[node.bias].astype(np.float64)
    return Readout(source, np.ascontiguousarray(rows if order is None else rows[order]), bias)
