"""What lies between two populations: paths of linear nodes, as one convolution or one matrix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from math import prod

import numpy as np

from nmc.errors import UnsupportedError
from nmc.graph import Graph, Node, Ref, Shape
from nmc.model import FloatArray, Model
from nmc.nodes import elementwise, product, reduction, selection, spiking, tensor
from nmc.reference.interpreter import MEANINGS
from nmc.reference.meaning import Step, stateless

LINEAR: tuple[type[Node], ...] = (
    tensor.Linear, tensor.SparseLinear, tensor.Conv1d, tensor.Conv2d, tensor.AvgPool1d, tensor.AvgPool2d,
    tensor.GlobalAvgPool,
    tensor.BatchNorm, tensor.Flatten, tensor.Reshape, tensor.Transpose, tensor.Pad, tensor.Concat, tensor.Add,
    product.ConvTranspose1d, product.ConvTranspose2d, elementwise.Affine, elementwise.Sub, reduction.ReduceSum,
    reduction.ReduceMean, selection.Slice, selection.Gather, selection.Expand, spiking.SumPool2d,
)
"""Kinds without state whose output is a linear function of their inputs, plus a constant."""

_WITH_BIAS = (tensor.Linear, tensor.Conv1d, tensor.Conv2d, product.ConvTranspose1d, product.ConvTranspose2d)


@dataclass(frozen=True)
class Path:
    """One way from a source to a reader through linear nodes only, in the order of the flow.

    `nodes` holds each node with the operand by which the path enters it; `delay` is in steps.
    """

    source: str
    delay: int
    nodes: tuple[tuple[Node, int], ...] = ()

    def after(self, delay: int, node: Node | None = None, operand: int = 0) -> Path:
        """This path, read `delay` steps late, and then by `node`."""
        more = () if node is None else ((node, operand),)
        return Path(self.source, self.delay + delay, (*self.nodes, *more))


def is_linear(node: Node) -> bool:
    """Whether a path leads on through this node: it is linear, or the same delay for all elements."""
    return isinstance(node, LINEAR) or (isinstance(node, spiking.Delay) and isinstance(node.steps, int))


def paths_to(graph: Graph, ref: Ref, through: tuple[str, ...] = ()) -> Iterator[Path]:
    """Every path from a source (a node that is not linear) to this read.

    Raises UnsupportedError where linear nodes read one another in a loop.
    """
    node = graph[ref.node]
    if node.name in through:
        loop = " -> ".join(reversed([*through[through.index(node.name) :], node.name]))
        raise UnsupportedError(
            f"{loop}: this loop holds no neuron", "put a neuron in it, such as LI", node=node.name,
            where=graph.sources.get(node.name),
        )
    if not is_linear(node):
        yield Path(node.name, ref.delay)
        return
    for operand, read in enumerate(node.inputs):
        for path in paths_to(graph, read, (*through, node.name)):
            if isinstance(node, spiking.Delay):
                yield path.after(ref.delay + node.longest)
            else:
                yield path.after(ref.delay, node, 0 if node.sums else operand)


def apply_linear(model: Model, node: Node, operands: tuple[FloatArray, ...], constant: bool) -> FloatArray:
    """What the node makes of its operands [B, ...], without the part that no input changes unless `constant`."""
    if not constant:
        node = without_constant(node)
    if not constant and isinstance(node, tensor.BatchNorm):
        (x,) = operands
        return x * _norm_gain(model, node).reshape(-1, *(1,) * (x.ndim - 2))
    arrays = {
        name: model.weights[name].astype(np.float64) for name in node.arrays(*(x.shape[1:] for x in operands))
    }
    return stateless(MEANINGS[type(node)](node, Step(operands, arrays, {}))).y


def without_constant(node: Node) -> Node:
    """The node without the part that no input changes; but for BatchNorm, whose part is in its arrays."""
    if isinstance(node, _WITH_BIAS):
        return replace(node, bias=None)
    if isinstance(node, elementwise.Affine):
        return replace(node, offset=0.0)
    return replace(node, value=0.0) if isinstance(node, tensor.Pad) else node


def _norm_gain(model: Model, node: tensor.BatchNorm) -> FloatArray:
    """What a normalization multiplies each channel by."""
    scale, variance = (model.weights[name].astype(np.float64) for name in (node.scale, node.variance))
    gain: FloatArray = scale / np.sqrt(variance + node.epsilon)
    return gain


def constant(model: Model, ref: Ref) -> dict[int, FloatArray]:
    """What arrives at a read while every source is silent, by how late it begins: each [*shape]."""
    graph = model.graph
    node = graph[ref.node]
    if isinstance(node, tensor.Constant):
        return {ref.delay: model.weights[node.value].astype(np.float64)}
    if not is_linear(node):
        return {}
    if isinstance(node, spiking.Delay):
        return {late + node.longest + ref.delay: x for late, x in _summed(model, node.inputs).items()}
    zeros = tuple(np.zeros((1, *shape)) for shape in graph.operand_shapes(node))
    found = {ref.delay: apply_linear(model, node, zeros, constant=True)[0]}
    groups = [node.inputs] if node.sums else [(read,) for read in node.inputs]
    for operand, reads in enumerate(groups):
        for late, x in _summed(model, reads).items():
            moved = list(zeros)
            moved[operand] = x[None]
            key = late + ref.delay
            found[key] = found.get(key, 0.0) + apply_linear(model, node, tuple(moved), constant=False)[0]
    return {late: x for late, x in found.items() if np.any(x)}


def _summed(model: Model, refs: tuple[Ref, ...]) -> dict[int, FloatArray]:
    total: dict[int, FloatArray] = {}
    for ref in refs:
        for late, x in constant(model, ref).items():
            total[late] = total.get(late, 0.0) + x
    return total


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution over [C, H, W] in full: weight [out, in / groups, kh, kw], and its geometry."""

    weight: FloatArray
    stride: tuple[int, ...] = (1, 1)
    padding: tuple[int, ...] = (0, 0, 0, 0)
    dilation: tuple[int, ...] = (1, 1)
    groups: int = 1

    @property
    def reach(self) -> tuple[int, int]:
        """How far the kernel extends along each axis."""
        height, width = ((k - 1) * d + 1 for k, d in zip(self.weight.shape[2:], self.dilation, strict=True))
        return height, width

    @property
    def depthwise(self) -> bool:
        """Whether every channel stays by itself."""
        return self.groups == len(self.weight) and self.weight.shape[1] == 1

    def undilated(self) -> Convolution:
        """The same, with the holes of the kernel filled by zeros."""
        if self.dilation == (1, 1):
            return self
        full = np.zeros((*self.weight.shape[:2], *self.reach))
        full[:, :, :: self.dilation[0], :: self.dilation[1]] = self.weight
        return replace(self, weight=full, dilation=(1, 1))

    def then(self, second: Convolution, shape: Shape, middle: Shape) -> Convolution | None:
        """Both in one, for an input of `shape` and a result of `middle` in between; None if they cannot be.

        The second one's padding reads zeros around the middle. That is right only if the first one
        would put out zeros there, too.
        """
        first, second = self.undilated(), second.undilated()
        for axis in (0, 1):
            stride, begin, reach = first.stride[axis], first.padding[axis], first.reach[axis]
            if second.padding[axis] and reach > stride + begin:
                return None
            if second.padding[2 + axis] and middle[1 + axis] * stride - begin < shape[1 + axis]:
                return None
        weight = _composed(first, second)
        if weight is None:
            return None
        strides = first.stride * 2
        return Convolution(
            weight,
            stride=tuple(a * b for a, b in zip(first.stride, second.stride, strict=True)),
            padding=tuple(p + q * s for p, q, s in zip(first.padding, second.padding, strides, strict=True)),
            groups=second.groups if first.depthwise else first.groups,
        )


