"""Linear nodes as Nengo's transforms: the matrix by which each operand reaches the output."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Literal

import numpy as np

from nmc.backends.nengo.network import Convolution, Dense, Sparse, Store, Stored, Transform
from nmc.graph import Node, Shape
from nmc.model import Array, FloatArray, Model
from nmc.nodes import coding, spiking, tensor
from nmc.passes.linear_paths import LINEAR, apply_linear
from nmc.passes.sparse_paths import SparseMatrix, entries, scaled

LAYERS = (*LINEAR, coding.ConstantCurrent)
"""Kinds of node that are a transform of each operand, plus a constant."""
_Keep = Callable[[str, Array], Stored]
"""Stores an array that has the given role in a transform."""


def transform(model: Model, node: Node, operand: int, store: Store) -> Transform | None:
    """How an operand of a node in LAYERS reaches its output; None for the identity. Its arrays go to the store."""
    shape = model.graph.operand_shapes(node)[operand]
    name = node.name if node.sums else f"{node.name}.{operand}"

    def keep(role: str, array: Array) -> Stored:
        return store.keep(f"{name}.{role}", array)

    match node:
        case tensor.Linear() if len(shape) == 1:
            return Dense(keep("weight", scaled(model, node)))
        case tensor.Conv1d() | tensor.Conv2d() if padding := _padding(node, shape):
            return _convolution(node, shape, scaled(model, node), padding, node.groups, keep)
        case tensor.AvgPool1d() | tensor.AvgPool2d() | spiking.SumPool2d() if padding := _padding(node, shape):
            sums = isinstance(node, spiking.SumPool2d)
            if isinstance(node, spiking.SumPool2d) or node.count_include_pad or not any(node.padding):
                weight = np.full((shape[0], 1, *node.kernel), 1.0 if sums else 1 / prod(node.kernel))
                return _convolution(node, shape, weight, padding, shape[0], keep)
        case tensor.BatchNorm():
            ones = np.ones((1, *shape))
            return Dense(keep("weight", apply_linear(model, node, (ones,), constant=False)[0].ravel()))
        case coding.ConstantCurrent():
            return None if node.gain == 1.0 else Dense(keep("weight", np.full(prod(shape), node.gain)))
    return _sparse(entries(model, node, operand), keep)


def constant(model: Model, node: Node) -> FloatArray | None:
    """What a node in LAYERS puts out [*shape] while all its operands are zero; None if that is zero, too."""
    if isinstance(node, coding.ConstantCurrent):
        return None
    zeros = tuple(np.zeros((1, *shape)) for shape in model.graph.operand_shapes(node))
    value = apply_linear(model, node, zeros, constant=True)[0]
    return value if np.any(value) else None


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


def _sparse(matrix: SparseMatrix, keep: _Keep) -> Transform | None:
    """A matrix by its entries; None for the identity."""
    each = np.arange(matrix.shape[0])
    alike = len(matrix) == len(each) and np.array_equal(matrix.row, each) and np.array_equal(matrix.column, each)
    if alike and matrix.shape[0] == matrix.shape[1] and np.all(matrix.value == 1):
        return None
    indices = np.stack([matrix.row, matrix.column], axis=1).astype(np.intp)
    return Sparse(matrix.shape, keep("indices", indices), keep("values", matrix.value))
