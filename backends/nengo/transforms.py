"""Linear nodes as Nengo's transforms: the matrix by which each operand reaches the output."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nmc.backends.nengo.network import Convolution, Dense, Sparse, Stored, Transform
from nmc.graph import Node, Shape
from nmc.model import Array, FloatArray, Model
from nmc.nodes import coding, spiking, tensor
from nmc.passes.linear_paths import LINEAR, apply_linear
from nmc.reference.tensor import windows

LAYERS = (*LINEAR, coding.ConstantCurrent)
"""Kinds of node that are a transform of each operand, plus a constant."""
_OUTSIDE = -1
"""Marks what is no element of the operand: padding, or another operand."""


@dataclass(frozen=True, eq=False)
class Link:
    """The transform of an operand, None for the identity, with its arrays by name."""

    transform: Transform | None
    arrays: dict[str, Array]


def link(model: Model, node: Node, operand: int) -> Link:
    """How an operand of a node in LAYERS reaches its output. Arrays are named after the node and operand."""
    shape = model.graph.operand_shapes(node)[operand]
    prefix = node.name if node.sums else f"{node.name}.{operand}"
    match node:
        case tensor.Linear():
            return _linear(model, node, shape, prefix)
        case tensor.Conv1d() | tensor.Conv2d():
            weight = _scaled(model, node)
            padding = _padding(node, shape)
            if padding is None:
                return _sparse(prefix, *_convolved(node, shape, weight))
            return _convolution(prefix, shape, node, weight, padding, node.groups)
        case tensor.AvgPool1d() | tensor.AvgPool2d() | spiking.SumPool2d():
            return _pool(node, shape, prefix)
        case tensor.GlobalAvgPool():
            rows = np.repeat(np.arange(shape[0]), prod(shape[1:]))
            return _sparse(prefix, (shape[0], prod(shape)), rows, np.arange(prod(shape)), 1 / prod(shape[1:]))
        case tensor.BatchNorm():
            ones = np.ones((1, *shape))
            return _diagonal(prefix, apply_linear(model, node, (ones,), constant=False)[0])
        case coding.ConstantCurrent():
            return Link(None, {}) if node.gain == 1.0 else _diagonal(prefix, np.full(shape, node.gain))
    return _moved(model, node, operand, prefix)


def constant(model: Model, node: Node) -> FloatArray | None:
    """What a node in LAYERS puts out [*shape] while all its operands are zero; None if that is zero, too."""
    if isinstance(node, coding.ConstantCurrent):
        return None
    zeros = tuple(np.zeros((1, *shape)) for shape in model.graph.operand_shapes(node))
    value = apply_linear(model, node, zeros, constant=True)[0]
    return value if np.any(value) else None


def _linear(model: Model, node: tensor.Linear, shape: Shape, prefix: str) -> Link:
    weight = _scaled(model, node)
    if len(shape) == 1:
        name = f"{prefix}.weight"
        return Link(Dense(Stored(name)), {name: weight})
    places = np.arange(prod(shape[:-1]))[:, None, None]
    rows = places * weight.shape[0] + np.arange(weight.shape[0])[:, None]
    columns = places * weight.shape[1] + np.arange(weight.shape[1])
    return _sparse(prefix, (weight.shape[0] * len(places), prod(shape)), rows, columns, weight)


def _scaled(model: Model, node: tensor.Linear | tensor.Conv1d | tensor.Conv2d) -> FloatArray:
    """A layer's weights in double precision, its scale multiplied in."""
    weight = model.weights[node.weight].astype(np.float64)
    if node.weight_scale is None:
        return weight
    scale = model.weights[node.weight_scale].astype(np.float64)
    scaled: FloatArray = weight * scale.reshape(-1, *(1,) * (weight.ndim - 1))
    return scaled


