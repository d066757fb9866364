"""Convolutions as events that add runs of weights: the tables behind the kernel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi.native.layout import Index, Layout, source_order
from nmc.backends.loihi.native.runner import Runner
from nmc.backends.loihi.native.signals import Signals
from nmc.model import Array, Model
from nmc.nodes import fixed_point

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ConvRunner:
    """FixedConv2d: every event adds its kernel to the outputs around it."""

    node: fixed_point.FixedConv2d
    order: Index | None
    places: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]
    runs: tuple[NDArray[np.int32], NDArray[np.int32]]
    weight: Array
    wraps: bool
    group_of: NDArray[np.int32]
    width: int
    fan_out: NDArray[np.int32]

    @classmethod
    def of(cls, node: fixed_point.FixedConv2d, model: Model, layout: Layout) -> ConvRunner:
        """The runner of a node."""
        (shape,) = layout.graph.operand_shapes(node)
        height, width = layout.graph.signals[node.name].shape[1:]
        line_runs, line_taps = axis_runs(shape[1], height, node, 0)
        column_runs, column_taps = axis_runs(shape[2], width, node, 1)
        weight = model.weights[node.weight].astype(np.int64)
        per_group = node.channels // node.groups
        inputs = shape[0] // node.groups
        grouped = weight.reshape(node.groups, per_group, inputs, *node.kernel).transpose(0, 2, 3, 4, 1)
        taps = grouped.reshape(shape[0], *node.kernel, per_group)[:, line_taps][:, :, column_taps]
        graded = bool(node.num_message_bits) and layout.graph.signals[node.inputs[0].node].dtype != "spike"
        worst = int(np.abs(weight).reshape(node.channels, -1).sum(axis=1).max())
        order = source_order(node, layout)
        elements = np.arange(np.prod(shape)) if order is None else order
        places = tuple(part.astype(np.int32) for part in np.unravel_index(elements, shape))
        fan_out = _conv_fan_out(taps, line_runs, column_runs)[places]
        group_of = (np.arange(shape[0]) // inputs * per_group).astype(np.int32)
        return cls(
            node, order, (places[0], places[1], places[2]), (line_runs, column_runs),
            np.ascontiguousarray(taps.astype(np.int16 if np.abs(taps).max() < 2**15 else np.int64)).reshape(-1),
            graded or worst >= 2**23, group_of, width, fan_out.astype(np.int32),
        )

    def start(self, batch: int) -> Runner:
        return self

    def advance(self, signals: Signals, first: int, last: int) -> None:
        from nmc.backends.loihi.native import kernels

        name = self.node.name
        x, row = signals.operand(self.node, first, last, self.order)
        out, out_row = signals.target(name, first)
        graded = bool(self.node.num_message_bits) and x.dtype != np.uint8
        kernels.conv(
            x, row, last - first, graded, *self.places, *self.runs, self.weight, self.node.groups, self.group_of,
            self.width, self.node.channels, self.fan_out, self.wraps, out, out_row, signals.operations[name],
        )


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
