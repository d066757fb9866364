"""The meaning of tensor nodes and of quantization."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from math import prod

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from nmc.graph import Node
from nmc.model import FloatArray
from nmc.nodes import fixed_point, quantized, tensor
from nmc.reference.meaning import Meaning, Step


def windows(
    x: FloatArray,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    fill: float = 0.0,
) -> FloatArray:
    """Every window of x [B, C, *spatial] as [B, C, *out, *kernel]; padding holds `fill`."""
    rank = len(kernel)
    pads = [(0, 0), (0, 0), *zip(padding[:rank], padding[rank:], strict=True)]
    padded = np.pad(x, pads, constant_values=fill)
    reach = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))
    views = sliding_window_view(padded, reach, axis=tuple(range(2, 2 + rank)))
    every = (slice(None, None, step) for step in (1, 1, *stride, *dilation))
    taken: FloatArray = views[tuple(every)]
    return taken


def convolve(
    node: tensor.Conv1d | tensor.Conv2d | fixed_point.FixedConv2d, x: FloatArray, weight: FloatArray
) -> FloatArray:
    """Cross-correlation of x [B, C, *spatial] with weight [channels, C / groups, *kernel]."""
    taken = windows(x, node.kernel, node.stride, node.padding, node.dilation)
    rank = len(node.kernel)
    out = taken.shape[2 : 2 + rank]
    kernel_first = taken.transpose(0, 1, *range(2 + rank, 2 + 2 * rank), *range(2, 2 + rank))
    columns = kernel_first.reshape(len(x), node.groups, -1, prod(out))
    filters = weight.reshape(node.groups, node.channels // node.groups, -1)
    return (filters @ columns).reshape(len(x), node.channels, *out)


def _scaled(weight: str, scale: str | None, step: Step) -> FloatArray:
    array = step.arrays[weight]
    if scale is None:
        return array
    factor = step.arrays[scale]
    return array * factor.reshape(-1, *(1,) * (array.ndim - 1))


def _linear(node: tensor.Linear, step: Step) -> FloatArray:
    y = step.x @ _scaled(node.weight, node.weight_scale, step).T
    return y if node.bias is None else y + step.arrays[node.bias]


def _sparse_linear(node: tensor.SparseLinear, step: Step) -> FloatArray:
    row, column = (step.arrays[name].astype(np.int64) for name in (node.row, node.column))
    products = step.x[:, column] * step.arrays[node.weight]
    return np.stack([np.bincount(row, each, node.features) for each in products])


def _conv(node: tensor.Conv1d | tensor.Conv2d, step: Step) -> FloatArray:
    y = convolve(node, step.x, _scaled(node.weight, node.weight_scale, step))
    return y if node.bias is None else y + _per_channel(step.arrays[node.bias], y)


def _batch_norm(node: tensor.BatchNorm, step: Step) -> FloatArray:
    scale, bias, mean, variance = (
        _per_channel(step.arrays[name], step.x) for name in (node.scale, node.bias, node.mean, node.variance)
    )
    return scale * (step.x - mean) / np.sqrt(variance + node.epsilon) + bias


def _per_channel(array: FloatArray, like: FloatArray) -> FloatArray:
    return array.reshape(1, -1, *(1,) * (like.ndim - 2))


def _softmax(node: tensor.Softmax, step: Step) -> FloatArray:
    axis = node.axis if node.axis < 0 else node.axis + 1
    powers = np.exp(step.x - step.x.max(axis=axis, keepdims=True))
    y: FloatArray = powers / powers.sum(axis=axis, keepdims=True)
    return y


def _sigmoid(node: tensor.Sigmoid, step: Step) -> FloatArray:
    y: FloatArray = 0.5 * (1.0 + np.tanh(0.5 * step.x))
    return y


def _add(node: tensor.Add, step: Step) -> FloatArray:
    return sum(step.operands[1:], start=step.operands[0])


def _mul(node: tensor.Mul, step: Step) -> FloatArray:
    return prod(step.operands[1:], start=step.operands[0])


def _concat(node: tensor.Concat, step: Step) -> FloatArray:
    axis = node.axis if node.axis < 0 else node.axis + 1
    return np.concatenate(step.operands, axis=axis)


def _pooled(node: tensor.Window, x: FloatArray, combine: np.ufunc, fill: float) -> FloatArray:
    """Each window's elements combined, one place of the kernel after another: far faster than along short axes."""
    taken = windows(x, node.kernel, node.stride, node.padding, (1,) * node.rank, fill)
    y: FloatArray = reduce(combine, (taken[(..., *place)] for place in np.ndindex(node.kernel)))
    return y


