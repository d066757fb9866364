"""Operations that pick or place elements at constant places along several axes, and the largest along one."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from nmc.frontends.onnx.call import Call, Operation, require_axis
from nmc.frontends.onnx.folding import evaluated
from nmc.frontends.onnx.known import single_sample
from nmc.frontends.onnx.ops.empty import empty
from nmc.frontends.onnx.values import BATCH, Known, Refusal, Signal, Value
from nmc.frontends.onnx.writer import Writer
from nmc.graph import Shape
from nmc.model import Array
from nmc.nodes import elementwise, reduction

_MOST_RANKS = 128


def _top_k(call: Call) -> tuple[Value, Value]:
    """The largest element, then the largest of the rest, and so on; the first of equals is the one before."""
    writer, x = call.writer, call.x()
    axis = require_axis(call.whole("axis", -1), len(x.dims))
    count = call.whole("k", 0) if call.opset < 10 else int(call.scalar(1, "k", 0))
    x.axis(axis)
    n = x.dims[axis]
    if not 0 <= count <= min(n, _MOST_RANKS):
        raise Refusal(f"it picks {count} of {n} elements", f"pick as many as there are, and up to {_MOST_RANKS}")
    largest = bool(call.whole("largest", 1))
    if not count:
        dims = (*x.dims[:axis], 0, *x.dims[axis + 1 :])
        return empty(dims, x.element), empty(dims, "integer")
    rest = x if largest else writer.affine(x, -1.0)
    low = writer.affine(writer.reduce(reduction.ReduceMax, writer.affine(rest, -1.0), [axis]), -1.0)
    under = writer.affine(writer.sub(low, writer.unary(elementwise.Abs, low)), offset=-1.0)  # less than any element
    numbers = Known(np.arange(n, dtype=np.float32).reshape([n if a == axis else 1 for a in range(len(x.dims))]))
    values, places = [], []
    for rank in range(count):
        values.append(writer.reduce(reduction.ReduceMax, rest, [axis]))
        places.append(writer.arg_max(rest, axis))
        if rank + 1 < count:
            picked = writer.broadcast(elementwise.Equal, places[-1], numbers, element="boolean")
            rest = writer.broadcast(elementwise.Where, picked, under, rest, element=x.element)
    best = writer.concat(values, axis)
    return best if largest else writer.affine(best, -1.0), writer.concat(places, axis)


def _gather_nd(call: Call) -> Value:
    x = call.x()
    lead = call.whole("batch_dims", 0)
    where = _places(call, 1, x.batch if x.batch is not None and x.batch < lead else None)
    depth = where.shape[-1]
    for axis in range(lead, lead + depth):
        x.axis(axis)
    batch = x.batch
    if batch is not None and batch >= lead:
        batch += where.ndim - 1 - lead - depth
    return _moved(call, x, [where], batch)


def _gather_elements(call: Call) -> Value:
    x = call.x()
    x.axis(require_axis(call.whole("axis", 0), len(x.dims)))
    return _moved(call, x, [_places(call, 1, x.batch)], x.batch)


def _compress(call: Call) -> Value:
    x = call.x()
    kept = call.array(1, "condition")
    if call.given_facts("axis"):
        x.axis(require_axis(call.whole("axis", 0), len(x.dims)))
    elif x.batch is not None:
        x.axis(x.batch)
    return _moved(call, x, [kept], x.batch)


def _scatter_nd(call: Call) -> Value:
    x, new = call.x(), call.value(2)
    where = _places(call, 1, None)
    depth = where.shape[-1]
    for axis in range(depth):
        x.axis(axis)
    batch = None if x.batch is None else x.batch - depth + where.ndim - 1
    return _placed(call, x, where, new, batch)


def _scatter_elements(call: Call) -> Value:
    x, new = call.x(), call.value(2)
    x.axis(require_axis(call.whole("axis", 0), len(x.dims)))
    return _placed(call, x, _places(call, 1, x.batch), new, x.batch)


def _places(call: Call, index: int, batch: int | None) -> Array:
    """Constant places, for one sample: of size one along the axis `batch`."""
    known = call.known(index, "list of places")
    if known is None:
        raise Refusal("its list of places is missing", "export the model again")
    return _for_one(call, known, batch)


def _for_one(call: Call, known: Known, batch: int | None) -> Array:
    """A constant for one sample, where the file has it for as many along an axis as it has samples."""
    array = single_sample(known)
    if batch is None or array.shape[batch] == 1:
        return array
    first = array.take([0], batch)
    if array.shape[batch] != call.writer.file_batch or np.any(array != first):
        raise Refusal("its constants are other ones for each sample", "a sample must not depend on its number")
    return first


def _placed(call: Call, x: Signal, where: Array, new: Value, batch: int | None) -> Value:
    """x with other elements at some places; `batch` is the axis of those elements that counts samples."""
    if call.text("reduction", "none") != "none":
        raise Refusal(f"it combines by {call.text('reduction', 'none')}", "export it with reduction none")
    if isinstance(new, Signal) and new.batch is not None and (x.batch is None or new.batch != batch):
        raise Refusal("it places elements of samples where there are none", "give both the axis of the samples")
    if isinstance(new, Known):
        new = Known(_for_one(call, new, batch), new.name)
    shape = tuple(1 if axis == batch else n for axis, n in enumerate(new.dims))
    own = tuple(1 if axis == x.batch else n for axis, n in enumerate(x.dims))
    added = (prod(own) + np.arange(prod(shape))).reshape(shape)
    numbers = _numbers_after(call, own, [where, added])
    both = call.writer.concat([_flat(call.writer, x), _flat(call.writer, call.writer.signal(new))], 1)
    return _picked(call.writer, both, numbers, x, x.batch)


def _moved(call: Call, x: Signal, others: list[Array], batch: int | None) -> Value:
    """What the operation makes of x, whose elements it only moves; `batch` is the axis of samples then."""
    own = tuple(1 if axis == x.batch else n for axis, n in enumerate(x.dims))
    return _picked(call.writer, _flat(call.writer, x), _numbers_after(call, own, others), x, batch)


def _numbers_after(call: Call, own: Shape, others: list[Array]) -> Array:
    """Where each element of the result comes from, by what the operation makes of the elements' numbers."""
    (result, *_) = evaluated(call.proto, call.opset, [np.arange(prod(own)).reshape(own), *others])
    return result


