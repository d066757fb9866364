"""Functions of single elements, comparisons and logic."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from math import inf, sqrt

import numpy as np

from nmc.frontends.onnx.call import Call, Operation
from nmc.frontends.onnx.values import Element, Known, Refusal, Signal, Value
from nmc.frontends.onnx.writer import real
from nmc.graph import Node
from nmc.nodes import elementwise, tensor

_ELEMENTS: Mapping[str, Element] = {
    "FLOAT": "real", "FLOAT16": "real", "DOUBLE": "real", "BFLOAT16": "real", "BOOL": "boolean",
    **{f"{sign}INT{bits}": "integer" for sign in ("", "U") for bits in (8, 16, 32, 64)},
}  # fmt: skip


def _unary(kind: type[Node], whole: bool = False) -> Operation:
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
    source = Signal(layer.inputs[0].node, x.dims)
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
        return call.writer.mul(call.x(), call.x())
    if number == 0.5:
        return call.writer.unary(elementwise.Sqrt, x)
    return call.writer.broadcast(elementwise.Pow, x, exponent, element=x.element)


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

    x = call.x()
    if call.kind == "CastLike":
        element = call.value(1).element
    else:
        number = call.whole("to", 1)
        name = TensorProto.DataType.Name(number) if number in TensorProto.DataType.values() else str(number)
        if name not in _ELEMENTS:
            raise Refusal(f"it casts to {name}", "numbers here are real; export without that type")
        element = _ELEMENTS[name]
    if element == "boolean" and x.element != "boolean":
        zero = Known(np.zeros((), np.float32))
        return call.writer.affine(call.writer.broadcast(elementwise.Equal, x, zero, element="boolean"), -1.0, 1.0)
    if element == "integer" and x.element == "real":
        return _truncated(call, x)
    return Signal(x.node, x.dims, element)


def _hard_sigmoid(call: Call) -> Value:
    return _hard(call, call.number("alpha", 0.2), call.number("beta", 0.5))


def _hard(call: Call, alpha: float, beta: float) -> Signal:
    return call.writer.clip(call.writer.affine(call.x(), alpha, beta), 0.0, 1.0)


def _hard_swish(call: Call) -> Value:
    return call.writer.mul(call.x(), _hard(call, 1 / 6, 0.5))


def _gelu(call: Call) -> Value:
    writer, x = call.writer, call.x()
    if call.text("approximate", "none") == "tanh":
        cube = writer.broadcast(tensor.Mul, x, x, x)
        inner = writer.affine(writer.add(x, writer.affine(cube, 0.044715)), sqrt(2 / np.pi))
        bell: Value = writer.unary(tensor.Tanh, inner)
    else:
        bell = writer.unary(elementwise.Erf, writer.affine(x, 1 / sqrt(2)))
    return writer.mul(writer.affine(x, 0.5), writer.affine(bell, offset=1.0))


def _elu(call: Call) -> Value:
    return _exponential(call, call.number("alpha", 1.0), 1.0)


def _selu(call: Call) -> Value:
    gamma = call.number("gamma", 1.0507009873554805)
    return _exponential(call, gamma * call.number("alpha", 1.6732632423543772), gamma)


def _celu(call: Call) -> Value:
    alpha = call.number("alpha", 1.0)
    return _exponential(call, alpha, 1.0, 1 / alpha)


def _exponential(call: Call, below: float, above: float, speed: float = 1.0) -> Signal:
    """above x for x > 0, below (exp(speed x) - 1) else."""
    writer, x = call.writer, call.x()
    falling = writer.unary(elementwise.Exp, writer.affine(writer.clip(x, -inf, 0.0), speed))
    return writer.add(writer.affine(writer.unary(tensor.Relu, x), above), writer.affine(falling, below, -below))


def _softplus(call: Call) -> Value:
    writer, x = call.writer, call.x()
    small = writer.unary(elementwise.Exp, writer.affine(writer.unary(elementwise.Abs, x), -1.0))
    rest = writer.unary(elementwise.Log, writer.affine(small, offset=1.0))
    return writer.add(writer.unary(tensor.Relu, x), rest)


def _softsign(call: Call) -> Value:
    x = call.x()
    return call.writer.div(x, call.writer.affine(call.writer.unary(elementwise.Abs, x), offset=1.0))


def _prelu(call: Call) -> Value:
    writer, x, slope = call.writer, call.x(), call.value(1)
    if call.opset < 7 and isinstance(slope, Known) and slope.array.size > 1:  # then, a slope for each channel
        slope = Known(slope.array.reshape(-1, *(1,) * (len(x.dims) - 2)), slope.name)
    below = writer.mul(writer.clip(x, -inf, 0.0), slope)
    return writer.add(writer.unary(tensor.Relu, x), below)


def _leaky_relu(call: Call) -> Value:
    return call.writer.unary(tensor.LeakyRelu, call.x(), alpha=call.number("alpha", 0.01))


def _swish(call: Call) -> Value:
    x = call.x()
    return call.writer.mul(x, call.writer.unary(tensor.Sigmoid, call.writer.affine(x, call.number("alpha", 1.0))))


def _reciprocal(call: Call) -> Value:
    return call.writer.div(Known(np.ones((), np.float32)), call.x())


def _ceil(call: Call) -> Value:
    writer = call.writer
    return writer.affine(writer.unary(elementwise.Floor, writer.affine(call.x(), -1.0)), -1.0)


def _tan(call: Call) -> Value:
    return call.writer.div(call.writer.unary(elementwise.Sin, call.x()), call.writer.unary(elementwise.Cos, call.x()))


OPERATIONS: Mapping[str, Operation] = {
    "Abs": _unary(elementwise.Abs, whole=True),
    "Add": _add,
    "And": _logic(tensor.Mul),
    "Cast": _cast,
    "CastLike": _cast,
    "Ceil": _ceil,
    "Celu": _celu,
    "Clip": _clip,
    "Cos": _unary(elementwise.Cos),
    "Div": _div,
    "Elu": _elu,
    "Equal": _compare(elementwise.Equal),
    "Erf": _unary(elementwise.Erf),
    "Exp": _unary(elementwise.Exp),
    "Floor": _unary(elementwise.Floor),
    "Gelu": _gelu,
    "Greater": _compare(elementwise.Greater),
    "GreaterOrEqual": _compare(elementwise.GreaterOrEqual),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
    "LeakyRelu": _leaky_relu,
    "Less": _compare(elementwise.Greater, swapped=True),
    "LessOrEqual": _compare(elementwise.GreaterOrEqual, swapped=True),
    "Log": _unary(elementwise.Log),
    "Max": _extreme(elementwise.Maximum),
    "Mean": _mean,
    "Min": _extreme(elementwise.Minimum),
    "Mod": _mod,
    "Mul": _mul,
    "Neg": lambda call: call.writer.affine(call.x(), -1.0),
    "Not": _not,
    "Or": _logic(elementwise.Maximum),
    "Pow": _pow,
    "PRelu": _prelu,
    "Reciprocal": _reciprocal,
    "Relu": _unary(tensor.Relu, whole=True),
    "Round": _unary(elementwise.Round),
    "Selu": _selu,
    "Sigmoid": _unary(tensor.Sigmoid),
    "Sign": _unary(elementwise.Sign, whole=True),
    "Sin": _unary(elementwise.Sin),
    "Softplus": _softplus,
    "Softsign": _softsign,
    "Sqrt": _unary(elementwise.Sqrt),
    "Sub": _sub,
    "Sum": _add,
    "Swish": _swish,
    "Tan": _tan,
    "Tanh": _unary(tensor.Tanh),
    "Where": _where,
    "Xor": _xor,
}
