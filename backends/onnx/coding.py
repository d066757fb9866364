"""Encoders and readouts in ONNX.

Encoders work in double precision, so that every target sends the spikes of the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

import numpy as np

from nmc.backends.onnx.site import Body, Emission, Emitted, Site
from nmc.graph import Node
from nmc.nodes import coding

DOUBLE = np.float64
_MODULUS = 2**31 - 1

ENCODERS: tuple[type[Node], ...] = (
    coding.BernoulliEncode, coding.RateEncode, coding.LatencyEncode, coding.DeltaEncode, coding.Delta
)
"""The nodes whose state is in double precision."""


def _scaled(body: Body, gain: float) -> str:
    """gain x, in double precision."""
    x = body.cast(body.x, DOUBLE)
    return x if gain == 1.0 else body.op("Mul", body.constant(gain, DOUBLE), x)


def _constant_current(node: coding.ConstantCurrent, site: Site) -> str:
    return site.x if node.gain == 1.0 else site.out.op("Mul", site.out.constant(node.gain), site.x)


def _bernoulli(node: coding.BernoulliEncode, site: Site) -> Emitted:
    """u = z / P from the whole numbers z that the node states, at most (2^31)^2 on the way."""
    elements = prod(site.shape)

    def build(body: Body) -> Emitted:
        t = body.formal("t", site.t)
        modulus = body.constant(_MODULUS, np.int64)
        z = body.op("Mod", body.op("Add", body.constant(node.start, np.int64), t), modulus)
        for addend in (body.constant(np.arange(elements), np.int64), t, body.constant(node.seed, np.int64)):
            z = body.op("Mod", body.op("Add", body.op("Mul", z, z), addend), modulus)
        u = body.op("Div", body.cast(z, DOUBLE), body.constant(_MODULUS, DOUBLE))
        u = body.op("Reshape", u, body.integers(1, *site.shape))
        return Emitted(body.cast(body.op("Greater", _scaled(body, node.gain), u)), {})

    return site.function(node.kind, build)


def _rate(node: coding.RateEncode, site: Site) -> Emitted:
    def build(body: Body) -> Emitted:
        a = body.op("Add", body.state("a"), _scaled(body, node.gain))
        full = body.op("GreaterOrEqual", a, body.constant(1.0, DOUBLE))
        return Emitted(body.cast(full), {"a": body.op("Sub", a, body.cast(full, DOUBLE))})

    return site.function(node.kind, build)


def _latency(node: coding.LatencyEncode, site: Site) -> Emitted:
    def build(body: Body) -> Emitted:
        one = body.constant(1.0, DOUBLE)
        x = body.cast(body.x, DOUBLE)
        late = body.op("Sub", one, body.op("Min", x, one))
        wait = body.op("Round", body.op("Mul", late, body.constant(node.window - 1, DOUBLE)))
        now = body.op("Equal", body.op("Add", wait, one), body.cast(body.formal("t", site.t), DOUBLE))
        large = body.op("Greater", x, body.constant(node.minimum, DOUBLE))
        return Emitted(body.cast(body.op("And", now, large)), {})

    return site.function(node.kind, build)


def _delta(node: coding.DeltaEncode, site: Site) -> Emitted:
    def build(body: Body) -> Emitted:
        threshold = body.constant(node.threshold, DOUBLE)
        change = body.op("Sub", body.cast(body.x, DOUBLE), body.state("r"))
        up = body.cast(body.op("GreaterOrEqual", change, threshold), DOUBLE)
        down = body.cast(body.op("GreaterOrEqual", body.op("Neg", change), threshold), DOUBLE)
        event = body.op("Sub", up, down)
        followed = body.op("Add", body.state("r"), body.op("Mul", event, threshold))
        return Emitted(body.cast(event if node.falling else up), {"r": followed})

    return site.function(node.kind, build)


def _changes(node: coding.Delta, site: Site) -> Emitted:
    def build(body: Body) -> Emitted:
        change = body.op("Sub", body.cast(body.x, DOUBLE), body.state("r"))
        large = body.op("GreaterOrEqual", body.op("Abs", change), body.constant(node.threshold, DOUBLE))
        y = body.where(large, change, body.constant(0.0, DOUBLE))
        return Emitted(body.cast(y), {"r": body.op("Add", body.state("r"), y)})

    return site.function(node.kind, build)


def _last(node: coding.Last, site: Site) -> Emitted:
    return Emitted(site.x, {"last": site.x})


def _sum(node: coding.Sum, site: Site) -> Emitted:
    total = site.out.op("Add", site.state["sum"], site.x)
    return Emitted(total, {"sum": total})


def _mean(node: coding.Mean, site: Site) -> Emitted:
    total = site.out.op("Add", site.state["sum"], site.x)
    return Emitted(site.out.op("Div", total, site.out.cast(site.t)), {"sum": total})


def _max(node: coding.Max, site: Site) -> Emitted:
    largest = site.out.op("Max", site.state["max"], site.x)
    return Emitted(largest, {"max": largest})


EMISSIONS: Mapping[type[Node], Emission] = {
    coding.ConstantCurrent: _constant_current,
    coding.BernoulliEncode: _bernoulli,
    coding.RateEncode: _rate,
    coding.LatencyEncode: _latency,
    coding.DeltaEncode: _delta,
    coding.Delta: _changes,
    coding.Last: _last,
    coding.Sum: _sum,
    coding.Mean: _mean,
    coding.Max: _max,
}

RESULTS: Mapping[type[Node], Callable[[Site], str]] = {
    coding.Last: lambda site: site.state["last"],
    coding.Sum: lambda site: site.state["sum"],
    coding.Mean: lambda site: site.out.op("Div", site.state["sum"], site.out.cast(site.t)),
    coding.Max: lambda site: site.state["max"],
}
"""What a readout gives after the run, from the state it ended with and t, the number of steps."""
