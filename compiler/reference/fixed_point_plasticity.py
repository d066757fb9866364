"""The meaning of the fixed-point synapse that learns: LearningConnectionModelBitApproximate of Lava 0.10.0.

Source: lava/magma/core/model/py/connection.py and lava/magma/core/learning/learning_rule_applier.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nmc.graph import Node
from nmc.model import FloatArray
from nmc.nodes import fixed_point
from nmc.nodes.fixed_point.plasticity import WIDTHS, LoihiProduct
from nmc.nodes.learning_rule import TRACES
from nmc.reference.fixed_point import integers, message, shifted, wrap
from nmc.reference.meaning import Meaning, Result, Step

IntArray = NDArray[np.int64]
PRE, POST = TRACES[:2], TRACES[2:]
ROUNDING_SEED = 2
"""Lava rounds what is learned by numbers of this seed, whatever the rule's own."""
LARGEST_TRACE = 127
_LIMIT = 2**15


@lru_cache(maxsize=64)
def uniform(seed: int, count: int) -> FloatArray:
    """The first `count` numbers from 0 to 1 of a seed."""
    return np.random.default_rng(seed).random(count)


@lru_cache(maxsize=64)
def whole(seed: int, count: int) -> IntArray:
    """The first `count` whole numbers from 0 to 127 of a seed."""
    return np.random.default_rng(seed).integers(0, 128, size=count, dtype=np.int64)


def at_least(count: int) -> int:
    """A power of two that is as large, so that numbers are drawn again only seldom."""
    return 1 << max(count, 64).bit_length()


def impulse_parts(impulse: float) -> tuple[int, int]:
    """An impulse's whole part, and its fraction in 256ths."""
    return int(np.floor(impulse)), int(np.round((impulse - np.floor(impulse)) * 256))


def decay_of(tau: int) -> float:
    """What a trace keeps in a step: that of NumPy, as in Lava, to the last bit."""
    return float(np.exp(-1 / np.array([tau]))[0]) if tau else 0.0


def with_impulse(trace: IntArray, impulse: float, random: int) -> IntArray:
    """A trace after a spike."""
    more, fraction = impulse_parts(impulse)
    return np.clip(trace + more + (random < fraction), 0, LARGEST_TRACE)


def _plastic(node: fixed_point.FixedPlasticDense, step: Step) -> Result:
    pre, post = (operand != 0 for operand in step.operands)
    state = {name: integers(value) for name, value in step.state.items()}
    total = integers(np.einsum("bfi,bi->bf", step.state["w"], message(0, step.operands[0])))
    y = wrap(shifted(total, node.weight_exp), 32).astype(np.float64)
    n = int(state["n"][0]) + 1
    draws = whole(node.seed + 3, at_least(2 * n))
    for names, spikes, last, random in ((PRE, pre, "tx", 0), (POST, post, "ty", int(draws[2 * n - 1]))):
        again = spikes & (state[last] > 0)
        for name in names:
            more = with_impulse(state[name], getattr(node, f"{name}_impulse"), random)
            state[name] = np.where(again, more, state[name])
        state[last] = np.where(spikes, (n - 1) % node.epoch + 1, state[last])
    if n % node.epoch == 0:
        state = _learned(node, state, n)
    after = {name: value.astype(np.float64) for name, value in state.items()}
    return Result(y, {**after, "n": step.state["n"] + 1})


