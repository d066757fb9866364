"""The meaning of products, element-wise functions, reductions and selections."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from math import erf

import numpy as np

from nmc.graph import Node
from nmc.model import FloatArray
from nmc.nodes import elementwise, product, reduction, selection
from nmc.reference.meaning import Meaning, Step


def with_batch(axis: int) -> int:
    """An axis of an array with the batch in front, for one that does not count the batch."""
    return axis if axis < 0 else axis + 1


def _folded(combine: np.ufunc) -> Meaning:
    """A binary function over all operands, from the first to the last."""

    def meaning(node: Node, step: Step) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            y: FloatArray = reduce(combine, step.operands)
        return y.astype(np.float64)

    return meaning


def _plain(function: Callable[[FloatArray], FloatArray]) -> Meaning:
    """A function of single elements; outside its domain it is NaN or infinite."""

    def meaning(node: Node, step: Step) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return function(step.x)

    return meaning


def _erf(x: FloatArray) -> FloatArray:
    return np.fromiter(map(erf, x.ravel()), np.float64, x.size).reshape(x.shape)


def _reduced(combine: Callable[..., FloatArray]) -> Meaning:
    def meaning(node: reduction.Reduction, step: Step) -> FloatArray:
        return combine(step.x, axis=tuple(map(with_batch, node.axes)), keepdims=True)

    return meaning


def _arg_max(node: reduction.ArgMax, step: Step) -> FloatArray:
    y: FloatArray = step.x.argmax(axis=with_batch(node.axis), keepdims=True).astype(np.float64)
    return y


def _slice(node: selection.Slice, step: Step) -> FloatArray:
    places = [slice(None)] * step.x.ndim
    places[with_batch(node.axis)] = slice(node.start, node.stop, node.step)
    return step.x[tuple(places)]


def _gather(node: selection.Gather, step: Step) -> FloatArray:
    return step.x.take(step.arrays[node.indices].astype(np.int64), axis=with_batch(node.axis))


def _embedding(node: selection.Embedding, step: Step) -> FloatArray:
    return step.arrays[node.weight][step.x.astype(np.int64)]


def _expand(node: selection.Expand, step: Step) -> FloatArray:
    return np.broadcast_to(step.x, (len(step.x), *node.shape))


def _conv_transpose(node: product.ConvTranspose1d | product.ConvTranspose2d, step: Step) -> FloatArray:
    """Each place of the kernel adds its product with the whole input to a strided view of the output."""
    x, rank = step.x, node.rank
    batch, spatial = len(x), x.shape[2:]
    weight = step.arrays[node.weight].reshape(node.groups, x.shape[1] // node.groups, -1, *node.kernel)
    grouped = x.reshape(batch, node.groups, x.shape[1] // node.groups, *spatial)
    begin, end = node.padding[:rank], node.padding[rank:]
    out = [n + begin[i] + end[i] for i, n in enumerate(node.output_shape(x.shape[1:])[1:])]
    y = np.zeros((batch, node.groups, node.channels // node.groups, *out))
    whole = (slice(None),) * 3
    for place in np.ndindex(node.kernel):
        spread = np.einsum("bgc...,gco->bgo...", grouped, weight[(*whole, *place)])
        steps = zip(place, node.dilation, node.stride, spatial, strict=True)
        y[(*whole, *(slice(k * d, k * d + s * (n - 1) + 1, s) for k, d, s, n in steps))] += spread
    kept = (slice(b, n - e) for b, e, n in zip(begin, end, out, strict=True))
    y = y[(*whole, *kept)]
    y = y.reshape(batch, node.channels, *y.shape[3:])
    return y if node.bias is None else y + step.arrays[node.bias].reshape(1, -1, *(1,) * rank)


MEANINGS: Mapping[type[Node], Meaning] = {
    product.MatMul: lambda node, step: np.matmul(*step.operands),
    product.ConvTranspose1d: _conv_transpose,
    product.ConvTranspose2d: _conv_transpose,
    elementwise.Affine: lambda node, step: node.gain * step.x + node.offset,
    elementwise.Abs: _plain(np.abs),
    elementwise.Exp: _plain(np.exp),
    elementwise.Log: _plain(np.log),
    elementwise.Sqrt: _plain(np.sqrt),
    elementwise.Erf: _plain(_erf),
    elementwise.Sin: _plain(np.sin),
    elementwise.Cos: _plain(np.cos),
    elementwise.Atan: _plain(np.arctan),
    elementwise.Floor: _plain(np.floor),
    elementwise.Round: _plain(np.rint),
    elementwise.Sign: _plain(np.sign),
    elementwise.Sub: _folded(np.subtract),
    elementwise.Div: _folded(np.divide),
    elementwise.Pow: _folded(np.power),
    elementwise.Maximum: _folded(np.maximum),
    elementwise.Minimum: _folded(np.minimum),
    elementwise.Equal: _folded(np.equal),
    elementwise.Greater: _folded(np.greater),
    elementwise.GreaterOrEqual: _folded(np.greater_equal),
    elementwise.Where: lambda node, step: np.where(step.operands[0] != 0, *step.operands[1:]),
    reduction.ReduceSum: _reduced(np.sum),
    reduction.ReduceMean: _reduced(np.mean),
    reduction.ReduceMax: _reduced(np.max),
    reduction.ReduceProd: _reduced(np.prod),
    reduction.ArgMax: _arg_max,
    selection.Slice: _slice,
    selection.Gather: _gather,
    selection.Embedding: _embedding,
    selection.Expand: _expand,
}
