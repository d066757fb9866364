"""What convolutions and pooling share: padding, sizes, and values of which a sample holds several images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from nmc.frontends.onnx.call import Call
from nmc.frontends.onnx.values import BATCH, Refusal, Signal
from nmc.frontends.onnx.writer import Writer
from nmc.graph import Shape
from nmc.nodes import tensor

_MOST_IMAGES = 64
MODES = ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")
"""How padding is found, by `auto_pad`."""


def spatial(call: Call, x: Signal) -> int:
    """The number of spatial axes: one or two."""
    rank = len(x.dims) - 2
    if rank not in (1, 2):
        raise Refusal(f"it works over {rank} spatial axes", "one or two can be done: use slices of the data")
    return rank


def over_images(writer: Writer, x: Signal, make: Callable[[Signal], Signal]) -> Signal:
    """What `make` gives for x [N, C, ...] where N counts samples; else for each of N images of a sample, joined."""
    if x.dims[0] == BATCH:
        return make(x)
    if x.batch:
        x.axis(x.batch)
    count, inner = x.shape[0], x.dims[1:]
    if count > _MOST_IMAGES:
        what = f"a sample holds {count} images, and at most {_MOST_IMAGES} can be done"
        raise Refusal(what, f"give it {_MOST_IMAGES} images at most, or export it with an axis for the batch")
    parts = []
    for index in range(count):
        part = x if count == 1 else writer.slice(Signal(x.node, (count, *inner)), 0, index, index + 1)
        y = make(writer.node(tensor.Reshape, (part,), (BATCH, *inner), shape=inner))
        dims = (x.dims[0], *y.dims[1:])
        parts.append(writer.node(tensor.Reshape, (y,), dims, shape=(1, *y.shape)))
    whole = parts[0] if count == 1 else writer.node(tensor.Concat, parts, parts[0].dims, axis=0)
    return replace(whole, before=x.before)


def over_channels(writer: Writer, x: Signal, make: Callable[[Signal], Signal]) -> Signal:
    """What `make`, which treats each channel by itself, gives for x [N, C, ...]."""
    if x.dims[0] == BATCH:
        return make(x)
    if x.batch:
        x.axis(x.batch)
    shape = (x.shape[0] * x.dims[1], *x.dims[2:])
    y = make(writer.node(tensor.Reshape, (x,), (BATCH, *shape), shape=shape))
    dims = (*x.dims[:2], *y.dims[2:])
    whole = writer.node(tensor.Reshape, (y,), dims, shape=(x.shape[0], *dims[1:]))
    return replace(whole, before=x.before)


def pads_and_mode(call: Call, rank: int) -> tuple[Shape, str]:
    """The padding that a call says, begins first, and how it is found where it says none."""
    given = call.wholes("pads") or (0,) * 2 * rank
    mode = call.choice("auto_pad", *MODES)
    if len(given) != 2 * rank:
        raise Refusal(f"it has padding {list(given)} for {rank} spatial axes", "give two numbers for each axis")
    if mode != "NOTSET" and any(given):
        raise Refusal(f"it has padding {list(given)} and auto_pad {mode}", "give one of the two")
    if min(given) < 0:
        raise Refusal(f"it has negative padding {list(given)}", "slice the input instead")
    return given, mode


def fact_of_axes(call: Call, name: str, rank: int, default: int = 1) -> Shape:
    """An attribute of one number for each spatial axis."""
    given = call.wholes(name) or (default,) * rank
    if len(given) != rank:
        raise Refusal(f"its {name} is {list(given)} for {rank} spatial axes", "give one number for each axis")
    return given


def pads_of(call: Call, sizes: Shape, kernel: Shape, stride: Shape, dilation: Shape) -> Shape:
    """Padding at the begin of every axis, then at the end."""
    given, mode = pads_and_mode(call, len(sizes))
    if mode in ("NOTSET", "VALID"):
        return given
    begin, end = [], []
    for n, k, s, d in zip(sizes, kernel, stride, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        small, large = total // 2, total - total // 2
        begin.append(large if mode == "SAME_LOWER" else small)
        end.append(small if mode == "SAME_LOWER" else large)
    return (*begin, *end)


def out_size(n: int, k: int, s: int, pads: int, d: int = 1) -> int:
    """How many windows of k places, d apart, fit n elements with padding, s apart."""
    return (n + pads - d * (k - 1) - 1) // s + 1
