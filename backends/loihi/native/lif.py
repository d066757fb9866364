"""FixedLIF: neurons with a current, and those whose current is only what arrives in the step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi.native import kernels
from nmc.backends.loihi.native.layout import Layout
from nmc.backends.loihi.native.neurons import lif_parameters
from nmc.backends.loihi.native.runner import Runner
from nmc.backends.loihi.native.signals import Signals
from nmc.machine_code import Call
from nmc.model import Array, Model
from nmc.nodes import fixed_point

Int32Array = NDArray[np.int32]
WITHOUT_CURRENT = 4095
"""The decay `du` of a current of which nothing is left in the next step."""


@dataclass(frozen=True, eq=False)
class PreparedLif:
    """FixedLIF: the biases and first voltages of its neurons."""

    node: fixed_point.FixedLIF
    bias: Int32Array
    initial: Int32Array
    exponent: int | None = None

    @classmethod
    def of(cls, node: fixed_point.FixedLIF, model: Model, layout: Layout) -> PreparedLif:
        """The neurons of a node."""
        return cls(node, *lif_parameters(node, model, layout))

    def start(self, batch: int) -> Runner:
        v = np.tile(self.initial, (batch, 1))
        if self.node.du == WITHOUT_CURRENT and self.node.emits == "spikes":
            return LifWithoutCurrentRunner(self.node, v, self.bias, np.zeros(len(self.bias), np.uint8))
        return LifRunner(self.node, np.zeros_like(v), v, self.bias)


@dataclass(eq=False)
class Operand:
    """What neurons read: the one signal as it is kept, or the sum of several, which a kernel adds up."""

    sums: Int32Array | None = None
    add: Call[...] = field(default_factory=kernels.summed.prepared)

    def of(self, node: fixed_point.FixedLIF, signals: Signals, first: int, last: int) -> tuple[Array, int, int]:
        """It at steps `first` to `last` [B, T, N], the row at which it begins, and its exponent if it has 16 bits."""
        order = signals.layout.order[node.name]
        if len(signals.layout.reads(node)) == 1:
            narrow = signals.narrow_operand(node, first, order)
            return narrow or (*signals.wide_operand(node, first, last, order), 0)
        shape = signals.batch, last - first, signals.layout.size(node.name)
        if self.sums is None or self.sums.shape != shape:
            self.sums = np.empty(shape, np.int32)
        self.add(*signals.three_parts(node, first, last), last - first, self.sums)
        return self.sums, 0, 0

    @property
    def calls(self) -> tuple[Call[...], ...]:
        """The kernels of the last time."""
        return () if self.sums is None else (self.add,)


@dataclass(eq=False)
class LifRunner:
    """FixedLIF: current and voltage of every neuron, held from step to step."""

    node: fixed_point.FixedLIF
    u: Int32Array
    v: Int32Array
    bias: Int32Array
    t: int = 0
    read: Operand = field(default_factory=lambda: Operand(), kw_only=True)
    call: Call[...] = field(default_factory=kernels.lif.prepared, kw_only=True)

    @property
    def calls(self) -> tuple[Call[...], ...]:
        return *self.read.calls, self.call

    def state(self) -> Mapping[str, Array]:
        return {"u": self.u, "v": self.v, "t": np.full(len(self.u), self.t)}

    def advance(self, signals: Signals, first: int, last: int) -> None:
        node = self.node
        x, row, exponent = self.read.of(node, signals, first, last)
        out, out_row = signals.target(node.name, first)
        self.call(
            x, row, last - first, 6 + exponent, self.u, self.v, self.bias, signals.elapsed + first + 1,
            node.du, node.dv, node.vth, node.reset_interval, node.reset_offset,
            node.emits == "voltage", out, out_row, signals.spikes[node.name],
        )
        self.t = signals.elapsed + last


@dataclass(eq=False)
class LifWithoutCurrentRunner:
    """FixedLIF with du = 4095: the voltage of every neuron is held; its current is what arrived last."""

    node: fixed_point.FixedLIF
    v: Int32Array
    bias: Int32Array
    tally: NDArray[np.uint8]
    t: int = 0
    arrived: Array | None = None
    shift: int = 0
    read: Operand = field(default_factory=lambda: Operand(), kw_only=True)
    call: Call[...] = field(default_factory=kernels.lif_without_current.prepared, kw_only=True)

    @property
    def calls(self) -> tuple[Call[...], ...]:
        return *self.read.calls, self.call

    def state(self) -> Mapping[str, Array]:
        return {"u": self._current(), "v": self.v, "t": np.full(len(self.v), self.t)}

    def _current(self) -> Int32Array:
        if self.arrived is None:
            return np.zeros_like(self.v)
        u = (self.arrived.astype(np.int64) << self.shift).astype(np.int32)
        return np.where(u > 1 << 23, u - (1 << 24), np.where(u <= -(1 << 23), u + (1 << 24), u))

    def advance(self, signals: Signals, first: int, last: int) -> None:
        node = self.node
        x, row, exponent = self.read.of(node, signals, first, last)
        self.shift = 6 + exponent
        out, out_row = signals.target(node.name, first)
        self.call(
            x, row, last - first, self.shift, x.dtype != np.int16, self.v, self.bias, signals.elapsed + first + 1,
            node.dv, node.vth, node.reset_interval, node.reset_offset, out, out_row,
            self.tally, signals.spikes[node.name],
        )
        self.arrived = x[:, row + last - first - 1]
        self.t = signals.elapsed + last