def _padding(node: tensor.Conv1d | tensor.Conv2d | tensor.Window, shape: Shape) -> Literal["valid", "same"] | None:
    """How nengo.Convolution calls the node's padding; None where it has no word for it, or for a dilation."""
    rank = len(node.kernel)
    if isinstance(node, tensor.Conv1d | tensor.Conv2d) and node.dilation != (1,) * rank:
        return None
    if not any(node.padding):
        return "valid"
    for axis in range(rank):
        n, kernel, stride = shape[1 + axis], node.kernel[axis], node.stride[axis]
        both = max(0, (-(-n // stride) - 1) * stride + kernel - n)
        if node.padding[axis] != both // 2 or node.padding[rank + axis] != both - both // 2:
            return None
    return "same"


def _convolution(
    prefix: str, shape: Shape, node: tensor.Conv1d | tensor.Conv2d | tensor.Window, weight: FloatArray,
    padding: Literal["valid", "same"], groups: int,
) -> Link:  # fmt: skip
    name = f"{prefix}.weight"
    kernel_first = np.ascontiguousarray(np.moveaxis(weight, (0, 1), (-1, -2)))
    transform = Convolution(shape, len(weight), Stored(name), node.stride, padding, groups)
    return Link(transform, {name: kernel_first})


def _convolved(
    node: tensor.Conv1d | tensor.Conv2d, shape: Shape, weight: FloatArray
) -> tuple[tuple[int, int], NDArray[np.intp], NDArray[np.intp], FloatArray]:
    """A convolution as a matrix: its shape, and the rows, columns and values of its entries."""
    rank = len(node.kernel)
    taken = _traced(shape, node.kernel, node.stride, node.padding, node.dilation)
    places, taps = prod(taken.shape[1 : 1 + rank]), prod(node.kernel)
    per_group = shape[0] // node.groups
    # [groups, filters, places, channels, taps] of what each output reads, and by what weight
    columns = taken.reshape(node.groups, 1, per_group, places, taps).swapaxes(2, 3)
    filters = weight.reshape(node.groups, -1, 1, per_group, taps)
    outputs = np.arange(node.channels * places).reshape(node.groups, -1, places, 1, 1)
    rows, columns, values = np.broadcast_arrays(outputs, columns, filters)
    return (node.channels * places, prod(shape)), rows, columns, values


def _pool(node: tensor.AvgPool1d | tensor.AvgPool2d | spiking.SumPool2d, shape: Shape, prefix: str) -> Link:
    whole = 1.0 if isinstance(node, spiking.SumPool2d) else 1 / prod(node.kernel)
    alike = isinstance(node, spiking.SumPool2d) or not any(node.padding) or node.count_include_pad
    padding = _padding(node, shape)
    if padding is not None and alike:
        return _convolution(prefix, shape, node, np.full((shape[0], 1, *node.kernel), whole), padding, shape[0])
    ones = (1,) * len(node.kernel)
    taken = _traced(shape, node.kernel, node.stride, node.padding, ones)
    taken = taken.reshape(-1, prod(node.kernel))
    counted = np.sum(taken != _OUTSIDE, axis=1, keepdims=True)
    value = whole if alike else 1 / counted
    rows, columns, values = np.broadcast_arrays(np.arange(len(taken))[:, None], taken, value)
    return _sparse(prefix, (len(taken), prod(shape)), rows, columns, values)


def _traced(shape: Shape, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape) -> NDArray[np.intp]:
    """The element in each place of each window over [C, *spatial], as [C, *out, *kernel]."""
    elements = np.arange(prod(shape), dtype=np.float64).reshape(1, *shape)
    traced: NDArray[np.intp] = windows(elements, kernel, stride, padding, dilation, _OUTSIDE)[0].astype(np.intp)
    return traced


def _moved(model: Model, node: Node, operand: int, prefix: str) -> Link:
    """A node that only moves elements: found by sending every element's number through it."""
    shapes = model.graph.operand_shapes(node)
    operands = [np.zeros((1, *shape)) for shape in shapes]
    operands[operand] = np.arange(1, prod(shapes[operand]) + 1, dtype=np.float64).reshape(operands[operand].shape)
    moved = apply_linear(model, node, tuple(operands), constant=False).ravel().astype(np.intp) - 1
    if np.array_equal(moved, np.arange(prod(shapes[operand]))):
        return Link(None, {})
    return _sparse(prefix, (len(moved), prod(shapes[operand])), np.arange(len(moved)), moved, 1.0)


def _diagonal(prefix: str, factors: FloatArray) -> Link:
    name = f"{prefix}.weight"
    return Link(Dense(Stored(name)), {name: factors.ravel()})


def _sparse(
    prefix: str, shape: tuple[int, int], rows: NDArray[np.intp], columns: NDArray[np.intp], values: FloatArray | float
) -> Link:
    """A matrix of the given entries; what lies outside the operand is left out."""
    rows, columns, entries = (part.ravel() for part in np.broadcast_arrays(rows, columns, values))
    inside = columns != _OUTSIDE
    names = f"{prefix}.indices", f"{prefix}.values"
    transform = Sparse(shape, Stored(names[0]), Stored(names[1]))
    indices = np.stack([rows[inside], columns[inside]], axis=1)
    return Link(transform, {names[0]: indices, names[1]: entries[inside].astype(np.float64)})
