"""Every overload of ATen that is taken, with arguments that PyTorch takes, and each argument at other values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch

SAMPLES = 5
"""So many samples does every input have: tensors whose first axis is as long are inputs, others are constants."""


def drawn(*shape: int) -> torch.Tensor:
    """Numbers of both signs, the same each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape) + sum(shape)))


def ahead(x: torch.Tensor) -> torch.Tensor:
    """The state before the first step, for each of the samples."""
    return torch.zeros(1, x.shape[0], 4)


def ahead_both(x: torch.Tensor) -> torch.Tensor:
    """The same for both directions, or two layers."""
    return torch.zeros(2, x.shape[0], 4)


def ahead_steps_first(x: torch.Tensor) -> torch.Tensor:
    """The same where samples are on the second axis."""
    return torch.zeros(1, x.shape[1], 4)


ROW, OTHER, ROWS, IMAGE = drawn(SAMPLES, 6), drawn(SAMPLES, 6) + 0.25, drawn(SAMPLES, 3, 6), drawn(SAMPLES, 4, 8, 6)
CHANNELS, FLAGS, WHOLE = drawn(SAMPLES, 4, 8), drawn(SAMPLES, 6) > 0, (4 * drawn(SAMPLES, 6)).long()
PLACES = torch.arange(3 * SAMPLES).reshape(SAMPLES, 3) % 3
HEADS = drawn(SAMPLES, 2, 3, 6)


def gates(count: int, inputs: int = 6) -> list[torch.Tensor]:
    """Parameters of one recurrent layer to 4 of so many gates."""
    return [drawn(4 * count, inputs), drawn(4 * count, 4), drawn(4 * count), drawn(4 * count)]


Arguments = tuple[object, ...]
"""Of an operation, in its order: tensors, numbers, and functions of the input that give such."""
UNARY = (
    "relu", "sigmoid", "tanh", "neg", "abs", "exp", "erf", "sin", "cos", "tan",
    "floor", "ceil", "sign", "selu", "alias", "clone", "contiguous", "detach", "lift_fresh_copy", "expm1",
    "square", "hardtanh", "relu6", "gelu", "silu", "hardsigmoid", "hardswish", "softplus", "leaky_relu",
    "elu", "celu", "round", "logical_not", "_to_copy",
)  # fmt: skip
BINARY = ("mul", "div", "remainder", "fmod", "eq", "ne", "gt", "ge", "lt", "le", "add", "sub", "rsub")
RECURRENT = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
WHOLLY = drawn(3, 4)
"""A constant, for operations that run over all of their operand: of an input, they would mix samples."""


def recurrent(name: str, state: Callable[[torch.Tensor], torch.Tensor] = ahead) -> object:
    """The state that an operation takes: an LSTM takes two."""
    return [state, state] if name == "lstm" else state


