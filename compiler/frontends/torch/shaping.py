"""ATen's operations that shape, join, part and repeat tensors, or make them of sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

import numpy as np

from nmc.frontends.torch.call import Call, Operation, Value


def _flatten(call: Call) -> str:
    """The product of some axes, by a shape of zeros (as they are) and one -1."""
    rank = len(call.shape())
    first, last = call.whole(1, "start_dim") % rank, call.whole(2, "end_dim", -1) % rank
    if first == 1 and last == rank - 1:
        return call.graph.node("Flatten", call.x(), axis=1)
    sizes = call.shape()
    after = [size or 0 for size in sizes[last + 1 :]]
    return call.graph.node("Reshape", call.x(), call.graph.integers(*(0,) * first, -1, *after))


def _view(call: Call) -> str:
    if "dtype" in call.declared:
        raise ValueError("it takes the bits of numbers for those of another type")
    return call.graph.node("Reshape", call.x(), call.sizes(1, "size"))


def _permute(call: Call) -> str:
    rank = len(call.shape())
    return call.graph.node("Transpose", call.x(), perm=[axis % rank for axis in call.wholes(1, "dims")])


def _transpose(call: Call) -> str:
    order = list(range(len(call.shape())))
    a, b = call.whole(1, "dim0"), call.whole(2, "dim1")
    order[a], order[b] = order[b], order[a]
    return call.graph.node("Transpose", call.x(), perm=order)


def _turn(call: Call) -> str:
    order = list(range(len(call.shape())))[::-1]
    return call.graph.node("Transpose", call.x(), perm=order)


def _squeeze(call: Call) -> str:
    sizes = call.shape()
    axes = [axis % len(sizes) for axis in call.wholes(1, "dim", [i for i, size in enumerate(sizes) if size == 1])]
    axes = [axis for axis in axes if sizes[axis] == 1]
    return call.graph.node("Squeeze", call.x(), call.graph.integers(*axes)) if axes else call.x()


def _unsqueeze(call: Call) -> str:
    return call.graph.node("Unsqueeze", call.x(), call.graph.integers(call.whole(1, "dim")))


def _cat(call: Call, new_axis: bool = False) -> str:
    tensors, axis = call.given(0), call.whole(1, "dim")
    assert isinstance(tensors, list | tuple)
    names = [call.value(tensor) for tensor in tensors]
    if new_axis:
        names = [call.graph.node("Unsqueeze", name, call.graph.integers(axis)) for name in names]
    return call.graph.node("Concat", *names, axis=axis)


def _slice(call: Call) -> str:
    start, stop = call.given(2, "start"), call.given(3, "end")
    bounds = [
        call.graph.integers(limit) if isinstance(limit, int)
        else call.graph.node("Reshape", call.value(limit), call.graph.integers(1))
        for limit in (0 if start is None else start, (1 << 62) if stop is None else stop)
    ]  # fmt: skip
    axis, step = call.whole(1, "dim"), call.whole(4, "step", 1)
    return call.graph.node("Slice", call.x(), *bounds, call.graph.integers(axis), call.graph.integers(step))


def _select(call: Call) -> str:
    index = call.graph.constant(call.whole(2, "index"), np.int64)
    return call.graph.node("Gather", call.x(), index, axis=call.whole(1, "dim"))


def _index(call: Call) -> str:
    """x[:, i] with one list of places."""
    lists = call.given(1, "indices")
    assert isinstance(lists, list | tuple)
    axes = [axis for axis, entry in enumerate(lists) if entry is not None]
    if len(axes) != 1 or "int" not in str(lists[axes[0]].meta["val"].dtype):
        raise ValueError("it picks by masks, or along several axes at once: it takes one list of whole numbers")
    return call.graph.node("Gather", call.x(), call.value(lists[axes[0]]), axis=axes[0])


def _flip(call: Call) -> str:
    axes = call.wholes(1, "dims")
    last, first, step = ([number] * len(axes) for number in (-1, -(1 << 62), -1))
    return call.graph.node("Slice", call.x(), *(call.graph.integers(*part) for part in (last, first, axes, step)))


def _index_select(call: Call) -> str:
    return call.graph.node("Gather", call.x(), call.x(2), axis=call.whole(1, "dim"))


def _split(call: Call) -> Value:
    """Parts of one size, the last perhaps smaller, or of given sizes."""
    axis = call.whole(2, "dim")
    size = call.shape()[axis]
    if size is None:
        raise ValueError("it splits samples")
    parts = call.given(1)
    if isinstance(parts, int):
        sizes = [min(parts, size - start) for start in range(0, size, parts)]
    else:
        sizes = list(call.wholes(1))
    return call.graph.outputs("Split", (call.x(), call.graph.integers(*sizes)), len(sizes), {"axis": axis})


def _expand(call: Call) -> str:
    """-1 keeps an axis; ONNX says so by 1."""
    return call.graph.node("Expand", call.x(), call.sizes(1, "size", kept=1))


def _repeat(call: Call) -> str:
    repeats = call.given(1, "repeats")
    assert isinstance(repeats, list | tuple)
    x, missing = call.x(), len(repeats) - len(call.shape())
    if missing > 0:
        x = call.graph.node("Unsqueeze", x, call.graph.integers(*range(missing)))
    return call.graph.node("Tile", x, call.sizes(1, "repeats"))


def _pad(call: Call) -> str:
    """PyTorch pads from the last axis backwards, (begin, end) each; ONNX all begins, then all ends."""
    mode = call.named("mode", "constant")
    rank, given = len(call.shape()), call.wholes(1, "pad")
    if len(given) // 2 > rank:
        raise ValueError("it pads more axes than there are")
    begin, end = [0] * rank, [0] * rank
    for place in range(len(given) // 2):
        begin[rank - 1 - place], end[rank - 1 - place] = given[2 * place], given[2 * place + 1]
    if mode != "constant":
        call.without("value")
        return _repeated(call, str(mode), begin, end)
    index = 3 if call.node.target.__name__.startswith("pad.") else 2
    value = call.graph.constant(call.number(index, "value", 0.0) if call.given(index, "value") else 0.0, np.float32)
    return call.graph.node("Pad", call.x(), call.graph.integers(*begin, *end), value)


def _repeated(call: Call, mode: str, begin: Sequence[int], end: Sequence[int]) -> str:
    """Padding by the tensor's own entries: along each axis, a list of the places that they come from."""
    modes: Mapping[str, Literal["reflect", "edge", "wrap"]] = {
        "reflect": "reflect", "replicate": "edge", "circular": "wrap"
    }  # fmt: skip
    y = call.x()
    for axis, (size, before, after) in enumerate(zip(call.shape(), begin, end, strict=True)):
        if not before and not after:
            continue
        if mode not in modes or size is None or min(before, after) < 0:
            raise ValueError(f"it pads axis {axis} by {(before, after)} in mode {mode!r}")
        places = np.pad(np.arange(size), (before, after), mode=modes[mode])
        y = call.graph.node("Gather", y, call.graph.integers(*map(int, places)), axis=axis)
    return y


