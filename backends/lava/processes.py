"""The Lava process of each kind of fixed-point node, with its settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from nmc.backends.lava.learning_rule import learning_rule
from nmc.errors import ModelError, UnsupportedError
from nmc.graph import Node, Shape
from nmc.model import Model
from nmc.nodes import fixed_point
from nmc.nodes.fixed_point.weights import IntArray, truncated

Setting = int | str | bool | list[int] | dict[str, str] | dict[str, object]
"""A number, a list that becomes a tuple, {"array": name}, {"csr": name}, {"enum": "module:Class.MEMBER"}, or
{"make": "module:Class", "with": {...}}."""
SIGN_MODE = "lava.utils.weightutils:SignMode."
KINDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "LIF": ("lif", ("u", "v")),
    "LIFReset": ("lif", ("u", "v")),
    "TernaryLIF": ("lif", ("u", "v")),
    "RF": ("rf", ("real", "imag")),
    "RF_IZ": ("rf_iz", ("real", "imag")),
    "Delta": ("sdn", ("act", "residue", "error")),
    "Sigma": ("sdn", ("sigma",)),
    "SigmaDelta": ("sdn", ("sigma", "act", "residue", "error")),
    "GradedVec": ("graded", ()),
    "GradedReluVec": ("graded", ()),
    "NormVecDelay": ("graded", ("v",)),
    "ProdNeuron": ("prodneuron", ()),
    "Dense": ("dense", ("a_buff",)),
    "LearningDense": (
        "dense", ("a_buff", "weights", "tag_1", "tag_2", "x0", "tx", "x1", "x2", "y0", "ty", "y1", "y2", "y3")
    ),
    "DelayDense": ("dense", ("a_buff",)),
    "Sparse": ("sparse", ("a_buff",)),
    "DelaySparse": ("sparse", ("a_buff",)),
    "Conv": ("conv", ("a_buf",)),
}
"""Where each kind of process is, below lava.proc, and what it carries from step to step."""


@dataclass(frozen=True)
class Process:
    """One of Lava's processes: its kind, of KINDS, and settings, and the arrays that the settings name.

    `reset` is the interval and the offset at which its state is cleared, in steps;
    `variables` get values of their own after the process is made. `learns`: after how many steps a process that learns
    is at the beginning of an epoch again, and 0 for one that does not learn.
    """

    kind: str
    settings: Mapping[str, Setting]
    arrays: Mapping[str, IntArray] = field(default_factory=dict)
    reset: tuple[int, int] | None = None
    variables: Mapping[str, int] = field(default_factory=dict)
    learns: int = 0

    def as_json(self, name: str) -> Mapping[str, object]:
        """Its entry in graph.json."""
        module, state = KINDS[self.kind]
        return {
            "name": name, "kind": f"lava.proc.{module}.process:{self.kind}", "settings": dict(self.settings),
            "reset": self.reset, "variables": dict(self.variables), "state": list(state), "learns": self.learns,
        }  # fmt: skip


@dataclass(frozen=True)
class Neuron:
    """How a kind of node with a state becomes a process. Ports are named in the order of the node's operands."""

    lower: Callable[..., Process]
    ports: tuple[str, ...] = ("a_in",)
    output: Callable[..., str] = lambda node: "s_out"


@dataclass(frozen=True)
class Synapse:
    """How a kind of node with weights becomes a process, which adds one step, and more where it `delays`.

    Ports are named in the order of the node's operands.
    """

    lower: Callable[..., Process]
    delays: bool = False
    ports: tuple[str, ...] = ("s_in",)


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


Weighted = fixed_point.FixedDense | fixed_point.FixedSparse


def _weights(node: Weighted, model: Model) -> tuple[IntArray, dict[str, Setting]]:
    """A synapse's weights, checked, and its settings beside them."""
    weights = integers(model, node, node.weight)
    if not np.array_equal(weights, truncated(weights, node.sign_mode, node.num_weight_bits)):
        raise ModelError(
            f"Lava would change the weights {node.weight!r}: they are not {node.sign_mode} weights of "
            f"{node.num_weight_bits} bits", "quantize them so that clipping and truncation leave them", node=node.name,
        )
    return weights, {
        "weight_exp": node.weight_exp, "num_weight_bits": node.num_weight_bits,
        "sign_mode": {"enum": SIGN_MODE + node.sign_mode.upper()}, "num_message_bits": node.num_message_bits,
    }  # fmt: skip