BASES: Mapping[str, tuple[Arguments, ...]] = {
    **{f"{name}.default": ((ROW,),) for name in UNARY},
    **{f"{name}.default": ((ROW.abs() + 1,),) for name in ("log", "log1p", "sqrt", "rsqrt", "reciprocal")},
    **{f"{name}.Tensor": ((ROW, OTHER), (ROW, drawn(6))) for name in BINARY},
    **{f"{name}.Scalar": ((ROW, 3),) for name in BINARY},
    **{f"{name}.default": ((ROW, OTHER), (ROW, drawn(6))) for name in
       ("maximum", "minimum", "logical_and", "logical_or", "logical_xor", "type_as")},
    "bitwise_not.default": ((FLAGS,),),
    **{f"bitwise_{name}.Tensor": ((FLAGS, drawn(6) > 0),) for name in ("and", "or")},
    **{f"bitwise_{name}.Scalar": ((FLAGS, True),) for name in ("and", "or")},
    **{f"bitwise_{name}.Scalar_Tensor": ((True, FLAGS),) for name in ("and", "or")},
    "remainder.Scalar_Tensor": ((3, OTHER),),
    "div.Tensor_mode": ((ROW, OTHER, "floor"), (ROW, OTHER, None)), "div.Scalar_mode": ((ROW, 3, "floor"),),
    "pow.Tensor_Scalar": ((ROW, 2),), "pow.Scalar": ((2, ROW),), "pow.Tensor_Tensor": ((ROW, OTHER),),
    **{f"{name}.default": ((ROW, 0.25),) for name in ("clamp_min", "clamp_max")},
    **{f"{name}.Tensor": ((ROW, drawn(6)),) for name in ("clamp_min", "clamp_max")},
    **{f"{name}.default": ((ROW, -0.5), (ROW, None, 0.5)) for name in ("clamp", "clip")},
    **{f"{name}.Tensor": ((ROW, drawn(6)), (ROW, None, OTHER)) for name in ("clamp", "clip")},
    "round.decimals": ((ROW, 1),), "where.self": ((FLAGS, ROW, OTHER),), "where.ScalarOther": ((FLAGS, ROW, 2.0),),
    "where.ScalarSelf": ((FLAGS, 2.0, ROW),), "where.Scalar": ((FLAGS, 2.0, 0.5),), "where.default": ((FLAGS,),),
    **{f"{name}.default": ((ROW, 0.5, False),) for name in ("dropout", "alpha_dropout")},
    "feature_dropout.default": ((IMAGE, 0.5, False),), "prelu.default": ((ROW, drawn(6)), (CHANNELS, drawn(4))),
    "to.dtype": ((ROW, torch.float64),), "to.device": ((ROW, torch.device("cpu"), torch.float64),),
    "to.other": ((ROW, drawn(6)),), "to.dtype_layout": ((ROW,),),

    "matmul.default": ((ROWS, drawn(6, 4)), (ROWS, drawn(SAMPLES, 6, 4))), "mm.default": ((ROW, drawn(6, 4)),),
    "bmm.default": ((ROWS, drawn(SAMPLES, 6, 4)),),
    "softmax.int": ((ROWS, 1),), "log_softmax.int": ((ROWS, 1),),
    "_softmax.default": ((ROWS, 1, False),), "_log_softmax.default": ((ROWS, 1, False),),
    **{f"conv1d.{overload}": ((CHANNELS, drawn(4, 4, 3)),) for overload in ("default", "padding")},
    **{f"conv2d.{overload}": ((IMAGE, drawn(4, 4, 3, 3)),) for overload in ("default", "padding")},
    "conv_transpose1d.default": ((CHANNELS, drawn(4, 4, 3), None, [2]),),
    "conv_transpose2d.input": ((IMAGE, drawn(4, 4, 3, 3), None, [2, 2]),),
    "convolution.default": ((IMAGE, drawn(4, 4, 3, 3), None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1),
                            (IMAGE, drawn(4, 4, 3, 3), None, [2, 2], [1, 1], [1, 1], True, [0, 0], 1)),
    "linear.default": ((ROW, drawn(4, 6)), (ROWS, drawn(4, 6))), "addmm.default": ((drawn(4), ROW, drawn(6, 4)),),
    "scaled_dot_product_attention.default": ((HEADS, HEADS + 1, HEADS - 1),),
    "batch_norm.default": ((IMAGE, drawn(4), drawn(4), drawn(4), drawn(4) ** 2, False, 0.1, 1e-5, False),),
    "_native_batch_norm_legit_no_training.default": (
        (IMAGE, drawn(4), drawn(4), drawn(4), drawn(4) ** 2, 0.1, 1e-5),),
    "instance_norm.default": ((IMAGE, drawn(4), drawn(4), None, None, True, 0.1, 1e-5, False),),
    "layer_norm.default": ((ROWS, [6]),), "native_layer_norm.default": ((ROWS, [6], None, None, 1e-5),),
    "group_norm.default": ((IMAGE, 2),), "embedding.default": ((drawn(3, 4), PLACES),),
    **{f"{name}.input": ((ROWS[:, :2], recurrent(name), gates(count), True, 1, 0.0, False, False, True),)
       for name, count in RECURRENT.items()},
    **{f"{name}.data": ((ROW, torch.tensor([SAMPLES]), recurrent(name), gates(count), True, 1, 0.0, False, False),)
       for name, count in RECURRENT.items()},

    **{f"{kind}_pool{rank}d.default": ((CHANNELS if rank == 1 else IMAGE, [2] * rank),)
       for kind in ("max", "avg", "adaptive_avg", "adaptive_max") for rank in (1, 2)},
    "_adaptive_avg_pool2d.default": ((IMAGE, [2, 2]),), "max_pool2d_with_indices.default": ((IMAGE, [2, 2]),),
    **{f"{name}1d.default": ((CHANNELS, [16]),) for name in ("upsample_nearest", "_upsample_nearest_exact")},
    **{f"{name}2d.default": ((IMAGE, [16, 12]),) for name in ("upsample_nearest", "_upsample_nearest_exact")},
    **{f"{name}1d.vec": ((CHANNELS, None, [2.0]),) for name in ("upsample_nearest", "_upsample_nearest_exact")},
    **{f"{name}2d.vec": ((IMAGE, None, [2.0, 3.0]),) for name in ("upsample_nearest", "_upsample_nearest_exact")},
    "upsample_linear1d.default": ((CHANNELS, [16], False), (CHANNELS, [12], True)),
    "upsample_linear1d.vec": ((CHANNELS, None, False, [2.0]),),
    **{f"upsample_{kind}2d.default": ((IMAGE, [16, 12], False), (IMAGE, [12, 9], True)) for kind in
       ("bilinear", "bicubic")},
    **{f"upsample_{kind}2d.vec": ((IMAGE, None, False, [2.0, 3.0]),) for kind in ("bilinear", "bicubic")},

    **{f"{name}.default": ((WHOLLY,),) for name in ("mean", "sum", "prod", "max", "min", "var")},
    "mean.dim": ((ROWS, [1]),), "sum.dim_IntList": ((ROWS, [1]),), "prod.dim_int": ((ROWS, 1),),
    **{f"{name}.other": ((ROW, OTHER),) for name in ("max", "min")},
    **{f"{name}.dim": ((ROWS, 1),) for name in ("max", "min")},
    **{f"{name}.default": ((ROWS, [1]), (WHOLLY,)) for name in ("amax", "amin")},
    **{f"{name}.default": ((ROWS, 1),) for name in ("argmax", "argmin")},
    "linalg_vector_norm.default": ((ROWS, 2, [1]), (WHOLLY,)), "cumsum.default": ((ROWS, 1),),
    "var.dim": ((ROWS, [1]),), "var.correction": ((ROWS, [1]),),

    **{f"{name}.default": ((ROWS, [-1, 18]),) for name in ("view", "reshape", "_unsafe_view")},
    "view.dtype": ((ROW, torch.float32),),
    "pad.default": ((IMAGE, [1, 2]),), "constant_pad_nd.default": ((IMAGE, [1, 2]),),
    "flatten.using_ints": ((ROWS, 1),), "permute.default": ((ROWS, [0, 2, 1]),), "transpose.int": ((ROWS, 1, 2),),
    "t.default": ((drawn(6, 1),),), "squeeze.default": ((drawn(SAMPLES, 1, 3),),),
    "squeeze.dim": ((drawn(SAMPLES, 1, 3), 1),), "squeeze.dims": ((drawn(SAMPLES, 1, 1, 3), [1]),),
    "unsqueeze.default": ((ROWS, 1),), "slice.Tensor": ((ROWS, 1),), "select.int": ((ROWS, 1, 0),),
    **{f"{name}.default": (([ROWS, ROWS + 1], 1),) for name in ("cat", "stack")},
    "index_select.default": ((ROWS, 2, torch.tensor([2, 0])),),
    "split.Tensor": ((ROWS, 2, 2),),
    **{f"{name}": ((ROWS, [2, 4], 2),) for name in ("split.sizes", "split.default", "split_with_sizes.default")},
    "expand.default": ((drawn(SAMPLES, 1, 6), [-1, 3, 6]),), "repeat.default": ((ROWS, [1, 2, 1]),),
    "index.Tensor": ((ROWS, [None, torch.tensor([2, 0])]),), "flip.default": ((ROWS, [1]),),
    "index.Tensor_hacked_twin": ((WHOLLY[:, :1], [torch.tensor([2])]),),
    "full_like.default": ((ROWS, 2.5),), "scalar_tensor.default": ((2.5,),), "full.default": (([1, 6], 2.5),),
    "zeros.default": (([1, 6],),), "ones.default": (([1, 6],),),
    "arange.default": ((6,),), "arange.start": ((0, 6),), "arange.start_step": ((0, 6),),
}  # fmt: skip
"""By "operation.overload": arguments that are taken as they are, unless the table below says otherwise."""

