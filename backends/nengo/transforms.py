"""Linear nodes as Nengo's transforms: the matrix by which each operand reaches the output."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nmc.backends.nengo.network import Convolution, Dense, Sparse, Store, Stored, Transform
from nmc.graph import Node, Shape
from nmc.model import Array, FloatArray, Model
from nmc.nodes import coding, spiking, tensor
from nmc.passes.linear_paths import LINEAR, apply_linear
from nmc.reference.tensor import windows

LAYERS = (*LINEAR, coding.ConstantCurrent)
"""Kinds of node that are a transform of each operand, plus a constant."""
_AT_ONCE = 256
_OUTSIDE = -1
"""Marks what is no element of the operand: padding, or another operand."""
_Keep = Callable[[str, Array], Stored]
"""Stores an array that has the given role in a transform."""


def transform(model: Model, node: Node, operand: int, store: Store) -> Transform | None:
    """How an operand of a node in LAYERS reaches its output; None for the identity. Its arrays go to the store."""
    shape = model.graph.operand_shapes(node)[operand]
    name = node.name if node.sums else f"{node.name}.{operand}"

    def keep(role: str, array: Array) -> Stored:
        return store.keep(f"{name}.{role}", array)

    match node:
        case tensor.Linear():
            return _linear(_scaled(model, node), shape, keep)
        case tensor.SparseLinear():
            row, column = (model.weights[array].astype(np.intp) for array in (node.row, node.column))
            weight = model.weights[node.weight].astype(np.float64)
            return _sparse((node.features, shape[0]), row, column, weight, keep)
        case tensor.Conv1d() | tensor.Conv2d():
            weight = _scaled(model, node)
            padding = _padding(node, shape)
            if padding is None:
                return _convolved(node, shape, weight, keep)
            return _convolution(node, shape, weight, padding, node.groups, keep)
        case tensor.AvgPool1d() | tensor.AvgPool2d() | spiking.SumPool2d():
            return _pool(node, shape, keep)
        case tensor.GlobalAvgPool():
            rows = np.repeat(np.arange(shape[0]), prod(shape[1:]))
            return _sparse((shape[0], prod(shape)), rows, np.arange(prod(shape)), 1 / prod(shape[1:]), keep)
        case tensor.BatchNorm():
            ones = np.ones((1, *shape))
            return Dense(keep("weight", apply_linear(model, node, (ones,), constant=False)[0].ravel()))
        case coding.ConstantCurrent():
            return None if node.gain == 1.0 else Dense(keep("weight", np.full(prod(shape), node.gain)))
        case tensor.Flatten() | tensor.Reshape() | tensor.Transpose() | tensor.Pad() | tensor.Concat() | tensor.Add():
            return _moved(model, node, operand, keep)
    return _probed(model, node, operand, keep)


def constant(model: Model, node: Node) -> FloatArray | None:
    """What a node in LAYERS puts out [*shape] while all its operands are zero; None if that is zero, too."""
    if isinstance(node, coding.ConstantCurrent):
        return None
    zeros = tuple(np.zeros((1, *shape)) for shape in model.graph.operand_shapes(node))
    value = apply_linear(model, node, zeros, constant=True)[0]
    return value if np.any(value) else None


def _linear(weight: FloatArray, shape: Shape, keep: _Keep) -> Transform:
    """A matrix along the last axis of an operand."""
    if len(shape) == 1:
        return Dense(keep("weight", weight))
    places = np.arange(prod(shape[:-1]))[:, None, None]
    rows = places * weight.shape[0] + np.arange(weight.shape[0])[:, None]
    columns = places * weight.shape[1] + np.arange(weight.shape[1])
    return _sparse((weight.shape[0] * len(places), prod(shape)), rows, columns, weight, keep)


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
    node: tensor.Conv1d | tensor.Conv2d | tensor.Window, shape: Shape, weight: FloatArray,
    padding: Literal["valid", "same"], groups: int, keep: _Keep,
) -> Transform:  # fmt: skip
    kernel_first = np.ascontiguousarray(np.moveaxis(weight, (0, 1), (-1, -2)))
    return Convolution(shape, len(weight), keep("weight", kernel_first), node.stride, padding, groups)


def _convolved(node: tensor.Conv1d | tensor.Conv2d, shape: Shape, weight: FloatArray, keep: _Keep) -> Transform:
    """A convolution as a matrix."""
    rank = len(node.kernel)
    taken = _traced(shape, node.kernel, node.stride, node.padding, node.dilation)
    places, taps = prod(taken.shape[1 : 1 + rank]), prod(node.kernel)
    per_group = shape[0] // node.groups
    # All of [groups, filters, places, channels, taps]: what each output reads, and by what weight.
    columns = taken.reshape(node.groups, 1, per_group, places, taps).swapaxes(2, 3)
    filters = weight.reshape(node.groups, -1, 1, per_group, taps)
    rows = np.arange(node.channels * places).reshape(node.groups, -1, places, 1, 1)
    return _sparse((node.channels * places, prod(shape)), rows, columns, filters, keep)


def _pool(node: tensor.AvgPool1d | tensor.AvgPool2d | spiking.SumPool2d, shape: Shape, keep: _Keep) -> Transform:
    whole = 1.0 if isinstance(node, spiking.SumPool2d) else 1 / prod(node.kernel)
    alike = isinstance(node, spiking.SumPool2d) or not any(node.padding) or node.count_include_pad
    padding = _padding(node, shape)
    if padding is not None and alike:
        weight = np.full((shape[0], 1, *node.kernel), whole)
        return _convolution(node, shape, weight, padding, shape[0], keep)
    taken = _traced(shape, node.kernel, node.stride, node.padding, (1,) * len(node.kernel))
    taken = taken.reshape(-1, prod(node.kernel))
    value = whole if alike else 1 / np.sum(taken != _OUTSIDE, axis=1, keepdims=True)
    return _sparse((len(taken), prod(shape)), np.arange(len(taken))[:, None], taken, value, keep)


def _traced(shape: Shape, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape) -> NDArray[np.intp]:
    """The element in each place of each window over [C, *spatial], as [C, *out, *kernel]."""
    elements = np.arange(prod(shape), dtype=np.float64).reshape(1, *shape)
    traced: NDArray[np.intp] = windows(elements, kernel, stride, padding, dilation, _OUTSIDE)[0].astype(np.intp)
    return traced


def _moved(model: Model, node: Node, operand: int, keep: _Keep) -> Transform | None:
    """A node that only moves elements: found by sending every element's number through it."""
    shapes = model.graph.operand_shapes(node)
    operands = [np.zeros((1, *shape)) for shape in shapes]
    size = prod(shapes[operand])
    operands[operand] = np.arange(1, size + 1, dtype=np.float64).reshape(1, *shapes[operand])
    columns = apply_linear(model, node, tuple(operands), constant=False).ravel().astype(np.intp) - 1
    if np.array_equal(columns, np.arange(size)):
        return None
    return _sparse((len(columns), size), np.arange(len(columns)), columns, 1.0, keep)


