"""The Lava process of each kind of fixed-point node, with its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from nmc.backends.lava.weights import IntArray, truncated
from nmc.errors import ModelError, UnsupportedError
from nmc.graph import Node, Shape
from nmc.model import Model
from nmc.nodes import fixed_point

Setting = int | str | bool | list[int] | dict[str, str]
"""A number, a list that becomes a tuple, {"array": name}, or {"enum": "module:Class.MEMBER"}."""
SIGN_MODE = "lava.utils.weightutils:SignMode."


@dataclass(frozen=True)
class Process:
    """One of Lava's processes: its kind and settings, and the arrays that the settings name.

    `reset` is the interval and the offset at which its state is cleared, in steps.
    """

    kind: str
    settings: Mapping[str, Setting]
    arrays: Mapping[str, IntArray] = field(default_factory=dict)
    reset: tuple[int, int] | None = None


@dataclass(frozen=True)
class Neuron:
    """How a kind of node with a state becomes a process. Ports are named in the order of the node's operands."""

    lower: Callable[..., Process]
    ports: tuple[str, ...] = ("a_in",)
    output: Callable[..., str] = lambda node: "s_out"


@dataclass(frozen=True)
class Synapse:
    """How a kind of node with weights becomes a process, which adds one step, and more where it `delays`."""

    lower: Callable[..., Process]
    delays: bool = False


def reversed_axes(array: IntArray) -> IntArray:
    """[channel, height, width] as Lava orders it: [width, height, channel]."""
    return np.ascontiguousarray(array.T)


def integers(model: Model, node: Node, name: str) -> IntArray:
    """An array of the model as integers. Raises ModelError where it holds anything else."""
    array = model.weights[name]
    whole: IntArray = array.astype(np.int64)
    if not np.array_equal(whole, array):
        raise ModelError(f"the array {name!r} holds numbers that are not whole", node=node.name)
    return whole


def _parameter(
    model: Model, node: Node, fact: str, shape: Shape, bits: int
) -> tuple[Setting, Mapping[str, IntArray]]:
    """A parameter's setting and its array, spread over the population; refused where Lava's `bits` would wrap."""
    value: int | str = getattr(node, fact)
    array = integers(model, node, value) if isinstance(value, str) else np.asarray(value, dtype=np.int64)
    if np.any(np.abs(array + 0.5) > 2 ** (bits - 1)):
        raise UnsupportedError(f"{fact} does not fit in {bits} bits with a sign", "scale it down", node=node.name)
    if isinstance(value, int):
        return value, {}
    key = f"{node.name}.{fact}"
    return {"array": key}, {key: reversed_axes(np.broadcast_to(array, shape))}


def _lif(node: fixed_point.FixedLIF, model: Model, shape: Shape) -> Process:
    bias, bias_arrays = _parameter(model, node, "bias_mant", shape, 16)
    v, v_arrays = _parameter(model, node, "initial", shape, 32)
    settings: dict[str, Setting] = {
        "shape": list(reversed(shape)), "du": node.du, "dv": node.dv, "vth": node.vth,
        "bias_mant": bias, "bias_exp": node.bias_exp, "v": v,
    }  # fmt: skip
    arrays = {**bias_arrays, **v_arrays}
    if not node.reset_interval:
        return Process("LIF", settings, arrays)
    return Process("LIFReset", settings, arrays, (node.reset_interval, node.reset_offset % node.reset_interval))


def _dense(node: fixed_point.FixedDense, model: Model, shape: Shape, delay: int) -> Process:
    weights = integers(model, node, node.weight)
    if not np.array_equal(weights, truncated(weights, node.sign_mode, node.num_weight_bits)):
        raise ModelError(
            f"Lava would change the weights {node.weight!r}: they are not {node.sign_mode} weights of "
            f"{node.num_weight_bits} bits", "quantize them so that clipping and truncation leave them", node=node.name,
        )
    settings: dict[str, Setting] = {
        "weights": {"array": f"{node.name}.weights"}, "weight_exp": node.weight_exp,
        "num_weight_bits": node.num_weight_bits, "sign_mode": {"enum": SIGN_MODE + node.sign_mode.upper()},
        "num_message_bits": node.num_message_bits,
    }  # fmt: skip
    arrays = {f"{node.name}.weights": weights}
    if not delay:
        return Process("Dense", settings, arrays)
    arrays |= {f"{node.name}.delays{delay}": np.full_like(weights, delay)}
    settings |= {"delays": {"array": f"{node.name}.delays{delay}"}, "max_delay": delay}
    return Process("DelayDense", settings, arrays)


def _conv(node: fixed_point.FixedConv2d, model: Model, shape: Shape, delay: int) -> Process:
    (top, left, bottom, right) = node.padding
    if (top, left) != (bottom, right):
        raise UnsupportedError(
            f"its padding {node.padding} differs between begin and end, Lava's Conv pads both alike",
            "pad the input evenly", node=node.name,
        )
    reach = [d * (k - 1) + 1 for d, k in zip(node.dilation, node.kernel, strict=True)]
    if max(*reach, *node.stride, *node.padding, node.groups) > 127:
        raise UnsupportedError(
            "Lava's Conv takes windows, strides, padding and groups up to 127", "use a smaller one", node=node.name
        )
    weight = integers(model, node, node.weight)
    settings: dict[str, Setting] = {
        "weight": {"array": f"{node.name}.weight"}, "input_shape": list(reversed(shape)),
        "padding": [left, top], "stride": list(reversed(node.stride)), "dilation": list(reversed(node.dilation)),
        "groups": node.groups, "num_message_bits": node.num_message_bits,
    }  # fmt: skip
    flipped = np.ascontiguousarray(weight[:, :, ::-1, ::-1].transpose(0, 3, 2, 1))
    return Process("Conv", settings, {f"{node.name}.weight": flipped})


NEURONS: Mapping[type[Node], Neuron] = {
    fixed_point.FixedLIF: Neuron(_lif, output=lambda node: "s_out" if node.emits == "spikes" else "v"),
}
SYNAPSES: Mapping[type[Node], Synapse] = {
    fixed_point.FixedDense: Synapse(_dense, delays=True),
    fixed_point.FixedConv2d: Synapse(_conv),
}
