"""Spiking nodes, encoders and readouts in PyTorch, one time step at a time.

A spike is 0 or 1, and its gradient that of a fast sigmoid, 1 / (1 + slope |v - threshold|)^2 (Zenke & Ganguli,
SuperSpike, Neural Computation 2018). No gradient goes through a reset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from nmc.graph import Node
from nmc.nodes import coding, spiking
from nmc.training.place import Forward, Place, Result
from nmc.training.tensor_nodes import sum_pool

if TYPE_CHECKING:
    from torch import Tensor

SLOPE = 5.0


def spikes(distance: Tensor, compare: str = ">") -> Tensor:
    """1 where the distance to threshold is positive (or zero, with ">="), else 0, with the surrogate gradient."""
    fired = (distance > 0 if compare == ">" else distance >= 0).to(distance.dtype)
    smooth = distance / (1 + SLOPE * distance.abs())
    return fired + (smooth - smooth.detach())


def _fired(node: spiking.Neuron, place: Place, integrated: Tensor) -> Result:
    """Rest, spike and reset, given the voltage that integration alone would give."""
    v, state = integrated, {}
    if node.reset_at == "next":
        v = _reset(node, place, v, place.state["spike"])
    awake = torch.ones_like(v)
    if node.refractory:
        awake = (place.state["rest"] == 0).to(v.dtype)
        v = torch.where(awake > 0, v, place.state["v"])
    spike = spikes(v - place.param(node.threshold), node.compare) * awake
    if node.multispike:
        spike = _multispikes(v / place.param(node.threshold))
    fired = spike.detach()
    if node.refractory:
        state["rest"] = torch.where(fired > 0, float(node.refractory), (place.state["rest"] - 1).clamp(min=0))
    if node.reset_at == "next":
        state["spike"] = fired
    else:
        v = _reset(node, place, v, fired)
    return Result(spike, {"v": v, **state})


def _reset(node: spiking.Neuron, place: Place, v: Tensor, fired: Tensor) -> Tensor:
    match node.reset:
        case "zero":
            return v * (1 - fired)
        case "value":
            return v * (1 - fired) + fired * place.param(node.reset_value)
        case "subtract":
            return v - fired * place.param(node.threshold)
        case "none":
            return v


def _multispikes(thresholds: Tensor) -> Tensor:
    """How many whole thresholds there are, none below 0, with the gradient of a ramp."""
    ramp = thresholds.clamp(min=0)
    return ramp.floor() + (ramp - ramp.detach())


def _leaky(node: spiking.LIF | spiking.LI | spiking.CubaLIF, place: Place, x: Tensor) -> Tensor:
    leak = place.param(node.leak)
    return leak + place.param(node.decay) * (place.state["v"] - leak) + place.param(node.gain) * x


def _lif(node: spiking.LIF, place: Place) -> Result:
    return _fired(node, place, _leaky(node, place, place.x))


def _cuba_lif(node: spiking.CubaLIF, place: Place) -> Result:
    old = place.state["i"]
    new = place.param(node.current_decay) * old + place.param(node.current_gain) * place.x
    fired = _fired(node, place, _leaky(node, place, new if node.current == "new" else old))
    return Result(fired.y, {"i": new, **fired.state})


def _if(node: spiking.IF, place: Place) -> Result:
    return _fired(node, place, place.state["v"] + place.param(node.gain) * place.x)


def _li(node: spiking.LI, place: Place) -> Result:
    v = _leaky(node, place, place.x)
    return Result(v, {"v": v})


def _i(node: spiking.I, place: Place) -> Result:
    v = place.state["v"] + place.param(node.gain) * place.x
    return Result(v, {"v": v})


def _rate(node: coding.RateEncode, place: Place) -> Result:
    a = place.state["a"] + node.gain * place.x
    spike = (a >= 1).to(a.dtype)
    return Result(spike, {"a": a - spike})


def _sum(node: coding.Sum, place: Place) -> Result:
    total = place.state["sum"] + place.x
    return Result(total, {"sum": total})


def _mean(node: coding.Mean, place: Place) -> Result:
    total, t = place.state["sum"] + place.x, place.state["t"] + 1
    return Result(total / t.reshape(-1, *(1,) * (total.ndim - 1)), {"sum": total, "t": t})


def _max(node: coding.Max, place: Place) -> Result:
    largest = torch.maximum(place.state["max"], place.x)
    return Result(largest, {"max": largest})


FORWARDS: Mapping[type[Node], Forward] = {
    spiking.LIF: _lif,
    spiking.CubaLIF: _cuba_lif,
    spiking.IF: _if,
    spiking.LI: _li,
    spiking.I: _i,
    spiking.Threshold: lambda node, place: spikes(place.x - place.param(node.threshold), node.compare),
    spiking.SumPool2d: sum_pool,
    coding.ConstantCurrent: lambda node, place: node.gain * place.x,
    coding.RateEncode: _rate,
    coding.Last: lambda node, place: place.x,
    coding.Sum: _sum,
    coding.Mean: _mean,
    coding.Max: _max,
}
