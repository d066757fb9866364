"""Spiking neurons as nengo.LIF, for networks that are to run on any backend of Nengo.

nengo.LIF integrates u' = u - (J - u) expm1(-dt / tau_rc) and spikes where u' > 1, after which u is 0. With
u = v / threshold this is LIF with decay a = exp(-dt / tau_rc), where J = gain x / ((1 - a) threshold) + leak /
threshold (nengo 4.1.0, class nengo.neurons.LIF). Results differ from the exact types by rounding only.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log

import numpy as np

from nmc.errors import Fault
from nmc.graph import Node
from nmc.model import FloatArray, Model
from nmc.nodes import spiking

_REMEDY = "compile with neuron_types=exact, which brings neuron types of its own"


@dataclass(frozen=True, eq=False)
class NengoLIF:
    """A population as nengo.LIF: J = gain x + bias; each value is one for all neurons or broadcasts over them."""

    tau_rc: float
    gain: FloatArray
    bias: FloatArray
    voltage: FloatArray

    @classmethod
    def of(cls, model: Model, node: spiking.LIF, dt_s: float) -> NengoLIF:
        """The same neurons; `unfit` must have nothing against them."""
        decay = float(np.ravel(model.param(node.decay))[0])
        threshold, gain, leak, initial = (
            np.asarray(model.param(value)) for value in (node.threshold, node.gain, node.leak, node.initial)
        )
        return cls(-dt_s / log(decay), gain / ((1 - decay) * threshold), leak / threshold, initial / threshold)

    def settings(self, dt_s: float) -> dict[str, float]:
        """What nengo.LIF is made with: spikes of height 1, no rest, voltages as low as they come."""
        return {"tau_rc": self.tau_rc, "tau_ref": 0.0, "min_voltage": -inf, "amplitude": dt_s}


def unfit(model: Model, node: Node) -> Fault | None:
    """What keeps a spiking node from being one of Nengo's own types."""
    if not isinstance(node, spiking.LIF):
        if isinstance(node, spiking.IF):
            why = "nengo.SpikingRectifiedLinear drops negative input and may spike several times a step"
        else:
            why = "none of them computes this"
        return Fault(f"{node.kind} is none of Nengo's own neuron types: {why}", _REMEDY, node.name)
    decay = np.unique(np.asarray(model.param(node.decay)))
    wrong = (
        (node.reset in ("subtract", "none") or bool(np.any(model.param(node.reset_value))), "it resets to 0"),
        (node.reset_at == "next", "it resets in the step of the spike"),
        (node.compare == ">=", "it spikes above its threshold, not at it"),
        (node.refractory > 0, "its rest begins within a step, not with the next one"),
        (len(decay) > 1, "it has one decay for all neurons"),
        (not np.all((decay > 0) & (decay < 1)), "its decay lies between 0 and 1"),
        (bool(np.any(np.asarray(model.param(node.threshold)) <= 0)), "its threshold is positive"),
    )
    found = "; ".join(why for is_so, why in wrong if is_so)
    return Fault(f"this LIF is not nengo.LIF: {found}", _REMEDY, node.name) if found else None
