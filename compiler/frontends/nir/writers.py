"""The primitive of NIR that says what a node of the IR means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from nmc.frontends.nir.conventions import Gain
from nmc.frontends.nir.dynamics import Dynamics
from nmc.frontends.nir.primitives import Primitive
from nmc.graph import Node, Shape
from nmc.model import Array, FloatArray, Model
from nmc.nodes import spiking, tensor


@dataclass(frozen=True)
class Writing:
    """A node to write: in its model, in which time, and of which shape if it is not in the graph yet."""

    node: Node
    model: Model
    dynamics: Dynamics | None
    new_shape: Shape | None = None

    @property
    def shape(self) -> Shape:
        """The shape of what the node puts out."""
        return self.model.graph.signals[self.node.name].shape if self.new_shape is None else self.new_shape

    @property
    def timing(self) -> Dynamics:
        """How states step."""
        assert self.dynamics is not None, "a graph with states has a time step"
        return self.dynamics

    def full(self, value: float | str) -> FloatArray:
        """A parameter, one value for each element."""
        return np.array(np.broadcast_to(self.model.param(value), self.shape))

    def array(self, name: str) -> Array:
        """An array as it is in the model."""
        return self.model.weights[name]

    def primitive(
        self, kind: str, exact: Mapping[str, FloatArray] | None = None, **parameters: Array | str
    ) -> Primitive:
        """The primitive, with what its parameters say only up to rounding stated exactly beside them."""
        return Primitive(self.node.name, kind, parameters, dict(exact or {}))


def _input(node: tensor.Input, writing: Writing) -> Primitive:
    return writing.primitive("Input", shape=np.array(node.shape))


def _linear(node: tensor.Linear, writing: Writing) -> Primitive:
    if len(writing.shape) != 1:
        raise ValueError(f"NIR has Linear for flat values only, but it puts out shape {writing.shape}")
    weight, bias = _weight(node, writing), node.bias
    if bias is None:
        return writing.primitive("Linear", weight=weight)
    return writing.primitive("Affine", weight=weight, bias=writing.array(bias))


def _weight(node: tensor.Linear | tensor.Conv1d | tensor.Conv2d, writing: Writing) -> Array:
    weight = writing.array(node.weight)
    if node.weight_scale is None:
        return weight
    scale = writing.model.param(node.weight_scale)
    return np.asarray(weight.astype(np.float64) * np.reshape(scale, (-1, *(1,) * (weight.ndim - 1))))


def _conv(node: tensor.Conv1d | tensor.Conv2d, writing: Writing) -> Primitive:
    rank = len(node.kernel)
    begin, end = node.padding[:rank], node.padding[rank:]
    padding: Array | str = _sizes(begin)
    if begin != end:
        total = tuple(d * (k - 1) for d, k in zip(node.dilation, node.kernel, strict=True))
        if begin != tuple(n // 2 for n in total) or end != tuple(n - n // 2 for n in total) or set(node.stride) != {1}:
            raise ValueError(f"NIR pads both ends alike, but the padding is {begin} and {end}")
        padding = "same"
    weight = _weight(node, writing)
    bias = np.zeros(node.channels, weight.dtype) if node.bias is None else writing.array(node.bias)
    (source,) = writing.model.graph.operand_shapes(node)
    return writing.primitive(
        node.kind, input_shape=_sizes(source[1:]), weight=weight, stride=_sizes(node.stride), padding=padding,
        dilation=_sizes(node.dilation), groups=np.array(node.groups), bias=bias,
    )  # fmt: skip


def _sizes(sizes: Shape) -> Array:
    """Sizes as NIR has them: one number in one dimension, an array in two."""
    return np.array(sizes[0] if len(sizes) == 1 else sizes)


def _pool(node: spiking.SumPool2d | tensor.AvgPool2d, writing: Writing) -> Primitive:
    begin, end = node.padding[:2], node.padding[2:]
    if begin != end:
        raise ValueError(f"NIR pads both ends alike, but the padding is {begin} and {end}")
    if isinstance(node, tensor.AvgPool2d) and any(begin) and not node.count_include_pad:
        raise ValueError("NIR counts padding in a mean, but this node does not")
    return writing.primitive(
        node.kind, kernel_size=np.array(node.kernel), stride=np.array(node.stride), padding=np.array(begin)
    )


def _global_pool(node: tensor.GlobalAvgPool, writing: Writing) -> Primitive:
    (source,) = writing.model.graph.operand_shapes(node)
    if len(source) != 3:
        raise ValueError(f"NIR has means over two axes only, but its input has shape {source}")
    size = np.array(source[1:])
    return writing.primitive("AvgPool2d", kernel_size=size, stride=size, padding=np.array((0, 0)))


def _flatten(node: tensor.Flatten | tensor.Reshape, writing: Writing) -> Primitive:
    (source,) = writing.model.graph.operand_shapes(node)
    for first in range(len(source)):
        for last in range(first, len(source)):
            if writing.shape == (*source[:first], prod(source[first : last + 1]), *source[last + 1 :]):
                first, last = (0, len(source) - 1) if isinstance(node, tensor.Flatten) else (first, last)
                return writing.primitive(
                    "Flatten", start_dim=np.array(first), end_dim=np.array(last), input_type=np.array(source)
                )
    raise ValueError(f"NIR can only join neighbouring axes, not turn shape {source} into {writing.shape}")


def _scale(node: tensor.Mul, writing: Writing) -> Primitive:
    graph = writing.model.graph
    factors = [graph[ref.node] for ref in node.inputs]
    constants = [factor for factor in factors if isinstance(factor, tensor.Constant)]
    if len(factors) != 2 or len(constants) != 1:
        raise ValueError("NIR can only multiply by constants")
    (source,) = (graph.signals[factor.name].shape for factor in factors if factor is not constants[0])
    if source != writing.shape:
        raise ValueError(f"NIR's Scale keeps the shape {source}, but it puts out {writing.shape}")
    return writing.primitive("Scale", scale=np.array(np.broadcast_to(writing.array(constants[0].value), source)))


def _delay(node: spiking.Delay, writing: Writing) -> Primitive:
    late = {ref.delay for ref in node.inputs}
    if len(late) > 1:
        raise ValueError("its reads are of different delays")
    steps = writing.full(node.steps) + late.pop()
    return writing.primitive("Delay", delay=steps * writing.timing.dt_s / writing.timing.unit_s)


def _threshold(node: spiking.Threshold, writing: Writing) -> Primitive:
    compare = writing.dynamics.conventions.compare if writing.dynamics is not None else ">"
    if node.compare != compare:
        raise ValueError(f"it compares by {node.compare}, but the profile by {compare}")
    return writing.primitive("Threshold", threshold=writing.full(node.threshold))


def _integrator(node: spiking.I, writing: Writing) -> Primitive:
    _require_start(node, writing, 0.0, 0.0)
    r, exact = _leakless(node, writing)
    return writing.primitive("I", exact, r=r)


def _if(node: spiking.IF, writing: Writing) -> Primitive:
    r, exact = _leakless(node, writing)
    return writing.primitive("IF", exact, r=r, **_firing(node, writing, 0.0))


def _leakless(node: spiking.I | spiking.IF, writing: Writing) -> tuple[FloatArray, dict[str, FloatArray]]:
    gain = writing.full(node.gain)
    r = writing.timing.leakless_factor(gain)
    return r, _inexact(gain=(gain, writing.timing.leakless_gain(r)))


def _li(node: spiking.LI, writing: Writing) -> Primitive:
    _require_start(node, writing, node.leak, 0.0)
    values, exact = _membrane(node, writing, "tau", writing.timing.conventions.li_gain)
    return writing.primitive("LI", exact, **values)


def _lif(node: spiking.LIF, writing: Writing) -> Primitive:
    values, exact = _membrane(node, writing, "tau", writing.timing.conventions.lif_gain)
    return writing.primitive("LIF", exact, **values, **_firing(node, writing, node.leak))


def _cuba_lif(node: spiking.CubaLIF, writing: Writing) -> Primitive:
    if node.current != "new":
        raise ValueError("its voltage takes in the current of the step before, and no profile does")
    timing, conventions = writing.timing, writing.timing.conventions
    decay, gain = writing.full(node.current_decay), writing.full(node.current_gain)
    tau_syn = timing.tau(decay)
    w_in = timing.factor(conventions.current_gain, gain, decay)
    again = timing.decay(tau_syn)
    exact = _inexact(
        current_decay=(decay, again), current_gain=(gain, timing.gain(conventions.current_gain, w_in, again, tau_syn))
    )
    values, more = _membrane(node, writing, "tau_mem", conventions.lif_gain)
    return writing.primitive(
        "CubaLIF", {**exact, **more}, tau_syn=tau_syn, w_in=w_in, **values, **_firing(node, writing, node.leak)
    )


def _membrane(
    node: spiking.LI | spiking.LIF | spiking.CubaLIF, writing: Writing, time_constant: str, rule: Gain
) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """The parameters of the voltage, and what they say only up to rounding."""
    timing = writing.timing
    decay, gain = writing.full(node.decay), writing.full(node.gain)
    tau = timing.tau(decay)
    r = timing.factor(rule, gain, decay)
    again = timing.decay(tau)
    exact = _inexact(decay=(decay, again), gain=(gain, timing.gain(rule, r, again, tau)))
    return {time_constant: tau, "r": r, "v_leak": writing.full(node.leak)}, exact


def _inexact(**facts: tuple[FloatArray, FloatArray]) -> dict[str, FloatArray]:
    """The facts whose value differs from what reading the parameters gives."""
    return {name: value for name, (value, again) in facts.items() if np.any(value != again)}


def _firing(node: spiking.Neuron, writing: Writing, leak: float | str) -> dict[str, FloatArray]:
    """Threshold and reset. Raises ValueError with every convention that the profile has otherwise."""
    conventions = writing.timing.conventions
    reset_at = conventions.cuba_reset_at if isinstance(node, spiking.CubaLIF) else conventions.reset_at
    wrong = []
    if node.compare != conventions.compare:
        wrong.append(f"it compares by {node.compare} (the profile by {conventions.compare})")
    kinds = [reset if reset in ("subtract", "none") else "value" for reset in (node.reset, conventions.reset)]
    if kinds[0] != kinds[1]:
        how = {"subtract": "it resets by subtraction", "none": "it does not reset"}
        wrong.append(how.get(node.reset, f"it resets to {node.reset}"))
    if node.multispike != conventions.multispike:
        wrong.append("it spikes several times a step" if node.multispike else "it spikes once a step at most")
    if node.reset_at != reset_at:
        wrong.append(f"it resets at the {node.reset_at} step" if node.reset_at == "next" else "it resets at the spike")
    if node.refractory:
        wrong.append("it has refractory steps, which NIR does not")
    if wrong:
        raise ValueError(f"{conventions.tool} would not read this neuron back: {'; '.join(wrong)}")
    _require_start(node, writing, leak, node.reset_value)
    return {"v_threshold": writing.full(node.threshold), "v_reset": writing.full(node.reset_value)}


def _require_start(
    node: spiking.Neuron | spiking.LI | spiking.I, writing: Writing, leak: float | str, reset: float | str
) -> None:
    """Raise ValueError where the voltage starts elsewhere than the conventions say."""
    start = {"zero": 0.0, "leak": leak, "reset": reset}[writing.timing.conventions.starts_at]
    if np.any(writing.full(node.initial) != writing.full(start)):
        what = {"zero": "0", "leak": "its leak", "reset": "its reset value"}[writing.timing.conventions.starts_at]
        raise ValueError(f"its voltage starts at {node.initial}, but the profile starts it at {what}")


_TABLE: tuple[tuple[type[Node], Callable[..., Primitive]], ...] = (
    (tensor.Input, _input), (tensor.Linear, _linear), (tensor.Conv1d, _conv), (tensor.Conv2d, _conv),
    (spiking.SumPool2d, _pool), (tensor.AvgPool2d, _pool), (tensor.GlobalAvgPool, _global_pool),
    (tensor.Flatten, _flatten), (tensor.Reshape, _flatten), (tensor.Mul, _scale), (spiking.Delay, _delay),
    (spiking.Threshold, _threshold), (spiking.I, _integrator), (spiking.IF, _if), (spiking.LI, _li),
    (spiking.LIF, _lif), (spiking.CubaLIF, _cuba_lif),
)  # fmt: skip
WRITERS: Mapping[type[Node], Callable[..., Primitive]] = dict(_TABLE)
"""`write(node, writing)` for each kind of node that NIR has. Each raises ValueError with what it cannot say."""
