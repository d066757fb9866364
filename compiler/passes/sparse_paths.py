"""Linear nodes, and paths of them, as matrices of the entries that are not 0."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from math import prod

import numpy as np
from numpy.typing import NDArray

from nmc.errors import UnsupportedError
from nmc.graph import Node, Shape
from nmc.model import FloatArray, Model
from nmc.nodes import elementwise, product, reduction, spiking, tensor
from nmc.passes.linear_paths import Path, apply_linear
from nmc.reference.tensor import windows

MOST_SYNAPSES = 1 << 28
"""The most entries of one matrix: a byte each, they fill the cores of sixteen Loihi chips."""
_OUTSIDE = -1
"""Marks what is no element of the operand: padding, or another operand."""

Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SparseMatrix:
    """A matrix [outputs, inputs] by its entries: value[k] at row[k] and column[k]. Entries of one place add up."""

    shape: tuple[int, int]
    row: Index
    column: Index
    value: FloatArray

    @classmethod
    def of(cls, shape: tuple[int, int], row: Index, column: Index, value: FloatArray | float) -> SparseMatrix:
        """The entries, broadcast against one another, without those that lie outside the operand."""
        rows, columns, values = (part.ravel() for part in np.broadcast_arrays(row, column, value))
        inside = columns != _OUTSIDE
        return cls(shape, rows[inside], columns[inside], values[inside].astype(np.float64))

    def __len__(self) -> int:
        return len(self.value)

    @property
    def transposed(self) -> SparseMatrix:
        """Rows and columns exchanged."""
        return SparseMatrix((self.shape[1], self.shape[0]), self.column, self.row, self.value)

    def merged(self) -> SparseMatrix:
        """The same row by row, columns rising, with one entry for a place and none that is 0."""
        place, value = self.row * self.shape[1] + self.column, self.value
        if np.any(np.diff(place) <= 0):
            order = np.argsort(place, kind="stable")
            place, value = place[order], value[order]
            first = np.flatnonzero(np.diff(place, prepend=-1))
            place, value = place[first], np.add.reduceat(value, first)
        kept = value != 0
        row, column = np.divmod(place[kept], self.shape[1])
        return SparseMatrix(self.shape, row, column, value[kept])

    def after(self, first: SparseMatrix) -> SparseMatrix:
        """The product self x first. Raises UnsupportedError where it has more entries than a chip holds."""
        order = np.argsort(first.row, kind="stable")
        start = np.searchsorted(first.row[order], np.arange(first.shape[0] + 1))
        count = np.diff(start)[self.column]
        total = int(count.sum())
        require_size(total)
        mine = np.repeat(np.arange(len(self)), count)
        within = np.arange(total) - np.repeat(np.cumsum(count) - count, count)
        theirs = order[start[self.column[mine]] + within]
        whole = SparseMatrix(
            (self.shape[0], first.shape[1]), self.row[mine], first.column[theirs],
            self.value[mine] * first.value[theirs],
        )  # fmt: skip
        return whole.merged()

    def dense(self) -> FloatArray:
        """All entries, zeros as well, of a merged matrix."""
        require_size(prod(self.shape))
        whole = np.zeros(self.shape)
        whole[self.row, self.column] = self.value
        return whole


def require_size(synapses: int, node: str | None = None) -> None:
    """Raise UnsupportedError for more synapses than a chip holds, before anything is allocated."""
    if synapses > MOST_SYNAPSES:
        raise UnsupportedError(
            f"{synapses:,} synapses in one connection are more than a chip could hold",
            "make the layers on both sides smaller, or put neurons, such as a Relu, between the linear operations",
            node=node,
        )


def sparse_matrix(model: Model, path: Path) -> SparseMatrix:
    """A path as a matrix over flattened elements. Raises UnsupportedError where it is too large."""
    size = prod(model.graph.signals[path.source].shape)
    if not path.nodes:
        return SparseMatrix.of((size, size), np.arange(size), np.arange(size), 1.0)
    return reduce(lambda whole, one: one.after(whole), (entries(model, *step) for step in path.nodes)).merged()


def added(matrices: list[SparseMatrix]) -> SparseMatrix:
    """The sum of matrices of one shape."""
    return reduce(
        lambda a, b: replace(
            a, row=np.concatenate([a.row, b.row]), column=np.concatenate([a.column, b.column]),
            value=np.concatenate([a.value, b.value]),
        ), matrices,
    ).merged()  # fmt: skip


def entries(model: Model, node: Node, operand: int) -> SparseMatrix:
    """How an operand of a linear node reaches its output, constants left out."""
    shape = model.graph.operand_shapes(node)[operand]
    match node:
        case tensor.Linear():
            return _linear(scaled(model, node), shape, node.name)
        case tensor.SparseLinear():
            row, column = (model.weights[name].astype(np.int64) for name in (node.row, node.column))
            value = model.weights[node.weight].astype(np.float64)
            return SparseMatrix.of((node.features, shape[0]), row, column, value)
        case tensor.Conv1d() | tensor.Conv2d():
            return _convolved(node, scaled(model, node), shape)
        case product.ConvTranspose1d() | product.ConvTranspose2d():
            return _transposed(model, node, shape)
        case tensor.AvgPool1d() | tensor.AvgPool2d() | spiking.SumPool2d():
            return _pool(node, shape)
        case tensor.GlobalAvgPool():
            return _reduced(shape, (shape[0], *(1,) * (len(shape) - 1)), mean=True)
        case reduction.ReduceSum() | reduction.ReduceMean():
            mean = isinstance(node, reduction.ReduceMean)
            return _reduced(shape, model.graph.signals[node.name].shape, mean)
        case tensor.BatchNorm() | elementwise.Affine():
            gain = apply_linear(model, node, (np.ones((1, *shape)),), constant=False)[0].ravel()
            return SparseMatrix.of((len(gain), len(gain)), np.arange(len(gain)), np.arange(len(gain)), gain)
    return _moved(model, node, operand)


def scaled(model: Model, node: tensor.Linear | tensor.Conv1d | tensor.Conv2d) -> FloatArray:
    """A layer's weights in double precision, its scale multiplied in."""
    weight = model.weights[node.weight].astype(np.float64)
    if node.weight_scale is None:
        return weight
    scale = model.weights[node.weight_scale].astype(np.float64)
    whole: FloatArray = weight * scale.reshape(-1, *(1,) * (weight.ndim - 1))
    return whole