def _max_pool(node: tensor.Window, step: Step) -> FloatArray:
    return _pooled(node, step.x, np.maximum, -np.inf)


def sum_pool(node: tensor.Window, step: Step) -> FloatArray:
    """The sum of each window."""
    return _pooled(node, step.x, np.add, 0.0)


def _avg_pool(node: tensor.AvgPool1d | tensor.AvgPool2d, step: Step) -> FloatArray:
    total = sum_pool(node, step)
    if node.count_include_pad:
        return total / prod(node.kernel)
    return total / _pooled(node, np.ones_like(step.x[:1, :1]), np.add, 0.0)


def _global_avg_pool(node: tensor.GlobalAvgPool, step: Step) -> FloatArray:
    y: FloatArray = step.x.mean(axis=tuple(range(2, step.x.ndim)), keepdims=True)
    return y


def _pad(node: tensor.Pad, step: Step) -> FloatArray:
    rank = step.x.ndim - 1
    pads = [(0, 0), *zip(node.padding[:rank], node.padding[rank:], strict=True)]
    return np.pad(step.x, pads, constant_values=node.value)


def _reshape(node: tensor.Flatten | tensor.Reshape, step: Step) -> FloatArray:
    return step.x.reshape(len(step.x), *node.output_shape(step.x.shape[1:]))


def _quantize(node: quantized.QuantizeLinear, step: Step) -> FloatArray:
    y: FloatArray = np.clip(np.rint(step.x / node.scale) + node.zero_point, *node.limits)
    return y


def _bit_planes(node: quantized.BitPlanes, step: Step) -> FloatArray:
    both = np.maximum(np.concatenate([step.x, -step.x], axis=1), 0).astype(np.int64)
    return np.concatenate([both >> bit & 1 for bit in range(node.bits - 1)], axis=1).astype(np.float64)


MEANINGS: Mapping[type[Node], Meaning] = {
    tensor.Constant: lambda node, step: step.arrays[node.value][None],
    tensor.Linear: _linear,
    tensor.SparseLinear: _sparse_linear,
    tensor.Conv1d: _conv,
    tensor.Conv2d: _conv,
    tensor.BatchNorm: _batch_norm,
    tensor.Relu: lambda node, step: np.maximum(step.x, 0.0),
    tensor.LeakyRelu: lambda node, step: np.where(step.x >= 0, step.x, node.alpha * step.x),
    tensor.Sigmoid: _sigmoid,
    tensor.Tanh: lambda node, step: np.tanh(step.x),
    tensor.Clip: lambda node, step: np.clip(step.x, node.minimum, node.maximum),
    tensor.Softmax: _softmax,
    tensor.Add: _add,
    tensor.Mul: _mul,
    tensor.Concat: _concat,
    tensor.MaxPool1d: _max_pool,
    tensor.MaxPool2d: _max_pool,
    tensor.AvgPool1d: _avg_pool,
    tensor.AvgPool2d: _avg_pool,
    tensor.GlobalAvgPool: _global_avg_pool,
    tensor.Flatten: _reshape,
    tensor.Reshape: _reshape,
    tensor.Transpose: lambda node, step: step.x.transpose(0, *(axis + 1 for axis in node.permutation)),
    tensor.Pad: _pad,
    quantized.QuantizeLinear: _quantize,
    quantized.BitPlanes: _bit_planes,
    quantized.DequantizeLinear: lambda node, step: (step.x - node.zero_point) * node.scale,
}
