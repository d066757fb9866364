"""Each argument of each operation of ATen that is taken: honoured as PyTorch has it, or refused by name."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest

import nmc
from nmc import reference
from nmc.errors import NmcError

if not os.environ.get("CI"):
    pytest.importorskip("torch")
import torch
from torch import nn
from torch.nn import functional

from nmc.frontends.torch.aten import OPERATIONS


def drawn(*shape: int) -> torch.Tensor:
    """Numbers of both signs, the same each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape) + sum(shape)))


ROW, ROWS, IMAGE, FLAGS = drawn(2, 6), drawn(2, 3, 6), drawn(2, 4, 8, 6), drawn(2, 6) > 0
PLACES = torch.tensor([[1, 0, 2], [2, 1, 0]])
WEIGHTS = [drawn(*shape) for shape in ((20, 6), (20, 5), (20,), (20,))]


def gates(count: int) -> list[torch.Tensor]:
    """Parameters of one recurrent layer from 6 to 5 of so many gates."""
    return [weight[: 5 * count] for weight in WEIGHTS]


Base = tuple[str, tuple[object, ...]]
UNARY = [
    "relu", "sigmoid", "tanh", "neg", "abs", "exp", "log", "sqrt",
    "reciprocal", "erf", "sin", "cos", "tan", "floor", "ceil", "sign",
    "selu", "alias", "clone", "contiguous", "detach", "lift_fresh_copy", "log1p", "expm1",
    "rsqrt", "square", "hardtanh", "relu6", "gelu", "silu", "hardsigmoid", "hardswish",
    "softplus", "leaky_relu", "elu", "celu", "mean", "sum", "prod", "amax",
    "amin", "max", "min", "linalg_vector_norm", "var", "argmax", "argmin", "flatten",
    "squeeze", "t", "round", "logical_not",
]
BASES: dict[str, list[Base]] = {
    **{name: [("", (ROW,))] for name in UNARY},
    **{name: [("Tensor", (ROW, drawn(2, 6) + 3))] for name in
       ["mul", "div", "remainder", "fmod", "eq", "ne", "gt", "ge", "lt", "le", "rsub", "add", "sub"]},
    **{name: [("", (ROW, drawn(1, 6)))] for name
       in ("maximum", "minimum", "logical_and", "logical_or", "logical_xor", "type_as")},
    **{name: [("Tensor", (FLAGS, ~FLAGS[:1]))] for name in ("bitwise_and", "bitwise_or")},
    "rsub": [("Tensor", (ROW, drawn(2, 6))), ("Scalar", (ROW, 3))], "bitwise_not": [("", (FLAGS,))],
    "add": [("Tensor", (ROW, drawn(2, 6))), ("Scalar", (ROW, 3))],
    "sub": [("Tensor", (ROW, drawn(2, 6))), ("Scalar", (ROW, 3))],
    "pow": [("Tensor_Scalar", (ROW, 2))], "clamp_min": [("", (ROW, 0.25))], "clamp_max": [("", (ROW, 0.25))],
    "round": [("", (ROW,)), ("decimals", (ROW,))], "where": [("self", (FLAGS, drawn(2, 6), drawn(2, 6)))],
    "clamp": [("", (ROW, -0.5)), ("Tensor", (ROW, drawn(2, 6)))], "clip": [("", (ROW, -0.5))],
    "var": [("", (ROW,)), ("dim", (ROW, [1])), ("correction", (ROW, [1]))],
    "prod": [("dim_int", (ROW, 1))], "sum": [("dim_IntList", (ROW, [1]))], "mean": [("dim", (ROW, [1]))],
    "max": [("dim", (ROW, 1)), ("other", (ROW, drawn(2, 6)))], "min": [("dim", (ROW, 1))],
    "amax": [("", (ROWS, [1]))], "amin": [("", (ROWS, [1]))], "argmax": [("", (ROWS, 1))], "argmin": [("", (ROWS, 1))],
    "linalg_vector_norm": [("", (ROWS, 2, [1]))], "cumsum": [("", (ROWS, 1))], "prelu": [("", (ROW, drawn(6)))],
    "dropout": [("", (ROW, 0.5, False))], "feature_dropout": [("", (IMAGE, 0.5, False))],
    "alpha_dropout": [("", (ROW, 0.5, False))], "to": [("dtype", (ROW, torch.float64))], "_to_copy": [("", (ROW,))],
    **{name: [("", (ROWS, drawn(2, 6, 5)))] for name in ("matmul", "bmm")}, "mm": [("", (ROW, drawn(6, 5)))],
    "softmax": [("int", (ROWS, 1))], "log_softmax": [("int", (ROWS, 1))],
    "_softmax": [("", (ROWS, 1, False))], "_log_softmax": [("", (ROWS, 1, False))],
    "conv1d": [("", (drawn(2, 4, 8), drawn(4, 4, 3)))], "conv2d": [("", (IMAGE, drawn(4, 4, 3, 3)))],
    "conv_transpose1d": [("", (drawn(2, 4, 8), drawn(4, 4, 3), None, 2))],
    "conv_transpose2d": [("", (IMAGE, drawn(4, 4, 3, 3), None, 2))],
    "convolution": [("", (IMAGE, drawn(4, 4, 3, 3), None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1)),
                    ("", (IMAGE, drawn(4, 4, 3, 3), None, [2, 2], [1, 1], [1, 1], True, [0, 0], 1))],
    "linear": [("", (ROW, drawn(5, 6)))], "addmm": [("", (ROW, drawn(2, 3), drawn(3, 6)))],
    "scaled_dot_product_attention": [("", (drawn(2, 2, 3, 6), drawn(2, 2, 3, 6), drawn(2, 2, 3, 6)))],
    "batch_norm": [("", (IMAGE, drawn(4), drawn(4), drawn(4), drawn(4) ** 2, False, 0.1, 1e-5, False))],
    "_native_batch_norm_legit_no_training": [
        ("", (IMAGE, drawn(4), drawn(4), drawn(4), drawn(4) ** 2, 0.1, 1e-5))],
    "instance_norm": [("", (IMAGE, drawn(4), drawn(4), None, None, True, 0.1, 1e-5, False))],
    "layer_norm": [("", (ROWS, [6]))], "native_layer_norm": [("", (ROWS, [6], None, None, 1e-5))],
    "group_norm": [("", (IMAGE, 2))], "embedding": [("", (drawn(3, 4), PLACES))],
    "lstm": [("input", (ROWS, [torch.zeros(1, 2, 5)] * 2, gates(4), True, 1, 0.0, False, False, True))],
    "gru": [("input", (ROWS, torch.zeros(1, 2, 5), gates(3), True, 1, 0.0, False, False, True))],
    **{f"rnn_{name}": [("input", (ROWS, torch.zeros(1, 2, 5), gates(1), True, 1, 0.0, False, False, True))]
       for name in ("tanh", "relu")},
    **{f"{kind}_pool{rank}d": [("", (IMAGE if rank == 2 else ROWS, [2] * rank))]
       for kind in ("max", "avg", "adaptive_avg", "adaptive_max") for rank in (1, 2)},
    "_adaptive_avg_pool2d": [("", (IMAGE, [2, 2]))], "max_pool2d_with_indices": [("", (IMAGE, [2, 2]))],
    "upsample_nearest1d": [("", (ROWS, [12]))], "upsample_nearest2d": [("", (IMAGE, [16, 12]))],
    "_upsample_nearest_exact1d": [("", (ROWS, [12]))], "_upsample_nearest_exact2d": [("", (IMAGE, [16, 12]))],
    "upsample_linear1d": [("", (ROWS, [12], False))],
    **{f"upsample_{kind}2d": [("", (IMAGE, [16, 12], False))] for kind in ("bilinear", "bicubic")},
    "view": [("", (ROWS, [-1, 18]))], "reshape": [("", (ROWS, [-1, 18]))], "_unsafe_view": [("", (ROWS, [-1, 18]))],
    "pad": [("", (IMAGE, [1, 2]))], "constant_pad_nd": [("", (IMAGE, [1, 2]))],
    "flatten": [("using_ints", (IMAGE, 1))], "permute": [("", (ROWS, [0, 2, 1]))], "transpose": [("int", (ROWS, 1, 2))],
    "squeeze": [("dim", (drawn(2, 1, 3), 1))], "unsqueeze": [("", (ROWS, 1))], "slice": [("Tensor", (ROWS, 1))],
    "cat": [("", ([ROWS, ROWS + 1], 1))], "stack": [("", ([ROWS, ROWS + 1], 1))],
    "select": [("int", (ROWS, 1, 0))], "index_select": [("", (ROWS, 2, torch.tensor([2, 0])))],
    "split": [("Tensor", (ROWS, 2, 2))], "split_with_sizes": [("", (ROWS, [2, 4], 2))],
    "expand": [("", (drawn(2, 1, 6), [-1, 3, 6]))], "repeat": [("", (ROWS, [1, 2, 1]))],
    "index": [("Tensor", (ROWS, [None, torch.tensor([2, 0])]))], "flip": [("", (ROWS, [1]))],
    "full_like": [("", (ROWS, 2.5))], "scalar_tensor": [("", (2.5,))], "full": [("", ([2, 6], 2.5))],
    "zeros": [("", ([2, 6],))], "ones": [("", ([2, 6],))], "arange": [("start_step", (0, 6))],
}  # fmt: skip
SIZES = {"sym_size"}
"""Operations on sizes alone: their one argument besides the tensor is drawn by every view in this folder."""

