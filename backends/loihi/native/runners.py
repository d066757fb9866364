"""What the emulator does for each kind of node: arrays made ready once, then kernels over steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi.native.accumulators import fits_16_bits, largest_sum, packed, proven_accumulator
from nmc.backends.loihi.native.compartments import PreparedCompartments
from nmc.backends.loihi.native.convolution import ConvRunner
from nmc.backends.loihi.native.graded import GradedRunner, PreparedGraded, ProductRunner
from nmc.backends.loihi.native.layout import Index, Layout, source_order
from nmc.backends.loihi.native.neurons import PreparedResonator, PreparedTernaryLif, lif_parameters
from nmc.backends.loihi.native.runner import Prepared, Runner
from nmc.backends.loihi.native.signals import Signals
from nmc.backends.loihi.native.sparse import SparseRunner
from nmc.backends.loihi.native.synapses import PreparedDelayed
from nmc.graph import Node
from nmc.model import Array, Model
from nmc.nodes import fixed_point, spiking

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class DenseRunner:
    """FixedDense for spikes: rows of weights added up where inputs spike."""

    node: fixed_point.FixedDense
    order: Index | None
    weight: Array
    shift: int
    fan_out: NDArray[np.int32]
    zero: Array
    block: int
    narrow: bool

    @classmethod
    def of(cls, node: fixed_point.FixedDense, model: Model, layout: Layout) -> Prepared:
        """The runner of a node."""
        order = source_order(node, layout)
        rows = model.weights[node.weight].astype(np.int64).T
        rows = rows if order is None else rows[order]
        out_order = layout.order[node.name]
        rows = rows if out_order is None else np.ascontiguousarray(rows[:, out_order])
        fan_out = np.count_nonzero(rows, axis=1).astype(np.int32)
        (source, *others) = layout.reads(node)
        if node.num_message_bits and (others or layout.graph.signals[source.node].dtype != "spike"):
            return GradedDenseRunner(node, order, np.ascontiguousarray(rows), fan_out)
        weight, shift = packed(rows)
        shift += node.weight_exp
        return cls(
            node, order, weight, shift, fan_out, *proven_accumulator(weight),
            narrow=fits_16_bits(largest_sum(weight), shift),
        )

    def start(self, batch: int) -> Runner:
        return self

    def advance(self, signals: Signals, first: int, last: int) -> None:
        from nmc.backends.loihi.native import kernels

        x, row = signals.operand(self.node, first, last, self.order)
        if x.dtype != np.uint8:
            x, row = (x[:, row : row + last - first] != 0).astype(np.uint8), 0
        out, out_row = signals.target(self.node.name, first)
        kernels.dense_spikes(
            x, row, last - first, self.weight, self.fan_out, self.zero, self.block, self.shift,
            out, out_row, signals.operations[self.node.name],
        )


@dataclass(frozen=True, eq=False)
class GradedDenseRunner:
    """FixedDense for graded messages: rows of weights, each multiplied by its input's message."""

    node: fixed_point.FixedDense
    order: Index | None
    weight: IntArray
    fan_out: NDArray[np.int32]
    narrow: bool = False

    def start(self, batch: int) -> Runner:
        return self

    def advance(self, signals: Signals, first: int, last: int) -> None:
        from nmc.backends.loihi.native import kernels

        x, row = signals.operand(self.node, first, last, self.order)
        out, out_row = signals.target(self.node.name, first)
        kernels.dense_graded(
            x, row, last - first, self.weight, self.fan_out, self.node.weight_exp,
            out, out_row, signals.operations[self.node.name],
        )


@dataclass(frozen=True, eq=False)
class PreparedLif:
    """FixedLIF: the biases and first voltages of its neurons."""

    node: fixed_point.FixedLIF
    bias: NDArray[np.int32]
    initial: NDArray[np.int32]
    narrow: bool = False

    @classmethod
    def of(cls, node: fixed_point.FixedLIF, model: Model, layout: Layout) -> PreparedLif:
        """The neurons of a node. Raises UnsupportedError where they start beyond 32 bits."""
        return cls(node, *lif_parameters(node, model, layout))

    def start(self, batch: int) -> Runner:
        v = np.tile(self.initial, (batch, 1))
        return LifRunner(self.node, np.zeros_like(v), v, self.bias)