REFUSED: Mapping[str, str] = {
    **dict.fromkeys((f"{name}.data" for name in RECURRENT), "the number of samples as if that were fixed"),
    "where.default": "it lists places, and how many there are depends on values",
    "view.dtype": "it takes the bits of numbers for those of another type",
}
"""The overloads that are refused as they are, with what is said of it."""

NOT_DRAWN: Mapping[str, str] = {
    **dict.fromkeys(("mm.dtype", "bmm.dtype", "addmm.dtype"), "PyTorch has it on GPUs alone"),
    **dict.fromkeys(("to.prim_Device", "to.prim_dtype", "to.prim_other"), "of TorchScript's, in no exported program"),
}
"""The overloads that are not called here, with the reason."""

_TYPES = [torch.float16, torch.float64, torch.int8, torch.uint8, torch.int64, torch.bool]
VALUES: Mapping[str, list[object]] = {
    "bool": [True, False], "int": [0, 2, -1], "float": [0.5], "number": [0.5, -1], "ScalarType": _TYPES,
    "Layout": [torch.strided, torch.sparse_coo], "Device": [torch.device("cpu")],
    "MemoryFormat": [torch.contiguous_format, torch.channels_last],
    "Tensor": [drawn(4), drawn(6)], "List[int]": [[0], [1], [2], [1, 2], [2, 2], [-1], [3, 2, 2]],
    "List[float]": [[2.0], [2.0, 2.0], [1.5, 2.0]],
}  # fmt: skip
"""What arguments of each type are given besides what they are."""

