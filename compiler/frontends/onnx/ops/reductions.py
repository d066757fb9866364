"""Reductions, normalizations and softmaxes."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from nmc.frontends.onnx.call import Call, Operation, require_axis
from nmc.frontends.onnx.values import Known, Refusal, Signal, Value
from nmc.frontends.onnx.writer import Writer
from nmc.graph import Node
from nmc.nodes import elementwise, reduction, tensor


def _reduced(call: Call, kind: type[Node], x: Signal) -> Signal:
    """A reduction over the axes that the call names: all, where it names none."""
    return call.writer.reduce(kind, x, _axes(call, x), bool(call.whole("keepdims", 1)))


def _axes(call: Call, x: Signal) -> tuple[int, ...]:
    noop = call.whole("noop_with_empty_axes", 0)
    return call.axes(1, len(x.dims)) or (() if noop else tuple(range(len(x.dims))))


def _reduce(kind: type[Node]) -> Operation:
    return lambda call: _reduced(call, kind, call.x())


def _reduce_min(call: Call) -> Value:
    writer = call.writer
    return writer.affine(_reduced(call, reduction.ReduceMax, writer.affine(call.x(), -1.0)), -1.0)


def _l1(call: Call) -> Value:
    return _reduced(call, reduction.ReduceSum, call.writer.unary(elementwise.Abs, call.x()))


def _sum_square(call: Call) -> Signal:
    x = call.x()
    return _reduced(call, reduction.ReduceSum, call.writer.mul(x, x))


def _l2(call: Call) -> Value:
    return call.writer.unary(elementwise.Sqrt, _sum_square(call))


def _log_sum(call: Call) -> Value:
    return call.writer.unary(elementwise.Log, _reduced(call, reduction.ReduceSum, call.x()))


def _log_sum_exp(call: Call) -> Value:
    """The largest element goes out of the sum and comes back: the others' powers do not overflow."""
    writer, x = call.writer, call.x()
    most = _reduced(call, reduction.ReduceMax, x)
    wide = writer.reduce(reduction.ReduceMax, x, _axes(call, x))
    powers = writer.unary(elementwise.Exp, writer.sub(x, wide))
    return writer.add(writer.unary(elementwise.Log, _reduced(call, reduction.ReduceSum, powers)), most)


def _arg(call: Call) -> Value:
    writer, x = call.writer, call.x()
    axis = require_axis(call.whole("axis", 0), len(x.dims))
    signed = writer.affine(x, -1.0) if call.kind == "ArgMin" else x
    if call.whole("select_last_index", 0):
        last = x.dims[axis] - 1
        turned = writer.gather(signed, axis, range(last, -1, -1))
        y = writer.affine(writer.arg_max(turned, axis), -1.0, last)
    else:
        y = writer.arg_max(signed, axis)
    return y if call.whole("keepdims", 1) else writer.squeeze(y, [axis])


def _softmax(call: Call) -> Value:
    return _along_softmax_axis(call, lambda writer, x, axis: softmax(writer, x, axis))


def softmax(writer: Writer, x: Signal, axis: int) -> Signal:
    """exp(x) / sum(exp(x)) along an axis."""
    return writer.node(tensor.Softmax, (x,), x.dims, axis=x.axis(axis))


def _log_softmax(call: Call) -> Value:
    def operation(writer: Writer, x: Signal, axis: int) -> Signal:
        shifted = writer.sub(x, writer.reduce(reduction.ReduceMax, x, [axis]))
        total = writer.reduce(reduction.ReduceSum, writer.unary(elementwise.Exp, shifted), [axis])
        return writer.sub(shifted, writer.unary(elementwise.Log, total))

    return _along_softmax_axis(call, operation)


def _hardmax(call: Call) -> Value:
    def operation(writer: Writer, x: Signal, axis: int) -> Signal:
        shape = tuple(n if place == axis else 1 for place, n in enumerate(x.dims))
        numbers = Known(np.arange(x.dims[axis], dtype=np.float32).reshape(shape))
        return writer.broadcast(elementwise.Equal, writer.arg_max(x, axis), numbers)

    return _along_softmax_axis(call, operation)


