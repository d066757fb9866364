"""What each operation of PyTorch's ATen is in ONNX."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nmc.frontends.torch.graph import Attribute, OnnxGraph

if TYPE_CHECKING:
    from torch import fx

Value = str | tuple[str, ...]
Argument = object
"""What torch passes: a node, a number, a text, None, or a list of them."""


@dataclass(frozen=True)
class Call:
    """An operation at work: its node, the graph it is said in, and the names of what came before."""

    node: fx.Node
    graph: OnnxGraph
    names: Mapping[fx.Node, Value]

    def given(self, index: int, name: str = "", default: Argument = None) -> Argument:
        """An argument by position or name."""
        if index < len(self.node.args):
            return self.node.args[index]
        return self.node.kwargs.get(name, default)

    def value(self, argument: Argument) -> str:
        """The name of a tensor, or of a constant with a number. Raises ValueError for anything else."""
        if isinstance(argument, bool | int | float):
            whole = isinstance(argument, int) and not self.is_real(self.node)
            return self.graph.constant(argument, np.int64 if whole else np.float32)
        name = self.names.get(argument)
        if not isinstance(name, str):
            raise ValueError(f"its argument {argument!r} is no tensor")
        return name

    def x(self, index: int = 0) -> str:
        """A tensor argument by position."""
        return self.value(self.given(index))

    def optional(self, index: int, name: str = "") -> str:
        """A tensor argument that may be left out; then an empty name."""
        argument = self.given(index, name)
        return "" if argument is None else self.value(argument)

    def whole(self, index: int, name: str = "", default: int = 0) -> int:
        """A whole number known now. Raises ValueError."""
        argument = self.given(index, name, default)
        if not isinstance(argument, int):
            raise ValueError(f"{name or f'argument {index}'} is {argument!r}, not a fixed number")
        return argument

    def number(self, index: int, name: str = "", default: float = 0.0) -> float:
        """A number known now. Raises ValueError."""
        argument = self.given(index, name, default)
        if not isinstance(argument, int | float):
            raise ValueError(f"{name or f'argument {index}'} is {argument!r}, not a fixed number")
        return float(argument)

    def wholes(self, index: int, name: str = "", default: Sequence[int] = (), rank: int = 0) -> tuple[int, ...]:
        """Whole numbers known now; one stands for `rank` of them, and none for the default. Raises ValueError."""
        argument = self.given(index, name)
        if argument is None or argument == []:
            return tuple(default)
        entries = argument if isinstance(argument, list | tuple) else [argument]
        if not all(isinstance(entry, int) for entry in entries):
            raise ValueError(f"{name or f'argument {index}'} is {argument!r}, not fixed numbers")
        return tuple(entries) * (rank if len(entries) == 1 and rank else 1)

    def sizes(self, index: int, name: str = "") -> str:
        """A list of sizes, some of which may depend on the number of samples."""
        argument = self.given(index, name)
        entries = argument if isinstance(argument, list | tuple) else [argument]
        if all(isinstance(entry, int) for entry in entries):
            return self.graph.integers(*entries)
        parts = [
            self.graph.integers(entry) if isinstance(entry, int)
            else self.graph.node("Reshape", self.value(entry), self.graph.integers(1))
            for entry in entries
        ]  # fmt: skip
        return self.graph.node("Concat", *parts, axis=0)

    def shape(self, argument: Argument = None) -> tuple[int | None, ...]:
        """The sizes of an argument (the first one without), None where they depend on the number of samples."""
        value = (self.given(0) if argument is None else argument).meta["val"]  # type: ignore[attr-defined]
        return tuple(size if isinstance(size, int) else None for size in value.shape)

    def is_real(self, argument: Argument) -> bool:
        """Whether a tensor holds real numbers."""
        value = argument.meta.get("val")  # type: ignore[attr-defined]
        value = value[0] if isinstance(value, tuple | list) else value
        return bool(getattr(getattr(value, "dtype", None), "is_floating_point", False))


Operation = Callable[[Call], Value]


def _plain(kind: str, inputs: int = 1) -> Operation:
    """An operation that ONNX has the same, of so many tensors."""
    return lambda call: call.graph.node(kind, *(call.x(i) for i in range(inputs)))


def _same(call: Call) -> Value:
    return call.x()


def _numbered(kind: str, **attributes: tuple[int, str, float]) -> Operation:
    """An operation with attributes that are numbers: each argument's position, name and default."""

    def say(call: Call) -> str:
        return call.graph.node(kind, call.x(), **{name: call.number(*where) for name, where in attributes.items()})

    return say


