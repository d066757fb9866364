"""Activation functions."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, sqrt

import numpy as np

from nmc.frontends.onnx.call import Call, Operation
from nmc.frontends.onnx.ops.elementwise import unary
from nmc.frontends.onnx.values import Known, Signal, Value
from nmc.nodes import elementwise, tensor


def _hard_sigmoid(call: Call) -> Value:
    return _hard(call, call.number("alpha", 0.2), call.number("beta", 0.5))


def _hard(call: Call, alpha: float, beta: float) -> Signal:
    return call.writer.clip(call.writer.affine(call.x(), alpha, beta), 0.0, 1.0)


def _hard_swish(call: Call) -> Value:
    return call.writer.mul(call.x(), _hard(call, 1 / 6, 0.5))


def _gelu(call: Call) -> Value:
    writer, x = call.writer, call.x()
    if call.choice("approximate", "none", "tanh") == "tanh":
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


OPERATIONS: Mapping[str, Operation] = {
    "Celu": _celu,
    "Elu": _elu,
    "Gelu": _gelu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
    "LeakyRelu": _leaky_relu,
    "PRelu": _prelu,
    "Relu": unary(tensor.Relu, whole=True),
    "Selu": _selu,
    "Sigmoid": unary(tensor.Sigmoid),
    "Softplus": _softplus,
    "Softsign": _softsign,
    "Swish": _swish,
    "Tanh": unary(tensor.Tanh),
}