def _composed(first: Convolution, second: Convolution) -> FloatArray | None:
    """The kernel of two convolutions in a row: W[o, i, s b + a] = sum over m of W2[o, m, b] W1[m, i, a]."""
    w1, w2 = first.weight, second.weight
    if first.depthwise:
        per_group = len(w2) // second.groups
        channel = (np.arange(len(w2)) // per_group)[:, None] * w2.shape[1] + np.arange(w2.shape[1])
        taps = w1[channel, 0]
    elif second.depthwise or first.groups == second.groups == 1:
        taps = w1
    else:
        return None
    (sh, sw), (kh, kw) = first.stride, w1.shape[2:]
    size = ((w2.shape[2] - 1) * sh + kh, (w2.shape[3] - 1) * sw + kw)
    depthwise = first.depthwise or second.depthwise
    out = np.zeros((len(w2), w2.shape[1] if first.depthwise else w1.shape[1], *size))
    for y, x in np.ndindex(*w2.shape[2:]):
        tap = w2[:, :, y, x, None, None] * taps if depthwise else np.einsum("om,mihw->oihw", w2[:, :, y, x], taps)
        out[:, :, sh * y : sh * y + kh, sw * x : sw * x + kw] += tap
    return out


def as_convolution(model: Model, path: Path) -> Convolution | None:
    """The path as one convolution over [C, H, W], or None where it is not one."""
    graph = model.graph
    shape = graph.signals[path.source].shape
    if len(shape) != 3 or (path.nodes and graph.signals[path.nodes[-1][0].name].shape[1:] == (1, 1) != shape[1:]):
        return None
    found: list[Convolution] = []
    shapes: list[Shape] = [shape]
    for node, operand in path.nodes:
        one = _convolution(model, node, operand, shapes[-1])
        if one is None:
            return None
        found.append(one)
        shapes.append(graph.signals[node.name].shape)
    whole: Convolution | None = found[0] if found else _every_channel(shape[0], np.ones((1, 1)))
    for step, one in enumerate(found[1:], start=1):
        whole = whole.then(one, shape, shapes[step]) if whole else None
    chosen = any(isinstance(node, tensor.Concat | selection.Slice | selection.Gather) for node, _ in path.nodes)
    if whole is not None and chosen and np.count_nonzero(whole.weight) < whole.weight.size / 2:
        return None  # channels that only change places take less by their entries
    return whole


def _every_channel(channels: int, kernel: FloatArray) -> Convolution:
    return Convolution(np.broadcast_to(kernel, (channels, 1, *kernel.shape)).copy(), groups=channels)


def _convolution(model: Model, node: Node, operand: int, x: Shape) -> Convolution | None:
    """A node as a convolution over an operand of shape x, or None."""
    match node:
        case tensor.Conv2d():
            weight = model.weights[node.weight].astype(np.float64)
            if node.weight_scale is not None:
                weight = weight * model.weights[node.weight_scale].astype(np.float64)[:, None, None, None]
            return Convolution(weight, node.stride, node.padding, node.dilation, node.groups)
        case spiking.SumPool2d() | tensor.AvgPool2d():
            averaging = isinstance(node, tensor.AvgPool2d)
            if isinstance(node, tensor.AvgPool2d) and any(node.padding) and not node.count_include_pad:
                return None
            kernel = np.full(node.kernel, 1 / prod(node.kernel) if averaging else 1.0)
            return replace(_every_channel(x[0], kernel), stride=node.stride, padding=node.padding)
        case tensor.BatchNorm():
            gain = _norm_gain(model, node)
            return Convolution(gain[:, None, None, None], groups=x[0])
        case tensor.GlobalAvgPool():
            return _every_channel(x[0], np.full(x[1:], 1 / prod(x[1:])))
        case tensor.Add() | elementwise.Sub() if model.graph.signals[node.name].shape == x:
            negated = isinstance(node, elementwise.Sub) and operand == 1
            return _every_channel(x[0], np.full((1, 1), -1.0 if negated else 1.0))
        case elementwise.Affine():
            return _every_channel(x[0], np.full((1, 1), node.gain))
        case tensor.Concat() | selection.Slice() | selection.Gather() if node.axis % 3 == 0:
            return _chosen(model, node, operand, x)
        case tensor.Pad() if not node.padding[0] and not node.padding[3]:
            pads = (*node.padding[1:3], *node.padding[4:6])
            return replace(_every_channel(x[0], np.ones((1, 1))), padding=pads)
    return None


def _chosen(
    model: Model, node: tensor.Concat | selection.Slice | selection.Gather, operand: int, x: Shape
) -> Convolution:
    """Channels that are put in other places: a weight of 1 for each."""
    shapes = [(shape[0], 1, 1) for shape in model.graph.operand_shapes(node)]
    ones = [np.zeros((x[0], *shape)) for shape in shapes]
    ones[operand] = np.eye(x[0]).reshape(x[0], x[0], 1, 1)
    return Convolution(apply_linear(model, node, tuple(ones), constant=False).swapaxes(0, 1))


def summed(convolutions: list[Convolution]) -> list[Convolution]:
    """Convolutions of one geometry added up; the others as they are."""
    groups: dict[tuple[object, ...], list[Convolution]] = {}
    for one in convolutions:
        groups.setdefault((one.weight.shape, one.stride, one.padding, one.dilation, one.groups), []).append(one)
    return [
        reduce(lambda a, b: replace(a, weight=a.weight + b.weight), alike) for alike in groups.values()
    ]