def _sum(call: Call, kind: str) -> str:
    right = call.x(1)
    alpha = call.number(2, "alpha", 1.0) if "alpha" in call.node.kwargs else 1.0
    if alpha != 1:
        right = call.graph.node("Mul", right, call.graph.constant(alpha, np.float32))
    return call.graph.node(kind, call.x(), right)


def _reversed_sub(call: Call) -> str:
    return call.graph.node("Sub", call.x(1), call.x())


def _div(call: Call) -> str:
    mode = call.node.kwargs.get("rounding_mode")
    y = call.graph.node("Div", call.x(), call.x(1))
    if mode is None:
        return y
    if mode != "floor":
        raise ValueError(f"it rounds by {mode!r}")
    return call.graph.node("Floor", y)


def _clamp(call: Call) -> str:
    return call.graph.node("Clip", call.x(), call.optional(1, "min"), call.optional(2, "max"))


def _clamp_max(call: Call) -> str:
    return call.graph.node("Clip", call.x(), "", call.x(1))


def _hardtanh(call: Call) -> str:
    low, high = call.number(1, "min_val", -1.0), call.number(2, "max_val", 1.0)
    return call.graph.node("Clip", call.x(), *(call.graph.constant(limit, np.float32) for limit in (low, high)))


def _relu6(call: Call) -> str:
    return call.graph.node("Clip", call.x(), *(call.graph.constant(limit, np.float32) for limit in (0.0, 6.0)))


def _gelu(call: Call) -> str:
    return call.graph.node("Gelu", call.x(), approximate=str(call.node.kwargs.get("approximate", "none")))


def _silu(call: Call) -> str:
    return call.graph.node("Mul", call.x(), call.graph.node("Sigmoid", call.x()))


def _hardsigmoid(call: Call) -> str:
    return call.graph.node("HardSigmoid", call.x(), alpha=1 / 6, beta=0.5)


def _hardswish(call: Call) -> str:
    return call.graph.node("Mul", call.x(), _hardsigmoid(call))


def _softplus(call: Call) -> str:
    beta, threshold = call.number(1, "beta", 1.0), call.number(2, "threshold", 20.0)
    if (beta, threshold) != (1.0, 20.0):
        raise ValueError(f"beta is {beta} and threshold {threshold}: it takes 1 and 20")
    return call.graph.node("Softplus", call.x())


def _prelu(call: Call) -> str:
    slope, rank = call.given(1), len(call.shape())
    count = call.shape(slope)[0] or 1
    sizes = call.graph.integers(count, *(1,) * (rank - 2))
    return call.graph.node("PRelu", call.x(), call.graph.node("Reshape", call.x(1), sizes))


def _softmax(call: Call, kind: str = "Softmax") -> str:
    return call.graph.node(kind, call.x(), axis=call.whole(1, "dim"))


def _rsqrt(call: Call) -> str:
    return call.graph.node("Reciprocal", call.graph.node("Sqrt", call.x()))


def _square(call: Call) -> str:
    return call.graph.node("Mul", call.x(), call.x())


def _compare(call: Call, kind: str, negated: bool = False) -> str:
    y = call.graph.node(kind, call.x(), call.x(1))
    return call.graph.node("Not", y) if negated else y


def _cast(call: Call) -> str:
    """A change of type; real numbers stay real numbers, of one precision."""
    from onnx import TensorProto

    if call.is_real(call.node):
        if call.is_real(call.given(0)):
            return call.x()
        return call.graph.node("Cast", call.x(), to=TensorProto.FLOAT)
    kind = call.node.meta["val"].dtype
    return call.graph.node("Cast", call.x(), to=TensorProto.BOOL if str(kind) == "torch.bool" else TensorProto.INT64)


