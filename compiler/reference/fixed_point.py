"""The meaning of fixed-point nodes: the integers of Lava 0.10.0, tag `fixed_pt`.

Values travel as doubles, which hold every integer here exactly (all are below 2^53).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nmc.graph import Node
from nmc.model import FloatArray
from nmc.nodes import fixed_point
from nmc.reference.meaning import Meaning, Result, Step
from nmc.reference.tensor import convolve

IntArray = NDArray[np.int64]


def wrap(x: IntArray, bits: int) -> IntArray:
    """x modulo 2^bits, as a signed number."""
    half = 1 << (bits - 1)
    return (x + half) % (1 << bits) - half


def toward_zero(x: IntArray, shift: int) -> IntArray:
    """sign(x) (|x| >> shift)."""
    y: IntArray = np.sign(x) * (np.abs(x) >> shift)
    return y


def shifted(x: IntArray, exponent: int) -> IntArray:
    """x << exponent, or x >> -exponent (towards minus infinity)."""
    return x << exponent if exponent >= 0 else x >> -exponent


def integers(value: FloatArray | float) -> IntArray:
    """Whole numbers held as doubles, as integers."""
    return np.asarray(value).astype(np.int64)


def _lif(node: fixed_point.FixedLIF, step: Step) -> Result:
    t = step.state["t"] + 1
    u, v = integers(step.state["u"]), integers(step.state["v"])
    if node.reset_interval:
        due = t % node.reset_interval == node.reset_offset % node.reset_interval
        keep = ~due.reshape(-1, *(1,) * (u.ndim - 1))
        u, v = u * keep, v * keep
    u, v = _integrated(node, step, u, v)
    spike = v > (node.vth << 6)
    v = np.where(spike, 0, v)
    emitted = spike if node.emits == "spikes" else v
    state = {"u": u, "v": v, "t": t}
    return Result(emitted.astype(np.float64), {name: array.astype(np.float64) for name, array in state.items()})


def _integrated(
    node: fixed_point.FixedLIF | fixed_point.FixedTernaryLIF, step: Step, u: IntArray, v: IntArray
) -> tuple[IntArray, IntArray]:
    """Current and voltage a step later, before any reset."""
    activation = wrap(integers(step.x) << 6, 32)
    u = wrap(wrap(toward_zero(u * (4095 - node.du), 12), 32) + activation, 32)
    u = np.where(u > 2**23, u - 2**24, np.where(u <= -(2**23), u + 2**24, u))
    bias = shifted(integers(step.param(node.bias_mant)), node.bias_exp)
    v = wrap(wrap(toward_zero(v * (4096 - node.dv), 12), 32) + u + bias, 32)
    v = np.clip(v, 1 - 2**23, 2**23 - 1)
    return u, v


def _ternary_lif(node: fixed_point.FixedTernaryLIF, step: Step) -> Result:
    u, v = _integrated(node, step, integers(step.state["u"]), integers(step.state["v"]))
    spike = (v > node.vth_hi << 6).astype(np.int64) - (v < node.vth_lo << 6)
    state = {"u": u.astype(np.float64), "v": np.where(spike, 0, v).astype(np.float64)}
    return Result(spike.astype(np.float64), state)


def message(bits: int, x: FloatArray) -> FloatArray:
    """What a synapse receives: the number itself, or without message bits whether there is one."""
    return x if bits else np.asarray(x != 0, dtype=np.float64)


def _dense(node: fixed_point.FixedDense, step: Step) -> FloatArray:
    total = integers(message(node.num_message_bits, step.x) @ step.arrays[node.weight].T)
    if node.num_message_bits:
        total = wrap(total, 32)
    return wrap(shifted(total, node.weight_exp), 32).astype(np.float64)


def _conv(node: fixed_point.FixedConv2d, step: Step) -> FloatArray:
    total = convolve(node, message(node.num_message_bits, step.x), step.arrays[node.weight])
    return wrap(integers(np.rint(total)), 24).astype(np.float64)


MEANINGS: Mapping[type[Node], Meaning] = {
    fixed_point.FixedLIF: _lif,
    fixed_point.FixedTernaryLIF: _ternary_lif,
    fixed_point.FixedDense: _dense,
    fixed_point.FixedConv2d: _conv,
}