def _dense(node: fixed_point.FixedDense, model: Model, shape: Shape, late: int) -> Process:
    weights, settings = _weights(node, model)
    own = integers(model, node, node.delay) if isinstance(node, fixed_point.FixedDelayDense) else None
    if own is None and late and node.num_message_bits and node.weight_exp < 0:
        return _compressed(node, late, settings, weights, np.zeros_like(weights), _full_rows(weights))
    arrays = {f"{node.name}.weights": weights}
    settings["weights"] = {"array": f"{node.name}.weights"}
    if own is None and not late:
        return Process("Dense", settings, arrays)
    key = f"{node.name}.delays{late or ''}"
    settings |= {"delays": {"array": key}, "max_delay": longest_delay(node) + late}
    return Process("DelayDense", settings, {**arrays, key: np.zeros_like(weights) + (0 if own is None else own) + late})


def _plastic(node: fixed_point.FixedPlasticDense, model: Model, shape: Shape, late: int) -> Process:
    weights, settings = _weights(node, model)
    settings |= {"weights": {"array": f"{node.name}.weights"}, "learning_rule": learning_rule(node)}
    return Process("LearningDense", settings, {f"{node.name}.weights": weights}, learns=node.period)


def _sparse(node: fixed_point.FixedSparse, model: Model, shape: Shape, late: int) -> Process:
    weights, settings = _weights(node, model)
    own = integers(model, node, node.delay) if isinstance(node, fixed_point.FixedDelaySparse) else None
    rows = {
        "indices": integers(model, node, node.column), "indptr": integers(model, node, node.row_start),
        "shape": np.asarray([node.features, *shape]),
    }  # fmt: skip
    if own is None and late:
        own = np.zeros_like(weights)
    return _compressed(node, late, settings, weights, own, rows)


def _full_rows(matrix: IntArray) -> dict[str, IntArray]:
    """The rows of a matrix, compressed with nothing left out.

    Lava's DelaySparse wraps sums of graded messages to 32 bits before the shift, as its Dense does, and its
    DelayDense does not: so a dense synapse of theirs that is read late, and shifts right, goes by this.
    """
    rows, columns = matrix.shape
    return {
        "indices": np.tile(np.arange(columns), rows), "indptr": np.arange(rows + 1) * columns,
        "shape": np.asarray(matrix.shape),
    }  # fmt: skip


def _compressed(
    node: Weighted, late: int, settings: dict[str, Setting], weights: IntArray, delays: IntArray | None,
    rows: Mapping[str, IntArray],
) -> Process:  # fmt: skip
    """Sparse, or with delays DelaySparse: matrices in compressed rows."""
    kind, matrices = "Sparse", {"weights": (f"{node.name}.weights", weights)}
    if delays is not None:
        kind = "DelaySparse"
        matrices["delays"] = (f"{node.name}.delays{late or ''}", delays + late)
        settings |= {"max_delay": longest_delay(node) + late}
    settings |= {name: {"csr": key} for name, (key, _) in matrices.items()}
    arrays = {f"{key}.{part}": array for key, _ in matrices.values() for part, array in rows.items()}
    return Process(kind, settings, arrays | {f"{key}.data": values.ravel() for key, values in matrices.values()})


def longest_delay(node: Node) -> int:
    """The longest of a synapse's own delays, beyond the step that every synapse takes."""
    return node.longest if isinstance(node, fixed_point.FixedDelayDense | fixed_point.FixedDelaySparse) else 0


def _conv(node: fixed_point.FixedConv2d, model: Model, shape: Shape, late: int) -> Process:
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


