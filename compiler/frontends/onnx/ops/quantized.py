"""Quantized operations: the integers and scales of the file stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nmc.frontends.onnx.call import Call, Operation
from nmc.frontends.onnx.known import real
from nmc.frontends.onnx.ops.layers import convolution, matrix_product
from nmc.frontends.onnx.values import Known, Refusal, Signal, Value
from nmc.model import Array
from nmc.nodes import quantized


def _grid(call: Call, scale_index: int, zero_index: int) -> tuple[float, int, bool]:
    """The one scale and zero point of a signal, the latter as a signed integer, and whether the file's has no sign."""
    call.without_effect("axis", "saturate")  # there is one scale, and no 8-bit float
    scale = call.scalar(scale_index, "scale", 1.0)
    known = call.known(zero_index, "zero point")
    array = np.zeros((), np.uint8) if known is None else known.array
    if array.size != 1:
        raise Refusal("its zero point is not one number", "export it with one zero point for all elements")
    if array.dtype not in (np.dtype(np.int8), np.dtype(np.uint8)):
        kind = array.dtype if array.dtype.kind in "iu" else "a type of 4 bits, or of floats"
        raise Refusal(f"it quantizes to {kind}", "8-bit integers can be kept: quantize to int8 or uint8")
    unsigned = array.dtype == np.uint8
    return scale, int(array.reshape(-1)[0]) - (128 if unsigned else 0), unsigned


def _quantize(call: Call) -> Value:
    return quantize(call, call.x(), 1, 2)


def quantize(call: Call, x: Signal, scale_index: int, zero_index: int) -> Signal:
    """x on the grid that two operands of the call say; integers without a sign are 128 more than ours."""
    if (number := call.whole("output_dtype", 0)) not in (0, 2, 3):
        raise Refusal(f"it quantizes to type {number}", "8-bit integers can be kept: quantize to int8 or uint8")
    scale, zero_point, unsigned = _grid(call, scale_index, zero_index)
    if call.given(zero_index) is not None and number not in (0, 2 if unsigned else 3):
        raise Refusal(f"its output_dtype is {number}, and its zero point of another type", "give both the same type")
    if call.given(zero_index) is None and call.whole("output_dtype", 0) == 3:
        zero_point, unsigned = 0, False
    y = call.writer.unary(quantized.QuantizeLinear, x, "integer", scale=scale, zero_point=zero_point)
    return call.writer.affine(y, offset=128.0) if unsigned else y


def _dequantize(call: Call) -> Value:
    return dequantize(call, 0, 1, 2)


def dequantize(call: Call, index: int, scale_index: int, zero_index: int) -> Value:
    """What integers mean: as a node, or as a known array that remembers its integers."""
    x = call.value(index)
    if isinstance(x, Known):
        zero = call.known(zero_index, "zero point")
        axis = call.whole("axis", 1)
        return _known(x, call.array(scale_index, "scale"), None if zero is None else zero.array, axis)
    scale, zero_point, unsigned = _grid(call, scale_index, zero_index)
    signed = call.writer.affine(x, offset=-128.0) if unsigned else x
    return call.writer.unary(quantized.DequantizeLinear, signed, scale=scale, zero_point=zero_point)


def _known(x: Known, scale: Array, zero_point: Array | None, axis: int) -> Known:
    """Integers with their scale. Zero points other than 0 go into the integers, as far as 8 bits hold them."""
    integers = x.array.astype(np.int64)
    axis = axis % max(integers.ndim, 1)
    if zero_point is not None:
        shape = [-1 if place == axis and zero_point.size > 1 else 1 for place in range(integers.ndim)]
        integers = integers - zero_point.astype(np.int64).reshape(shape)
    small = integers.size == 0 or (integers.min() >= -128 and integers.max() <= 127)
    whole = Known(integers.astype(np.int8 if small else np.int32), x.name, np.asarray(scale, np.float32), axis)
    if whole.scale is not None and whole.scale.size == 1:
        whole = Known(whole.array, whole.name, whole.scale.reshape(1), 0)
    return whole if small else real(whole)


def _ql_conv(call: Call) -> Value:
    x = call.writer.signal(dequantize(call, 0, 1, 2))
    zero = call.known(5, "zero point")
    weight = call.known(3, "weight")
    if weight is None:
        raise Refusal("its weight is missing", "export the model again")
    scale = call.array(4, "scale")
    kernel = _known(weight, scale, None if zero is None else zero.array, 0)
    y = convolution(call, x, kernel, _real_bias(call, 8, scale))
    return quantize(call, y, 6, 7)


def _real_bias(call: Call, index: int, scale: Array) -> Known | None:
    """A bias of 32-bit integers, whose scale is that of the input times that of the weight."""
    bias = call.known(index, "bias")
    if bias is None:
        return None
    factor = call.scalar(1, "scale", 1.0) * scale.astype(np.float64).reshape(-1)
    return Known((bias.array.astype(np.float64) * factor).astype(np.float32), bias.name)


def _ql_matmul(call: Call) -> Value:
    left, right = dequantize(call, 0, 1, 2), call.value(3)
    if isinstance(right, Known):
        zero = call.known(5, "zero point")
        right = _known(right, call.array(4, "scale"), None if zero is None else zero.array, len(right.dims) - 1)
    else:
        right = dequantize(call, 3, 4, 5)
    return quantize(call, matrix_product(call.writer, left, right), 6, 7)


def _shifted(call: Call, index: int, zero_index: int, axis: int = 0) -> Value:
    """Integers less their zero point, which may differ along an axis of constants."""
    value, zero = call.value(index), call.known(zero_index, "zero point")
    if isinstance(value, Known):
        return _known(value, np.ones(1, np.float32), None if zero is None else zero.array, axis)
    if zero is not None and zero.array.size > 1:
        raise Refusal("its zero point is not one number", "export it with one zero point for all elements")
    return value if zero is None else call.writer.affine(value, offset=-float(zero.array.reshape(-1)[0]))


def _matmul_integer(call: Call) -> Value:
    y = matrix_product(call.writer, *(_plain(_shifted(call, index, index + 2, index - 2)) for index in (0, 1)))
    return replace(y, element="integer")


def _plain(value: Value) -> Value:
    """A value whose integers are numbers like others."""
    return Known(value.array, value.name) if isinstance(value, Known) else value


def _conv_integer(call: Call) -> Value:
    x, weight = _shifted(call, 0, 2), _plain(_shifted(call, 1, 3))
    if not isinstance(weight, Known):
        raise Refusal("its weight depends on the model's input", "weight must be in the file")
    y = convolution(call, call.writer.signal(x), weight, None)
    return replace(y, element="integer")


OPERATIONS: Mapping[str, Operation] = {
    "ConvInteger": _conv_integer,
    "DequantizeLinear": _dequantize,
    "MatMulInteger": _matmul_integer,
    "QLinearConv": _ql_conv,
    "QLinearMatMul": _ql_matmul,
    "QuantizeLinear": _quantize,
}