def _flat(writer: Writer, x: Signal) -> Signal:
    """[samples, elements], or [1, elements] where no axis counts samples."""
    if x.batch is None:
        return writer.reshape(x, (1, prod(x.dims)))
    if x.dims[x.batch] != BATCH:
        x.axis(x.batch)
    order = [x.batch, *(axis for axis in range(len(x.dims)) if axis != x.batch)]
    turned = writer.transpose(x, order)
    return writer.reshape(turned, (BATCH, prod(turned.dims[1:])))


def _picked(writer: Writer, flat: Signal, numbers: Array, x: Signal, batch: int | None) -> Value:
    """Elements of [samples, elements] by their numbers, in the shape of these, `batch` being the axis of samples."""
    if not numbers.size:
        dims = tuple(BATCH if axis == batch else n for axis, n in enumerate(numbers.shape))
        return empty(dims, x.element)
    picked = writer.gather(flat, 1, numbers.reshape(-1).tolist())
    if batch is None:
        return writer.reshape(picked, numbers.shape)
    rest = [n for axis, n in enumerate(numbers.shape) if axis != batch]
    y = writer.reshape(picked, (BATCH, *rest))
    order = [*range(1, batch + 1), 0, *range(batch + 1, numbers.ndim)]
    return writer.transpose(y, order)


OPERATIONS: Mapping[str, Operation] = {
    "Compress": _compress,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "ScatterElements": _scatter_elements,
    "ScatterND": _scatter_nd,
    "TopK": _top_k,
}