def _learned(node: fixed_point.FixedPlasticDense, state: Mapping[str, IntArray], n: int) -> dict[str, IntArray]:
    """The state after an epoch that ends at step n."""
    history = {**_history(node, PRE, state, "tx", n, node.seed), **_history(node, POST, state, "ty", n, node.seed + 2)}
    random = uniform(ROUNDING_SEED, at_least(n // node.epoch))[n // node.epoch]
    due = node.decimation is not None and (n // node.epoch) % 2**node.decimation == 0
    new = {name: values[-1] for name, values in history.items()}
    new |= {name: np.zeros_like(state[name]) for name in ("tx", "ty")}
    new |= {name: state[name] for name in ("w", "t", "d")}
    for target, products in node.products.items():
        if products:
            accumulator = state[target] << 7
            for product in products:
                change = _change(product, state, history, due)
                accumulator = np.clip(accumulator + change, -_LIMIT - 1, _LIMIT - 1)
            new[target] = _rounded(node, target, accumulator, random)
    return new


def _history(
    node: fixed_point.FixedPlasticDense, names: tuple[str, ...], state: Mapping[str, IntArray], last: str, n: int,
    seed: int,
) -> dict[str, IntArray]:
    """Traces at every step of the epoch, the time before it included: [epoch + 1, B, N]."""
    fade, jump = uniform(seed, at_least(2 * n))[2 * n], int(whole(seed + 1, at_least(2 * n))[2 * n])
    found = {}
    for name in names:
        keep, impulse = decay_of(getattr(node, f"{name}_tau")), getattr(node, f"{name}_impulse")
        values = [state[name]]
        for t in range(1, node.epoch + 1):
            exact = keep * values[-1]
            faded = np.floor(exact).astype(np.int64) + (fade < exact % 1)
            values.append(np.where(state[last] == t, with_impulse(faded, impulse, jump), faded))
        found[name] = np.stack(values)
    return found


def _change(
    product: LoihiProduct, state: Mapping[str, IntArray], history: Mapping[str, IntArray], due: bool
) -> IntArray:
    """What a product adds: [B, features, inputs], in 32 bits that wrap."""
    gate = {"x0": state["tx"][:, None, :] > 0, "y0": state["ty"][:, :, None] > 0, "u": np.array([[[due]]])}
    result = np.broadcast_to(gate[product.dependency], state["w"].shape).astype(np.int32)
    for factor in product.factors:
        if factor.variable in history:
            value = _trace_at(product.dependency, factor.variable, state, history)
        elif factor.variable in ("x0", "y0"):
            value = gate[factor.variable].astype(np.int64)
        else:
            value = state[factor.variable]
        value = value + int(factor.constant)
        value = np.sign(value) if factor.sign else value
        width = WIDTHS[factor.variable]
        result = result * np.clip(value, -(2**width), 2**width - 1).astype(np.int32)
    result = (result * np.int32(product.mantissa)) >> product.shift << (product.exponent + 7)
    return np.clip(result, -_LIMIT - 1, _LIMIT - 1).astype(np.int64)


def _trace_at(
    dependency: str, name: str, state: Mapping[str, IntArray], history: Mapping[str, IntArray]
) -> IntArray:
    """A trace when the spike of the dependency came, for every synapse; at the end of the epoch for u."""
    values = history[name]
    if dependency == "u":
        last: IntArray = values[-1]
        return last[:, None, :] if name in PRE else last[:, :, None]
    when = state["tx"][:, None, :] if dependency == "x0" else state["ty"][:, :, None]
    when = np.broadcast_to(when, state["w"].shape)
    batch, features, inputs = np.indices(when.shape)
    found: IntArray = values[when, batch, inputs if name in PRE else features]
    return found


def _rounded(
    node: fixed_point.FixedPlasticDense, target: str, accumulator: IntArray, random: float
) -> IntArray:
    """A variable of synapses from its accumulator, saturated."""
    low, high = limits(node, target)
    if low == 0 or high == 0:
        accumulator = np.maximum(accumulator, 0) if low == 0 else np.minimum(accumulator, 0)
    whole_part = (accumulator >> 7) + (random < (accumulator & 127) / 128)
    return np.asarray(np.clip(whole_part, low, high))


def limits(node: fixed_point.FixedPlasticDense, target: str) -> tuple[int, int]:
    """The lowest and the highest value of w, t or d."""
    if target == "w":
        return {"mixed": (-256, 255), "excitatory": (0, 255), "inhibitory": (-255, 0)}[node.sign_mode]
    return (-257, 255) if target == "t" else (0, 255)


MEANINGS: Mapping[type[Node], Meaning] = {fixed_point.FixedPlasticDense: _plastic}
