"""Tensor nodes and quantization in ONNX."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from itertools import pairwise
from math import inf

import numpy as np

from nmc.backends.onnx.emit import Emitter
from nmc.backends.onnx.site import Emission, Site, folded, plain, with_batch
from nmc.errors import UnsupportedError
from nmc.graph import Node
from nmc.model import Array
from nmc.nodes import quantized, tensor

_INT8 = (-128, 127)


def _constant(node: tensor.Constant, site: Site) -> str:
    shape = site.out.op("Concat", site.batch, site.out.integers(*node.shape), axis=0)
    return site.out.op("Expand", site.array(node.value), shape)


def _linear(node: tensor.Linear, site: Site) -> str:
    bias = site.added(node.bias)
    if len(site.shape) == 1:
        return site.out.op("Gemm", site.x, _weight(node, site), *bias, transB=1)
    product = site.out.op("MatMul", site.x, _weight(node, site, transposed=True))
    return reduce(lambda y, b: site.out.op("Add", y, b), bias, product)


def _sparse_linear(node: tensor.SparseLinear, site: Site) -> str:
    """Every entry's product, added up where it arrives."""
    out = site.out
    row, column = (out.constant(site.model.weights[name], np.int64, name) for name in (node.row, node.column))
    products = out.op("Mul", out.op("Gather", site.x, column, axis=1), site.array(node.weight))
    nothing = out.op("Expand", out.constant(0.0), out.op("Concat", site.batch, out.integers(node.features), axis=0))
    places = out.op("Expand", row, out.op("Shape", products))
    return out.op("ScatterElements", nothing, places, products, axis=1, reduction="add")


def _conv(node: tensor.Conv1d | tensor.Conv2d, site: Site) -> str:
    bias = site.added(node.bias)
    return site.out.op(
        "Conv", site.x, _weight(node, site), *bias,
        kernel_shape=node.kernel, strides=node.stride, pads=node.padding, dilations=node.dilation, group=node.groups,
    )  # fmt: skip


def _weight(node: tensor.Linear | tensor.Conv1d | tensor.Conv2d, site: Site, transposed: bool = False) -> str:
    """The weight as real numbers; 8-bit integers stay integers in the file, with a scale for each channel."""
    array = site.model.weights[node.weight]
    hint = f"{node.weight}.T" if transposed else node.weight
    if node.weight_scale is None:
        return site.out.constant(array.T if transposed else array, hint=hint)
    scale = np.asarray(site.model.param(node.weight_scale))
    if not _is_int8(array):
        scaled = array.astype(np.float64) * scale.astype(np.float64).reshape(-1, *(1,) * (array.ndim - 1))
        return site.out.constant(scaled.T if transposed else scaled, hint=hint)
    root = site.root
    real = root.op(
        "DequantizeLinear", root.constant(array.T if transposed else array, np.int8, hint),
        root.constant(scale, np.float32, node.weight_scale), root.constant(np.zeros(len(scale)), np.int8),
        axis=1 if transposed else 0,
    )  # fmt: skip
    return _narrowed(root, real)


def _is_int8(array: Array) -> bool:
    values = array.astype(np.float64)
    return bool(np.all((values == np.rint(values)) & (values >= _INT8[0]) & (values <= _INT8[1])))


def _narrowed(out: Emitter, x: str) -> str:
    """A 32-bit float as the file's type of real numbers."""
    return x if out.file.real == np.float32 else out.cast(x)


def _batch_norm(node: tensor.BatchNorm, site: Site) -> str:
    spread = site.model.weights[node.variance]
    variance = site.out.constant(spread, hint=node.variance, beside=spread.astype(np.float64) + node.epsilon)
    facts = (site.array(node.scale), *site.added(node.bias), *site.added(node.mean), variance)
    return site.out.op("BatchNormalization", site.x, *facts, epsilon=node.epsilon)


def _clip(node: tensor.Clip, site: Site) -> str:
    low = "" if node.minimum == -inf else site.out.constant(node.minimum)
    high = "" if node.maximum == inf else site.out.constant(node.maximum)
    return site.out.op("Clip", site.x, low, high) if low or high else site.x


def _max_pool(node: tensor.Window, site: Site) -> str:
    return site.out.op("MaxPool", site.x, kernel_shape=node.kernel, strides=node.stride, pads=node.padding)


