"""Neurons with their gains, offsets and per-neuron thresholds moved into what they read."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nmc.errors import UnsupportedError
from nmc.graph import Node
from nmc.model import FloatArray, Model
from nmc.nodes import spiking
from nmc.nodes.facts import Param

Value = FloatArray | float
"""One number, or an array that broadcasts over a population."""


@dataclass(frozen=True, eq=False)
class Normalized:
    """The same spikes from a simpler neuron: one that reads `factor` x + `offset` instead of x.

    `node` has gain 1, one threshold for all, reset to 0, and no leak (CubaLIF keeps its leak, which
    bypasses the current). `arrays` are new ones that the node names.
    """

    node: Node
    factor: Value = 1.0
    offset: Value = 0.0
    arrays: tuple[tuple[str, FloatArray], ...] = ()


def value_of(model: Model, param: Param) -> Value:
    """A parameter's value, as one number where all neurons share it."""
    return _plain(model.param(param))


def normalized(model: Model, node: Node) -> Normalized:
    """The neuron in its simplest form. Raises UnsupportedError where its threshold is not above its reset value.

    With w = (v - reset value) / s, the equation v' = leak + decay (v - leak) + gain x becomes
    w' = decay w + (gain x + (1 - decay) (leak - reset value)) / s, with s = 1 unless neurons differ
    in their thresholds.
    """
    if isinstance(node, spiking.Threshold):
        threshold = value_of(model, node.threshold)
        if isinstance(threshold, float):
            silent = threshold > 0 or (threshold == 0 and node.compare == ">")
            return Normalized(replace(node, threshold=threshold)) if silent else _raised(node, threshold)
        if np.all(threshold > 0):
            return Normalized(replace(node, threshold=1.0), factor=1 / threshold)
        return _raised(node, threshold)
    if isinstance(node, spiking.LI | spiking.I):
        return _simplified(model, node, 0.0, 1.0)
    if not isinstance(node, spiking.Neuron):
        return Normalized(node)
    base = value_of(model, node.reset_value) if node.reset == "value" else 0.0
    rise = _plain(value_of(model, node.threshold) - base)
    if isinstance(rise, float):
        scale: Value = 1.0
    else:
        scale, rise = _positive(model, node, rise), 1.0
    reset = "zero" if node.reset == "value" else node.reset
    return _simplified(model, replace(node, threshold=rise, reset=reset, reset_value=0.0), base, scale)


def _simplified(
    model: Model, node: spiking.Neuron | spiking.LI | spiking.I, base: Value, scale: Value
) -> Normalized:
    arrays: dict[str, FloatArray] = {}

    def fact(name: str, value: Value) -> Param:
        if isinstance(value, float):
            return value
        arrays[f"{node.name}.{name}"] = value
        return f"{node.name}.{name}"

    initial = fact("initial", _plain((value_of(model, node.initial) - base) / scale))
    match node:
        case spiking.CubaLIF():
            leak = _plain((value_of(model, node.leak) - base) / scale)
            gain = value_of(model, node.gain) * value_of(model, node.current_gain)
            decay = fact("decay", value_of(model, node.decay))
            current_decay = fact("current_decay", value_of(model, node.current_decay))
            plain: Node = replace(
                node, gain=1.0, current_gain=1.0, leak=fact("leak", leak), decay=decay,
                current_decay=current_decay, initial=initial,
            )
            return Normalized(plain, _plain(gain / scale), 0.0, tuple(arrays.items()))
        case spiking.LIF() | spiking.LI():
            rate = value_of(model, node.decay)
            offset = _plain((1 - rate) * (value_of(model, node.leak) - base) / scale)
            plain = replace(node, gain=1.0, leak=0.0, decay=fact("decay", rate), initial=initial)
            return Normalized(plain, _plain(value_of(model, node.gain) / scale), offset, tuple(arrays.items()))
        case spiking.IF() | spiking.I():
            plain = replace(node, gain=1.0, initial=initial)
            return Normalized(plain, _plain(value_of(model, node.gain) / scale), 0.0, tuple(arrays.items()))
    return Normalized(node)


def _raised(node: spiking.Threshold, threshold: Value) -> Normalized:
    """Without memory, a threshold and what is compared with it may rise together, until no neuron's is below 0."""
    height = float(np.max(np.abs(threshold))) or 1.0
    return Normalized(replace(node, threshold=height), offset=height - threshold)


def _plain(value: Value) -> Value:
    """A value as one Python float where all neurons share it."""
    if isinstance(value, np.ndarray) and value.ndim and not np.all(value == value.flat[0]):
        return value
    return float(np.asarray(value).flat[0])


def _positive(model: Model, node: Node, threshold: FloatArray) -> FloatArray:
    if np.all(threshold > 0):
        return threshold
    raise UnsupportedError(
        f"its thresholds go down to {threshold.min():g} above the reset voltage, so that it would spike by itself",
        "give every neuron a threshold above its reset voltage", node=node.name,
        where=model.graph.sources.get(node.name),
    )
