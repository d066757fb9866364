"""Neurons in real numbers, each step judged alone: what they should decide, given all that they really did before.

A network whose weights were rounded decides otherwise where a voltage is near its threshold; how near is near enough,
follows from the weights.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmc.differences.rules.neurons import value_of
from nmc.differences.segment import Change, Segment
from nmc.graph import Node
from nmc.model import FloatArray
from nmc.nodes import spiking
from nmc.nodes.tensor import BatchNorm
from nmc.reference.spiking import exceeds

LEVELS = 127.0
"""How many steps of an 8-bit number there are between 0 and the largest weight."""
_FACTS = {name: np.asarray(value) for name, value in (
    ("initial", 0.0), ("gain", 1.0), ("decay", 1.0), ("leak", 0.0), ("current_decay", 0.0), ("current_gain", 1.0)
)}  # fmt: skip
"""What a neuron's equation takes where the neuron has no such fact."""
_DECAYS = 2.0**-12
"""How far a decay may be off that has 12 bits, on chips where nothing stays as it is for ever."""


def wrong_decisions(segment: Segment, node: spiking.Neuron) -> NDArray[np.bool_]:
    """Where a neuron decided otherwise than it should, and rounding to 8 bits does not explain it."""
    x, off = _read(segment, node)
    facts = {name: value_of(node, name, segment) if hasattr(node, name) else other for name, other in _FACTS.items()}
    threshold, found = value_of(node, "threshold", segment), segment.found
    v = np.broadcast_to(facts["initial"], found[:, 0].shape).astype(np.float64)
    i, error_v, error_i, rest = (np.zeros_like(v) for _ in range(4))
    before, wrong = np.zeros_like(v), np.zeros(found.shape, bool)
    for t in range(found.shape[1]):
        decay, leak, gain = facts["decay"], facts["leak"], facts["gain"]
        if isinstance(node, spiking.CubaLIF):
            old, error_old = i, error_i
            i = facts["current_decay"] * i + facts["current_gain"] * x[:, t]
            error_i = facts["current_decay"] * error_i + abs(facts["current_gain"]) * off[:, t] + _DECAYS * abs(i)
            new = node.current == "new"
            arrived, error = (i, error_i) if new else (old, error_old)
        else:
            arrived, error = x[:, t], off[:, t]
        moved = leak + decay * (v - leak) + gain * arrived
        if node.reset_at == "next":
            moved = _after(node, segment, moved, before, threshold)
        awake = rest == 0
        moved = np.where(awake, moved, v)
        error_v = decay * error_v + abs(gain) * error + _DECAYS * abs(moved)
        spike, margin = found[:, t], abs(moved - threshold)
        should = exceeds(moved, threshold, node.compare) * awake
        wrong[:, t] = (should != spike) & ((margin > error_v + abs(threshold) / (2 * LEVELS)) | ~awake)
        if node.refractory:
            rest = np.where(spike, float(node.refractory), np.maximum(rest - 1, 0.0))
        before = spike
        v = moved if node.reset_at == "next" else _after(node, segment, moved, spike, threshold)
        if node.reset != "subtract":
            error_v = np.where(spike, 0.0, error_v)
    return wrong


def _after(
    node: spiking.Neuron, segment: Segment, v: FloatArray, spike: FloatArray, threshold: FloatArray
) -> FloatArray:
    """The voltage after the reset that a spike brings."""
    if node.reset == "subtract":
        return v - spike * threshold
    return np.where(spike, value_of(node, "reset_value", segment) if node.reset == "value" else 0.0, v)


def _read(segment: Segment, node: spiking.Neuron) -> tuple[FloatArray, FloatArray]:
    """What a neuron reads, [samples, steps, *shape], and how far that may be off for weights of 8 bits."""
    values: dict[str, FloatArray] = {}
    moved: dict[str, FloatArray] = {}
    step = _step(segment)
    for before in segment.nodes[:-1]:
        values[before.name] = segment.computed(Change(before), values)
        moved[before.name] = segment.computed(Change(before, _rounded(before, step, segment)), moved)
    (x,), (other,) = segment.operands(node, values), segment.operands(node, moved)
    shape = segment.found.shape
    return np.broadcast_to(x, shape), np.broadcast_to(abs(other - x), shape)


def _rounded(node: Node, step: float, segment: Segment) -> dict[str, FloatArray]:
    """The arrays of a node, each moved by half a step of 8 bits. A normalization becomes part of the weights before."""
    if isinstance(node, BatchNorm):
        return {node.bias: segment.arrays[node.bias] + step / 2}
    name, bias = getattr(node, "weight", None), getattr(node, "bias", None)
    if not isinstance(name, str):
        return {}
    weight = segment.arrays[name]
    half = step / (2 * np.maximum(_gain(node, segment), 1e-300))
    found = {name: weight + half.reshape(-1, *(1,) * (weight.ndim - 1))}
    return found if bias is None else {**found, bias: segment.arrays[bias] + half}


def _step(segment: Segment) -> float:
    """A step of 8 bits of the largest weight or bias that leads to a neuron: synapses of a neuron share their scale."""
    largest = [float(np.max(_gain(node, segment) * _largest(node, segment))) for node in _weighted(segment)]
    return max(largest, default=0.0) / LEVELS


def _weighted(segment: Segment) -> list[Node]:
    return [node for node in segment.nodes if isinstance(getattr(node, "weight", None), str)]


def _gain(node: Node, segment: Segment) -> FloatArray:
    """By what a normalization multiplies each output of a node with weights."""
    for norm in segment.nodes:
        if isinstance(norm, BatchNorm) and norm.inputs[0].node == node.name:
            return np.asarray(abs(segment.arrays[norm.scale]) / np.sqrt(segment.arrays[norm.variance] + norm.epsilon))
    return np.ones(len(_largest(node, segment)))


def _largest(node: Node, segment: Segment) -> FloatArray:
    """The largest weight or bias of each output of a node with weights."""
    weight, bias = segment.arrays[node.weight], getattr(node, "bias", None)  # type: ignore[attr-defined]
    largest: FloatArray = np.max(abs(weight.reshape(len(weight), -1)), axis=1, initial=0.0)
    return largest if bias is None else np.maximum(largest, abs(segment.arrays[bias]))