@dataclass(eq=False)
class LifRunner:
    """FixedLIF: current and voltage of every neuron, held from step to step."""

    node: fixed_point.FixedLIF
    u: NDArray[np.int32]
    v: NDArray[np.int32]
    bias: NDArray[np.int32]
    t: int = 0

    def state(self) -> Mapping[str, Array]:
        return {"u": self.u, "v": self.v, "t": np.full(len(self.u), self.t)}

    def advance(self, signals: Signals, first: int, last: int) -> None:
        from nmc.backends.loihi.native import kernels

        node = self.node
        self.t = signals.elapsed + last
        x, row = signals.operand(node, first, last, signals.layout.order[node.name])
        out, out_row = signals.target(node.name, first)
        if x.dtype == np.int16 and node.du == 4095 and node.emits == "spikes":
            kernels.lif_without_current(
                x, row, last - first, self.v, self.bias, signals.elapsed + first + 1,
                node.dv, node.vth, node.reset_interval, node.reset_offset,
                out, out_row, signals.spikes[node.name],
            )
            self.u[:] = x[:, row + last - first - 1].astype(np.int32) << 6
            return
        if x.dtype != np.int32:
            x, row = x[:, row : row + last - first].astype(np.int32), 0
        kernels.lif(
            x, row, last - first, self.u, self.v, self.bias, signals.elapsed + first + 1,
            node.du, node.dv, node.vth, node.reset_interval, node.reset_offset,
            node.emits == "voltage", out, out_row, signals.spikes[node.name],
        )


@dataclass(frozen=True, eq=False)
class DelayRunner:
    """Delay with steps of their own for every element."""

    node: spiking.Delay
    steps: Index
    narrow: bool = False

    @classmethod
    def of(cls, node: spiking.Delay, model: Model, layout: Layout) -> DelayRunner:
        """The runner of a node."""
        shape = layout.graph.signals[node.name].shape
        array = model.weights[str(node.steps)].astype(np.intp)
        return cls(node, np.broadcast_to(array, shape).ravel())

    def start(self, batch: int) -> Runner:
        return self

    def advance(self, signals: Signals, first: int, last: int) -> None:
        out, out_row = signals.target(self.node.name, first)
        elements = np.arange(len(self.steps))
        (read,) = signals.layout.reads(self.node)
        order = signals.layout.order[read.node]
        place = elements if order is None else np.argsort(order)
        x, row = signals.stored(read, first)
        for t in range(last - first):
            out[:, out_row + t] = x[:, row + t - self.steps, place]


PREPARED: Mapping[type[Node], Callable[..., Prepared]] = {
    fixed_point.FixedDense: DenseRunner.of,
    fixed_point.FixedSparse: SparseRunner.of,
    fixed_point.FixedConv2d: ConvRunner.of,
    fixed_point.FixedLIF: PreparedLif.of,
    fixed_point.FixedTernaryLIF: PreparedTernaryLif.of,
    fixed_point.FixedCompartments: PreparedCompartments.of,
    fixed_point.FixedResonator: PreparedResonator.of,
    fixed_point.FixedDelta: PreparedGraded.of,
    fixed_point.FixedSigma: PreparedGraded.of,
    fixed_point.FixedSigmaDelta: PreparedGraded.of,
    fixed_point.FixedGraded: GradedRunner.of,
    fixed_point.FixedProduct: ProductRunner.of,
    fixed_point.FixedNormDelay: PreparedGraded.of,
    fixed_point.FixedDelayDense: PreparedDelayed.of,
    fixed_point.FixedDelaySparse: PreparedDelayed.of,
    spiking.Delay: DelayRunner.of,
}
"""How each kind of node is made ready: `prepared(node, model, layout)`. A new kind is one entry."""