def _ternary_lif(node: fixed_point.FixedTernaryLIF, model: Model, shape: Shape) -> Process:
    bias, bias_arrays = _parameter(model, node, "bias_mant", shape, 16)
    v, v_arrays = _parameter(model, node, "initial", shape, 32)
    settings: dict[str, Setting] = {
        "shape": list(reversed(shape)), "du": node.du, "dv": node.dv, "vth_hi": node.vth_hi, "vth_lo": node.vth_lo,
        "bias_mant": bias, "bias_exp": node.bias_exp, "v": v,
    }  # fmt: skip
    return Process("TernaryLIF", settings, {**bias_arrays, **v_arrays})


def _resonator(node: fixed_point.FixedResonator, model: Model, shape: Shape) -> Process:
    """Lava computes decays from a period; they are put in its variables instead, as whole numbers."""
    settings: dict[str, Setting] = {
        "shape": list(reversed(shape)), "period": 4, "alpha": 0, "state_exp": node.state_exp,
        "decay_bits": node.decay_bits,
    }  # fmt: skip
    variables = {"sin_decay": node.sin_decay, "cos_decay": node.cos_decay, "vth": node.vth}
    return Process("RF" if node.fires == "phase" else "RF_IZ", settings, variables=variables)


def _encoder(node: fixed_point.FixedDelta | fixed_point.FixedSigmaDelta, shape: Shape) -> dict[str, Setting]:
    return {
        "shape": list(reversed(shape)), "vth": node.vth, "cum_error": node.cumulative,
        "spike_exp": node.spike_exp, "state_exp": node.state_exp,
    }  # fmt: skip


def _delta(node: fixed_point.FixedDelta, model: Model, shape: Shape) -> Process:
    return Process("Delta", _encoder(node, shape))


def _sigma_delta(node: fixed_point.FixedSigmaDelta, model: Model, shape: Shape) -> Process:
    bias, arrays = _parameter(model, node, "bias", shape, 32 - node.spike_exp - node.state_exp)
    mode = {"enum": f"lava.proc.sdn.process:ActivationMode.{node.activation.upper()}"}
    return Process("SigmaDelta", {**_encoder(node, shape), "bias": bias, "act_mode": mode}, arrays)


def _plain(kind: str, *facts: str) -> Callable[..., Process]:
    """The lowering of a node whose facts are the settings of the process."""
    def lowered(node: Node, model: Model, shape: Shape) -> Process:
        return Process(kind, {"shape": list(reversed(shape)), **{fact: getattr(node, fact) for fact in facts}})

    return lowered


def _graded(node: fixed_point.FixedGraded, model: Model, shape: Shape) -> Process:
    return _plain("GradedReluVec" if node.rectified else "GradedVec", "vth")(node, model, shape)


_PAIR = ("a_in1", "a_in2")
NEURONS: Mapping[type[Node], Neuron] = {
    fixed_point.FixedLIF: Neuron(_lif, output=lambda node: "s_out" if node.emits == "spikes" else "v"),
    fixed_point.FixedTernaryLIF: Neuron(_ternary_lif),
    fixed_point.FixedResonator: Neuron(_resonator, ("a_real_in", "a_imag_in")),
    fixed_point.FixedDelta: Neuron(_delta),
    fixed_point.FixedSigma: Neuron(_plain("Sigma")),
    fixed_point.FixedSigmaDelta: Neuron(_sigma_delta),
    fixed_point.FixedGraded: Neuron(_graded),
    fixed_point.FixedProduct: Neuron(_plain("ProdNeuron", "vth", "exp"), _PAIR),
    fixed_point.FixedNormDelay: Neuron(_plain("NormVecDelay", "vth"), _PAIR),
}
SYNAPSES: Mapping[type[Node], Synapse] = {
    fixed_point.FixedDense: Synapse(_dense, delays=True),
    fixed_point.FixedPlasticDense: Synapse(_plastic, ports=("s_in", "s_in_bap")),
    fixed_point.FixedDelayDense: Synapse(_dense, delays=True),
    fixed_point.FixedSparse: Synapse(_sparse, delays=True),
    fixed_point.FixedDelaySparse: Synapse(_sparse, delays=True),
    fixed_point.FixedConv2d: Synapse(_conv),
}