def _linear(call: Call) -> str:
    return _product(call, call.x(), call.x(1), call.optional(2, "bias"))


def _product(call: Call, x: str, weight: str, bias: str) -> str:
    """x W^T + b."""
    turned = call.graph.node("Transpose", weight, perm=[1, 0])
    y = call.graph.node("MatMul", x, turned)
    return call.graph.node("Add", y, bias) if bias else y


def _addmm(call: Call) -> str:
    if call.node.kwargs:
        raise ValueError("it scales its operands")
    return call.graph.node("Add", call.graph.node("MatMul", call.x(1), call.x(2)), call.x())


def _attention(call: Call) -> str:
    """Scaled dot product attention: softmax(q k^T scale + mask) v over the last two axes."""
    query, key, value = (call.x(i) for i in range(3))
    if call.number(4, "dropout_p"):
        raise ValueError("it drops at random")
    if call.node.kwargs.get("enable_gqa"):
        raise ValueError("it shares keys between heads")
    width, rank = call.shape()[-1], len(call.shape())
    given = call.node.kwargs.get("scale")
    scale = float(given) if isinstance(given, int | float) else float(width or 1) ** -0.5
    turned = call.graph.node("Transpose", key, perm=[*range(rank - 2), rank - 1, rank - 2])
    scores = call.graph.node("MatMul", call.graph.node("Mul", query, call.graph.constant(scale, np.float32)), turned)
    if mask := call.optional(3, "attn_mask"):
        if not call.is_real(call.given(3, "attn_mask")):
            nothing, never = (call.graph.constant(number, np.float32) for number in (0.0, -np.inf))
            mask = call.graph.node("Where", mask, nothing, never)
        scores = call.graph.node("Add", scores, mask)
    if call.given(5, "is_causal", False):
        rows, columns = call.shape()[-2], call.shape(call.given(1))[-2]
        if rows is None or columns is None:
            raise ValueError("its causal mask depends on the number of samples")
        later = np.triu(np.full((rows, columns), -np.inf, np.float32), 1)
        scores = call.graph.node("Add", scores, call.graph.constant(later))
    return call.graph.node("MatMul", call.graph.node("Softmax", scores, axis=-1), value)


