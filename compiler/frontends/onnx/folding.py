"""Computes what does not depend on the inputs: shapes above all. ONNX's own reference evaluator does the work."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from nmc.frontends.onnx.few_samples import for_few_samples
from nmc.frontends.onnx.file import LIMIT_COMPUTED
from nmc.frontends.onnx.known import real
from nmc.frontends.onnx.values import BATCH, OTHER_BATCH, Known, Refusal
from nmc.model import Array

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

_SHRINKING = frozenset({
    "Abs", "Acos", "Acosh", "And", "ArgMax", "ArgMin", "Asin", "Asinh", "Atan", "Atanh", "BatchNormalization",
    "BitwiseAnd", "BitwiseNot", "BitwiseOr", "Cast", "CastLike", "Ceil", "Clip", "Compress", "Concat", "Constant",
    "Cos", "Cosh", "CumSum", "DepthToSpace", "DequantizeLinear", "Elu", "Erf", "Exp", "EyeLike", "Flatten", "Floor",
    "GatherElements", "GatherND", "Gelu", "HardSigmoid", "Identity", "IsInf", "IsNaN", "LayerNormalization",
    "LeakyRelu", "Log", "LogSoftmax", "Neg", "Not", "QuantizeLinear", "Reciprocal", "ReduceL1", "ReduceL2",
    "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Relu", "Reshape",
    "ReverseSequence", "Round", "ScatterElements", "ScatterND", "Selu", "Sigmoid", "Sign", "Sin", "Sinh", "Size",
    "Slice", "Softmax", "Softplus", "SpaceToDepth", "Split", "Sqrt", "Squeeze", "Tan", "Tanh", "TopK", "Transpose",
    "Unique", "Unsqueeze",
})  # fmt: skip
"""Operations whose result is no larger than all operands together."""
_BROADCASTING = frozenset({
    "Add", "Sub", "Mul", "Div", "Pow", "Mod", "Max", "Min", "Sum", "Mean", "Where", "Equal", "Greater",
    "GreaterOrEqual", "Less", "LessOrEqual", "Or", "Xor", "PRelu", "BitShift",
})  # fmt: skip
_COMPARISONS = frozenset({"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"})
_MOST_TRIED = 64
_SIZES: Mapping[str, Callable[[Sequence[Array]], int]] = {
    "Gather": lambda xs: xs[0].size // max(min(xs[0].shape, default=1), 1) * max(xs[1].size, 1),
    "MatMul": lambda xs: xs[0].size * xs[1].shape[-1] if xs[1].ndim else xs[0].size,
    "Gemm": lambda xs: xs[0].size * max(xs[1].shape),
    "Range": lambda xs: abs(int((float(xs[1]) - float(xs[0])) / (float(xs[2]) or 1.0))) + 1,
    "Tile": lambda xs: xs[0].size * prod(map(int, xs[1].reshape(-1))),
    "Trilu": lambda xs: xs[0].size if xs[0].ndim > 1 else xs[0].size**2,
    "OneHot": lambda xs: xs[0].size * int(xs[1].reshape(-1)[0]),
    "Pad": lambda xs: prod(
        n + int(b) + int(e) for n, b, e in zip(xs[0].shape, *np.split(xs[1].reshape(-1), 2), strict=False)
    ),
}
"""How many elements other operations may give, by their operands."""


def is_foldable(kind: str) -> bool:
    """Whether operations of a kind are computed where all their operands are known."""
    return kind in _SHRINKING or kind in _BROADCASTING or kind in _SIZES or kind in ("ConstantOfShape", "Expand")


def fold(
    proto: NodeProto, opset: int, inputs: Sequence[Known | None], computed: int = 0
) -> tuple[Known, ...]:
    """The outputs of an operation whose operands are known; `computed` is how many elements others came to before.

    Raises Refusal where they cannot be computed, or may hold more than LIMIT_COMPUTED elements with those.
    """
    made = _folded(proto, opset, inputs, computed, BATCH)
    if all(value is None or value.other is None for value in inputs):
        return made
    others = [None if value is None else value if value.other is None else Known(value.other) for value in inputs]
    if proto.op_type in _COMPARISONS:
        others = _other_side(proto, opset, inputs, made[0].array, computed) or others
    return tuple(
        value if value.array.shape == other.array.shape and np.array_equal(value.array, other.array)
        else replace(value, other=other.array)
        for value, other in zip(made, _folded(proto, opset, others, computed, OTHER_BATCH), strict=True)
    )  # fmt: skip


def _other_side(
    proto: NodeProto, opset: int, inputs: Sequence[Known | None], usual: Array, computed: int
) -> list[Known | None] | None:
    """The operands of a comparison for a number of samples that decides it otherwise than many do; None without one."""
    fixed = [value.array.reshape(-1)[:_MOST_TRIED] for value in inputs if value is not None and value.other is None]
    for count in sorted({1, *(int(number) for array in fixed for number in array if 0 < number < BATCH)}):
        few = [None if value is None else _with_samples(value, count) for value in inputs]
        if not np.array_equal(_folded(proto, opset, few, computed, BATCH)[0].array, usual):
            return few
    return None


def _with_samples(value: Known, count: int) -> Known:
    """A value of whole numbers, with another number of samples in it."""
    if value.other is None or value.other.shape != value.array.shape or value.array.dtype.kind not in "iu":
        return value
    counts = (value.array != value.other) & (value.array % BATCH == 0)
    return Known(np.where(counts, value.array // BATCH * count, value.array))


def _folded(
    proto: NodeProto, opset: int, inputs: Sequence[Known | None], computed: int, batch: int
) -> tuple[Known, ...]:
    arrays = [None if value is None else real(value).array for value in inputs]
    if proto.op_type in ("ConstantOfShape", "Expand"):
        return (_repeated(proto, [array for array in arrays if array is not None]),)
    if proto.op_type == "Identity":
        return tuple(Known(real(value).array, value.name) for value in inputs[:1] if value is not None)

    def evaluate(operands: Sequence[Array | None]) -> Sequence[Array]:
        _require_small(proto, operands, computed)
        return evaluated(proto, opset, operands)

    few = for_few_samples(arrays, batch, evaluate)
    results = iter(evaluate(arrays) if few is None else few)
    return tuple(Known(next(results) if name else np.empty(0), name) for name in proto.output)


def _require_small(proto: NodeProto, arrays: Sequence[Array | None], computed: int) -> None:
    """Raise Refusal where a result may bring the elements computed so far to more than LIMIT_COMPUTED."""
    try:
        size = _size(proto, [array for array in arrays if array is not None])
    except (IndexError, ValueError, OverflowError, TypeError):
        raise Refusal("its operands do not fit it", "export the model again") from None
    if computed + size > LIMIT_COMPUTED:
        raise Refusal(
            f"with its own {size:,}, constants that follow from others would be {computed + size:,} in all, "
            f"and at most {LIMIT_COMPUTED:,} are computed",
            "store them in the file, or export it for a fixed batch",
        )


def _size(proto: NodeProto, arrays: Sequence[Array]) -> int:
    """How many elements the result may have."""
    if proto.op_type in _SHRINKING:
        return sum(array.size for array in arrays)
    if proto.op_type in _BROADCASTING:
        return prod(np.broadcast_shapes(*(array.shape for array in arrays)))
    return _SIZES[proto.op_type](arrays)


def evaluated(proto: NodeProto, opset: int, arrays: Sequence[Array | None]) -> Sequence[Array]:
    """The outputs of an operation by ONNX's reference evaluator. Raises Refusal where it fails."""
    from onnx.reference import ReferenceEvaluator

    feeds = {name: array for name, array in zip(proto.input, arrays, strict=False) if name}
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            results = ReferenceEvaluator(_alone(proto, opset, feeds)).run(None, feeds)
    except Exception as error:  # the evaluator raises whatever NumPy or its own checks do
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise Refusal(f"its result cannot be computed: {reason[:200]}", "export the model again") from None
    return [np.asarray(result) for result in results]