def _avg_pool(node: tensor.AvgPool1d | tensor.AvgPool2d, site: Site) -> str:
    return site.out.op(
        "AveragePool", site.x, kernel_shape=node.kernel, strides=node.stride, pads=node.padding,
        count_include_pad=int(node.count_include_pad),
    )  # fmt: skip


def _pad(node: tensor.Pad, site: Site) -> str:
    rank = len(node.padding) // 2
    pads = site.out.integers(0, *node.padding[:rank], 0, *node.padding[rank:])
    return site.out.op("Pad", site.x, pads, site.out.constant(node.value))


def _concat(node: tensor.Concat, site: Site) -> str:
    return site.out.op("Concat", *site.operands, axis=with_batch(node.axis))


def _softmax(node: tensor.Softmax, site: Site) -> str:
    return site.out.op("Softmax", site.x, axis=with_batch(node.axis))


def _reshape(node: tensor.Flatten | tensor.Reshape, site: Site) -> str:
    shape = node.output_shape(site.shape)
    return site.out.op("Reshape", site.x, site.out.integers(-1, *shape))


def _transpose(node: tensor.Transpose, site: Site) -> str:
    return site.out.op("Transpose", site.x, perm=(0, *(axis + 1 for axis in node.permutation)))


def _quantize(node: quantized.QuantizeLinear, site: Site) -> str:
    _require_8_bits(node)
    out = site.out
    x = site.x if out.file.real == np.float32 else out.cast(site.x, np.float32)
    integers = out.op("QuantizeLinear", x, *_affine(node, out))
    real = out.cast(integers)
    out.file.int8[real] = integers
    return real


def _dequantize(node: quantized.DequantizeLinear, site: Site) -> str:
    _require_8_bits(node)
    out = site.out
    if (integers := out.file.int8.get(site.x)) is not None:
        return _narrowed(out, out.op("DequantizeLinear", integers, *_affine(node, out)))
    shifted = out.op("Sub", site.x, out.constant(node.zero_point))
    return out.op("Mul", shifted, out.constant(node.scale))


def _bit_planes(node: quantized.BitPlanes, site: Site) -> str:
    out = site.out
    both = out.op("Relu", out.op("Concat", site.x, out.op("Neg", site.x), axis=1))
    kept = [out.op("Floor", out.op("Mul", both, out.constant(0.5**bit))) for bit in range(node.bits)]
    planes = [out.op("Sub", low, out.op("Mul", high, out.constant(2.0))) for low, high in pairwise(kept)]
    return out.op("Concat", *planes, axis=1)


def _affine(node: quantized.QuantizeLinear | quantized.DequantizeLinear, out: Emitter) -> tuple[str, str]:
    return out.constant(node.scale, np.float32), out.constant(node.zero_point, np.int8)


def _require_8_bits(node: quantized.QuantizeLinear | quantized.DequantizeLinear) -> None:
    if node.bits != 8:
        raise UnsupportedError(
            f"{node.kind} has {node.bits} bits, and only 8 can be written as ONNX here",
            "quantize to 8 bits", node=node.name,
        )


EMISSIONS: Mapping[type[Node], Emission] = {
    tensor.Constant: _constant,
    tensor.Linear: _linear,
    tensor.SparseLinear: _sparse_linear,
    tensor.Conv1d: _conv,
    tensor.Conv2d: _conv,
    tensor.BatchNorm: _batch_norm,
    tensor.Relu: plain("Relu"),
    tensor.LeakyRelu: lambda node, site: site.out.op("LeakyRelu", site.x, alpha=node.alpha),
    tensor.Sigmoid: plain("Sigmoid"),
    tensor.Tanh: plain("Tanh"),
    tensor.Clip: _clip,
    tensor.Softmax: _softmax,
    tensor.Add: folded("Add"),
    tensor.Mul: folded("Mul"),
    tensor.Concat: _concat,
    tensor.MaxPool1d: _max_pool,
    tensor.MaxPool2d: _max_pool,
    tensor.AvgPool1d: _avg_pool,
    tensor.AvgPool2d: _avg_pool,
    tensor.GlobalAvgPool: plain("GlobalAveragePool"),
    tensor.Flatten: _reshape,
    tensor.Reshape: _reshape,
    tensor.Transpose: _transpose,
    tensor.Pad: _pad,
    quantized.QuantizeLinear: _quantize,
    quantized.DequantizeLinear: _dequantize,
    quantized.BitPlanes: _bit_planes,
}
