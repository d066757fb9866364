"""Writes nodes for operations that are said in ONNX's terms: with the batch axis, wherever it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np
from numpy.typing import ArrayLike

from nmc.frontends.onnx.file import LIMIT_COMPUTED, LIMIT_ELEMENTS, LIMIT_PLACES
from nmc.frontends.onnx.known import plain, real, single_sample
from nmc.frontends.onnx.values import (
    ACROSS,
    BATCH,
    Element,
    Known,
    Refusal,
    Signal,
    Value,
    batch_axis,
    common_before,
    sample_shape,
)
from nmc.graph import Node, Ref, Shape
from nmc.model import Array
from nmc.nodes import elementwise, product, reduction, selection, tensor


@dataclass
class Writer:
    """The nodes written so far, under working names, and the arrays they name. `label` is the operation at work."""

    file_batch: int | None = None
    nodes: dict[str, Node] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)
    label: str = ""
    origins: dict[str, str] = field(default_factory=dict)

    def node(
        self, kind: type[Node], inputs: Sequence[Signal], dims: Shape, element: Element = "real", /, **facts: object
    ) -> Signal:
        """A node of a kind, whose output has `dims`."""
        if prod(dims) > LIMIT_ELEMENTS * (1 if batch_axis(dims) is None else BATCH):
            raise Refusal(f"it puts out {shown(dims)}", f"a sample may hold {LIMIT_ELEMENTS:,} elements")
        name = f"n{len(self.nodes)}"
        refs = tuple(Ref(signal.node) for signal in inputs)
        self.nodes[name] = kind(name=name, inputs=refs, **facts)
        self.origins[name] = self.label
        return Signal(name, dims, element, common_before(inputs))

    def array(self, array: ArrayLike, hint: str) -> str:
        """The name of an array; the same one for the same content under one hint."""
        given = np.asarray(array)
        if 0 in given.strides and given.size > LIMIT_COMPUTED:
            raise Refusal(f"it repeats numbers to {given.size:,}", "export the model with smaller constants")
        values = plain(given)
        hint = hint or f"{self.label}.constant"
        name, count = hint, 1
        while name in self.arrays:
            old = self.arrays[name]
            if old is values or (old.dtype == values.dtype and np.array_equal(old, values)):
                return name
            count += 1
            name = f"{hint}.{count}"
        self.arrays[name] = values
        return name

    def signal(self, value: Value) -> Signal:
        """A value as the output of a node: a known one becomes a Constant."""
        if isinstance(value, Signal):
            return value
        array = single_sample(value)
        if not array.size:
            raise Refusal(f"it computes with a value without elements, {shown(value.dims)}", "leave empty values out")
        name = self.array(array, value.name)
        return self.node(tensor.Constant, (), array.shape, value.element, value=name, shape=array.shape)

    def unary(self, kind: type[Node], x: Value, element: Element = "real", /, **facts: object) -> Signal:
        """A function of each element."""
        x = self.signal(x)
        return self.node(kind, (x,), x.dims, element, **facts)

    def affine(self, x: Value, gain: float = 1.0, offset: float = 0.0) -> Signal:
        """gain x + offset."""
        x = self.signal(x)
        if gain == 1 and offset == 0:
            return x
        return self.node(elementwise.Affine, (x,), x.dims, x.element, gain=float(gain), offset=float(offset))

    def add(self, x: Value, y: Value) -> Signal:
        """x + y."""
        return self.broadcast(tensor.Add, x, y)

    def sub(self, x: Value, y: Value) -> Signal:
        """x - y."""
        return self.broadcast(elementwise.Sub, x, y)

    def mul(self, x: Value, y: Value) -> Signal:
        """x y."""
        return self.broadcast(tensor.Mul, x, y)

    def div(self, x: Value, y: Value) -> Signal:
        """x / y."""
        return self.broadcast(elementwise.Div, x, y)

    def clip(self, x: Value, minimum: float, maximum: float) -> Signal:
        """min(max(x, minimum), maximum)."""
        x = self.signal(x)
        facts = {"minimum": float(minimum), "maximum": float(maximum)}
        return self.node(tensor.Clip, (x,), x.dims, x.element, **facts)

    def broadcast(self, kind: type[Node], *values: Value, element: Element = "real") -> Signal:
        """A function of the elements of several operands, which broadcast as in NumPy."""
        dims = broadcast_dims(*(value.dims for value in values))
        return self.node(kind, [self.aligned(value, dims) for value in values], dims, element)

    def aligned(self, value: Value, dims: Shape) -> Signal:
        """A value with as many axes as `dims`, and its samples where those of `dims` are."""
        own = (1,) * (len(dims) - len(value.dims)) + value.dims
        if isinstance(value, Known):
            shape = _without_batch_of(own, dims)
            return self.signal(Known(single_sample(value).reshape(shape), value.name))
        if value.batch is None and batch_axis(dims) is not None:
            shape = _without_batch_of(own, dims)
            return value if value.shape == shape else self.node(
                tensor.Reshape, (value,), shape, value.element, shape=shape
            )
        return self._reshaped(value, own)

    def _reshaped(self, x: Signal, dims: Shape) -> Signal:
        """x with other axes around its samples, which stay in the order in which they are."""
        shape = sample_shape(dims)
        if x.shape == shape:
            return replace(x, dims=dims)
        if len(shape) == 1:
            return self.node(tensor.Flatten, (x,), dims, x.element)
        return self.node(tensor.Reshape, (x,), dims, x.element, shape=shape)

    def reshape(self, x: Signal, dims: Shape) -> Signal:
        """The same elements with other axes. Raises Refusal where samples would mix."""
        if prod(x.dims) != prod(dims):
            raise Refusal(f"it cannot make {shown(dims)} of {shown(x.dims)}", "mend the shapes in the file")
        return replace(self._reshaped(x, dims), before=before_samples(x, dims))

    def transpose(self, x: Signal, permutation: Sequence[int]) -> Signal:
        """Axis i of the result is axis permutation[i] of x."""
        dims = tuple(x.dims[axis] for axis in permutation)
        plain_batch = x.batch is not None and x.dims[x.batch] == BATCH
        kept = [axis for axis in permutation if not (plain_batch and axis == x.batch)]
        order = tuple(axis - (plain_batch and x.batch is not None and axis > x.batch) for axis in kept)
        if order == tuple(range(len(order))):
            return replace(x, dims=dims)
        moved = [axis for axis in order if x.shape[axis] != 1]
        if moved == sorted(moved):
            return self.node(tensor.Reshape, (x,), dims, x.element, shape=sample_shape(dims))
        return self.node(tensor.Transpose, (x,), dims, x.element, permutation=order)

    def slice(self, x: Signal, axis: int, start: int, stop: int, step: int = 1) -> Signal:
        """Elements along an axis, from `start` to below `stop`; 0 <= start < stop."""
        axis %= len(x.dims)
        if (start, step) == (0, 1) and stop == x.dims[axis]:
            return x
        places = range(start, stop, step)
        dims = with_size(x.dims, axis, len(places))
        facts = {"axis": x.axis(axis), "start": start, "stop": stop, "step": step}
        return self.node(selection.Slice, (x,), dims, x.element, **facts)

    def gather(self, x: Signal, axis: int, places: Sequence[int]) -> Signal:
        """Elements at fixed places along an axis."""
        axis %= len(x.dims)
        if isinstance(places, range) and places.step > 0:
            return self.slice(x, axis, places[0], places[-1] + 1, places.step)
        if len(places) > LIMIT_PLACES:
            raise Refusal(f"it picks {len(places):,} places", f"pick {LIMIT_PLACES:,} along an axis")
        places = list(places)
        step = places[1] - places[0] if len(places) > 1 else 1
        if step > 0 and places == list(range(places[0], places[-1] + 1, step)):
            return self.slice(x, axis, places[0], places[-1] + 1, step)
        indices = self.array(np.asarray(places, np.int64), f"{self.label}.indices")
        facts = {"axis": x.axis(axis), "indices": indices, "count": len(places)}
        return self.node(selection.Gather, (x,), with_size(x.dims, axis, len(places)), x.element, **facts)

    def concat(self, values: Sequence[Value], axis: int) -> Signal:
        """Values one after another along an axis."""
        rank = len(values[0].dims)
        axis %= rank
        dims = values[0].dims
        others = [
            max((value.dims[i] for value in values if len(value.dims) == rank), key=lambda n: n % BATCH == 0)
            for i in range(rank)
        ]
        if any(len(v.dims) != rank for v in values):
            raise Refusal("it joins values with different numbers of axes", "mend the shapes in the file")
        size = sum(value.dims[axis] for value in values)
        dims = with_size(tuple(others), axis, size)
        if size % BATCH == 0 or any(v.dims[axis] % BATCH == 0 for v in values):
            raise Refusal("it joins samples with other values", ACROSS)
        parts = []
        for value in values:
            wanted = with_size(dims, axis, value.dims[axis])
            part = self.aligned(value, wanted)
            shape = sample_shape(wanted)
            if part.shape != shape:
                if not isinstance(value, Known) and value.batch is not None:
                    raise Refusal(f"it cannot join {shown(value.dims)} to {shown(dims)}", "mend the shapes in the file")
                part = self.node(selection.Expand, (part,), shape, part.element, shape=shape)
            parts.append(part)
        place = Signal("", dims).axis(axis)
        return parts[0] if len(parts) == 1 else self.node(tensor.Concat, parts, dims, values[0].element, axis=place)

    def expand(self, x: Value, dims: Shape) -> Signal:
        """x repeated along axes of size one."""
        dims = broadcast_dims(x.dims, dims)
        aligned = self.aligned(x, dims)
        if aligned.shape == sample_shape(dims):
            return replace(aligned, dims=dims)
        return self.node(selection.Expand, (aligned,), dims, aligned.element, shape=sample_shape(dims))

    def pad(self, x: Signal, begin: Sequence[int], end: Sequence[int], value: float = 0.0) -> Signal:
        """`value` around x; numbers for each axis."""
        if not any((*begin, *end)):
            return x
        dims = tuple(n + b + e for n, b, e in zip(x.dims, begin, end, strict=True))
        pads = [0] * 2 * len(x.shape)
        for axis, (b, e) in enumerate(zip(begin, end, strict=True)):
            if b or e:
                pads[x.axis(axis)], pads[len(x.shape) + x.axis(axis)] = b, e
        return self.node(tensor.Pad, (x,), dims, x.element, padding=tuple(pads), value=float(value))

    def reduce(self, kind: type[Node], x: Value, axes: Iterable[int], keep: bool = True) -> Signal:
        """A reduction over some axes, which stay as ones if `keep`."""
        x = self.signal(x)
        axes = sorted({axis % len(x.dims) for axis in axes})
        y = x
        if axes:
            dims = tuple(1 if axis in axes else n for axis, n in enumerate(x.dims))
            y = self.node(kind, (x,), dims, x.element, axes=tuple(x.axis(axis) for axis in axes))
        return y if keep else self.squeeze(y, axes)

    def arg_max(self, x: Value, axis: int) -> Signal:
        """Where the largest element along an axis is; the axis stays as one."""
        x = self.signal(x)
        axis %= len(x.dims)
        return self.node(reduction.ArgMax, (x,), with_size(x.dims, axis, 1), "integer", axis=x.axis(axis))

    def squeeze(self, x: Signal, axes: Iterable[int]) -> Signal:
        """x without some axes of size one."""
        gone = {axis % len(x.dims) for axis in axes}
        return self.reshape(x, tuple(n for axis, n in enumerate(x.dims) if axis not in gone))

    def linear(self, x: Signal, weight: Known, bias: Known | None = None, hint: str = "") -> Signal:
        """x W^T + b over the last axis; weight: [features, inputs]."""
        if x.batch is not None and x.batch == len(x.dims) - 1:
            x.axis(-1)
        facts: dict[str, object] = {"features": weight.dims[0], **self.weights(weight, hint)}
        if bias is not None:
            facts["bias"] = self.array(real(bias).array.reshape(-1), bias.name or f"{self.label}.bias")
        return self.node(tensor.Linear, (x,), (*x.dims[:-1], weight.dims[0]), **facts)

    def along(self, x: Signal, axis: int, matrix: Array) -> Signal:
        """The product of a matrix [outputs, inputs] with every line of x along an axis."""
        axis %= len(x.dims)
        x.axis(axis)
        order = [*(a for a in range(len(x.dims)) if a != axis), axis]
        y = self.linear(self.transpose(x, order), Known(np.asarray(matrix, np.float32)))
        return self.transpose(y, np.argsort(order).tolist())

    def weights(self, weight: Known, hint: str = "") -> Mapping[str, str]:
        """The facts that name a weight: quantized with a scale for each output channel, or real."""
        name = hint or weight.name or f"{self.label}.weight"
        if weight.scale is None or weight.axis != 0:
            return {"weight": self.array(real(weight).array, name)}
        scale = np.broadcast_to(weight.scale.reshape(-1), weight.dims[:1])
        return {"weight": self.array(weight.array, name), "weight_scale": self.array(scale, f"{name}.scale")}

    def matmul(self, left: Value, right: Value) -> Signal:
        """The matrix product over the last two axes; each operand has two or more."""
        lead = broadcast_dims(left.dims[:-2], right.dims[:-2])
        dims = (*lead, left.dims[-2], right.dims[-1])
        own = batch_axis(dims)
        if own is not None and own >= len(lead):
            return self._matmul_of_rows(left, right, dims)
        sides = []
        for value in (left, right):
            if isinstance(value, Signal):
                for axis in (-1, -2):
                    value.axis(axis)
            sides.append(self.aligned(value, (*lead, *value.dims[-2:])))
        return self.node(product.MatMul, sides, dims)

    def _matmul_of_rows(self, left: Value, right: Value, dims: Shape) -> Signal:
        """A product whose left rows are samples: each is a matrix of one row."""
        if (isinstance(right, Signal) and right.batch is not None) or len(dims) != 2:
            raise Refusal("it multiplies across samples", ACROSS)
        rows = self.signal(left)
        own = dims[0] // BATCH if dims[0] % BATCH == 0 else 0
        if not own:
            raise Refusal("it multiplies across samples", ACROSS)
        matrix = self.node(tensor.Reshape, (rows,), rows.dims, shape=(own, left.dims[1]))
        y = self.node(product.MatMul, (matrix, self.signal(right)), dims)
        return self.node(tensor.Reshape, (y,), dims, shape=sample_shape(dims)) if own == 1 else y


def before_samples(x: Signal, dims: Shape) -> int:
    """How many elements of a sample come before the samples on their axis once x has `dims`. Raises Refusal where
    samples would mix.
    """
    old, new = batch_axis(x.dims), batch_axis(dims)
    if old is None:
        return 1
    outer = prod(x.dims[:old]) * x.before
    around = 0 if new is None else prod(dims[:new])
    inside = outer // around if around and outer % around == 0 else 0
    if new is None or not inside or dims[new] // BATCH % inside:
        raise Refusal(f"it makes {shown(dims)} of {shown(x.dims)}, which mixes samples", ACROSS)
    return inside


def broadcast_dims(*dims: Shape) -> Shape:
    """The dims that values broadcast to. Raises Refusal."""
    try:
        return tuple(np.broadcast_shapes(*dims))
    except ValueError:
        what = f"it cannot broadcast {' and '.join(map(shown, dims))}"
        raise Refusal(what, "mend the shapes in the file, or give sizes with --shape") from None


def with_size(dims: Shape, axis: int, size: int) -> Shape:
    """`dims` with another size of one axis."""
    axis %= len(dims)
    return (*dims[:axis], size, *dims[axis + 1 :])


def shown(dims: Shape) -> str:
    """Dims for a message, with N for the number of samples."""
    def size(n: int) -> str:
        own = n // BATCH
        return str(n) if n == 0 or n % BATCH else "N" if own == 1 else f"{own}N"

    return f"[{', '.join(map(size, dims))}]"


def _without_batch_of(own: Shape, dims: Shape) -> Shape:
    """The shape of a value without samples that meets one with samples: their axis is of size one, or theirs."""
    batch = batch_axis(dims)
    if batch is None:
        return sample_shape(own)
    if own[batch] != 1 and own[batch] % BATCH:
        raise Refusal(f"it gives samples different values of {shown(own)}", ACROSS)
    kept = dims[batch] // BATCH
    mine = own[batch] // BATCH if own[batch] % BATCH == 0 else 1
    return (*own[:batch], *(() if kept == 1 else (mine,)), *own[batch + 1 :])
