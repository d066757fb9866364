"""Products, element-wise functions, reductions and selections in ONNX."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nmc.backends.onnx.site import Emission, Site, folded, plain, with_batch
from nmc.graph import Node
from nmc.nodes import elementwise, product, reduction, selection, tensor


def _affine(node: elementwise.Affine, site: Site) -> str:
    y = site.x if node.gain == 1 else site.out.op("Mul", site.x, site.out.constant(node.gain))
    return y if node.offset == 0 else site.out.op("Add", y, site.out.constant(node.offset))


def _div(node: elementwise.Div, site: Site) -> str:
    """A quotient; a known divisor must not become 0 in any place."""
    divisor = node.inputs[1].node
    known = site.model.graph[divisor]
    if isinstance(known, tensor.Constant):
        value = site.model.weights[known.value]
        site.out.converted(value, site.out.file.real, beside=np.abs(value.astype(np.float64)))
    return site.out.op("Div", *site.operands)


def _comparison(kind: str) -> Emission:
    return lambda node, site: site.out.cast(site.out.op(kind, *site.operands))


def _where(node: elementwise.Where, site: Site) -> str:
    condition, yes, no = site.operands
    return site.out.op("Where", site.out.cast(condition, np.bool_), yes, no)


def _reduced(kind: str) -> Emission:
    """A reduction; its axes are an input."""

    def emission(node: reduction.Reduction, site: Site) -> str:
        return site.out.op(kind, site.x, site.out.integers(*map(with_batch, node.axes)), keepdims=1)

    return emission


def _arg_max(node: reduction.ArgMax, site: Site) -> str:
    return site.out.cast(site.out.op("ArgMax", site.x, axis=with_batch(node.axis), keepdims=1))


def _slice(node: selection.Slice, site: Site) -> str:
    facts = (node.start, node.stop, with_batch(node.axis), node.step)
    return site.out.op("Slice", site.x, *(site.out.integers(fact) for fact in facts))


def _gather(node: selection.Gather, site: Site) -> str:
    indices = site.out.constant(site.model.weights[node.indices], np.int64, node.indices)
    return site.out.op("Gather", site.x, indices, axis=with_batch(node.axis))


def _embedding(node: selection.Embedding, site: Site) -> str:
    return site.out.op("Gather", site.array(node.weight), site.out.cast(site.x, np.int64))


def _expand(node: selection.Expand, site: Site) -> str:
    return site.out.op("Expand", site.x, site.out.integers(1, *node.shape))


def _conv_transpose(node: product.ConvTranspose1d | product.ConvTranspose2d, site: Site) -> str:
    bias = site.added(node.bias)
    return site.out.op(
        "ConvTranspose", site.x, site.array(node.weight), *bias,
        kernel_shape=node.kernel, strides=node.stride, pads=node.padding, dilations=node.dilation,
        output_padding=node.output_padding, group=node.groups,
    )  # fmt: skip


EMISSIONS: Mapping[type[Node], Emission] = {
    product.MatMul: folded("MatMul"),
    product.ConvTranspose1d: _conv_transpose,
    product.ConvTranspose2d: _conv_transpose,
    elementwise.Affine: _affine,
    elementwise.Abs: plain("Abs"),
    elementwise.Exp: plain("Exp"),
    elementwise.Log: plain("Log"),
    elementwise.Sqrt: plain("Sqrt"),
    elementwise.Erf: plain("Erf"),
    elementwise.Sin: plain("Sin"),
    elementwise.Cos: plain("Cos"),
    elementwise.Atan: plain("Atan"),
    elementwise.Floor: plain("Floor"),
    elementwise.Round: plain("Round"),
    elementwise.Sign: plain("Sign"),
    elementwise.Sub: folded("Sub"),
    elementwise.Div: _div,
    elementwise.Pow: folded("Pow"),
    elementwise.Maximum: folded("Max"),
    elementwise.Minimum: folded("Min"),
    elementwise.Equal: _comparison("Equal"),
    elementwise.Greater: _comparison("Greater"),
    elementwise.GreaterOrEqual: _comparison("GreaterOrEqual"),
    elementwise.Where: _where,
    reduction.ReduceSum: _reduced("ReduceSum"),
    reduction.ReduceMean: _reduced("ReduceMean"),
    reduction.ReduceMax: _reduced("ReduceMax"),
    reduction.ReduceProd: _reduced("ReduceProd"),
    reduction.ArgMax: _arg_max,
    selection.Slice: _slice,
    selection.Gather: _gather,
    selection.Embedding: _embedding,
    selection.Expand: _expand,
}
