"""Neurons beside the LIF: with spikes of two signs, and resonators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi.native import neuron_kernels as kernels
from nmc.backends.loihi.native.layout import Layout
from nmc.backends.loihi.native.runner import OneCall, Runner
from nmc.backends.loihi.native.signals import Signals
from nmc.graph import Node
from nmc.machine_code import Call
from nmc.model import Array, Model
from nmc.nodes import fixed_point

Int32Array = NDArray[np.int32]


def spread(node: Node, value: int | str, model: Model, layout: Layout) -> NDArray[np.int64]:
    """A parameter of every neuron of a node, in the order in which they lie: [N]."""
    array = model.weights[value].astype(np.int64) if isinstance(value, str) else np.int64(value)
    flat = np.broadcast_to(array, layout.graph.signals[node.name].shape).ravel()
    order = layout.order[node.name]
    return flat if order is None else flat[order]


def lif_parameters(
    node: fixed_point.FixedLIF | fixed_point.FixedTernaryLIF, model: Model, layout: Layout
) -> tuple[Int32Array, Int32Array]:
    """Every neuron's bias and first voltage."""
    mantissa, exponent = spread(node, node.bias_mant, model, layout), node.bias_exp
    bias = mantissa << exponent if exponent >= 0 else mantissa >> -exponent
    return bias.astype(np.int32), spread(node, node.initial, model, layout).astype(np.int32)


@dataclass(frozen=True, eq=False)
class PreparedTernaryLif:
    """FixedTernaryLIF: the biases and first voltages of its neurons."""

    node: fixed_point.FixedTernaryLIF
    bias: Int32Array
    initial: Int32Array
    exponent: int | None = None

    @classmethod
    def of(cls, node: fixed_point.FixedTernaryLIF, model: Model, layout: Layout) -> PreparedTernaryLif:
        """The neurons of a node."""
        return cls(node, *lif_parameters(node, model, layout))

    def start(self, batch: int) -> Runner:
        v = np.tile(self.initial, (batch, 1))
        return TernaryLifRunner(self.node, np.zeros_like(v), v, self.bias)


@dataclass(frozen=True, eq=False)
class TernaryLifRunner(OneCall):
    """FixedTernaryLIF: current and voltage of every neuron, held from step to step."""

    node: fixed_point.FixedTernaryLIF
    u: Int32Array
    v: Int32Array
    bias: Int32Array
    call: Call[...] = field(default_factory=kernels.ternary_lif.prepared, kw_only=True)

    def state(self) -> Mapping[str, Array]:
        return {"u": self.u, "v": self.v}

    def advance(self, signals: Signals, first: int, last: int) -> None:
        node = self.node
        x, row = signals.operand(node, first, last, signals.layout.order[node.name])
        out, out_row = signals.target(node.name, first)
        self.call(
            x, row, last - first, self.u, self.v, self.bias, node.du, node.dv, node.vth_hi, node.vth_lo,
            out, out_row, signals.spikes[node.name],
        )


@dataclass(frozen=True, eq=False)
class PreparedResonator:
    """FixedResonator."""

    node: fixed_point.FixedResonator
    size: int
    exponent: int | None = None

    @classmethod
    def of(cls, node: fixed_point.FixedResonator, model: Model, layout: Layout) -> PreparedResonator:
        """The neurons of a node."""
        return cls(node, layout.size(node.name))

    def start(self, batch: int) -> Runner:
        return ResonatorRunner(
            self.node, np.zeros((batch, self.size), np.int32), np.zeros((batch, self.size), np.int32)
        )


@dataclass(frozen=True, eq=False)
class ResonatorRunner(OneCall):
    """FixedResonator: both parts of every neuron's state."""

    node: fixed_point.FixedResonator
    real: Int32Array
    imag: Int32Array
    call: Call[...] = field(default_factory=kernels.resonator.prepared, kw_only=True)

    def state(self) -> Mapping[str, Array]:
        return {"real": self.real, "imag": self.imag}

    def advance(self, signals: Signals, first: int, last: int) -> None:
        node = self.node
        x_real, *rest = signals.operands(node, first, last)
        x_imag = rest[0] if rest else np.zeros_like(x_real)
        out, out_row = signals.target(node.name, first)
        self.call(
            x_real, x_imag, self.real, self.imag, node.sin_decay, node.cos_decay, node.decay_bits,
            node.vth, node.state_exp, node.fires == "phase", out, out_row, signals.spikes[node.name],
        )