def _along_softmax_axis(call: Call, operation) -> Value:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Before opset 13, all axes from `axis` on count as one."""
    writer, x = call.writer, call.x()
    axis = require_axis(call.whole("axis", -1 if call.opset >= 13 else 1), len(x.dims))
    if call.opset >= 13 or axis == len(x.dims) - 1:
        y: Signal = operation(writer, x, axis)
        return y
    flat = writer.reshape(x, (*x.dims[:axis], prod(x.dims[axis:])))
    return writer.reshape(operation(writer, flat, axis), x.dims)


def standardized(writer: Writer, x: Signal, axes: list[int], epsilon: float) -> tuple[Signal, Signal, Signal]:
    """(x - mean) / sqrt(variance + epsilon) over some axes, with the mean and what it is divided by."""
    mean = writer.reduce(reduction.ReduceMean, x, axes)
    centred = writer.sub(x, mean)
    variance = writer.reduce(reduction.ReduceMean, writer.mul(centred, centred), axes)
    deviation = writer.unary(elementwise.Sqrt, writer.affine(variance, offset=epsilon))
    return writer.div(centred, deviation), mean, deviation


def _layer_norm(call: Call) -> tuple[Value, ...]:
    writer, x = call.writer, call.x()
    first = require_axis(call.whole("axis", -1), len(x.dims))
    y, mean, deviation = standardized(writer, x, list(range(first, len(x.dims))), call.number("epsilon", 1e-5))
    y = writer.mul(y, call.value(1))
    if (bias := call.given(2)) is not None:
        y = writer.add(y, bias)
    if len(call.proto.output) == 1:
        return (y,)
    return y, mean, writer.div(Known(np.ones((), np.float32)), deviation)


def _instance_norm(call: Call) -> Value:
    writer, x = call.writer, call.x()
    y, _, _ = standardized(writer, x, list(range(2, len(x.dims))), call.number("epsilon", 1e-5))
    return _scaled_by_channel(call, y)


def _group_norm(call: Call) -> Value:
    writer, x = call.writer, call.x()
    groups = call.whole("num_groups", 1)
    parts = writer.reshape(x, (x.dims[0], groups, x.dims[1] // groups, *x.dims[2:]))
    y, _, _ = standardized(writer, parts, list(range(2, len(parts.dims))), call.number("epsilon", 1e-5))
    return _scaled_by_channel(call, writer.reshape(y, x.dims), groups)


def _scaled_by_channel(call: Call, y: Signal, groups: int = 0) -> Signal:
    """y, times one number for each channel, plus another; or, before opset 21, one for each group of channels."""
    writer, channels = call.writer, y.dims[1]
    rows = [np.asarray(call.array(index, what)).reshape(-1) for index, what in ((1, "scale"), (2, "bias"))]
    if call.opset < 21 and groups:
        rows = [np.repeat(row, channels // groups) if row.size == groups else row for row in rows]
    gain, offset = (Known(row.reshape(-1, *(1,) * (len(y.dims) - 2))) for row in rows)
    return writer.add(writer.mul(y, gain), offset)


def _rms_norm(call: Call) -> Value:
    writer, x = call.writer, call.x()
    first = require_axis(call.whole("axis", -1), len(x.dims))
    mean = writer.reduce(reduction.ReduceMean, writer.mul(x, x), range(first, len(x.dims)))
    size = writer.unary(elementwise.Sqrt, writer.affine(mean, offset=call.number("epsilon", 1e-5)))
    return writer.mul(writer.div(x, size), call.value(1))


def _lp_norm(call: Call) -> Value:
    writer, x = call.writer, call.x()
    axis = require_axis(call.whole("axis", -1), len(x.dims))
    if (p := call.whole("p", 2)) not in (1, 2):
        raise Refusal(f"its p is {p}", "use 1 or 2")
    if p == 1:
        size = writer.reduce(reduction.ReduceSum, writer.unary(elementwise.Abs, x), [axis])
    else:
        size = writer.unary(elementwise.Sqrt, writer.reduce(reduction.ReduceSum, writer.mul(x, x), [axis]))
    none = writer.broadcast(elementwise.Equal, size, Known(np.zeros((), np.float32)))
    return writer.div(x, writer.add(size, none))  # all zeros stay zeros


OPERATIONS: Mapping[str, Operation] = {
    "ArgMax": _arg,
    "ArgMin": _arg,
    "GroupNormalization": _group_norm,
    "Hardmax": _hardmax,
    "InstanceNormalization": _instance_norm,
    "LayerNormalization": _layer_norm,
    "LogSoftmax": _log_softmax,
    "LpNormalization": _lp_norm,
    "ReduceL1": _l1,
    "ReduceL2": _l2,
    "ReduceLogSum": _log_sum,
    "ReduceLogSumExp": _log_sum_exp,
    "ReduceMax": _reduce(reduction.ReduceMax),
    "ReduceMean": _reduce(reduction.ReduceMean),
    "ReduceMin": _reduce_min,
    "ReduceProd": _reduce(reduction.ReduceProd),
    "ReduceSum": _reduce(reduction.ReduceSum),
    "ReduceSumSquare": _sum_square,
    "RMSNormalization": _rms_norm,
    "Softmax": _softmax,
}
