"""What the emulator does for each kind of node: arrays made ready once, then kernels over steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi.native.convolution import ConvRunner
from nmc.backends.loihi.native.graded import GradedRunner, PreparedGraded, ProductRunner
from nmc.backends.loihi.native.layout import Index, Layout, source_order
from nmc.backends.loihi.native.neurons import PreparedResonator, PreparedTernaryLif, lif_parameters
from nmc.backends.loihi.native.runner import Prepared, Runner
from nmc.backends.loihi.native.signals import Signals
from nmc.backends.loihi.native.synapses import PreparedSparse
from nmc.graph import Node
from nmc.model import Array, Model
from nmc.nodes import fixed_point, spiking

IntArray = NDArray[np.int64]


def packed(weight: IntArray) -> tuple[Array, int]:
    """Weights in the narrowest type, and the power of two taken out of all of them."""
    shift = 0
    while np.any(weight) and not np.any(weight & 1) and shift < 8:
        weight = weight >> 1
        shift += 1
    for dtype in (np.int8, np.int16):
        if np.all((weight >= np.iinfo(dtype).min) & (weight <= np.iinfo(dtype).max)):
            return np.ascontiguousarray(weight.astype(dtype)), shift
    return np.ascontiguousarray(weight), shift


def proven_accumulator(weight: Array) -> tuple[Array, int]:
    """A zero accumulator for rows of weight [N, M], and how many rows it surely holds.

    16 bits hold all rows if no output's positive or negative weights sum beyond them; else as many rows
    as the largest weight allows. Wider weights get 32 bits if these surely hold all rows, or else 64.
    """
    wide = weight.astype(np.int64)
    worst = max(
        int(np.max(np.maximum(wide, 0).sum(axis=0), initial=0)),
        int(np.max(np.maximum(-wide, 0).sum(axis=0), initial=0)),
    )
    largest = int(np.max(np.abs(wide), initial=1)) or 1
    everything = len(weight) + 1
    if weight.dtype.itemsize == 1:
        limit = np.iinfo(np.int16).max
        return np.zeros(weight.shape[1], np.int16), everything if worst <= limit else limit // largest
    if worst <= np.iinfo(np.int32).max and weight.dtype.itemsize == 2:
        return np.zeros(weight.shape[1], np.int32), everything
    return np.zeros(weight.shape[1], np.int64), everything


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

    @classmethod
    def of(cls, node: fixed_point.FixedDense, model: Model, layout: Layout) -> Prepared:
        """The runner of a node."""
        order = source_order(node, layout)
        rows = model.weights[node.weight].astype(np.int64).T
        rows = rows if order is None else rows[order]
        fan_out = np.count_nonzero(rows, axis=1).astype(np.int32)
        (source, *others) = layout.reads(node)
        if node.num_message_bits and (others or layout.graph.signals[source.node].dtype != "spike"):
            return GradedDenseRunner(node, order, np.ascontiguousarray(rows), fan_out)
        weight, shift = packed(rows)
        return cls(node, order, weight, shift + node.weight_exp, fan_out, *proven_accumulator(weight))

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
        if x.dtype != np.int32:
            x, row = x[:, row : row + last - first].astype(np.int32), 0
        out, out_row = signals.target(node.name, first)
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
    fixed_point.FixedConv2d: ConvRunner.of,
    fixed_point.FixedLIF: PreparedLif.of,
    fixed_point.FixedTernaryLIF: PreparedTernaryLif.of,
    fixed_point.FixedResonator: PreparedResonator.of,
    fixed_point.FixedDelta: PreparedGraded.of,
    fixed_point.FixedSigma: PreparedGraded.of,
    fixed_point.FixedSigmaDelta: PreparedGraded.of,
    fixed_point.FixedGraded: GradedRunner.of,
    fixed_point.FixedProduct: ProductRunner.of,
    fixed_point.FixedNormDelay: PreparedGraded.of,
    fixed_point.FixedSparse: PreparedSparse.of,
    fixed_point.FixedDelayDense: PreparedSparse.of,
    fixed_point.FixedDelaySparse: PreparedSparse.of,
    spiking.Delay: DelayRunner.of,
}
"""How each kind of node is made ready: `prepared(node, model, layout)`. A new kind is one entry."""
