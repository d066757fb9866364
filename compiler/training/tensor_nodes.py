"""Tensor nodes in PyTorch: the same as their meaning in `nmc.reference`, with gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from nmc.graph import Node
from nmc.nodes import elementwise, product, reduction, selection, tensor
from nmc.reference.arithmetic import with_batch
from nmc.training.place import Forward, Place

if TYPE_CHECKING:
    from torch import Tensor

_MOMENTUM = 0.1
"""How much of each batch goes into the running mean and variance of BatchNorm."""


def _bias(name: str | None, place: Place) -> Tensor | None:
    return None if name is None else place.arrays[name]


def _linear(node: tensor.Linear, place: Place) -> Tensor:
    return functional.linear(place.x, place.arrays[node.weight], _bias(node.bias, place))


def _sparse_linear(node: tensor.SparseLinear, place: Place) -> Tensor:
    row, column = (place.arrays[name].long() for name in (node.row, node.column))
    products = place.x[:, column] * place.arrays[node.weight]
    return products.new_zeros(len(products), node.features).index_add(1, row, products)


def _conv(node: tensor.Conv1d | tensor.Conv2d, place: Place) -> Tensor:
    convolve = functional.conv1d if node.rank == 1 else functional.conv2d
    return convolve(
        _padded(place.x, node.padding, 0.0), place.arrays[node.weight], _bias(node.bias, place),
        stride=node.stride, dilation=node.dilation, groups=node.groups,
    )  # fmt: skip


def _conv_transpose(node: product.ConvTranspose1d | product.ConvTranspose2d, place: Place) -> Tensor:
    convolve = functional.conv_transpose1d if node.rank == 1 else functional.conv_transpose2d
    y = convolve(
        place.x, place.arrays[node.weight], _bias(node.bias, place),
        stride=node.stride, output_padding=node.output_padding, dilation=node.dilation, groups=node.groups,
    )  # fmt: skip
    return _padded(y, tuple(-n for n in node.padding), 0.0)


def _batch_norm(node: tensor.BatchNorm, place: Place) -> Tensor:
    scale, bias, mean, variance = (place.arrays[name] for name in (node.scale, node.bias, node.mean, node.variance))
    training = place.training and place.x.numel() > place.x.shape[1]  # one value has no variance
    return functional.batch_norm(place.x, mean, variance, scale, bias, training, _MOMENTUM, node.epsilon)


def _padded(x: Tensor, padding: tuple[int, ...], value: float) -> Tensor:
    """x with padding given for the begin of every axis but the batch's and the channels', then for the end."""
    rank = len(padding) // 2
    pairs = [n for axis in reversed(range(rank)) for n in (padding[axis], padding[rank + axis])]
    return functional.pad(x, pairs, value=value) if any(pairs) else x


def _max_pool(node: tensor.Window, place: Place) -> Tensor:
    pool = functional.max_pool1d if node.rank == 1 else functional.max_pool2d
    return pool(_padded(place.x, node.padding, float("-inf")), node.kernel, node.stride)


def _avg_pool(node: tensor.AvgPool1d | tensor.AvgPool2d, place: Place) -> Tensor:
    pool = functional.avg_pool1d if node.rank == 1 else functional.avg_pool2d
    mean = pool(_padded(place.x, node.padding, 0.0), node.kernel, node.stride)
    if node.count_include_pad or not any(node.padding):
        return mean
    return mean / pool(_padded(torch.ones_like(place.x[:1, :1]), node.padding, 0.0), node.kernel, node.stride)


def sum_pool(node: tensor.Window, place: Place) -> Tensor:
    """The sum of each window."""
    padded = _padded(place.x, node.padding, 0.0)
    return functional.avg_pool2d(padded, node.kernel, node.stride, divisor_override=1)


def _reshape(node: tensor.Flatten | tensor.Reshape, place: Place) -> Tensor:
    return place.x.reshape(len(place.x), *node.output_shape(tuple(place.x.shape[1:])))


def _affine(node: elementwise.Affine, place: Place) -> Tensor:
    """In as few operations as there can be: loops take many of them."""
    if node.gain == -1:
        return node.offset - place.x
    y = place.x if node.gain == 1 else node.gain * place.x
    return y if node.offset == 0 else y + node.offset


def _slice(node: selection.Slice, place: Place) -> Tensor:
    places = [slice(None)] * place.x.ndim
    places[with_batch(node.axis)] = slice(node.start, node.stop, node.step)
    return place.x[tuple(places)]


def _compared(compare: Callable[[Tensor, Tensor], Tensor]) -> Forward:
    """Whether something holds, 1 or 0; no gradient goes through."""
    return lambda node, place: compare(*place.operands).to(place.x.dtype)


def _product(node: reduction.ReduceProd, place: Place) -> Tensor:
    return reduce(lambda x, axis: x.prod(with_batch(axis), keepdim=True), node.axes, place.x)


def _folded(combine: Callable[[Tensor, Tensor], Tensor]) -> Forward:
    """A function of two operands over all operands, from the first to the last."""
    return lambda node, place: reduce(combine, place.operands)


def _reduced(combine: Callable[..., Tensor]) -> Forward:
    return lambda node, place: combine(place.x, dim=tuple(map(with_batch, node.axes)), keepdim=True)


FORWARDS: Mapping[type[Node], Forward] = {
    tensor.Constant: lambda node, place: place.arrays[node.value][None],
    tensor.Linear: _linear,
    tensor.SparseLinear: _sparse_linear,
    tensor.Conv1d: _conv,
    tensor.Conv2d: _conv,
    product.ConvTranspose1d: _conv_transpose,
    product.ConvTranspose2d: _conv_transpose,
    product.MatMul: _folded(torch.matmul),
    tensor.BatchNorm: _batch_norm,
    tensor.Relu: lambda node, place: torch.relu(place.x),
    tensor.LeakyRelu: lambda node, place: functional.leaky_relu(place.x, node.alpha),
    tensor.Sigmoid: lambda node, place: torch.sigmoid(place.x),
    tensor.Tanh: lambda node, place: torch.tanh(place.x),
    tensor.Clip: lambda node, place: place.x.clamp(node.minimum, node.maximum),
    tensor.Softmax: lambda node, place: torch.softmax(place.x, with_batch(node.axis)),
    tensor.Add: _folded(torch.add),
    tensor.Mul: _folded(torch.mul),
    tensor.Concat: lambda node, place: torch.cat(place.operands, with_batch(node.axis)),
    tensor.MaxPool1d: _max_pool,
    tensor.MaxPool2d: _max_pool,
    tensor.AvgPool1d: _avg_pool,
    tensor.AvgPool2d: _avg_pool,
    tensor.GlobalAvgPool: lambda node, place: place.x.mean(tuple(range(2, place.x.ndim)), keepdim=True),
    tensor.Flatten: _reshape,
    tensor.Reshape: _reshape,
    tensor.Transpose: lambda node, place: place.x.permute(0, *(axis + 1 for axis in node.permutation)),
    tensor.Pad: lambda node, place: _padded(place.x, node.padding, node.value),
    elementwise.Affine: _affine,
    elementwise.Abs: lambda node, place: place.x.abs(),
    elementwise.Exp: lambda node, place: place.x.exp(),
    elementwise.Log: lambda node, place: place.x.log(),
    elementwise.Sqrt: lambda node, place: place.x.sqrt(),
    elementwise.Sub: _folded(torch.sub),
    elementwise.Div: _folded(torch.div),
    elementwise.Pow: _folded(torch.pow),
    elementwise.Maximum: _folded(torch.maximum),
    elementwise.Minimum: _folded(torch.minimum),
    elementwise.Equal: _compared(torch.eq),
    elementwise.Greater: _compared(torch.gt),
    elementwise.GreaterOrEqual: _compared(torch.ge),
    elementwise.Where: lambda node, place: torch.where(place.x != 0, *place.operands[1:]),
    reduction.ReduceSum: _reduced(torch.sum),
    reduction.ReduceMean: _reduced(torch.mean),
    reduction.ReduceMax: _reduced(torch.amax),
    reduction.ReduceProd: _product,
    selection.Slice: _slice,
    selection.Expand: lambda node, place: place.x.expand(len(place.x), *node.shape),
}
