"""ATen's functions of each element, and changes of type."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from nmc.frontends.torch.call import Argument, Call, Operation, Value

DROP_IN_TRAINING = "use nn.Dropout, or training=self.training, which drop nothing in evaluation"


def _same(call: Call) -> Value:
    return call.x()


def _function(kind: str) -> Operation:
    """A function that ONNX has the same; whole numbers become real where its result is."""
    return lambda call: call.graph.node(kind, _real(call))


def _real(call: Call) -> str:
    """The operand, made real where the result is."""
    return _as_real(call, call.given(0)) if call.is_real(call.node) else call.x()


def _as_real(call: Call, argument: Argument) -> str:
    """A number, or a tensor as one of real numbers."""
    from onnx import TensorProto

    name = call.value(argument)
    if isinstance(argument, bool | int | float) or call.is_real(argument):
        return name
    return call.graph.node("Cast", name, to=TensorProto.FLOAT)


def _dropout(call: Call) -> Value:
    call.without("p")
    if call.given(2, "train"):
        raise ValueError("it drops at random, in evaluation too", DROP_IN_TRAINING)
    return call.x()


def _numbered(kind: str, **attributes: tuple[int, str, float]) -> Operation:
    """An operation with attributes that are numbers: each argument's position, name and default."""

    def say(call: Call) -> str:
        return call.graph.node(kind, call.x(), **{name: call.number(*where) for name, where in attributes.items()})

    return say


def _sum(call: Call, kind: str, turned: bool = False) -> str:
    """left + alpha right, or left - alpha right; turned, the operands change places first. Truths: left or right."""
    left, right = _operands(call)[:: -1 if turned else 1]
    if call.is_truth(call.node):  # PyTorch takes differences of numbers alone
        return call.graph.node("Or", left, right)
    alpha = call.named("alpha", 1)
    if alpha != 1:
        right = call.graph.node("Mul", right, call.value(alpha))
    return call.graph.node(kind, left, right)


def _round(call: Call) -> str:
    """To a number of decimals: round(x 10^n) / 10^n, with ties to even."""
    decimals = call.named("decimals", 0)
    if not decimals:
        return call.graph.node("Round", call.x())
    scale = call.graph.constant(10.0 ** int(str(decimals)), np.float32)
    return call.graph.node("Div", call.graph.node("Round", call.graph.node("Mul", call.x(), scale)), scale)


def _of_truths(call: Call, kind: str, count: int, bits: bool) -> str:
    """A logical operation; of other values than true and false it asks whether they are 0, one of bits is refused."""
    from onnx import TensorProto

    names = [call.x(index) for index in range(count)]
    for index, name in enumerate(names):
        if call.is_truth(call.given(index)):
            continue
        if bits:
            raise ValueError("it works on the bits of numbers: it takes truth values")
        names[index] = call.graph.node("Cast", name, to=TensorProto.BOOL)
    return call.graph.node(kind, *names)


def _promoted(kind: str) -> Operation:
    """An operation of two tensors, whole numbers among them made real where the other is."""
    return lambda call: call.graph.node(kind, *_operands(call))


def _operands(call: Call) -> tuple[str, str]:
    given = [call.given(i) for i in range(2)]
    tensors = [argument for argument in given if not isinstance(argument, bool | int | float)]
    if not any(map(call.is_real, (call.node, *tensors))):
        return call.x(), call.x(1)
    return _as_real(call, given[0]), _as_real(call, given[1])


def _remainder(call: Call) -> str:
    """x - y floor(x / y): it has the sign of y."""
    x, y = _operands(call)
    if not call.is_real(call.node):
        return call.graph.node("Mod", x, y)
    return call.graph.node("Sub", x, call.graph.node("Mul", y, call.graph.node("Floor", call.graph.node("Div", x, y))))


def _fmod(call: Call) -> str:
    return call.graph.node("Mod", *_operands(call), fmod=1)


def _plus_one(call: Call) -> str:
    return call.graph.node("Log", call.graph.node("Add", _real(call), call.graph.constant(1.0, np.float32)))


def _minus_one(call: Call) -> str:
    return call.graph.node("Sub", call.graph.node("Exp", _real(call)), call.graph.constant(1.0, np.float32))


def _div(call: Call) -> str:
    mode = call.named("rounding_mode")
    if mode is not None and not call.is_real(call.node):
        raise ValueError(f"it rounds quotients of whole numbers by {mode!r}: make them real first")
    y = call.graph.node("Div", *_operands(call))
    if mode is None:
        return y
    if mode != "floor":
        raise ValueError(f"it rounds by {mode!r}")
    return call.graph.node("Floor", y)


def _clamp(call: Call) -> str:
    """Between numbers, or between the entries of tensors."""
    y, bounds = _real(call), {"Max": call.named("min"), "Min": call.named("max")}
    names = {kind: _as_real(call, bound) if call.is_real(call.node) else call.value(bound)
             for kind, bound in bounds.items() if bound is not None}  # fmt: skip
    if all(bound is None or isinstance(bound, int | float) for bound in bounds.values()):
        return call.graph.node("Clip", y, names.get("Max", ""), names.get("Min", ""))
    for kind, name in names.items():
        y = call.graph.node(kind, y, name)
    return y


def _hardtanh(call: Call) -> str:
    low, high = call.number(1, "min_val", -1.0), call.number(2, "max_val", 1.0)
    return call.graph.node("Clip", call.x(), *(call.graph.constant(limit, np.float32) for limit in (low, high)))


