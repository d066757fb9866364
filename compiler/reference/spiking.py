"""The meaning of spiking nodes, one time step at a time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nmc.graph import Node
from nmc.model import FloatArray
from nmc.nodes import spiking
from nmc.nodes.facts import Compare
from nmc.reference.meaning import Meaning, Result, Step
from nmc.reference.tensor import sum_pool


def exceeds(x: FloatArray, threshold: FloatArray | float, compare: Compare) -> FloatArray:
    """1.0 where x compares so with the threshold, else 0.0."""
    return np.asarray(x > threshold if compare == ">" else x >= threshold, dtype=np.float64)


def fire(node: spiking.Neuron, step: Step, integrated: FloatArray) -> Result:
    """Rest, spike and reset, given the voltage that integration alone would give."""
    v = integrated
    state: dict[str, FloatArray] = {}
    if node.reset_at == "next":
        v = _reset(node, step, v, step.state["spike"])
    awake: FloatArray | float = 1.0
    if node.refractory:
        awake = np.asarray(step.state["rest"] == 0, dtype=np.float64)
        v = np.where(awake, v, step.state["v"])
    threshold = step.param(node.threshold)
    spike = exceeds(v, threshold, node.compare) * awake
    if node.multispike:
        spike = spike * np.floor(v / threshold)
    if node.refractory:
        state["rest"] = np.where(spike, float(node.refractory), np.maximum(step.state["rest"] - 1, 0.0))
    if node.reset_at == "next":
        state["spike"] = spike
    else:
        v = _reset(node, step, v, spike)
    return Result(spike, {"v": v, **state})


def _reset(node: spiking.Neuron, step: Step, v: FloatArray, spike: FloatArray) -> FloatArray:
    match node.reset:
        case "zero":
            return np.where(spike, 0.0, v)
        case "value":
            return np.where(spike, step.param(node.reset_value), v)
        case "subtract":
            return v - spike * step.param(node.threshold)
        case "none":
            return v


def leaky(node: spiking.LIF | spiking.LI | spiking.CubaLIF, step: Step, x: FloatArray) -> FloatArray:
    """leak + decay (v - leak) + gain x."""
    leak = step.param(node.leak)
    return leak + step.param(node.decay) * (step.state["v"] - leak) + step.param(node.gain) * x


def _lif(node: spiking.LIF, step: Step) -> Result:
    return fire(node, step, leaky(node, step, step.x))


def _cuba_lif(node: spiking.CubaLIF, step: Step) -> Result:
    old = step.state["i"]
    new = step.param(node.current_decay) * old + step.param(node.current_gain) * step.x
    fired = fire(node, step, leaky(node, step, new if node.current == "new" else old))
    return Result(fired.y, {"i": new, **fired.state})


def _if(node: spiking.IF, step: Step) -> Result:
    return fire(node, step, step.state["v"] + step.param(node.gain) * step.x)


def _li(node: spiking.LI, step: Step) -> Result:
    v = leaky(node, step, step.x)
    return Result(v, {"v": v})


def _i(node: spiking.I, step: Step) -> Result:
    v = step.state["v"] + step.param(node.gain) * step.x
    return Result(v, {"v": v})


def _sigma_delta(node: spiking.SigmaDelta, step: Step) -> Result:
    s = step.state["s"] + step.x
    a = s + step.param(node.bias)
    sent = changes(np.maximum(a, 0.0) if node.activation == "relu" else a, step.state["r"], node.threshold)
    return Result(sent.y, {"s": s, **sent.state})


def changes(x: FloatArray, r: FloatArray, threshold: float) -> Result:
    """What is sent of x where the receiver holds r: the changes that reach the threshold."""
    change = x - r
    y = np.where(np.abs(change) >= threshold, change, 0.0)
    return Result(y, {"r": r + y})


def _delay(node: spiking.Delay, step: Step) -> Result:
    if not node.longest:
        return Result(step.x, {})
    line = np.concatenate([step.x[:, None], step.state["line"]], axis=1)
    if isinstance(node.steps, int):
        y = line[:, node.steps]
    else:
        age = np.broadcast_to(step.arrays[node.steps], step.x.shape[1:]).astype(np.intp)
        y = np.take_along_axis(line, age[None, None], axis=1)[:, 0]
    return Result(y, {"line": line[:, :-1]})


MEANINGS: Mapping[type[Node], Meaning] = {
    spiking.LIF: _lif,
    spiking.CubaLIF: _cuba_lif,
    spiking.IF: _if,
    spiking.LI: _li,
    spiking.I: _i,
    spiking.SigmaDelta: _sigma_delta,
    spiking.Threshold: lambda node, step: exceeds(step.x, step.param(node.threshold), node.compare),
    spiking.Delay: _delay,
    spiking.SumPool2d: sum_pool,
}
