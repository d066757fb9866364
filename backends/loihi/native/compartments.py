"""NengoLoihi's compartments, made ready and run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi.native.compartment_kernels import compartments, forgetful_compartments
from nmc.backends.loihi.native.layout import Layout
from nmc.backends.loihi.native.neurons import spread
from nmc.backends.loihi.native.runner import OneCall, Runner
from nmc.backends.loihi.native.signals import Signals
from nmc.machine_code import Call
from nmc.model import Array, Model
from nmc.nodes import fixed_point

Int32Array = NDArray[np.int32]


FORGETFUL = 4094
"""The decay_u with which a current is shifted by 12 bits from step to step."""


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
        return (ForgetfulRunner if self.forgetful else CompartmentsRunner)(
            self, u, v, rest, np.zeros(len(self.vth), np.uint8)
        )

    @cached_property
    def forgetful(self) -> bool:
        """Whether the simpler of the two kernels computes the same."""
        simple = self.node.decay_u == FORGETFUL and not self.node.refractory and not np.any(self.bias)
        alike = bool(np.all(self.vmin == self.vmin.flat[0]) and np.all(self.vth < self.node.vmax))
        return simple and alike


@dataclass(frozen=True, eq=False)
class CompartmentsRunner(OneCall):
    """FixedCompartments: current, voltage, and steps of rest to come of every neuron, each [B, N]."""

    prepared: PreparedCompartments
    u: Int32Array
    v: Int32Array
    rest: Int32Array
    tally: NDArray[np.uint8]
    call: Call[...] = field(default_factory=compartments.prepared, kw_only=True)

    def state(self) -> Mapping[str, Array]:
        return {"u": self.u, "v": self.v, "rest": self.rest}

    def advance(self, signals: Signals, first: int, last: int) -> None:
        facts, node = self.prepared, self.prepared.node
        read = signals.three_parts(node, first, last)
        out, out_row = signals.target(node.name, first)
        self.call(
            *read, last - first, self.u, self.v, self.rest, facts.vth, facts.bias, facts.vmin,
            node.vmax, node.decay_u, node.decay_v, node.refractory, out, out_row, self.tally,
            signals.spikes[node.name],
        )


@dataclass(frozen=True, eq=False)
class ForgetfulRunner(CompartmentsRunner):
    """The same where the simpler kernel serves."""

    call: Call[...] = field(default_factory=forgetful_compartments.prepared, kw_only=True)

    def advance(self, signals: Signals, first: int, last: int) -> None:
        facts, node = self.prepared, self.prepared.node
        read = signals.three_parts(node, first, last)
        out, out_row = signals.target(node.name, first)
        self.call(
            *read, last - first, self.u, self.v, facts.vth, int(facts.vmin.flat[0]), node.decay_v,
            out, out_row, self.tally,
            signals.spikes[node.name],
        )
