"""Functions of single elements, comparisons and logic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from math import inf, pi

import numpy as np

from nmc.frontends.onnx.call import Call, Operation
from nmc.frontends.onnx.known import real
from nmc.frontends.onnx.values import Element, Known, Refusal, Signal, Value
from nmc.graph import Node
from nmc.nodes import elementwise, tensor

_ELEMENTS: Mapping[str, Element] = {
    "FLOAT": "real", "FLOAT16": "real", "DOUBLE": "real", "BFLOAT16": "real", "BOOL": "boolean",
    **{f"{sign}INT{bits}": "integer" for sign in ("", "U") for bits in (8, 16, 32, 64)},
}  # fmt: skip

_WRAPPING: Mapping[str, tuple[int, int]] = {
    name: (int(limits.min), int(limits.max))
    for name in ("INT8", "UINT8", "INT16", "UINT16", "UINT32", "UINT64")
    for limits in (np.iinfo(name.lower()),)
}
"""Types of whole numbers that numbers of ordinary networks leave. Of INT32 and INT64 they are at home in."""


def unary(kind: type[Node], whole: bool = False) -> Operation:
    """A function of single elements; `whole` ones keep whole numbers whole."""
    def operation(call: Call) -> Value:
        x = call.x()
        return call.writer.unary(kind, x, x.element if whole else "real")

    return operation


def _one_number(value: Value | None) -> float | None:
    """The value of a known scalar, or of an array that holds one number everywhere."""
    if not isinstance(value, Known) or not value.array.size or value.other is not None:
        return None
    array = real(value).array
    first = array.reshape(-1)[0]
    return float(first) if array.size == 1 and np.isfinite(first) else None


def _add(call: Call) -> Value:
    operands = [call.value(index) for index in range(len(call.inputs))]
    return reduce(lambda left, right: _sum_of_two(call, left, right), operands)


def _sum_of_two(call: Call, left: Value, right: Value) -> Value:
    writer = call.writer
    if isinstance(left, Known):
        left, right = right, left
    if len(call.inputs) == 2 and isinstance(left, Signal) and isinstance(right, Known):
        index = call.inputs.index(left)
        if call.alone(index) and (biased := _with_bias(call, left, right)) is not None:
            return biased
    if (number := _one_number(right)) is not None and _keeps_dims(left, right):
        return writer.affine(left, offset=number)
    return writer.broadcast(tensor.Add, left, right, element=left.element)


def _with_bias(call: Call, x: Signal, bias: Known) -> Signal | None:
    """The layer that made x with a bias, where it has none and `bias` has one number for each of its channels."""
    layer = call.writer.nodes[x.node]
    if not isinstance(layer, tensor.Linear | tensor.Conv1d | tensor.Conv2d) or layer.bias is not None:
        return None
    convolves = not isinstance(layer, tensor.Linear)
    channel = 1 if convolves else len(x.dims) - 1
    count = layer.channels if isinstance(layer, tensor.Conv1d | tensor.Conv2d) else layer.features
    own = (1,) * (len(x.dims) - len(bias.dims)) + bias.dims
    if len(own) != len(x.dims) or x.dims[channel] != count:
        return None
    if own != tuple(count if axis == channel else 1 for axis in range(len(own))):
        return None
    name = call.writer.array(real(bias).array.reshape(-1), bias.name or f"{call.writer.label}.bias")
    source = replace(x, node=layer.inputs[0].node)
    if convolves:
        return call.writer.node(type(layer), (source,), x.dims, **{**facts_of(layer), "bias": name})
    return call.writer.node(tensor.Linear, (source,), x.dims, **{**facts_of(layer), "bias": name})


def facts_of(node: Node) -> dict[str, object]:
    """The facts of a node by name, without its name and reads."""
    return {name: value for name, value in vars(node).items() if name not in ("name", "inputs")}


def _keeps_dims(x: Value, other: Value) -> bool:
    return len(other.dims) <= len(x.dims)


def _sub(call: Call) -> Value:
    left, right = call.value(0), call.value(1)
    if (number := _one_number(right)) is not None and _keeps_dims(left, right):
        return call.writer.affine(left, offset=-number)
    if (number := _one_number(left)) is not None and _keeps_dims(right, left):
        return call.writer.affine(right, -1.0, number)
    return call.writer.broadcast(elementwise.Sub, left, right, element=left.element)


def _mul(call: Call) -> Value:
    left, right = call.value(0), call.value(1)
    if isinstance(left, Known):
        left, right = right, left
    if (number := _one_number(right)) is not None and _keeps_dims(left, right):
        return call.writer.affine(left, number)
    return call.writer.broadcast(tensor.Mul, left, right, element=left.element)


def _div(call: Call) -> Value:
    left, right = call.value(0), call.value(1)
    writer = call.writer
    if left.element == "integer":
        return _truncated(call, writer.div(left, right))
    number = _one_number(right)
    if number and _keeps_dims(left, right):
        return writer.affine(left, 1.0 / number)
    return writer.div(left, right)


def _truncated(call: Call, x: Value) -> Signal:
    """x without its fraction."""
    writer = call.writer
    size = writer.unary(elementwise.Floor, writer.unary(elementwise.Abs, x))
    sign = writer.unary(elementwise.Sign, x)
    return writer.broadcast(tensor.Mul, sign, size, element="integer")


def _mod(call: Call) -> Value:
    left, right = call.value(0), call.value(1)
    writer = call.writer
    ratio = writer.div(left, right)
    times = _truncated(call, ratio) if call.whole("fmod", 0) else writer.unary(elementwise.Floor, ratio)
    return writer.broadcast(elementwise.Sub, left, writer.mul(times, right), element=left.element)


def _pow(call: Call) -> Value:
    x, exponent = call.value(0), call.value(1)
    number = _one_number(exponent) if _keeps_dims(x, exponent) else None
    if number == 2:
        return call.writer.broadcast(tensor.Mul, call.x(), call.x(), element=x.element)
    power = (
        call.writer.unary(elementwise.Sqrt, x) if number == 0.5
        else call.writer.broadcast(elementwise.Pow, x, exponent, element=x.element)
    )  # fmt: skip
    natural = number is not None and number >= 0 and number.is_integer()
    return _truncated(call, power) if x.element == "integer" and not natural else power


def _extreme(kind: type[Node]) -> Operation:
    """The largest or smallest operand; numbers known before become the bound of a Clip."""
    def operation(call: Call) -> Value:
        values = [call.value(index) for index in range(len(call.inputs))]
        if len(values) == 2:
            x, bound = values if isinstance(values[0], Signal) else values[::-1]
            one = isinstance(bound, Known) and bound.array.size == 1 and bound.other is None
            if isinstance(bound, Known) and one and _keeps_dims(x, bound):
                number = float(bound.array.reshape(-1)[0])
                limits = (number, inf) if kind is elementwise.Maximum else (-inf, number)
                return call.writer.clip(x, *limits)
        return call.writer.broadcast(kind, *values, element=values[0].element)

    return operation


def _mean(call: Call) -> Value:
    return call.writer.affine(_add(call), 1.0 / len(call.inputs))


def _compare(kind: type[Node], swapped: bool = False) -> Operation:
    def operation(call: Call) -> Value:
        left, right = call.value(0), call.value(1)
        sides = (right, left) if swapped else (left, right)
        return call.writer.broadcast(kind, *sides, element="boolean")

    return operation


def _not(call: Call) -> Value:
    return call.writer.affine(call.x(), -1.0, 1.0)


def _logic(kind: type[Node]) -> Operation:
    return lambda call: call.writer.broadcast(kind, call.value(0), call.value(1), element="boolean")


def _xor(call: Call) -> Value:
    return call.writer.affine(_logic(elementwise.Equal)(call), -1.0, 1.0)  # type: ignore[arg-type]


def _where(call: Call) -> Value:
    values = [call.value(index) for index in range(3)]
    return call.writer.broadcast(elementwise.Where, *values, element=values[1].element)


def _clip(call: Call) -> Value:
    if call.opset < 11:
        return call.writer.clip(call.x(), call.number("min", -inf), call.number("max", inf))
    bounds = [call.given(index) for index in (1, 2)]
    if any(isinstance(bound, Signal) for bound in bounds):
        low, high = bounds
        x: Value = call.x() if low is None else call.writer.broadcast(elementwise.Maximum, call.x(), low)
        return x if high is None else call.writer.broadcast(elementwise.Minimum, x, high)
    most = call.scalar(2, "maximum", inf)  # which holds where the bounds cross
    return call.writer.clip(call.x(), min(call.scalar(1, "minimum", -inf), most), most)


def _cast(call: Call) -> Value:
    from onnx import TensorProto

    call.without_effect("saturate", "round_mode")  # they are about 8-bit floats, which are refused
    x = call.x()
    if call.kind == "CastLike":
        like = call.value(1)
        element = like.element
        name = like.array.dtype.name.upper() if isinstance(like, Known) else {"integer": "INT8"}.get(element, "FLOAT")
    else:
        number = call.whole("to", 1)
        name = TensorProto.DataType.Name(number) if number in TensorProto.DataType.values() else str(number)
        if name not in _ELEMENTS:
            raise Refusal(f"it casts to {name}", "numbers here are real; export without that type")
        element = _ELEMENTS[name]
    if name in _WRAPPING:
        _require_between(call, x, *_WRAPPING[name], name)
    if element == "boolean" and x.element != "boolean":
        zero = Known(np.zeros((), np.float32))
        return call.writer.affine(call.writer.broadcast(elementwise.Equal, x, zero, element="boolean"), -1.0, 1.0)
    if element == "integer" and x.element == "real":
        return _truncated(call, x)
    return replace(x, element=element)


def _require_between(call: Call, x: Signal, least: int, most: int, name: str) -> None:
    """Raises Refusal where elements of x are not known to be within the bounds, since others wrap around there."""
    nodes = call.writer.nodes
    low, high = (0.0, 1.0) if x.element == "boolean" else (-inf, inf)
    node = nodes[x.node]
    while isinstance(node, elementwise.Floor | elementwise.Round | tensor.Reshape | tensor.Transpose):
        node = nodes[node.inputs[0].node]
    if isinstance(node, tensor.Clip):
        low, high = max(low, node.minimum), min(high, node.maximum)
    elif isinstance(node, tensor.Relu | elementwise.Abs):
        low = max(low, 0.0)
    if not (least <= low and high <= most):
        raise Refusal(
            f"it casts to {name}, in which numbers outside of {least} to {most} wrap around", "put a Clip before it"
        )


def _atan(call: Call) -> Value:
    return call.writer.unary(elementwise.Atan, call.x())


def _asin(call: Call) -> Value:
    return _arcsine(call, call.x())


def _acos(call: Call) -> Value:
    return call.writer.affine(_arcsine(call, call.x()), -1.0, pi / 2)


def _arcsine(call: Call, x: Signal) -> Signal:
    """arcsin x = 2 arctan(x / (1 + sqrt(1 - x^2))): half of the angle, whose tangent stays finite."""
    writer = call.writer
    other = writer.unary(elementwise.Sqrt, writer.affine(writer.mul(x, x), -1.0, 1.0))
    return writer.affine(writer.unary(elementwise.Atan, writer.div(x, writer.affine(other, offset=1.0))), 2.0)


def _hyperbolic(sign: float) -> Operation:
    """(exp x + sign exp -x) / 2."""
    def operation(call: Call) -> Value:
        writer, x = call.writer, call.x()
        rising = writer.unary(elementwise.Exp, x)
        falling = writer.unary(elementwise.Exp, writer.affine(x, -1.0))
        return writer.affine(writer.add(rising, writer.affine(falling, sign)), 0.5)

    return operation


def _asinh(call: Call) -> Value:
    """sign(x) ln(|x| + sqrt(x^2 + 1))."""
    writer, x = call.writer, call.x()
    root = writer.unary(elementwise.Sqrt, writer.affine(writer.mul(x, x), offset=1.0))
    size = writer.unary(elementwise.Log, writer.add(writer.unary(elementwise.Abs, x), root))
    return writer.mul(writer.unary(elementwise.Sign, x), size)


def _acosh(call: Call) -> Value:
    """ln(x + sqrt(x^2 - 1))."""
    writer, x = call.writer, call.x()
    root = writer.unary(elementwise.Sqrt, writer.affine(writer.mul(x, x), offset=-1.0))
    return writer.unary(elementwise.Log, writer.add(x, root))


def _atanh(call: Call) -> Value:
    """ln((1 + x) / (1 - x)) / 2."""
    writer, x = call.writer, call.x()
    ratio = writer.div(writer.affine(x, offset=1.0), writer.affine(x, -1.0, 1.0))
    return writer.affine(writer.unary(elementwise.Log, ratio), 0.5)


def _reciprocal(call: Call) -> Value:
    return call.writer.div(Known(np.ones((), np.float32)), call.x())


def _ceil(call: Call) -> Value:
    writer = call.writer
    return writer.affine(writer.unary(elementwise.Floor, writer.affine(call.x(), -1.0)), -1.0)


def _tan(call: Call) -> Value:
    return call.writer.div(call.writer.unary(elementwise.Sin, call.x()), call.writer.unary(elementwise.Cos, call.x()))


OPERATIONS: Mapping[str, Operation] = {
    "Abs": unary(elementwise.Abs, whole=True),
    "Acos": _acos,
    "Acosh": _acosh,
    "Add": _add,
    "And": _logic(tensor.Mul),
    "Asin": _asin,
    "Asinh": _asinh,
    "Atan": _atan,
    "Atanh": _atanh,
    "Cast": _cast,
    "CastLike": _cast,
    "Ceil": _ceil,
    "Clip": _clip,
    "Cos": unary(elementwise.Cos),
    "Cosh": _hyperbolic(1.0),
    "Div": _div,
    "Equal": _compare(elementwise.Equal),
    "Erf": unary(elementwise.Erf),
    "Exp": unary(elementwise.Exp),
    "Floor": unary(elementwise.Floor),
    "Greater": _compare(elementwise.Greater),
    "GreaterOrEqual": _compare(elementwise.GreaterOrEqual),
    "Less": _compare(elementwise.Greater, swapped=True),
    "LessOrEqual": _compare(elementwise.GreaterOrEqual, swapped=True),
    "Log": unary(elementwise.Log),
    "Max": _extreme(elementwise.Maximum),
    "Mean": _mean,
    "Min": _extreme(elementwise.Minimum),
    "Mod": _mod,
    "Mul": _mul,
    "Neg": lambda call: call.writer.affine(call.x(), -1.0),
    "Not": _not,
    "Or": _logic(elementwise.Maximum),
    "Pow": _pow,
    "Reciprocal": _reciprocal,
    "Round": unary(elementwise.Round),
    "Sign": unary(elementwise.Sign, whole=True),
    "Sin": unary(elementwise.Sin),
    "Sinh": _hyperbolic(-1.0),
    "Sqrt": unary(elementwise.Sqrt),
    "Sub": _sub,
    "Sum": _add,
    "Tan": _tan,
    "Where": _where,
    "Xor": _xor,
}
