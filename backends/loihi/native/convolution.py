"""Convolutions as events that add runs of weights: the tables behind the kernel."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi.native import kernels
from nmc.backends.loihi.native.accumulators import LARGEST, largest_sum, narrow_exponent, packed
from nmc.backends.loihi.native.lanes import Lanes
from nmc.backends.loihi.native.layout import Index, Layout, source_order
from nmc.backends.loihi.native.runner import OneCall, Runner
from nmc.backends.loihi.native.signals import Signals
from nmc.machine_code import LANES, Call
from nmc.model import Array, Model
from nmc.nodes import fixed_point

IntArray = NDArray[np.int64]
Places = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class PreparedConv:
    """FixedConv2d: its weights, and what an event adds where; see `kernels.conv_spikes`."""

    node: fixed_point.FixedConv2d
    order: Index | None
    tables: tuple[Places, ...]
    taps: Array
    shift: int
    outputs: int
    total: np.dtype[np.signedinteger]
    fan_out: Places
    graded: bool
    exponent: int | None
    lanes: Lanes | None

    @classmethod
    def of(cls, node: fixed_point.FixedConv2d, model: Model, layout: Layout) -> PreparedConv:
        """The weights and runs of a node."""
        (shape,) = layout.graph.operand_shapes(node)
        height, width = layout.graph.signals[node.name].shape[1:]
        line_runs, line_taps = axis_runs(shape[1], height, node, 0)
        column_runs, column_taps = axis_runs(shape[2], width, node, 1)
        weight = model.weights[node.weight].astype(np.int64)
        per_group, inputs = node.channels // node.groups, shape[0] // node.groups
        grouped = weight.reshape(node.groups, per_group, inputs, *node.kernel).transpose(0, 2, 3, 4, 1)
        taps = grouped.reshape(shape[0], *node.kernel, per_group)[:, line_taps][:, :, column_taps]
        order = source_order(node, layout)
        elements = np.arange(np.prod(shape)) if order is None else order
        channel, line, column = np.unravel_index(elements, shape)
        fan_out = _conv_fan_out(taps, line_runs, column_runs)[channel, line, column]
        (source, *others) = layout.reads(node)
        graded = bool(node.num_message_bits) and (bool(others) or layout.graph.signals[source.node].dtype != "spike")
        small, shift = packed(taps.reshape(-1))
        worst = largest_sum(weight.reshape(node.channels, -1).T >> shift)
        runs = _place_runs(line_runs, column_runs, node, width)
        tables = (
            line * shape[2] + column, channel * (small.size // shape[0]), channel // inputs * per_group, runs,
        )
        step = 2 * LANES if per_group % (2 * LANES) == 0 else LANES
        lanes = None if graded or per_group % step else _lanes(*tables, step, small, fan_out)
        exponent = None if graded else narrow_exponent(worst, shift, layout.bits_read(node.name))
        return cls(
            node, order, tuple(map(_places, tables)), small, shift - (exponent or 0),
            height * width * node.channels, np.dtype(np.int16 if worst <= LARGEST[16] else np.int32),
            _places(fan_out), graded, exponent, lanes,
        )

    def start(self, batch: int) -> Runner:
        if self.graded:
            return GradedConvRunner(self, np.zeros(self.outputs, np.int32))
        index, total = kernels.room_for(len(self.tables[0])), np.zeros(self.outputs, self.total)
        if self.lanes:
            return LanesConvRunner(self, self.lanes, index, total)
        return ConvRunner(self, index, total)


@dataclass(frozen=True, eq=False)
class ConvRunner(OneCall):
    """FixedConv2d for spikes: each adds its kernel to the outputs around it, run by run."""

    prepared: PreparedConv
    index: Places
    total: Array
    call: Call[...] = field(default_factory=kernels.conv_spikes.prepared, kw_only=True)

    def advance(self, signals: Signals, first: int, last: int) -> None:
        conv, node = self.prepared, self.prepared.node
        x, row = signals.spikes_read(node, first, last, conv.order)
        out, out_row = signals.target(node.name, first)
        self.call(
            x, row, last - first, *conv.tables, conv.taps, conv.fan_out, self.index, self.total, conv.shift,
            out, out_row, signals.operations[node.name],
        )


@dataclass(frozen=True, eq=False)
class LanesConvRunner(OneCall):
    """The same where runs are whole lanes of the processor."""

    prepared: PreparedConv
    lanes: Lanes
    index: Places
    total: Array
    call: Call[...] = field(default_factory=kernels.conv_lanes.prepared, kw_only=True)

    def advance(self, signals: Signals, first: int, last: int) -> None:
        conv, node, lanes = self.prepared, self.prepared.node, self.lanes
        x, row = signals.spikes_read(node, first, last, conv.order)
        out, out_row = signals.target(node.name, first)
        self.call(
            x, row, last - first, lanes.inputs, lanes.places, lanes.double, lanes.weight, self.index, self.total,
            conv.shift, out, out_row, signals.operations[node.name],
        )


@dataclass(frozen=True, eq=False)
class GradedConvRunner(OneCall):
    """FixedConv2d for graded messages: each adds its product with the kernel."""

    prepared: PreparedConv
    total: Places
    call: Call[...] = field(default_factory=kernels.conv_graded.prepared, kw_only=True)

    def advance(self, signals: Signals, first: int, last: int) -> None:
        conv, node = self.prepared, self.prepared.node
        x, row = signals.operand(node, first, last, conv.order)
        out, out_row = signals.target(node.name, first)
        self.call(
            x, row, last - first, *conv.tables, conv.taps, conv.fan_out, self.total, conv.shift,
            out, out_row, signals.operations[node.name],
        )


def _places(numbers: NDArray[np.integer]) -> Places:
    return np.ascontiguousarray(numbers, dtype=np.int32)


def _place_runs(line_runs: Places, column_runs: Places, node: fixed_point.FixedConv2d, width: int) -> Places:
    """For every input place [H x W] its runs (first output, first tap, how many), ended by one of none.

    Outputs count [height, width, channels], taps those of an input channel. With groups a run is a column's.
    """
    per_group, row_of_taps = node.channels // node.groups, node.kernel[1] * (node.channels // node.groups)
    whole = node.groups == 1
    spans = [
        [(x, tap, n) if whole else (x + k, tap + k, 1) for x, tap, n in runs.tolist() for k in range(1 if whole else n)]
        for runs in column_runs
    ]
    lines = [[(y + k, tap + k) for y, tap, n in runs.tolist() for k in range(n)] for runs in line_runs]
    longest = max(map(len, lines)) * max(map(len, spans))
    runs = np.zeros((len(lines) * len(spans), longest + 1, 3), np.int32)
    for place, (line, span) in enumerate(product(lines, spans)):
        found = [
            ((y * width + x) * node.channels, line_tap * row_of_taps + tap * per_group, n * per_group)
            for y, line_tap in line for x, tap, n in span if n
        ]
        if found:
            runs[place, : len(found)] = found
    return runs


def _lanes(
    place: IntArray, tap: IntArray, output: IntArray, runs: Places, step: int, taps: Array, fan_out: IntArray
) -> Lanes:
    """The runs of every place in pieces of `step` weights."""
    lengths = runs[:, :, 2] // step
    starts = np.concatenate([[0], np.cumsum(lengths.sum(axis=1))])
    whole = np.repeat(runs.reshape(-1, 3)[:, :2], lengths.ravel(), axis=0)
    within = np.arange(len(whole)) - np.repeat(np.cumsum(lengths) - lengths.ravel(), lengths.ravel())
    bases, spans = np.stack([output, tap], axis=1), np.stack([starts[place], starts[place + 1]], axis=1)
    return Lanes.of(bases, spans, whole + step * within[:, None], step, taps, fan_out)


def axis_runs(
    inputs: int, outputs: int, node: fixed_point.FixedConv2d, axis: int
) -> tuple[NDArray[np.int32], list[int]]:
    """For every input place along an axis its runs (first output, first tap, length), and the order of taps.

    Taps are sorted such that neighbouring outputs meet neighbouring taps: by their remainder to the
    stride, then from the last to the first. Unused runs have length 0.
    """
    kernel, stride, begin, dilation = (
        node.kernel[axis], node.stride[axis], node.padding[axis], node.dilation[axis]
    )
    order = sorted(range(kernel), key=lambda tap: (tap * dilation % stride, -tap))
    runs = np.zeros((inputs, kernel, 3), np.int32)
    for place in range(inputs):
        found: list[list[int]] = []
        for position, tap in enumerate(order):
            reach = place + begin - tap * dilation
            if reach % stride or not 0 <= reach // stride < outputs:
                continue
            y = reach // stride
            if found and found[-1][0] + found[-1][2] == y and found[-1][1] + found[-1][2] == position:
                found[-1][2] += 1
            else:
                found.append([y, position, 1])
        if found:
            runs[place, : len(found)] = found
    return runs, order


def _conv_fan_out(taps: IntArray, line_runs: NDArray[np.int32], column_runs: NDArray[np.int32]) -> IntArray:
    """How many weights an event at each input place reads, zeros left out: [C, H, W]."""
    count = np.count_nonzero(taps, axis=3)
    lines, columns = _reached(line_runs, taps.shape[1]), _reached(column_runs, taps.shape[2])
    fan_out: IntArray = np.einsum("cyx,hy,wx->chw", count, lines, columns)
    return fan_out


def _reached(runs: NDArray[np.int32], taps: int) -> IntArray:
    """Which taps each input place uses: [places, taps] of 0 and 1."""
    used = np.zeros((len(runs), taps), np.int64)
    for place, listed in enumerate(runs):
        for _, tap, length in listed:
            used[place, tap : tap + length] = 1
    return used
