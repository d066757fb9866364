"""Operations that move, pick and repeat elements."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from math import prod

import numpy as np

from nmc.frontends.onnx.call import Call, Operation, integers, require_axis
from nmc.frontends.onnx.file import LIMIT_PLACES
from nmc.frontends.onnx.known import real
from nmc.frontends.onnx.ops.empty import empty
from nmc.frontends.onnx.values import ACROSS, BATCH, OTHER_BATCH, Known, Refusal, Signal, Value, batch_axis
from nmc.frontends.onnx.writer import Writer, before_samples, broadcast_dims, shown, with_size
from nmc.graph import Shape
from nmc.nodes import elementwise, selection

_MOST_PARTS = 1024


def _identity(call: Call) -> Value:
    return call.x()


def _dropout(call: Call) -> tuple[Value, ...]:
    """x itself, and a mask that lets everything through."""
    known = call.known(2, "training mode") if call.opset >= 12 else None
    training = np.any(known.array) if known is not None else call.opset < 7 and not call.whole("is_test", 0)
    if training:
        raise Refusal("it is in training mode, where it is random", "export the model in evaluation mode")
    call.without_effect("ratio", "seed", operands=(1,))
    x = call.x()
    if len(call.proto.output) < 2:
        return (x,)
    return x, call.writer.expand(Known(np.ones((), np.bool_)), x.dims)


def _shape(call: Call) -> Value:
    dims = call.value(0).dims
    start, end = call.whole("start", 0), call.whole("end", len(dims))
    return _of_dims([*dims[start:end]], _with_other_batch(dims)[start:end])


def _size(call: Call) -> Value:
    dims = call.value(0).dims
    return _of_dims(prod(dims), prod(_with_other_batch(dims)))


def _of_dims(value: int | list[int], other: int | list[int]) -> Known:
    """A number made of sizes, and what it would be with another number of samples."""
    return Known(np.asarray(value, np.int64), other=None if value == other else np.asarray(other, np.int64))


def _with_other_batch(dims: Shape) -> list[int]:
    return [size // BATCH * OTHER_BATCH if size and size % BATCH == 0 else size for size in dims]


def _reshape(call: Call) -> Value:
    x = call.x()
    wanted = call.wholes("shape") if call.opset < 5 else None
    shape = list(wanted if wanted is not None else integers(call.sizes(1, "shape")))
    if not call.whole("allowzero", 0):
        if any(size == 0 and axis >= len(x.dims) for axis, size in enumerate(shape)):
            raise Refusal(f"its shape {shape} copies an axis that is not there", "export the model again")
        shape = [x.dims[axis] if size == 0 else size for axis, size in enumerate(shape)]
    return call.writer.reshape(x, resolved(call.writer, x, shape))


def resolved(writer: Writer, x: Signal, shape: list[int]) -> Shape:
    """`shape` without -1, and with the number of samples where the file has its own for it."""
    total, batch = prod(x.dims), x.batch
    literal = writer.file_batch if batch is not None and batch_axis(tuple(max(n, 1) for n in shape)) is None else None
    rest = prod(size for size in shape if size != -1)
    if literal is not None and -1 in shape and batch is not None and batch < len(shape):
        wide = with_size(tuple(shape), batch, BATCH)
        others = prod(size for size in wide if size != -1)
        if shape[batch] == literal and others and total % others == 0:
            return tuple(total // others if size == -1 else size for size in wide)
    if -1 in shape:
        if rest <= 0 or total % rest:
            raise Refusal(f"its shape {shape} does not hold the elements it gets", "export the model again")
        return tuple(total // rest if size == -1 else size for size in shape)
    if literal is not None and rest * BATCH == total * literal and batch is not None:
        places = [axis for axis, size in enumerate(shape) if size % literal == 0]
        alone = [axis for axis in places if prod(shape[:axis]) == prod(x.dims[:batch])]
        for axis in (*alone, *places):
            dims = with_size(tuple(shape), axis, shape[axis] // literal * BATCH)
            with suppress(Refusal):
                before_samples(x, dims)
                return dims
    return tuple(shape)


def _flatten(call: Call) -> Value:
    x = call.x()
    axis = call.whole("axis", 1)
    axis = axis + len(x.dims) if axis < 0 else axis
    dims = (prod(x.dims[:axis]), prod(x.dims[axis:]))
    return call.writer.reshape(x, dims)


def _squeeze(call: Call) -> Value:
    x = call.x()
    axes = call.axes(1, len(x.dims))
    if axes is None:
        axes = tuple(axis for axis, size in enumerate(x.dims) if size == 1)
    if any(x.dims[axis] != 1 for axis in axes):
        if call.writer.file_batch == 1 and any(x.dims[axis] == BATCH for axis in axes):
            raise Refusal("it takes away the axis that counts samples", ACROSS)
        raise Refusal(f"it takes away axes {list(axes)}, which are not all of size one", "mend the file")
    return call.writer.squeeze(x, axes)


def _unsqueeze(call: Call) -> Value:
    x = call.x()
    axes = call.wholes("axes")
    if axes is None:
        axes = integers(call.array(1, "list of axes"))
    rank = len(x.dims) + len(axes)
    places = {require_axis(axis, rank) for axis in axes}
    if len(places) < len(axes):
        raise Refusal(f"it adds an axis twice: {list(axes)}", "mend the file")
    sizes = iter(x.dims)
    return call.writer.reshape(x, tuple(1 if axis in places else next(sizes) for axis in range(rank)))


def _transpose(call: Call) -> Value:
    x = call.x()
    order = call.wholes("perm") or tuple(reversed(range(len(x.dims))))
    if sorted(order) != list(range(len(x.dims))):
        raise Refusal(f"it permutes axes {list(order)} of a value with {len(x.dims)}", "mend the file")
    return call.writer.transpose(x, order)


def _concat(call: Call) -> Value:
    values = [call.value(index) for index in range(len(call.inputs))]
    axis = require_axis(call.whole("axis", 0), len(values[0].dims))
    parts = [value for value in values if value.dims[axis]]
    return call.writer.concat(parts, axis) if parts else values[0]


def _split(call: Call) -> tuple[Value, ...]:
    x = call.x()
    axis = require_axis(call.whole("axis", 0), len(x.dims))
    x.axis(axis)
    sizes = call.wholes("split")
    if sizes is None and call.given(1) is not None:
        sizes = integers(call.array(1, "list of sizes"))
    if sizes is None:
        count = call.whole("num_outputs", len(call.proto.output))
        if count != len(call.proto.output):
            raise Refusal(f"its num_outputs is {count}, and it has {len(call.proto.output)}", "export the model again")
        each = -(-x.dims[axis] // count)
        sizes = (*(each,) * (count - 1), x.dims[axis] - each * (count - 1))
    if sum(sizes) != x.dims[axis] or min(sizes) < 0:
        raise Refusal(f"it splits {x.dims[axis]} elements into {list(sizes)}", "mend the sizes in the file")
    ends = np.cumsum(sizes).tolist()
    return tuple(
        call.writer.slice(x, axis, end - size, end) if size else empty(with_size(x.dims, axis, 0), x.element)
        for size, end in zip(sizes, ends, strict=True)
    )


def _slice(call: Call) -> Value:
    x = call.x()
    rank, left = len(x.dims), list(x.dims)
    if call.opset < 10:
        starts, ends = call.wholes("starts") or (), call.wholes("ends") or ()
        axes, steps = call.wholes("axes"), None
    else:
        starts, ends = integers(call.sizes(1, "start")), integers(call.sizes(2, "end"))
        axes = None if call.given(3) is None else integers(call.array(3, "list of axes"))
        steps = None if call.given(4) is None else integers(call.array(4, "step"))
    axes = axes if axes is not None else tuple(range(len(starts)))
    for start, end, axis, step in zip(starts, ends, axes, steps or (1,) * len(starts), strict=True):
        place = require_axis(axis, rank)
        if place != x.batch and any(abs(bound) < 1 << 31 and abs(bound) >= BATCH for bound in (start, end)):
            _require_beyond(call, x.dims[place], start, end)
        picked = range(x.dims[place])[slice(start, end, step)]
        if len(picked) == x.dims[place] and step == 1:
            continue
        x.axis(place)
        left[place] = len(picked)
        x = call.writer.gather(x, place, picked) if picked else x
    return x if 0 not in left else empty(tuple(left), x.element)


def _require_beyond(call: Call, size: int, start: int, end: int) -> None:
    """Raise Refusal where a bound that counts samples cuts off some of another axis."""
    bounds = [call.given(index) for index in (1, 2)]
    if any(isinstance(bound, Known) and bound.other is not None for bound in bounds):
        what = f"it cuts an axis of {size} elements at the number of samples ({shown((start, end))})"
        raise Refusal(what, "a sample must not depend on how many there are")


def _gather(call: Call) -> Value:
    data, where = call.value(0), call.value(1)
    axis = require_axis(call.whole("axis", 0), len(data.dims))
    if isinstance(where, Signal):
        return _lookup(call, data, where, axis)
    x = call.x()
    size = x.dims[axis]
    places = [place % size if -size <= place < size else size for place in integers(where.array)]
    if places and max(places) >= size:
        raise Refusal(f"it looks beyond the {size} elements of axis {axis}", "mend the file")
    x.axis(axis)
    if not places:
        return empty((*x.dims[:axis], *where.dims, *x.dims[axis + 1 :]), x.element)
    y = call.writer.gather(x, axis, places)
    return call.writer.reshape(y, (*x.dims[:axis], *where.dims, *x.dims[axis + 1 :]))


def _lookup(call: Call, table: Value, where: Signal, axis: int) -> Value:
    if isinstance(table, Signal) or axis != 0:
        raise Refusal("where it looks depends on the model's input", "look up rows of a constant table instead")
    rows = real(table).array.reshape(table.dims[0], -1)
    facts = {"rows": rows.shape[0], "features": rows.shape[1], "weight": call.writer.array(rows, table.name)}
    y = call.writer.node(selection.Embedding, (where,), (*where.dims, rows.shape[1]), **facts)
    return call.writer.reshape(y, (*where.dims, *table.dims[1:]))


def _expand(call: Call) -> Value:
    x, shape = call.x(), integers(call.sizes(1, "shape"))
    dims = broadcast_dims(x.dims, shape)
    return call.writer.expand(x, shape) if 0 not in dims else empty(dims, x.element)


def _tile(call: Call) -> Value:
    x = call.x()
    for axis, count in enumerate(integers(call.array(1, "list of repeats"))):
        if not 0 <= count <= _MOST_PARTS:
            raise Refusal(f"it repeats {count} times", f"repeat up to {_MOST_PARTS} times")
        if not count:
            x.axis(axis)
            return empty(with_size(x.dims, axis, 0), x.element)
        x = call.writer.concat([x] * count, axis) if count > 1 else x
    return x


def _depth_to_space(call: Call) -> Value:
    writer, x = call.writer, call.x()
    n, c, h, w = x.dims
    b = call.whole("blocksize", 1)
    if call.choice("mode", "DCR", "CRD") == "DCR":
        parts = writer.reshape(x, (n, b, b, c // (b * b), h, w))
        moved = writer.transpose(parts, (0, 3, 4, 1, 5, 2))
    else:
        parts = writer.reshape(x, (n, c // (b * b), b, b, h, w))
        moved = writer.transpose(parts, (0, 1, 4, 2, 5, 3))
    return writer.reshape(moved, (n, c // (b * b), h * b, w * b))


def _space_to_depth(call: Call) -> Value:
    writer, x = call.writer, call.x()
    n, c, h, w = x.dims
    b = call.whole("blocksize", 1)
    parts = writer.reshape(x, (n, c, h // b, b, w // b, b))
    order = (0, 1, 3, 5, 2, 4) if call.choice("mode", "DCR", "CRD") == "CRD" else (0, 3, 5, 1, 2, 4)
    moved = writer.transpose(parts, order)
    return writer.reshape(moved, (n, c * b * b, h // b, w // b))


def _one_hot(call: Call) -> Value:
    writer, x = call.writer, call.x()
    depth = int(call.scalar(1, "depth", 0))
    if not 0 < depth <= LIMIT_PLACES:
        raise Refusal(f"its depth is {depth:,}", f"give it a depth of 1 to {LIMIT_PLACES:,}")
    off, on = (float(value) for value in call.array(2, "pair of values").reshape(-1))
    rank = len(x.dims) + 1
    axis = require_axis(call.whole("axis", -1), rank)
    shape = tuple(depth if place == axis else 1 for place in range(rank))
    numbers = np.arange(depth, dtype=np.float32).reshape(shape)
    column = writer.reshape(x, (*x.dims[:axis], 1, *x.dims[axis:]))
    hits = [writer.broadcast(elementwise.Equal, column, Known(numbers - shift)) for shift in (0, depth)]
    return writer.affine(writer.add(*hits), on - off, off)


def _trilu(call: Call) -> Value:
    x = call.x()
    k = int(call.scalar(1, "diagonal", 0))
    for axis in (-1, -2):
        x.axis(require_axis(axis, len(x.dims)))
    ones = np.ones(x.dims[-2:], np.float32)
    mask = np.triu(ones, k) if call.whole("upper", 1) else np.tril(ones, k)
    return call.writer.mul(x, Known(mask))


def _cum_sum(call: Call) -> Value:
    x = call.x()
    axis = require_axis(int(call.scalar(1, "axis", 0)), len(x.dims))
    x.axis(axis)
    if x.dims[axis] > 1 << 12:
        raise Refusal(f"it adds up {x.dims[axis]} elements", f"add up to {1 << 12}")
    matrix = np.tril(np.ones((x.dims[axis], x.dims[axis]), np.float32), -call.whole("exclusive", 0))
    return call.writer.along(x, axis, matrix.T if call.whole("reverse", 0) else matrix)


OPERATIONS: Mapping[str, Operation] = {
    "Concat": _concat,
    "CumSum": _cum_sum,
    "DepthToSpace": _depth_to_space,
    "Dropout": _dropout,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "Identity": _identity,
    "OneHot": _one_hot,
    "Reshape": _reshape,
    "Shape": _shape,
    "Size": _size,
    "Slice": _slice,
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": _transpose,
    "Trilu": _trilu,
    "Unsqueeze": _unsqueeze,
}
