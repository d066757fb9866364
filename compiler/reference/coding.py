"""The meaning of encoders and readouts, one time step at a time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nmc.graph import Node
from nmc.model import FloatArray
from nmc.nodes import coding
from nmc.reference.meaning import Meaning, Result, Step
from nmc.reference.spiking import changes

_MODULUS = 2**31 - 1


def bernoulli_uniform(node: coding.BernoulliEncode, t: NDArray[np.int64], elements: int) -> FloatArray:
    """The fixed sequence u(t, element) of the node, as [*t.shape, elements] in [0, 1)."""
    step = t[..., None]
    z = (node.start + step) % _MODULUS
    for addend in (np.arange(elements, dtype=np.int64), step, np.int64(node.seed)):
        z = (z * z + addend) % _MODULUS
    return np.asarray(z / _MODULUS, dtype=np.float64)


def _bernoulli(node: coding.BernoulliEncode, step: Step) -> Result:
    t = step.state["t"] + 1
    shape = step.x.shape
    u = bernoulli_uniform(node, t.astype(np.int64), int(np.prod(shape[1:]))).reshape(shape)
    return Result(np.asarray(node.gain * step.x > u, dtype=np.float64), {"t": t})


def _rate(node: coding.RateEncode, step: Step) -> Result:
    a = step.state["a"] + node.gain * step.x
    spike = np.asarray(a >= 1.0, dtype=np.float64)
    return Result(spike, {"a": a - spike})


def _latency(node: coding.LatencyEncode, step: Step) -> Result:
    t = step.state["t"] + 1
    when = 1 + np.rint((1 - np.minimum(step.x, 1.0)) * (node.window - 1))
    now = t.reshape(-1, *(1,) * (step.x.ndim - 1))
    return Result(np.asarray((when == now) & (step.x > node.minimum), dtype=np.float64), {"t": t})


def _delta(node: coding.DeltaEncode, step: Step) -> Result:
    change = step.x - step.state["r"]
    event = np.where(change >= node.threshold, 1.0, np.where(-change >= node.threshold, -1.0, 0.0))
    return Result(event if node.falling else np.maximum(event, 0.0), {"r": step.state["r"] + event * node.threshold})


def _sum(node: coding.Sum, step: Step) -> Result:
    total = step.state["sum"] + step.x
    return Result(total, {"sum": total})


def _mean(node: coding.Mean, step: Step) -> Result:
    total, t = step.state["sum"] + step.x, step.state["t"] + 1
    return Result(total / t.reshape(-1, *(1,) * (total.ndim - 1)), {"sum": total, "t": t})


def _max(node: coding.Max, step: Step) -> Result:
    largest = np.maximum(step.state["max"], step.x)
    return Result(largest, {"max": largest})


MEANINGS: Mapping[type[Node], Meaning] = {
    coding.ConstantCurrent: lambda node, step: node.gain * step.x,
    coding.BernoulliEncode: _bernoulli,
    coding.RateEncode: _rate,
    coding.LatencyEncode: _latency,
    coding.DeltaEncode: _delta,
    coding.Delta: lambda node, step: changes(step.x, step.state["r"], node.threshold),
    coding.Last: lambda node, step: step.x,
    coding.Sum: _sum,
    coding.Mean: _mean,
    coding.Max: _max,
}