def _conv(call: Call) -> str:
    rank = len(call.shape()) - 2
    padding, kernel = call.given(4, "padding", 0), _kernel(call, rank)
    dilation = call.wholes(5, "dilation", (1,) * rank, rank)
    if padding == "same":
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        pads = (*(n // 2 for n in total), *(n - n // 2 for n in total))
    else:
        pads = (0,) * 2 * rank if padding == "valid" else call.wholes(4, "padding", (0,) * rank, rank) * 2
    return call.graph.node(
        "Conv", *_operands(call), strides=call.wholes(3, "stride", (1,) * rank, rank), dilations=dilation, pads=pads,
        group=call.whole(6, "groups", 1), kernel_shape=kernel,
    )  # fmt: skip


def _operands(call: Call) -> tuple[str, ...]:
    """Input, weight and, if there is one, bias."""
    bias = call.optional(2, "bias")
    return (call.x(), call.x(1), bias) if bias else (call.x(), call.x(1))


def _kernel(call: Call, rank: int) -> list[int]:
    return [size or 1 for size in call.shape(call.given(1))[-rank:]]


def _conv_transpose(call: Call) -> str:
    rank = len(call.shape()) - 2
    return call.graph.node(
        "ConvTranspose", *_operands(call), kernel_shape=_kernel(call, rank),
        strides=call.wholes(3, "stride", (1,) * rank, rank), pads=call.wholes(4, "padding", (0,) * rank, rank) * 2,
        output_padding=call.wholes(5, "output_padding", (0,) * rank, rank), group=call.whole(6, "groups", 1),
        dilations=call.wholes(7, "dilation", (1,) * rank, rank),
    )  # fmt: skip


def _convolution(call: Call) -> str:
    """Core ATen's: x, weight, bias, stride, padding, dilation, whether transposed, output padding, groups."""
    rank = len(call.shape()) - 2
    facts: dict[str, Attribute] = {
        "strides": call.wholes(3, rank=rank), "pads": call.wholes(4, rank=rank) * 2,
        "dilations": call.wholes(5, rank=rank), "group": call.whole(8), "kernel_shape": _kernel(call, rank),
    }  # fmt: skip
    if call.given(6):
        return call.graph.node("ConvTranspose", *_operands(call), output_padding=call.wholes(7, rank=rank), **facts)
    return call.graph.node("Conv", *_operands(call), **facts)


def _batch_norm(call: Call, training: int | None = None) -> Value:
    """Batch normalization; `training` is where the argument is that must be false, the epsilon comes 2 later."""
    if training is not None and call.given(training):
        raise ValueError("it is in training mode")
    channels = call.shape()[1]
    ones, zeros = (np.full(channels or 1, number, np.float32) for number in (1.0, 0.0))
    scale, bias = call.optional(1) or call.graph.constant(ones), call.optional(2) or call.graph.constant(zeros)
    epsilon = call.number(6 if training is None else training + 2)
    y = call.graph.node("BatchNormalization", call.x(), scale, bias, call.x(3), call.x(4), epsilon=epsilon)
    return y if training is not None else (y, "", "")


def _layer_norm(call: Call) -> str:
    axes = call.wholes(1)
    weight = call.optional(2, "weight") or call.graph.constant(np.ones(axes, np.float32))
    inputs = (call.x(), weight, *filter(None, (call.optional(3, "bias"),)))
    return call.graph.node("LayerNormalization", *inputs, axis=-len(axes), epsilon=call.number(4, "eps", 1e-5))


def _native_layer_norm(call: Call) -> Value:
    return (_layer_norm(call), "", "")


def _group_norm(call: Call) -> str:
    channels = call.shape()[1] or 1
    weight = call.optional(2, "weight") or call.graph.constant(np.ones(channels, np.float32))
    bias = call.optional(3, "bias") or call.graph.constant(np.zeros(channels, np.float32))
    epsilon = call.number(4, "eps", 1e-5)
    return call.graph.node("GroupNormalization", call.x(), weight, bias, num_groups=call.whole(1), epsilon=epsilon)


def _window(call: Call, kind: str, rank: int, outputs: int = 1) -> Value:
    """Pooling; average pooling says in another place whether windows reach over the end."""
    kernel = call.wholes(1, "kernel_size", rank=rank)
    stride = call.wholes(2, "stride", kernel, rank)
    facts: dict[str, Attribute] = {
        "kernel_shape": kernel, "strides": stride, "pads": call.wholes(3, "padding", (0,) * rank, rank) * 2
    }
    if kind == "MaxPool":
        facts["dilations"] = call.wholes(4, "dilation", (1,) * rank, rank)
        facts["ceil_mode"] = int(bool(call.given(5, "ceil_mode", False)))
    else:
        facts["ceil_mode"] = int(bool(call.given(4, "ceil_mode", False)))
        facts["count_include_pad"] = int(bool(call.given(5, "count_include_pad", True)))
        if call.given(6, "divisor_override") is not None:
            raise ValueError("it divides by a number of its own")
    y = call.graph.node(kind, call.x(), **facts)
    return y if outputs == 1 else (y, "")


def _adaptive(call: Call, kind: str, rank: int, outputs: int = 1) -> Value:
    """Pooling to a given size: over everything, or over windows of one size."""
    wanted = call.wholes(1, "output_size", rank=rank)
    sizes = call.shape()[-rank:]
    if wanted == (1,) * rank:
        y = call.graph.node("GlobalMaxPool" if kind == "MaxPool" else "GlobalAveragePool", call.x())
        return y if outputs == 1 else (y, "")
    known = [size or 0 for size in sizes]
    if any(size % want for size, want in zip(known, wanted, strict=True)):
        raise ValueError(f"its windows from {known} to {list(wanted)} differ in size: the sizes must divide")
    kernel = [size // want for size, want in zip(known, wanted, strict=True)]
    y = call.graph.node(kind, call.x(), kernel_shape=kernel, strides=kernel)
    return y if outputs == 1 else (y, "")


def _reduce(call: Call, kind: str) -> str:
    axes, keep = call.given(1, "dim"), int(bool(call.given(2, "keepdim", False)))
    if axes is None or axes == []:
        raise ValueError("it runs over all axes, and so over samples")
    return call.graph.node(kind, call.x(), call.graph.integers(*call.wholes(1, "dim")), keepdims=keep)


def _arg_max(call: Call) -> str:
    if call.given(1, "dim") is None:
        raise ValueError("it runs over all axes, and so over samples")
    keep = int(bool(call.given(2, "keepdim", False)))
    return call.graph.node("ArgMax", call.x(), axis=call.whole(1, "dim"), keepdims=keep)


def _flatten(call: Call) -> str:
    """The product of some axes, by a shape of zeros (as they are) and one -1."""
    rank = len(call.shape())
    first, last = call.whole(1, "start_dim") % rank, call.whole(2, "end_dim", -1) % rank
    if first == 1 and last == rank - 1:
        return call.graph.node("Flatten", call.x(), axis=1)
    sizes = call.shape()
    after = [size or 0 for size in sizes[last + 1 :]]
    return call.graph.node("Reshape", call.x(), call.graph.integers(*(0,) * first, -1, *after))


def _view(call: Call) -> str:
    return call.graph.node("Reshape", call.x(), call.sizes(1, "size"))


def _permute(call: Call) -> str:
    rank = len(call.shape())
    return call.graph.node("Transpose", call.x(), perm=[axis % rank for axis in call.wholes(1, "dims")])


def _transpose(call: Call) -> str:
    order = list(range(len(call.shape())))
    a, b = call.whole(1, "dim0"), call.whole(2, "dim1")
    order[a], order[b] = order[b], order[a]
    return call.graph.node("Transpose", call.x(), perm=order)


def _turn(call: Call) -> str:
    order = list(range(len(call.shape())))[::-1]
    return call.graph.node("Transpose", call.x(), perm=order)


def _squeeze(call: Call) -> str:
    sizes = call.shape()
    axes = [axis % len(sizes) for axis in call.wholes(1, "dim", [i for i, size in enumerate(sizes) if size == 1])]
    axes = [axis for axis in axes if sizes[axis] == 1]
    return call.graph.node("Squeeze", call.x(), call.graph.integers(*axes)) if axes else call.x()


def _unsqueeze(call: Call) -> str:
    return call.graph.node("Unsqueeze", call.x(), call.graph.integers(call.whole(1, "dim")))


def _cat(call: Call, new_axis: bool = False) -> str:
    tensors, axis = call.given(0), call.whole(1, "dim")
    assert isinstance(tensors, list | tuple)
    names = [call.value(tensor) for tensor in tensors]
    if new_axis:
        names = [call.graph.node("Unsqueeze", name, call.graph.integers(axis)) for name in names]
    return call.graph.node("Concat", *names, axis=axis)


def _slice(call: Call) -> str:
    start, stop = call.given(2, "start"), call.given(3, "end")
    bounds = [
        call.graph.integers(limit) if isinstance(limit, int)
        else call.graph.node("Reshape", call.value(limit), call.graph.integers(1))
        for limit in (0 if start is None else start, (1 << 62) if stop is None else stop)
    ]  # fmt: skip
    axis, step = call.whole(1, "dim"), call.whole(4, "step", 1)
    return call.graph.node("Slice", call.x(), *bounds, call.graph.integers(axis), call.graph.integers(step))


def _select(call: Call) -> str:
    index = call.graph.constant(call.whole(2, "index"), np.int64)
    return call.graph.node("Gather", call.x(), index, axis=call.whole(1, "dim"))


def _index_select(call: Call) -> str:
    return call.graph.node("Gather", call.x(), call.x(2), axis=call.whole(1, "dim"))


def _split(call: Call) -> Value:
    """Parts of one size, the last perhaps smaller, or of given sizes."""
    axis = call.whole(2, "dim")
    size = call.shape()[axis]
    if size is None:
        raise ValueError("it splits samples")
    parts = call.given(1)
    if isinstance(parts, int):
        sizes = [min(parts, size - start) for start in range(0, size, parts)]
    else:
        sizes = list(call.wholes(1))
    return call.graph.outputs("Split", (call.x(), call.graph.integers(*sizes)), len(sizes), {"axis": axis})


def _expand(call: Call) -> str:
    """-1 keeps an axis; ONNX says so by 1."""
    sizes = call.given(1, "size")
    assert isinstance(sizes, list | tuple)
    if any(not isinstance(size, int) for size in sizes):
        return call.graph.node("Expand", call.x(), call.sizes(1, "size"))
    return call.graph.node("Expand", call.x(), call.graph.integers(*(1 if size == -1 else size for size in sizes)))


def _repeat(call: Call) -> str:
    x, missing = call.x(), len(call.wholes(1, "repeats")) - len(call.shape())
    if missing > 0:
        x = call.graph.node("Unsqueeze", x, call.graph.integers(*range(missing)))
    return call.graph.node("Tile", x, call.sizes(1, "repeats"))


def _pad(call: Call) -> str:
    """PyTorch pads from the last axis backwards, (begin, end) each; ONNX all begins, then all ends."""
    if call.node.kwargs.get("mode", "constant") != "constant":
        raise ValueError(f"it pads by {call.node.kwargs['mode']!r}")
    rank, given = len(call.shape()), call.wholes(1, "pad")
    if len(given) // 2 > rank:
        raise ValueError("it pads more axes than there are")
    begin, end = [0] * rank, [0] * rank
    for place in range(len(given) // 2):
        begin[rank - 1 - place], end[rank - 1 - place] = given[2 * place], given[2 * place + 1]
    index = 3 if call.node.target.__name__.startswith("pad.") else 2
    value = call.graph.constant(call.number(index, "value", 0.0) if call.given(index, "value") else 0.0, np.float32)
    return call.graph.node("Pad", call.x(), call.graph.integers(*begin, *end), value)


def _upsample(call: Call) -> str:
    before, after = call.shape(), tuple(call.node.meta["val"].shape)
    scales = [1.0, 1.0, *(int(new) / int(old or 1) for new, old in zip(after[2:], before[2:], strict=True))]
    if any(scale != round(scale) for scale in scales):
        raise ValueError(f"it enlarges by {scales[2:]}: it takes whole numbers")
    return call.graph.node(
        "Resize", call.x(), "", call.graph.constant(scales, np.float32), mode="nearest",
        coordinate_transformation_mode="asymmetric", nearest_mode="floor",
    )  # fmt: skip


def _embedding(call: Call) -> str:
    return call.graph.node("Gather", call.x(), call.x(1), axis=0)


def _size(call: Call) -> str:
    shape = call.graph.node("Shape", call.x())
    return call.graph.node("Gather", shape, call.graph.constant(call.whole(1), np.int64), axis=0)


def _full(call: Call, fill: float | None = None) -> str:
    """One number in a shape, which may depend on the number of samples."""
    number = call.number(1) if fill is None else fill
    kind = np.float32 if call.is_real(call.node) else np.int64
    return call.graph.node("Expand", call.graph.constant(number, kind), call.sizes(0))


def _arange(call: Call) -> str:
    numbers = [call.number(i) for i in range(len(call.node.args))]
    return call.graph.constant(np.arange(*numbers), np.float32 if call.is_real(call.node) else np.int64)


OPERATIONS: Mapping[str, Operation] = {
    **{name: _plain(kind) for name, kind in {
        "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "neg": "Neg", "abs": "Abs", "exp": "Exp", "log": "Log",
        "sqrt": "Sqrt", "reciprocal": "Reciprocal", "erf": "Erf", "sin": "Sin", "cos": "Cos", "floor": "Floor",
        "ceil": "Ceil", "round": "Round", "sign": "Sign", "logical_not": "Not", "bitwise_not": "Not", "selu": "Selu",
    }.items()},
    **{name: _plain(kind, 2) for name, kind in {
        "mul": "Mul", "pow": "Pow", "maximum": "Max", "minimum": "Min", "matmul": "MatMul", "mm": "MatMul",
        "bmm": "MatMul", "logical_and": "And", "logical_or": "Or",
    }.items()},
    **{name: partial(_compare, kind=kind, negated=negated) for name, (kind, negated) in {
        "eq": ("Equal", False), "ne": ("Equal", True), "gt": ("Greater", False), "ge": ("GreaterOrEqual", False),
        "lt": ("Less", False), "le": ("LessOrEqual", False),
    }.items()},
    **dict.fromkeys((
        "alias", "clone", "contiguous", "detach", "lift_fresh_copy", "dropout", "native_dropout", "feature_dropout",
        "alpha_dropout",
    ), _same),
    **dict.fromkeys(("to", "_to_copy", "type_as"), _cast),
    **dict.fromkeys(("view", "reshape", "_unsafe_view"), _view),
    **dict.fromkeys(("pad", "constant_pad_nd"), _pad),
    **dict.fromkeys(("softmax", "_softmax"), _softmax),
    **dict.fromkeys(("log_softmax", "_log_softmax"), partial(_softmax, kind="LogSoftmax")),
    **dict.fromkeys(("conv1d", "conv2d"), _conv),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d"), _conv_transpose),
    **{f"max_pool{rank}d": partial(_window, kind="MaxPool", rank=rank) for rank in (1, 2)},
    **{f"avg_pool{rank}d": partial(_window, kind="AveragePool", rank=rank) for rank in (1, 2)},
    **{f"adaptive_avg_pool{rank}d": partial(_adaptive, kind="AveragePool", rank=rank) for rank in (1, 2)},
    "_adaptive_avg_pool2d": partial(_adaptive, kind="AveragePool", rank=2),
    **{f"adaptive_max_pool{r}d": partial(_adaptive, kind="MaxPool", rank=r, outputs=2) for r in (1, 2)},
    "max_pool2d_with_indices": partial(_window, kind="MaxPool", rank=2, outputs=2),
    "mean": partial(_reduce, kind="ReduceMean"), "sum": partial(_reduce, kind="ReduceSum"),
    "amax": partial(_reduce, kind="ReduceMax"), "amin": partial(_reduce, kind="ReduceMin"), "argmax": _arg_max,
    "add": partial(_sum, kind="Add"), "sub": partial(_sum, kind="Sub"), "rsub": _reversed_sub, "div": _div,
    "rsqrt": _rsqrt, "square": _square, "where": _plain("Where", 3),
    "clamp": _clamp, "clip": _clamp, "clamp_min": _plain("Clip", 2), "clamp_max": _clamp_max,
    "hardtanh": _hardtanh, "relu6": _relu6, "gelu": _gelu, "silu": _silu, "hardsigmoid": _hardsigmoid,
    "hardswish": _hardswish, "softplus": _softplus, "prelu": _prelu,
    "leaky_relu": _numbered("LeakyRelu", alpha=(1, "negative_slope", 0.01)),
    "elu": _numbered("Elu", alpha=(1, "alpha", 1.0)), "celu": _numbered("Celu", alpha=(1, "alpha", 1.0)),
    "linear": _linear, "addmm": _addmm, "scaled_dot_product_attention": _attention, "convolution": _convolution,
    "batch_norm": partial(_batch_norm, training=5), "_native_batch_norm_legit_no_training": _batch_norm,
    "layer_norm": _layer_norm, "native_layer_norm": _native_layer_norm, "group_norm": _group_norm,
    "flatten": _flatten, "permute": _permute, "transpose": _transpose, "t": _turn, "squeeze": _squeeze,
    "unsqueeze": _unsqueeze, "cat": _cat, "stack": partial(_cat, new_axis=True), "slice": _slice, "select": _select,
    "index_select": _index_select, "split": _split, "split_with_sizes": _split, "expand": _expand, "repeat": _repeat,
    "upsample_nearest2d": _upsample, "embedding": _embedding, "sym_size": _size, "full": _full,
    "zeros": partial(_full, fill=0.0), "ones": partial(_full, fill=1.0), "arange": _arange,
}  # fmt: skip
"""What says each operation of ATen, by its name without overload. Each raises ValueError with what it cannot be.

PyTorch's own decompositions lead the others to these, where they have one.
"""
