"""For every operation of ONNX that is taken: one that works, and for each of its attributes another value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from onnx import GraphProto, TensorProto, helper

from nmc.model import Array

Value = int | float | str | list[int] | list[float] | list[str] | GraphProto


@dataclass(frozen=True, eq=False)
class Setting:
    """An operation at work: `fed` are its inputs and `known` its constants, by name, in the order of `operands`."""

    fed: Mapping[str, Array]
    known: Mapping[str, Array] = field(default_factory=dict)
    facts: Mapping[str, Value] = field(default_factory=dict)
    operands: Sequence[str] = ()
    results: int = 1


def numbers(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(0.2, 0.9, shape).astype(np.float32)


def whole(*shape: int, high: int = 9) -> Array:
    return np.random.default_rng(1).integers(1, high, shape)


def integers(*entries: int) -> Array:
    return np.asarray(entries, np.int64)


def _x(*shape: int, **facts: Value) -> Callable[[int], Setting]:
    return lambda opset: Setting({"x": numbers(*shape or (2, 3, 4)) - 0.5}, facts=facts)


def _positive(*shape: int, **facts: Value) -> Callable[[int], Setting]:
    return lambda opset: Setting({"x": numbers(*shape or (2, 3, 4))}, facts=facts)


def _two(opset: int) -> Setting:
    return Setting({"x": numbers(2, 3), "z": numbers(2, 3, seed=1)})


def _booleans(opset: int) -> Setting:
    return Setting({"x": whole(2, 3) > 4, "z": whole(2, 3) > 6})


def _with(known: Mapping[str, Array], *shape: int, **facts: Value) -> Callable[[int], Setting]:
    return lambda opset: Setting({"x": numbers(*shape)}, known, facts)


def _conv(kind: str) -> Callable[[int], Setting]:
    def setting(opset: int) -> Setting:
        weight = {"w": numbers(4, 4, 3, 3, seed=2)}
        return Setting({"x": numbers(2, 4, 5, 6)}, weight)

    return setting


def _integer_conv(opset: int) -> Setting:
    return Setting({"x": whole(2, 4, 5, 6).astype(np.uint8)}, {"w": whole(4, 4, 3, 3).astype(np.uint8)})


def _quantized_conv(opset: int) -> Setting:
    scale, zero = np.float32(0.05).reshape(()), np.uint8(3).reshape(())
    known = {"xs": scale, "xz": zero, "w": whole(4, 4, 3, 3).astype(np.uint8), "ws": scale, "wz": zero,
             "ys": np.float32(0.03).reshape(()), "yz": zero}  # fmt: skip
    return Setting({"x": whole(2, 4, 5, 6).astype(np.uint8)}, known)


def _recurrent(gates: int, states: int) -> Callable[[int], Setting]:
    def setting(opset: int) -> Setting:
        known = {"w": numbers(2, gates * 3, 4), "r": numbers(2, gates * 3, 3)}
        known = {name: array[:1] for name, array in known.items()}
        return Setting({"x": numbers(4, 4, 4)}, known, {"hidden_size": 3}, results=1 + states)

    return setting


def _reduce(opset: int) -> Setting:
    return Setting({"x": numbers(2, 3, 4)}, facts={"keepdims": 1})


def _axes_as(name: str, axes: Array, since: int, *shape: int) -> Callable[[int], Setting]:
    def setting(opset: int) -> Setting:
        x = {"x": numbers(*shape)}
        return Setting(x, {name: axes}) if opset >= since else Setting(x, facts={name: axes.tolist()})

    return setting


def _pad(opset: int) -> Setting:
    if opset < 11:
        return Setting({"x": numbers(2, 3, 4)}, facts={"pads": [0, 1, 0, 0, 0, 2]})
    return Setting({"x": numbers(2, 3, 4)}, {"pads": integers(0, 1, 0, 0, 0, 2)})


def _resize(opset: int) -> Setting:
    scales = np.asarray([1, 1, 2, 1.5], np.float32)
    if opset < 11:
        return Setting({"x": numbers(1, 2, 4, 4)}, {"scales": scales})
    return Setting({"x": numbers(1, 2, 4, 4)}, {"scales": scales}, operands=("x", "", "scales"))


def _upsample(opset: int) -> Setting:
    scales = [1.0, 1.0, 2.0, 3.0]
    if opset < 9:
        return Setting({"x": numbers(1, 2, 3, 4)}, facts={"scales": scales})
    return Setting({"x": numbers(1, 2, 3, 4)}, {"scales": np.asarray(scales, np.float32)})


def _slice(opset: int) -> Setting:
    if opset < 10:
        return Setting({"x": numbers(2, 4, 4)}, facts={"starts": [0, 1], "ends": [2, 3]})
    return Setting({"x": numbers(2, 4, 4)}, {"starts": integers(0, 1), "ends": integers(2, 3)})


def _split(opset: int) -> Setting:
    if opset < 18:
        return Setting({"x": numbers(4, 4, 4)}, results=2)
    return Setting({"x": numbers(4, 4, 4)}, facts={"num_outputs": 2}, results=2)


def _top_k(opset: int) -> Setting:
    if opset < 10:
        return Setting({"x": numbers(4, 5, 6)}, facts={"k": 2}, results=2)
    return Setting({"x": numbers(4, 5, 6)}, {"k": integers(2)}, results=2)


def _group_norm(opset: int) -> Setting:
    count = 2 if opset < 21 else 4
    return Setting({"x": numbers(2, 4, 5)}, {"s": numbers(count), "b": numbers(count, seed=1)}, {"num_groups": 2})


def _batch_norm(opset: int) -> Setting:
    known = {name: numbers(3, seed=seed) for seed, name in enumerate("sbmv")}
    return Setting({"x": numbers(2, 3, 4)}, known, {"is_test": 1} if opset < 7 else {})


def _quantize(opset: int) -> Setting:
    return Setting({"x": numbers(2, 3, 4)}, {"s": np.float32(0.02).reshape(()), "z": np.uint8(9).reshape(())})


def _dequantize(opset: int) -> Setting:
    known = {"s": np.float32(0.02).reshape(()), "z": np.uint8(9).reshape(())}
    return Setting({"x": whole(2, 3, 4).astype(np.uint8)}, known)


def branch(sign: float, name: str = "inner") -> GraphProto:
    """A graph without inputs that reads x from around it."""
    nodes = [helper.make_node("Constant", [], ["k"], value_float=sign), helper.make_node("Mul", ["x", "k"], ["out"])]
    return helper.make_graph(nodes, name, [], [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)])


def turn(factor: float) -> GraphProto:
    """The body of a Loop: v becomes v times a factor."""
    info = helper.make_tensor_value_info
    nodes = [
        helper.make_node("Identity", ["c"], ["c2"]),
        helper.make_node("Constant", [], ["k"], value_float=factor),
        helper.make_node("Mul", ["v", "k"], ["v2"]),
    ]
    inputs = [info("i", TensorProto.INT64, []), info("c", TensorProto.BOOL, []), info("v", TensorProto.FLOAT, None)]
    outputs = [info("c2", TensorProto.BOOL, []), info("v2", TensorProto.FLOAT, None)]
    return helper.make_graph(nodes, "turn", inputs, outputs)


def step(kind: str) -> GraphProto:
    """The body of a Scan: the state takes an element up, and is put out."""
    info = helper.make_tensor_value_info
    nodes = [helper.make_node(kind, ["s", "e"], ["s2"]), helper.make_node("Identity", ["s2"], ["out"])]
    inputs = [info(name, TensorProto.FLOAT, [3]) for name in ("s", "e")]
    return helper.make_graph(nodes, "step", inputs, [info(name, TensorProto.FLOAT, [3]) for name in ("s2", "out")])


_UNARY = (
    "Abs", "Acos", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Cos", "Cosh", "Erf", "Exp", "Floor", "Identity", "Neg",
    "Round", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Tan", "Tanh", "Relu", "HardSwish", "Shape",
    "Size", "GlobalAveragePool", "GlobalMaxPool", "Celu", "Elu", "Gelu", "HardSigmoid", "LeakyRelu", "Selu", "Swish",
    "ArgMax", "ArgMin", "Hardmax", "Softmax", "LogSoftmax", "LpNormalization", "Flatten", "Transpose", "GlobalLpPool",
)  # fmt: skip
_BINARY = (
    "Add", "Div", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "MatMul", "Max", "Mean", "Min", "Mul",
    "PRelu", "Pow", "Sub", "Sum",
)  # fmt: skip
_REDUCTIONS = (
    "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
    "ReduceSum", "ReduceSumSquare",
)  # fmt: skip
_CONSTANT = {
    "s": np.float32(0.5).reshape(()), "z": np.uint8(3).reshape(()), "ys": np.float32(0.5).reshape(()),
}  # fmt: skip

SETTINGS: Mapping[str, Callable[[int], Setting]] = {
    **dict.fromkeys(_UNARY, _x(2, 3, 4)),
    **dict.fromkeys(("Log", "Sqrt", "Reciprocal"), _positive()),
    **dict.fromkeys(_REDUCTIONS, _reduce),
    **dict.fromkeys(_BINARY, _two),
    "MatMul": lambda opset: Setting({"x": numbers(2, 3), "z": numbers(3, 2)}),
    **dict.fromkeys(("ArgMax", "ArgMin"), lambda opset: Setting({"x": whole(2, 3, 4, high=3).astype(np.float32)})),
    "Acosh": lambda opset: Setting({"x": numbers(2, 3) + 1}),
    "And": _booleans, "Or": _booleans, "Xor": _booleans,
    "Not": lambda opset: Setting({"x": whole(2, 3) > 4}),
    "AveragePool": _x(2, 3, 6, 6, kernel_shape=[2, 3]),
    "MaxPool": _x(2, 3, 6, 6, kernel_shape=[2, 3]),
    "LpPool": _x(2, 3, 6, 6, kernel_shape=[2, 3]),
    "BatchNormalization": _batch_norm,
    "Cast": lambda opset: Setting({"x": 4 * numbers(2, 3)}, facts={"to": 1}),
    "CastLike": lambda opset: Setting({"x": 4 * numbers(2, 3)}, {"z": np.zeros(1, np.int64)}),
    "Clip": lambda opset: Setting({"x": 3 * numbers(2, 3) - 1}),
    "Compress": _with({"c": np.asarray([True, False, True])}, 4, 4, 4, axis=1),
    "Concat": lambda opset: Setting({"x": numbers(2, 3, 3), "z": numbers(2, 3, 3, seed=1)}, facts={"axis": 1}),
    "Conv": _conv("Conv"), "ConvTranspose": _conv("ConvTranspose"),
    "ConvInteger": _integer_conv,
    "CumSum": _with({"axis": np.asarray(1, np.int64)}, 2, 3, 4),
    "DepthToSpace": _x(2, 36, 2, 2, blocksize=2),
    "SpaceToDepth": _x(2, 3, 6, 6, blocksize=2),
    "DequantizeLinear": _dequantize, "QuantizeLinear": _quantize,
    "Dropout": lambda opset: Setting({"x": numbers(2, 3)}, facts={"is_test": 1} if opset < 7 else {}),
    "Einsum": lambda opset: Setting({"x": numbers(2, 3, 3), "z": numbers(2, 3, 3, seed=1)}, facts={
        "equation": "bij,bjk->bik"}),
    "Expand": _with({"shape": integers(2, 3, 4)}, 2, 3, 1),
    "GRU": _recurrent(3, 1), "LSTM": _recurrent(4, 2), "RNN": _recurrent(1, 1),
    "Gather": _with({"i": integers(0, 1)}, 3, 3, 3),
    "GatherElements": _with({"i": whole(3, 3, 3, high=3) - 1}, 3, 3, 3),
    "GatherND": _with({"i": integers(1, 0, 0, 1).reshape(2, 2, 1)}, 2, 2, 2),
    "Gemm": lambda opset: Setting({"x": numbers(3, 3)}, {"w": numbers(3, 3, seed=1), "b": numbers(3, seed=2)},
                                  {"broadcast": 1} if opset < 7 else {}),
    "GroupNormalization": _group_norm,
    "If": lambda opset: Setting({"x": numbers(2, 3)}, {"c": np.asarray(True)},
                                {"then_branch": branch(2.0), "else_branch": branch(3.0)}, operands=("c",)),
    "InstanceNormalization": _with({"s": numbers(3), "b": numbers(3, seed=1)}, 2, 3, 4),
    "LRN": _x(2, 5, 3, 3, size=3, alpha=0.5),
    "LayerNormalization": _with({"s": numbers(4), "b": numbers(4, seed=1)}, 2, 4, 4),
    "Loop": lambda opset: Setting({"x": numbers(2, 3)}, {"m": np.asarray(3), "c": np.asarray(True)},
                                  {"body": turn(2.0)}, operands=("m", "c", "x")),
    "MatMulInteger": lambda opset: Setting({"x": whole(2, 3).astype(np.uint8)}, {"w": whole(3, 2).astype(np.uint8)}),
    "Mod": lambda opset: Setting({"x": whole(2, 3) - 5, "z": -whole(2, 3, high=4)}),
    "OneHot": lambda opset: Setting({"x": whole(3, 3, high=3)}, {"d": np.asarray(3), "v": np.float32([0.5, 2])}),
    "Pad": _pad,
    "QLinearConv": _quantized_conv,
    "QLinearMatMul": lambda opset: Setting(
        {"x": whole(2, 3).astype(np.uint8)},
        {**_CONSTANT, "w": whole(3, 2).astype(np.uint8)},
        operands=("x", "s", "z", "w", "s", "z", "ys", "z"),
    ),
    "RMSNormalization": _with({"s": numbers(4)}, 2, 4, 4),
    "Reshape": _with({"shape": integers(0, 12)}, 2, 3, 4),
    "Resize": _resize, "Upsample": _upsample,
    "Scan": lambda opset: Setting({"x": numbers(3, 3)}, {"s": np.ones(3, np.float32)},
                                  {"num_scan_inputs": 1, "body": step("Add")}, operands=("s", "x"), results=2),
    "ScatterElements": _with({"i": integers(*(2, 0, 1) * 3).reshape(3, 3), "u": numbers(3, 3, seed=3)}, 3, 3),
    "ScatterND": _with({"i": integers(2, 0).reshape(2, 1), "u": numbers(2, 3, seed=3)}, 3, 3),
    "Slice": _slice, "Split": _split,
    "Squeeze": _axes_as("axes", integers(1), 13, 2, 1, 1, 3),
    "Unsqueeze": _axes_as("axes", integers(1), 13, 2, 3),
    "Tile": _with({"r": integers(1, 2)}, 2, 3),
    "TopK": _top_k,
    "Trilu": _x(2, 3, 4),
    "Where": lambda opset: Setting({"c": whole(2, 3) > 4, "x": numbers(2, 3), "z": numbers(2, 3, seed=1)}),
}  # fmt: skip
"""By operation, how to set it to work in an opset."""

_WINDOW: Mapping[str, Sequence[Value]] = {
    "auto_pad": ["SAME_UPPER", "SAME_LOWER", "VALID", "SIDEWAYS"], "strides": [[2, 3]], "dilations": [[2, 1], [1, 2]],
    "pads": [[1, 0, 0, 1]], "ceil_mode": [1], "count_include_pad": [1], "storage_order": [1],
}  # fmt: skip
VALUES: Mapping[str, Sequence[Value]] = {
    **_WINDOW,
    "alpha": [0.3], "beta": [0.6], "gamma": [1.5], "bias": [2.0], "epsilon": [0.1], "momentum": [0.5],
    "axis": [0, -1, -2], "axes": [[1], [-1, 1]], "keepdims": [0], "noop_with_empty_axes": [1], "broadcast": [1],
    "select_last_index": [1], "approximate": ["tanh"], "exclusive": [1], "reverse": [1], "fmod": [1], "upper": [0],
    "group": [2], "kernel_shape": [[3, 2]], "output_padding": [[1, 0]], "output_shape": [[8, 7], [6, 9]],
    "p": [1, 3], "transA": [1], "transB": [1], "num_groups": [4], "stash_type": [10], "training_mode": [1],
    "is_test": [0], "spatial": [0], "seed": [7], "ratio": [0.25], "saturate": [0], "round_mode": ["down"],
    "to": [6, 9, 11, 17], "largest": [0], "sorted": [0], "k": [3], "perm": [[1, 0, 2]], "size": [5],
    "start": [1], "end": [-1], "blocksize": [3], "mode": ["CRD"], "batch_dims": [1], "allowzero": [1],
    "equation": ["bij,bkj->bki", "bij,bjk->b"], "reduction": ["add", "max"], "num_outputs": [4], "split": [[1, 3]],
    "starts": [[0, 2]], "ends": [[2, 4]], "precision": [1], "block_size": [2], "output_dtype": [3, 5, 10],
    "then_branch": [branch(5.0)], "else_branch": [branch(5.0)], "body": [turn(0.5)], "num_scan_inputs": [2],
    "scan_input_axes": [[1]], "scan_output_axes": [[1], [-1]], "scan_output_directions": [[1]],
    "scan_input_directions": [[1]], "directions": [[1]], "clip": [0.4], "direction": ["reverse", "bidirectional"],
    "hidden_size": [4], "input_forget": [1], "layout": [1], "linear_before_reset": [1], "activation_alpha": [[0.3]],
    "activation_beta": [[0.3]], "value": [2.0], "nearest_mode": ["floor", "ceil", "round_prefer_ceil"],
    "coordinate_transformation_mode": [
        "align_corners", "asymmetric", "pytorch_half_pixel", "half_pixel_symmetric", "tf_crop_and_resize",
        "tf_half_pixel_for_nn",
    ],
    "cubic_coeff_a": [-0.5], "exclude_outside": [1], "extrapolation_value": [3.0], "antialias": [1],
    "keep_aspect_ratio_policy": ["not_larger"], "scales": [[1.0, 1.0, 3.0, 1.0]],
    "output_sequence": [1], "height_scale": [2.0], "width_scale": [2.0],
    "activations": [["Relu"] * 3, ["HardSigmoid"] * 3],
}  # fmt: skip
"""By attribute, values that are not its default."""

OWN_VALUES: Mapping[tuple[str, str], Sequence[Value]] = {
    ("Pad", "mode"): ["reflect", "edge", "wrap"], ("Pad", "pads"): [[0, 0, 1, 0, 2, 0]],
    ("Resize", "mode"): ["linear", "cubic"], ("Upsample", "mode"): ["linear"], ("Resize", "axes"): [[2, 3]],
    ("Scan", "body"): [step("Mul")], ("RNN", "activations"): [["Relu"], ["HardSigmoid"]],
    ("GRU", "activations"): [["Relu"] * 2, ["HardSigmoid"] * 2], ("Clip", "max"): [0.5], ("Clip", "min"): [0.2],
}  # fmt: skip
"""Where an attribute of this name means something else."""

TOGETHER: Mapping[tuple[str, str], Mapping[str, Value]] = {
    **{(kind, "count_include_pad"): {"pads": [1, 1, 0, 1]} for kind in ("AveragePool",)},
    **{("Resize", name): {"mode": "cubic"} for name in ("cubic_coeff_a", "exclude_outside")},
    ("Resize", "antialias"): {"mode": "linear"},
    ("ConvTranspose", "output_padding"): {"strides": [2, 1]},
    ("ConvTranspose", "output_shape"): {"strides": [1, 1]},
    **{(kind, "ceil_mode"): {"strides": [2, 2]} for kind in ("AveragePool", "LpPool", "MaxPool")},
    ("Resize", "extrapolation_value"): {"mode": "linear"},
    ("ScatterElements", "axis"): {},
}  # fmt: skip
"""What else an attribute needs to be seen."""

WITHOUT_EFFECT = frozenset({
    ("BatchNormalization", "momentum"), ("Dropout", "seed"), ("Dropout", "ratio"), ("Cast", "saturate"),
    ("Cast", "round_mode"), ("CastLike", "saturate"), ("CastLike", "round_mode"), ("MaxPool", "storage_order"),
    ("QuantizeLinear", "saturate"), ("QuantizeLinear", "axis"), ("DequantizeLinear", "axis"), 
    ("If", "else_branch"), ("Gemm", "broadcast"), *((kind, "broadcast") for kind in (
        "Add", "Sub", "Mul", "Div", "Pow", "And", "Or", "Xor", "Equal", "Greater", "Less",
    )), ("Resize", "extrapolation_value"),
})  # fmt: skip
"""Attributes that change nothing in a network that is only run forwards, or nothing of what is taken."""