def _alone(proto: NodeProto, opset: int, feeds: Iterable[str]) -> ModelProto:
    """A model of one operation: of an operation alone, the evaluator takes the newest definition."""
    from onnx import helper

    outputs = [helper.make_empty_tensor_value_info(name) for name in proto.output if name]
    graph = helper.make_graph([proto], "one", [helper.make_empty_tensor_value_info(name) for name in feeds], outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def _repeated(proto: NodeProto, arrays: Sequence[Array]) -> Known:
    """One value, or an array, repeated over a shape, without memory for each element."""
    from onnx import numpy_helper

    shape = [int(size) for size in arrays[-1].reshape(-1)]
    if any(size < 0 for size in shape):
        raise Refusal(f"it makes a value of shape {shape}", "export the model again")
    if proto.op_type == "ConstantOfShape":
        given = [numpy_helper.to_array(attribute.t) for attribute in proto.attribute if attribute.name == "value"]
        source = np.asarray(given[0] if given else np.float32(0)).reshape(-1)[:1].reshape(())
    else:
        source = arrays[0]
    try:
        whole = np.broadcast_shapes(source.shape, tuple(shape))
        return Known(np.broadcast_to(source, whole))
    except ValueError:
        raise Refusal(f"it cannot repeat {list(source.shape)} to {shape}", "export the model again") from None