def _size(call: Call) -> str:
    shape = call.graph.node("Shape", call.x())
    return call.graph.node("Gather", shape, call.graph.constant(call.whole(1), np.int64), axis=0)


def _full(call: Call, fill: float | None = None) -> str:
    """One number in a shape, which may depend on the number of samples."""
    call.without("dtype")
    number = call.number(1) if fill is None else fill
    return call.graph.node("Expand", call.graph.constant(number, call.kind()), call.sizes(0))


def _full_like(call: Call) -> str:
    call.without("dtype")
    number = call.graph.constant(call.number(1, "fill_value"), call.kind())
    return call.graph.node("Expand", number, call.graph.node("Shape", call.x()))


def _scalar(call: Call) -> str:
    call.without("dtype")
    return call.graph.constant(call.number(0), call.kind())


def _arange(call: Call) -> str:
    call.without("dtype")
    given = call.declared[: len(call.node.args)]
    numbers = [call.number(i) for i, name in enumerate(given) if name in ("start", "end", "step")]
    return call.graph.constant(np.arange(*numbers), call.kind())


OPERATIONS: Mapping[str, Operation] = {
    **dict.fromkeys(("view", "reshape", "_unsafe_view"), _view),
    **dict.fromkeys(("pad", "constant_pad_nd"), _pad),
    "flatten": _flatten, "permute": _permute, "transpose": _transpose, "t": _turn, "squeeze": _squeeze,
    "unsqueeze": _unsqueeze, "cat": _cat, "stack": partial(_cat, new_axis=True), "slice": _slice, "select": _select,
    "index_select": _index_select, "split": _split, "split_with_sizes": _split, "expand": _expand, "repeat": _repeat,
    "index": _index, "flip": _flip, "full_like": _full_like, "scalar_tensor": _scalar, "sym_size": _size,
    "full": _full, "zeros": partial(_full, fill=0.0), "ones": partial(_full, fill=1.0), "arange": _arange,
}  # fmt: skip
"""What says each of these operations, by its name in ATen without overload."""