VALUES: dict[str, list[object]] = {
    "bool": [True, False], "int": [2, -1], "SymInt": [2, -1], "float": [0.5, 2.0], "number": [0.5, 2],
    "Scalar": [0.5, 2], "str": ["reflect", "replicate", "circular", "same", "valid", "tanh", "trunc", "floor"],
    "ScalarType": [torch.int64], "Tensor": [drawn(6), drawn(4), drawn(3, 3)],
    "List[int]": [[2], [2, 2], [1, 1]], "List[SymInt]": [[2], [2, 2], [1, 1]], "List[float]": [[2.0, 2.0]],
}


class Applied(nn.Module):
    """An operation of ATen as a module of its first tensor, the other arguments fixed."""

    def __init__(self, operation: torch._ops.OpOverload, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
        super().__init__()
        self.operation, self.args, self.kwargs = operation, args, kwargs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The first output, and x added to one that x does not lead to."""
        args = list(self.args)
        index = next((i for i, arg in enumerate(args) if isinstance(arg, torch.Tensor | list)), None)
        if index is not None and isinstance(args[index], torch.Tensor):
            args[index] = x
        elif args and isinstance(args[0], list) and isinstance(args[0][0], torch.Tensor):
            args[0] = [x, *args[0][1:]]
        y = self.operation(*args, **self.kwargs)
        return y[0] if isinstance(y, tuple | list) else y


def example(args: tuple[object, ...]) -> torch.Tensor:
    """What the module above takes."""
    first = next((arg for arg in args if isinstance(arg, torch.Tensor | list)), None)
    if isinstance(first, list):
        first = first[0]
    return first if isinstance(first, torch.Tensor) else ROW


def variants(name: str) -> Iterator[tuple[str, torch._ops.OpOverload, tuple[object, ...], dict[str, object]]]:
    """The bases of an operation, and each with one argument at another value, as long as PyTorch takes it."""
    for overload, args in BASES[name]:
        operation = getattr(getattr(torch.ops.aten, name), overload or "default")
        yield "as it is", operation, args, {}
        for index, argument in enumerate(operation._schema.arguments):
            kind = str(argument.type)
            kind = kind[len("Optional[") : -1] if kind.startswith("Optional[") else kind
            now = args[index] if index < len(args) else argument.default_value
            if any(isinstance(entry, torch.Tensor) for entry in (now if isinstance(now, list) else [now])):
                continue
            if argument.name in ("layout", "memory_format", "device"):
                continue  # of numbers given for these, PyTorch ends in a fault of memory
            values = [torch.int64] if argument.name == "dtype" else VALUES.get(kind, [])
            for value in values:
                if isinstance(value, torch.Tensor) or value != now:
                    if index < len(args):
                        yield f"{argument.name}={value}", operation, (*args[:index], value, *args[index + 1 :]), {}
                    else:
                        yield f"{argument.name}={value}", operation, args, {argument.name: value}


def wrong(module: nn.Module, x: torch.Tensor) -> str:
    """What is wrong with the model of a module: nothing where it is refused, or computes the same to 1e-4."""
    try:
        expected = module.eval()(x)
    except (RuntimeError, IndexError, ValueError, TypeError, NotImplementedError):
        return ""
    try:
        model = nmc.from_torch(module, x)
        (y,) = reference.run(model, x.numpy()).values()
    except NmcError:
        return ""
    expected = expected.detach().numpy()
    if y.shape != expected.shape:
        return f"shape {y.shape}, PyTorch {expected.shape}"
    with np.errstate(all="ignore"):
        same = np.allclose(y.astype(np.float64), expected.astype(np.float64), rtol=1e-4, atol=1e-4, equal_nan=True)
    return "" if same else f"differs by {np.nanmax(np.abs(y.astype(np.float64) - expected.astype(np.float64))):.3g}"


def test_no_operation_is_left_out() -> None:
    assert set(OPERATIONS) == set(BASES) | SIZES


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) & set(BASES)))
def test_an_argument_is_honoured_or_refused(name: str) -> None:
    found = {}
    for case, operation, args, kwargs in variants(name):
        if fault := wrong(Applied(operation, args, kwargs), example(args)):
            found[f"{operation} {case}"] = fault
    assert not found


HONOURED = {
    "reflected": (nn.ReflectionPad2d((1, 2, 0, 3)), IMAGE),
    "replicated": (nn.ReplicationPad1d(2), ROWS),
    "circular": (nn.Conv2d(4, 3, 3, padding=1, padding_mode="circular"), IMAGE),
    "alpha of rsub": (Applied(torch.ops.aten.rsub.Scalar, (ROW, 3, 2), {}), ROW),
    "decimals": (Applied(torch.ops.aten.round.decimals, (ROW,), {"decimals": 2}), ROW),
}


@pytest.mark.parametrize("name", HONOURED)
def test_what_can_be_said_is_honoured(name: str) -> None:
    module, x = HONOURED[name]
    (y,) = reference.run(nmc.from_torch(module, x), x.numpy()).values()
    np.testing.assert_allclose(y, module(x).detach().numpy(), atol=1e-4)


def test_a_refusal_names_the_argument_and_the_line() -> None:
    class Scaled(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.ops.aten.elu.default(x, 1.0, 2.0)

    with pytest.raises(NmcError, match=r"elu cannot be imported with scale=2.0") as caught:
        nmc.from_torch(Scaled(), ROW)
    assert "test_torch_arguments.py" in str(caught.value.faults[0].where)


def test_functions_with_their_options() -> None:
    class Padded(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return functional.pad(x, (2, 1, 1, 2), "reflect")

    assert wrong(Padded(), IMAGE) == ""