OWN_VALUES: Mapping[str, list[object]] = {
    "padding": [[1], [1, 0], "same", "valid", "full"], "rounding_mode": ["trunc", "floor", None, "round"],
    "approximate": ["tanh", "none", "erf"], "mode": ["reflect", "replicate", "circular", "mirror"],
    "value": [0.5, -1.0], "pad": [[1, 1, 2, 0], [-1, 2], [0, 0, 0, 0, 1, 1], [1, 1, 1, 1, 1, 1, 1, 1]],
    "attn_mask": [drawn(3, 3), drawn(3, 3) > 0, drawn(2, 3, 3)], "ord": [1, 0, 3, float("inf"), -float("inf")],
    "decimals": [0, 2, -1], "scales": [2.0, 1.5], "scales_h": [2.0, 1.5], "scales_w": [2.0, 1.5],
    "dims": [[0, 1, 2], [1, 0, 2], [0, -1, 1], [2, 1], [0]], "repeats": [[2, 1, 1], [1, 1, 2], [2, 1, 1, 1], [1]],
    "shape": [[-1, 6, 3], [SAMPLES, 18], [-1], [-1, 3, 6]], "correction": [0, 0.5, 2], "end_dim": [1, 2, 0],
    "split_sizes": [[1, 5], [3, 3, 0], [6]], "fill_value": [1, -0.5, True], "divisor_override": [3],
    "index_select.index": [torch.tensor([0]), torch.tensor([1, 1, 5])], 
    "size": [[-1, 6, 3], [SAMPLES, 18], [-1], [6], [1, 1]], "scale_factors": [[2.0], [2.0, 2.0], [1.5, 2.0], None],
    "expand.size": [[SAMPLES, 3, 6], [-1, 2, -1], [2, SAMPLES, 1, 6], [-1, 1, 6]], "s": [1, True, -0.25],
    "output_size": [[1], [4], [3], [4, 3], [1, 1], [3, 4]], "normalized_shape": [[3, 6], [6, 3]],
    "group_norm.weight": [drawn(4)], "layer_norm.weight": [drawn(6)], "padding_idx": [0, -2],
    "native_layer_norm.weight": [drawn(6)],
    "weight": [None], "running_mean": [None, drawn(4)], "running_var": [None, drawn(4) ** 2],
    "indices": [[torch.tensor([1])], [None, None, torch.tensor([[1, 0]])], [None, torch.tensor([1]), torch.tensor([1])],
                [None, torch.tensor([True, False, True])]],
    "constant_pad_nd.value": [0.5, -1, True], "groups": [2, 4], "p": [0.0, 1.0], "num_groups": [1, 4],
    "split_size": [3, 4, 6, [1, 5]],
    "arange.end": [1, 5.5], "arange.start": [5, 0.5], "arange.step": [6, 6.0],
}  # fmt: skip
"""The same by the argument's name, or by "operation.argument", where the type says too little."""

