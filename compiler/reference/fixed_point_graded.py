"""The meaning of the fixed-point neurons that send numbers, and of resonators: Lava's 32-bit integers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nmc.graph import Node
from nmc.model import FloatArray
from nmc.nodes import fixed_point
from nmc.reference.fixed_point import integers, toward_zero, wrap
from nmc.reference.meaning import Meaning, Result, Step

Int32Array = NDArray[np.int32]


def int32(x: FloatArray | float) -> Int32Array:
    """Whole numbers as 32-bit integers that wrap; arithmetic on them wraps on."""
    return wrap(integers(x), 32).astype(np.int32)


def _result(y: Int32Array, **state: Int32Array) -> Result:
    return Result(y.astype(np.float64), {name: array.astype(np.float64) for name, array in state.items()})


def _encoded(node: fixed_point.FixedDelta | fixed_point.FixedSigmaDelta, step: Step, act: Int32Array) -> Result:
    """delta(act) >> state_exp, and the state of the encoder after it."""
    change = act - int32(step.state["act"]) + int32(step.state["residue"])
    error = int32(step.state["error"]) + change if node.cumulative else int32(step.state["error"])
    measure = error if node.cumulative else change
    sent = np.where(np.abs(measure) >= node.vth << (node.spike_exp + node.state_exp), change, 0).astype(np.int32)
    if node.cumulative:
        error = np.where(np.abs(sent) > 0, 0, error)
    return _result(sent >> node.state_exp, act=act, residue=change - sent, error=error)


def _delta(node: fixed_point.FixedDelta, step: Step) -> Result:
    return _encoded(node, step, int32(step.x) << (node.spike_exp + node.state_exp))


def _sigma(node: fixed_point.FixedSigma, step: Step) -> Result:
    sigma = int32(step.state["sigma"]) + int32(step.x)
    return _result(sigma, sigma=sigma)


def _sigma_delta(node: fixed_point.FixedSigmaDelta, step: Step) -> Result:
    sigma = int32(step.state["sigma"]) + int32(step.x)
    act = sigma + (int32(step.param(node.bias)) << (node.spike_exp + node.state_exp))
    encoded = _encoded(node, step, np.maximum(act, 0) if node.activation == "relu" else act)
    return Result(encoded.y, {"sigma": sigma.astype(np.float64), **encoded.state})


def _beyond(x: Int32Array, vth: int) -> FloatArray:
    return np.where(np.abs(x) > vth, x, 0).astype(np.float64)


def _graded(node: fixed_point.FixedGraded, step: Step) -> FloatArray:
    x = int32(step.x)
    return np.where(x > node.vth, x, 0).astype(np.float64) if node.rectified else _beyond(x, node.vth)


def _product(node: fixed_point.FixedProduct, step: Step) -> FloatArray:
    a, b = map(int32, step.operands)
    return _beyond((a * b) >> node.exp, node.vth)


def _norm_delay(node: fixed_point.FixedNormDelay, step: Step) -> Result:
    a, b = map(int32, step.operands)
    return Result(_beyond(int32(step.state["v"]) * b, node.vth), {"v": a.astype(np.float64)})


def _resonator(node: fixed_point.FixedResonator, step: Step) -> Result:
    old_real, old_imag = integers(step.state["real"]), integers(step.state["imag"])
    x_real, *rest = (wrap(integers(x) << node.state_exp, 32) for x in step.operands)
    x_imag = rest[0] if rest else 0
    limit = 2**23 - 1

    def decayed(factor: int, x: NDArray[np.int64]) -> NDArray[np.int64]:
        return toward_zero(factor * x, node.decay_bits)

    real = decayed(node.cos_decay, old_real) - decayed(node.sin_decay, old_imag) + x_real
    imag = decayed(node.sin_decay, old_real) + decayed(node.cos_decay, old_imag) + x_imag
    real, imag = np.clip(real, -limit, limit), np.clip(imag, -limit, limit)
    if node.fires == "phase":
        spike = (real >= node.vth) & (imag >= 0) & (old_imag < 0)
    else:
        spike = imag >= node.vth
        real, imag = np.where(spike, 0, real), np.where(spike, node.vth - 1, imag)
    state = {"real": real.astype(np.float64), "imag": imag.astype(np.float64)}
    return Result(spike.astype(np.float64), state)


MEANINGS: Mapping[type[Node], Meaning] = {
    fixed_point.FixedDelta: _delta,
    fixed_point.FixedSigma: _sigma,
    fixed_point.FixedSigmaDelta: _sigma_delta,
    fixed_point.FixedGraded: _graded,
    fixed_point.FixedProduct: _product,
    fixed_point.FixedNormDelay: _norm_delay,
    fixed_point.FixedResonator: _resonator,
}