def _linear(weight: FloatArray, shape: Shape, name: str) -> SparseMatrix:
    """A matrix along the last axis of an operand."""
    places = np.arange(prod(shape[:-1]))[:, None]
    row, column = np.nonzero(weight)
    require_size(len(places) * len(row), name)
    rows, columns = places * weight.shape[0] + row, places * weight.shape[1] + column
    return SparseMatrix.of((weight.shape[0] * len(places), prod(shape)), rows, columns, weight[row, column])


def _convolved(
    node: tensor.Conv1d | tensor.Conv2d | product.ConvTranspose1d | product.ConvTranspose2d, weight: FloatArray,
    shape: Shape,
) -> SparseMatrix:  # fmt: skip
    """A convolution of an operand [C, *spatial] with weight [channels, C / groups, *kernel]."""
    rank, channels = len(node.kernel), len(weight)
    taken = traced(shape, node.kernel, node.stride, node.padding, node.dilation)
    places, taps = prod(taken.shape[1 : 1 + rank]), prod(node.kernel)
    per_group = shape[0] // node.groups
    require_size(channels * places * per_group * taps, node.name)
    # All of [groups, filters, places, channels, taps]: what each output reads, and by what weight.
    columns = taken.reshape(node.groups, 1, per_group, places, taps).swapaxes(2, 3)
    filters = weight.reshape(node.groups, -1, 1, per_group, taps)
    rows = np.arange(channels * places).reshape(node.groups, -1, places, 1, 1)
    return SparseMatrix.of((channels * places, prod(shape)), rows, columns, filters)


def _transposed(
    model: Model, node: product.ConvTranspose1d | product.ConvTranspose2d, shape: Shape
) -> SparseMatrix:
    """A transposed convolution: that of its output with the same weights, the other way round."""
    out = model.graph.signals[node.name].shape
    back = _convolved(node, model.weights[node.weight].astype(np.float64), out)
    given = prod(traced(out, node.kernel, node.stride, node.padding, node.dilation).shape[1 : 1 + len(node.kernel)])
    channel, place = np.divmod(back.row, given)
    spatial = traced(out, node.kernel, node.stride, node.padding, node.dilation).shape[1 : 1 + len(node.kernel)]
    at = np.unravel_index(place, spatial)
    inside = np.logical_and.reduce([a < n for a, n in zip(at, shape[1:], strict=True)])
    rows = channel[inside] * prod(shape[1:]) + np.ravel_multi_index([a[inside] for a in at], shape[1:])
    return SparseMatrix((prod(shape), prod(out)), rows, back.column[inside], back.value[inside]).transposed


def _pool(node: tensor.AvgPool1d | tensor.AvgPool2d | spiking.SumPool2d, shape: Shape) -> SparseMatrix:
    taken = traced(shape, node.kernel, node.stride, node.padding, (1,) * len(node.kernel))
    taken = taken.reshape(-1, prod(node.kernel))
    value: FloatArray | float = 1.0
    if isinstance(node, tensor.AvgPool1d | tensor.AvgPool2d):
        alike = node.count_include_pad or not any(node.padding)
        value = 1 / prod(node.kernel) if alike else 1 / np.sum(taken != _OUTSIDE, axis=1, keepdims=True)
    return SparseMatrix.of((len(taken), prod(shape)), np.arange(len(taken))[:, None], taken, value)


def _reduced(shape: Shape, out: Shape, mean: bool) -> SparseMatrix:
    """The sum or mean along the axes that have size one in the output."""
    rows = np.broadcast_to(np.arange(prod(out)).reshape(out), shape).ravel()
    value = prod(out) / prod(shape) if mean else 1.0
    return SparseMatrix.of((prod(out), prod(shape)), rows, np.arange(prod(shape)), value)


def traced(shape: Shape, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape) -> Index:
    """The element in each place of each window over [C, *spatial], as [C, *out, *kernel]; -1 for padding."""
    elements = np.arange(prod(shape), dtype=np.float64).reshape(1, *shape)
    found: Index = windows(elements, kernel, stride, padding, dilation, _OUTSIDE)[0].astype(np.int64)
    return found


def _moved(model: Model, node: Node, operand: int) -> SparseMatrix:
    """A node that only moves, repeats and adds elements: found by sending every element's number through it."""
    shapes = model.graph.operand_shapes(node)
    operands = [np.zeros((1, *shape)) for shape in shapes]
    size = prod(shapes[operand])
    operands[operand] = np.arange(1, size + 1, dtype=np.float64).reshape(1, *shapes[operand])
    found = apply_linear(model, node, tuple(operands), constant=False).ravel()
    columns = np.abs(found).astype(np.int64) - 1
    return SparseMatrix.of((len(columns), size), np.arange(len(columns)), columns, np.sign(found))