TOGETHER: Mapping[str, tuple[Mapping[str, object], ...]] = {
    **{f"{name}.input": (
        {"bidirectional": True, "hx": recurrent(name, ahead_both), "params": gates(count) + gates(count)},
        {"num_layers": 2, "hx": recurrent(name, ahead_both), "params": gates(count) + gates(count, 4)},
        {"has_biases": False, "params": gates(count)[:2]},
        {"dropout": 0.5}, {"train": True},
        {"batch_first": False, "hx": recurrent(name, ahead_steps_first)}, {"train": True, "dropout": 0.5},
    ) for name, count in RECURRENT.items()},
    **{f"{name}.data": () for name in RECURRENT},
    "instance_norm.default": (
        {"running_mean": drawn(4), "running_var": drawn(4) ** 2},
        {"running_var": drawn(4) ** 2, "running_mean": drawn(4)},
        {"use_input_stats": False, "running_mean": drawn(4), "running_var": drawn(4) ** 2},
    ),
    "scaled_dot_product_attention.default": ({"enable_gqa": True, "key": HEADS[:, :1], "value": HEADS[:, 1:]},),
    "conv_transpose1d.default": ({"groups": 2, "weight": drawn(4, 2, 3)},),
    **{f"conv1d.{overload}": ({"groups": 2, "weight": drawn(4, 2, 3)},) for overload in ("default", "padding")},
    **{f"conv2d.{overload}": ({"groups": 2, "weight": drawn(4, 2, 3, 3)},) for overload in ("default", "padding")},
    "conv_transpose2d.input": ({"groups": 2, "weight": drawn(4, 2, 3, 3)},),
    **{f"{name}1d.vec": ({"output_size": [12], "scale_factors": None},)
       for name in ("upsample_nearest", "_upsample_nearest_exact", "upsample_linear")},
    **{f"{name}2d.vec": ({"output_size": [12, 9], "scale_factors": None},)
       for name in ("upsample_nearest", "_upsample_nearest_exact", "upsample_bilinear", "upsample_bicubic")},
    "convolution.default": (
        {"groups": 2, "weight": drawn(4, 2, 3, 3)}, {"transposed": True, "output_padding": [1, 0], "stride": [2, 2]},
        {"transposed": True, "groups": 2, "dilation": [1, 2], "bias": drawn(4)},
    ),
    **{f"{name}.default": ({"padding": [1], "kernel_size": [3]},) for name in ("max_pool1d", "avg_pool1d")},
    "max_pool2d.default": ({"padding": [1, 0], "stride": [1, 2]}, {"ceil_mode": True, "stride": [3, 4]}),
    "avg_pool2d.default": ({"count_include_pad": False, "padding": [1, 0]}, {"ceil_mode": True, "stride": [3, 4]}),
    "pad.default": ({"mode": "reflect", "pad": [1, 2, 2, 0]}, {"mode": "circular", "pad": [1, 2, 2, 0]}),
}  # fmt: skip
"""Arguments that go together; the first of each is the one that is tried. Those of recurrent layers are given so alone:
with states that do not fit, PyTorch writes over memory that is not its own."""