def _relu6(call: Call) -> str:
    return call.graph.node("Clip", call.x(), *(call.graph.constant(limit, np.float32) for limit in (0.0, 6.0)))


def _gelu(call: Call) -> str:
    return call.graph.node("Gelu", call.x(), approximate=str(call.named("approximate", "none")))


def _silu(call: Call) -> str:
    return call.graph.node("Mul", call.x(), call.graph.node("Sigmoid", call.x()))


def _hardsigmoid(call: Call) -> str:
    return call.graph.node("HardSigmoid", call.x(), alpha=1 / 6, beta=0.5)


def _hardswish(call: Call) -> str:
    return call.graph.node("Mul", call.x(), _hardsigmoid(call))


def _softplus(call: Call) -> str:
    beta, threshold = call.number(1, "beta", 1.0), call.number(2, "threshold", 20.0)
    if threshold < 20.0:
        raise ValueError(f"it is linear above {threshold}: it takes a threshold of 20, where that makes no difference")
    if beta == 1.0:
        return call.graph.node("Softplus", call.x())
    scale = call.graph.constant(beta, np.float32)
    return call.graph.node("Div", call.graph.node("Softplus", call.graph.node("Mul", call.x(), scale)), scale)


def _prelu(call: Call) -> str:
    slope, rank = call.given(1), len(call.shape())
    count = call.shape(slope)[0] or 1
    sizes = call.graph.integers(count, *(1,) * (rank - 2))
    return call.graph.node("PRelu", call.x(), call.graph.node("Reshape", call.x(1), sizes))


def _rsqrt(call: Call) -> str:
    return call.graph.node("Reciprocal", call.graph.node("Sqrt", _real(call)))


def _square(call: Call) -> str:
    return call.graph.node("Mul", call.x(), call.x())


def _compare(call: Call, kind: str, negated: bool = False) -> str:
    y = call.graph.node(kind, *_operands(call))
    return call.graph.node("Not", y) if negated else y


def _where(call: Call) -> str:
    if len(call.declared) < 3:
        raise ValueError("it lists places, and how many there are depends on values")
    return call.graph.node("Where", *(call.x(i) for i in range(3)))


def _cast(call: Call) -> str:
    """A change of type; real numbers stay real numbers, of one precision."""
    from onnx import TensorProto

    call.without("dtype", "other")
    if call.is_real(call.node):
        if call.is_real(call.given(0)):
            return call.x()
        return call.graph.node("Cast", call.x(), to=TensorProto.FLOAT)
    kind = call.node.meta["val"].dtype
    return call.graph.node("Cast", call.x(), to=TensorProto.BOOL if str(kind) == "torch.bool" else TensorProto.INT64)


OPERATIONS: Mapping[str, Operation] = {
    **{name: _function(kind) for name, kind in {
        "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "neg": "Neg", "abs": "Abs", "exp": "Exp", "log": "Log",
        "sqrt": "Sqrt", "reciprocal": "Reciprocal", "erf": "Erf", "sin": "Sin", "cos": "Cos", "tan": "Tan",
        "floor": "Floor", "ceil": "Ceil", "sign": "Sign", "selu": "Selu",
    }.items()},
    **{name: _promoted(kind) for name, kind in {
        "mul": "Mul", "pow": "Pow", "maximum": "Max", "minimum": "Min",
    }.items()},
    **{name: partial(_of_truths, kind=kind, count=count, bits=name.startswith("bitwise")) for name, (kind, count) in {
        "logical_not": ("Not", 1), "bitwise_not": ("Not", 1), "logical_and": ("And", 2), "bitwise_and": ("And", 2),
        "logical_or": ("Or", 2), "bitwise_or": ("Or", 2), "logical_xor": ("Xor", 2),
    }.items()},
    **{name: partial(_compare, kind=kind, negated=negated) for name, (kind, negated) in {
        "eq": ("Equal", False), "ne": ("Equal", True), "gt": ("Greater", False), "ge": ("GreaterOrEqual", False),
        "lt": ("Less", False), "le": ("LessOrEqual", False),
    }.items()},
    **dict.fromkeys(("alias", "clone", "contiguous", "detach", "lift_fresh_copy"), _same),
    **dict.fromkeys(("dropout", "feature_dropout", "alpha_dropout"), _dropout),
    **dict.fromkeys(("to", "_to_copy", "type_as"), _cast),
    "add": partial(_sum, kind="Add"), "sub": partial(_sum, kind="Sub"), "rsub": partial(_sum, kind="Sub", turned=True),
    "round": _round, "div": _div,
    "remainder": _remainder, "fmod": _fmod, "log1p": _plus_one, "expm1": _minus_one, "rsqrt": _rsqrt,
    "square": _square, "where": _where,
    **dict.fromkeys(("clamp", "clip", "clamp_min", "clamp_max"), _clamp),
    "hardtanh": _hardtanh, "relu6": _relu6, "gelu": _gelu, "silu": _silu, "hardsigmoid": _hardsigmoid,
    "hardswish": _hardswish, "softplus": _softplus, "prelu": _prelu,
    "leaky_relu": _numbered("LeakyRelu", alpha=(1, "negative_slope", 0.01)),
    "elu": _numbered("Elu", alpha=(1, "alpha", 1.0)), "celu": _numbered("Celu", alpha=(1, "alpha", 1.0)),
}  # fmt: skip
"""What says each of these operations, by its name in ATen without overload."""
