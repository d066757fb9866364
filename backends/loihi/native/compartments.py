"""NengoLoihi's compartments, made ready and run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi.native.compartment_kernels import compartments
from nmc.backends.loihi.native.layout import Layout
from nmc.backends.loihi.native.neurons import spread
from nmc.backends.loihi.native.runner import Runner
from nmc.backends.loihi.native.signals import Signals
from nmc.machine_code import Call
from nmc.model import Array, Model
from nmc.nodes import fixed_point

Int32Array = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class PreparedCompartments:
    """FixedCompartments: what may differ from neuron to neuron, each [N]."""

    node: fixed_point.FixedCompartments
    vth: Int32Array
    bias: Int32Array
    vmin: Int32Array
    exponent: int | None = None

    @classmethod
    def of(cls, node: fixed_point.FixedCompartments, model: Model, layout: Layout) -> PreparedCompartments:
        """The neurons of a node."""
        vth, bias, vmin = (
            np.ascontiguousarray(spread(node, fact, model, layout), dtype=np.int32)
            for fact in (node.vth, node.bias, node.vmin)
        )
        return cls(node, vth, bias, vmin)

    def start(self, batch: int) -> Runner:
        u, v, rest = np.zeros((3, batch, len(self.vth)), np.int32)
        return CompartmentsRunner(self, u, v, rest)


@dataclass(frozen=True, eq=False)
class CompartmentsRunner:
    """FixedCompartments: current, voltage, and steps of rest to come of every neuron, each [B, N]."""

    prepared: PreparedCompartments
    u: Int32Array
    v: Int32Array
    rest: Int32Array
    step: Call[...] = field(default_factory=compartments.prepared, kw_only=True)

    def state(self) -> Mapping[str, Array]:
        return {"u": self.u, "v": self.v, "rest": self.rest}

    def advance(self, signals: Signals, first: int, last: int) -> None:
        facts, node = self.prepared, self.prepared.node
        x, row = signals.operand(node, first, last, signals.layout.order[node.name])
        out, out_row = signals.target(node.name, first)
        self.step(
            x, row, last - first, self.u, self.v, self.rest, facts.vth, facts.bias, facts.vmin,
            node.vmax, node.decay_u, node.decay_v, node.refractory, out, out_row, signals.spikes[node.name],
        )