def _probed(model: Model, node: Node, operand: int, keep: _Keep) -> Transform:
    """Any linear node: found by sending a 1 through each element, one after another."""
    shapes = model.graph.operand_shapes(node)
    size = prod(shapes[operand])
    found = []
    for first in range(0, size, _AT_ONCE):
        ones = np.eye(min(_AT_ONCE, size - first), size, first)
        operands = [np.zeros((len(ones), *shape)) for shape in shapes]
        operands[operand] = ones.reshape(-1, *shapes[operand])
        found.append(apply_linear(model, node, tuple(operands), constant=False).reshape(len(ones), -1))
    matrix = np.concatenate(found).T
    rows, columns = np.nonzero(matrix)
    return _sparse((len(matrix), size), rows, columns, matrix[rows, columns], keep)


def _sparse(
    shape: tuple[int, int], rows: NDArray[np.intp], columns: NDArray[np.intp], values: FloatArray | float, keep: _Keep
) -> Transform:
    """A matrix of the given entries; what lies outside the operand is left out."""
    rows, columns, entries = (part.ravel() for part in np.broadcast_arrays(rows, columns, values))
    inside = columns != _OUTSIDE
    indices = np.stack([rows[inside], columns[inside]], axis=1)
    return Sparse(shape, keep("indices", indices), keep("values", entries[inside].astype(np.float64)))
