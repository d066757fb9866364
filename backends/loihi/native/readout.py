"""What the host weighs of the chip's spikes: products with a matrix, added up event by event.

A sum of real numbers depends on its order, unless no partial sum is ever rounded. Only then is a matrix taken here,
so that results are those of the reference, bit for bit.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np

from nmc.backends.loihi.native import readout_kernels as kernels
from nmc.backends.loihi.native.accumulators import adds_exactly
from nmc.backends.loihi.native.layout import Layout
from nmc.backends.loihi.native.signals import Signals
from nmc.graph import Node, Ref
from nmc.model import FloatArray, Model
from nmc.nodes import tensor


@dataclass(frozen=True, eq=False)
class Readout:
    """A Linear of the host that reads spikes of the chip: its weights [N, M] as these lie."""

    source: Ref
    weight: FloatArray
    bias: FloatArray | float

    def weighed(self, signals: Signals, steps: int) -> FloatArray:
        """What it puts out over the window, [B, steps, M]."""
        spikes, row = signals.stored(self.source, 0)
        sums = np.zeros((signals.batch, steps, self.weight.shape[1]))
        kernels.weighed(spikes, row, steps, self.weight, np.empty(len(self.weight) + 1, np.int32), sums)
        return sums + self.bias


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
    bias = 0.0 if node.bias is None else model.weights[node.bias].astype(np.float64)
    return Readout(source, np.ascontiguousarray(rows if order is None else rows[order]), bias)
