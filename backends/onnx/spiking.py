"""Spiking nodes in ONNX: each is a model-local function, so that a file says what its neurons do."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nmc.backends.onnx.line import aged, pushed
from nmc.backends.onnx.site import Body, Emission, Emitted, Site
from nmc.graph import Node
from nmc.nodes import spiking
from nmc.nodes.facts import Compare, Param

_GREATER: Mapping[Compare, str] = {">": "Greater", ">=": "GreaterOrEqual"}
_WORD: Mapping[Compare, str] = {">": "gt", ">=": "ge"}


def _fire(node: spiking.Neuron, body: Body, integrated: str, state: Mapping[str, str]) -> Emitted:
    """Rest, spike and reset, given the voltage that integration alone would give."""
    v = integrated
    carried = dict(state)
    if node.reset_at == "next":
        v = _reset(node, body, v, body.state("spike"), body.cast(body.state("spike"), np.bool_))
    awake = None
    if node.refractory:
        awake = body.op("Equal", body.state("rest"), body.constant(0.0))
        v = body.where(awake, v, body.state("v"))
    fired = body.op(_GREATER[node.compare], v, body.param("threshold", node.threshold))
    if awake is not None:
        fired = body.op("And", fired, awake)
        left = body.op("Max", body.op("Sub", body.state("rest"), body.constant(1.0)), body.constant(0.0))
        carried["rest"] = body.where(fired, body.constant(float(node.refractory)), left)
    spike = body.cast(fired)
    if node.multispike:
        times = body.op("Floor", body.op("Div", v, body.param("threshold", node.threshold)))
        spike = body.op("Mul", spike, times)
    if node.reset_at == "next":
        carried["spike"] = spike
    else:
        v = _reset(node, body, v, spike, fired)
    return Emitted(spike, {"v": v, **carried})


def _reset(node: spiking.Neuron, body: Body, v: str, spike: str, fired: str) -> str:
    """The voltage after the reset; `spike` and `fired` say the same in real numbers and in truth values."""
    match node.reset:
        case "zero":
            return body.where(fired, body.constant(0.0), v)
        case "value":
            return body.where(fired, body.param("reset_value", node.reset_value), v)
        case "subtract":
            return body.op("Sub", v, body.op("Mul", spike, body.param("threshold", node.threshold)))
        case "none":
            return v


def _leaky(node: spiking.LIF | spiking.LI | spiking.CubaLIF, body: Body, x: str) -> str:
    """leak + decay (v - leak) + gain x."""
    decay, v = body.param("decay", node.decay), body.state("v")
    if node.leak == 0.0:
        kept = body.op("Mul", decay, v)
    else:
        leak = body.param("leak", node.leak)
        kept = body.op("Add", leak, body.op("Mul", decay, body.op("Sub", v, leak)))
    return body.op("Add", kept, _times(body, "gain", node.gain, x))


def _times(body: Body, fact: str, value: Param, x: str) -> str:
    return x if value == 1.0 else body.op("Mul", body.param(fact, value), x)


def _neuron(node: spiking.Neuron) -> str:
    """What the node's function is called: its kind and its conventions."""
    words = [node.kind, node.reset, _WORD[node.compare]]
    words += ["next"] if node.reset_at == "next" else []
    words += ["multispike"] if node.multispike else []
    words += [f"refractory{node.refractory}"] if node.refractory else []
    return "_".join(words)


def _lif(node: spiking.LIF, site: Site) -> Emitted:
    return site.function(_neuron(node), lambda body: _fire(node, body, _leaky(node, body, body.x), {}))


def _cuba_lif(node: spiking.CubaLIF, site: Site) -> Emitted:
    def build(body: Body) -> Emitted:
        old = body.state("i")
        kept = body.op("Mul", body.param("current_decay", node.current_decay), old)
        new = body.op("Add", kept, _times(body, "current_gain", node.current_gain, body.x))
        integrated = _leaky(node, body, new if node.current == "new" else old)
        return _fire(node, body, integrated, {"i": new})

    return site.function(f"{_neuron(node)}_{node.current}", build)


def _if(node: spiking.IF, site: Site) -> Emitted:
    def build(body: Body) -> Emitted:
        integrated = body.op("Add", body.state("v"), _times(body, "gain", node.gain, body.x))
        return _fire(node, body, integrated, {})

    return site.function(_neuron(node), build)


def _li(node: spiking.LI, site: Site) -> Emitted:
    def build(body: Body) -> Emitted:
        v = _leaky(node, body, body.x)
        return Emitted(v, {"v": v})

    return site.function(node.kind, build)


def _i(node: spiking.I, site: Site) -> Emitted:
    def build(body: Body) -> Emitted:
        v = body.op("Add", body.state("v"), _times(body, "gain", node.gain, body.x))
        return Emitted(v, {"v": v})

    return site.function(node.kind, build)


def _sigma_delta(node: spiking.SigmaDelta, site: Site) -> Emitted:
    def build(body: Body) -> Emitted:
        s = body.op("Add", body.state("s"), body.x)
        a = s if node.bias == 0.0 else body.op("Add", s, body.param("bias", node.bias))
        a = body.op("Relu", a) if node.activation == "relu" else a
        change = body.op("Sub", a, body.state("r"))
        large = body.op("GreaterOrEqual", body.op("Abs", change), body.param("threshold", node.threshold))
        y = body.where(large, change, body.constant(0.0))
        return Emitted(y, {"s": s, "r": body.op("Add", body.state("r"), y)})

    biased = "" if node.bias == 0.0 else "_biased"
    return site.function(f"{node.kind}_{node.activation}{biased}", build)


def _threshold(node: spiking.Threshold, site: Site) -> Emitted:
    def build(body: Body) -> Emitted:
        above = body.op(_GREATER[node.compare], body.x, body.param("threshold", node.threshold))
        return Emitted(body.cast(above), {})

    return site.function(f"{node.kind}_{_WORD[node.compare]}", build)


def _delay(node: spiking.Delay, site: Site) -> str | Emitted:
    if not node.longest:
        return site.x

    def build(body: Body) -> Emitted:
        line = pushed(body, body.x, body.state("line"))
        if isinstance(node.steps, int):
            y = body.op("Gather", line, body.constant(node.steps, np.int64), axis=1)
        else:
            steps = site.out.constant(site.model.weights[node.steps], np.int64, node.steps)
            age = body.op("Expand", body.formal("steps", steps), body.op("Shape", body.x))
            one = body.integers(1)
            aged_so = body.op("GatherElements", line, body.op("Unsqueeze", age, one), axis=1)
            y = body.op("Squeeze", aged_so, one)
        return Emitted(y, {"line": aged(body, line)})

    return site.function(f"{node.kind}_{'' if isinstance(node.steps, int) else 'up_to_'}{node.longest}", build)


def _sum_pool(node: spiking.SumPool2d, site: Site) -> str:
    channels = site.shape[0]
    ones = site.out.constant(np.ones((channels, 1, *node.kernel)))
    return site.out.op("Conv", site.x, ones, group=channels, strides=node.stride, pads=node.padding)


EMISSIONS: Mapping[type[Node], Emission] = {
    spiking.LIF: _lif,
    spiking.CubaLIF: _cuba_lif,
    spiking.IF: _if,
    spiking.LI: _li,
    spiking.I: _i,
    spiking.SigmaDelta: _sigma_delta,
    spiking.Threshold: _threshold,
    spiking.Delay: _delay,
    spiking.SumPool2d: _sum_pool,
}