ALONE = frozenset(f"{name}.{overload}" for name in RECURRENT for overload in ("input", "data"))
"""The overloads that get only what goes together."""

UNREACHED: Mapping[tuple[str, str], str] = {
    ("to.device", "device"): "there is one device",
    **{(f"_{name}.default", "half_to_float"): "PyTorch has it on GPUs alone" for name in ("softmax", "log_softmax")},
}
"""Arguments of which PyTorch takes no value but the one above."""


@dataclass(frozen=True)
class Case:
    """One call of an operation: what is not as above ("" where all is), and the arguments by name.

    With `also_constants`, the same is called of constants in place of inputs, too.
    """

    argument: str
    text: str
    values: Mapping[str, object]
    also_constants: bool = False


def overload(key: str) -> torch._ops.OpOverload:
    """The operation by "operation.overload"."""
    name, _, kind = key.partition(".")
    return getattr(getattr(torch.ops.aten, name), kind)


def cases(key: str) -> Iterator[Case]:
    """An overload with its arguments as they are, and with each at every other value."""
    arguments = overload(key)._schema.arguments
    base, *others = ({argument.name: value for argument, value in zip(arguments, args, strict=False)}
                     for args in BASES[key])  # fmt: skip
    for values in (base, *others):
        yield Case("", "as it is", values)
    for changes in TOGETHER.get(key, ()):
        yield Case(next(iter(changes)), _text(changes), {**base, **changes})
    if key in ALONE or key in REFUSED:
        return
    yield Case("constants", "of constants", base, also_constants=True)
    for dtype in (torch.float16, torch.int64, torch.bool):
        typed = {name: _typed(value, dtype) for name, value in base.items()}
        yield Case("types", f"of {dtype}", typed)
        if not dtype.is_floating_point:
            yield Case("types", f"of constants of {dtype}", typed, also_constants=True)
    for argument in arguments:
        now = base.get(argument.name, argument.default_value)
        for value in _values(key, argument, now):
            yield Case(argument.name, _text({argument.name: value}), {**base, argument.name: value})


def _typed(value: object, dtype: torch.dtype) -> object:
    """The same with tensors of real numbers as another type."""
    if isinstance(value, list):
        return [_typed(entry, dtype) for entry in value]
    return value.to(dtype) if isinstance(value, torch.Tensor) and value.dtype.is_floating_point else value


def _values(key: str, argument: torch._C.Argument, now: object) -> Iterator[object]:
    """What an argument is given in place of what it is now: of a tensor, the same numbers as other types."""
    kind = str(argument.real_type)
    optional = kind.startswith("Optional[")
    kind = kind.removeprefix("Optional[").removesuffix("]") if optional else kind
    if isinstance(now, torch.Tensor):
        if len([1 for other in overload(key)._schema.arguments if str(other.real_type) == "Tensor"]) < 2:
            return
        real = now.dtype.is_floating_point
        types = (torch.int64, torch.bool) if real else (torch.float32, torch.int32)
        yield from (now.to(dtype) for dtype in types)
        return
    if optional and now is not None:
        yield None
    operation = key.partition(".")[0]
    own = OWN_VALUES.get(f"{operation}.{argument.name}", OWN_VALUES.get(argument.name))
    for value in VALUES.get(kind, []) if own is None else own:
        if isinstance(value, torch.Tensor | list) or type(value) is not type(now) or value != now:
            yield value


def _text(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={_shown(value)}" for name, value in values.items())


def _shown(value: object) -> str:
    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return getattr(value, "__name__", repr(value))
