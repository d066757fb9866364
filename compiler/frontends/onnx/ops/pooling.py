"""Pooling: windows that slide over the spatial axes, dilated ones too, and over all of them at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from nmc.frontends.onnx.call import Call, Operation
from nmc.frontends.onnx.ops.windows import fact_of_axes, over_channels, pads_of, spatial
from nmc.frontends.onnx.values import BATCH, Known, Refusal, Signal, Value
from nmc.frontends.onnx.writer import Writer
from nmc.graph import Shape
from nmc.nodes import elementwise, reduction, tensor

_MAX_POOL = {1: tensor.MaxPool1d, 2: tensor.MaxPool2d}
_AVG_POOL = {1: tensor.AvgPool1d, 2: tensor.AvgPool2d}
_CONV = {1: tensor.Conv1d, 2: tensor.Conv2d}


@dataclass(frozen=True)
class _Windows:
    """Where the windows of a call lie: `sizes` of them along each axis, the last reaching `ends` beyond the padding."""

    kernel: Shape
    stride: Shape
    dilation: Shape
    pads: Shape
    sizes: Shape
    ends: Shape

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.kernel)

    @property
    def reaching(self) -> Shape:
        """The padding with what the last windows reach beyond it."""
        last = (p + e for p, e in zip(self.pads[self.rank :], self.ends, strict=True))
        return (*self.pads[: self.rank], *last)

    def places(self, axis: int) -> list[list[int]]:
        """The places that each window along an axis looks at, counted from the first element."""
        k, s, d, p = (fact[axis] for fact in (self.kernel, self.stride, self.dilation, self.pads))
        return [[o * s - p + i * d for i in range(k)] for o in range(self.sizes[axis])]

    def counts(self, n: Shape, with_pads: bool) -> np.ndarray:
        """How many elements each window holds, padding included or not: [sizes]."""
        lines = []
        for axis, size in enumerate(n):
            low, high = (-self.pads[axis], size + self.pads[self.rank + axis]) if with_pads else (0, size)
            lines.append(np.asarray([sum(low <= at < high for at in window) for window in self.places(axis)]))
        return np.asarray([prod(entries) for entries in product(*lines)]).reshape(self.sizes)


def _windows(call: Call, x: Signal) -> _Windows:
    rank = spatial(call, x)
    kernel = fact_of_axes(call, "kernel_shape", rank)
    stride, dilation = fact_of_axes(call, "strides", rank), fact_of_axes(call, "dilations", rank)
    _require_agreed(call, x.dims[2:], kernel, stride, dilation)
    pads = pads_of(call, x.dims[2:], kernel, stride, dilation)
    up = bool(call.whole("ceil_mode", 0))
    sizes, ends = [], []
    for axis, n in enumerate(x.dims[2:]):
        room = n + pads[axis] + pads[rank + axis] - dilation[axis] * (kernel[axis] - 1) - 1
        out = (-(-room // stride[axis]) if up else room // stride[axis]) + 1
        if up and (out - 1) * stride[axis] >= n + pads[axis]:  # it would hold padding only
            out -= 1
        if out < 1:
            raise Refusal(f"its window is larger than the {n} elements of axis {axis + 2}", "use a smaller window")
        sizes.append(out)
        ends.append(max((out - 1) * stride[axis] - room, 0))
    return _Windows(kernel, stride, dilation, pads, tuple(sizes), tuple(ends))


def _require_agreed(call: Call, sizes: Shape, kernel: Shape, stride: Shape, dilation: Shape) -> None:
    """Raise Refusal for padding that ONNX's text and ONNX Runtime find differently, or not at all."""
    mode = call.text("auto_pad", "NOTSET")
    if not mode.startswith("SAME"):
        return
    if any(d > 1 for d in dilation):
        raise Refusal(f"its window is dilated, and its auto_pad {mode}", "give it pads instead of auto_pad")
    if any((-(-n // s) - 1) * s + k < n for n, k, s in zip(sizes, kernel, stride, strict=True)):
        what = f"its auto_pad is {mode}, and its windows leave out the last elements"
        raise Refusal(what, "give it pads instead of auto_pad")


def _average_pool(call: Call) -> Value:
    writer, x = call.writer, call.x()
    windows = _windows(call, x)
    with_pads = bool(call.whole("count_include_pad", 0))
    if call.opset < 7 and any(windows.pads):
        raise Refusal(f"opset {call.opset} leaves open whether padding counts", "convert with onnx.version_converter")
    if any(d > 1 for d in windows.dilation):
        counts = windows.counts(x.dims[2:], with_pads)
        total = _sums(writer, x, windows, 1.0 / prod(windows.kernel))
        share = prod(windows.kernel) / counts
        return total if np.all(share == 1) else writer.mul(total, Known(share.astype(np.float32)))
    pads, reaching = windows.pads, windows.reaching
    if with_pads and any(windows.ends):  # what the last window reaches beyond the padding counts for nothing
        rank = windows.rank
        x = writer.pad(x, (0, 0, *pads[:rank]), (0, 0, *pads[rank:]))
        reaching, with_pads = (*(0,) * rank, *windows.ends), False
    facts: dict[str, object] = {"kernel": windows.kernel, "stride": windows.stride, "padding": reaching}
    if with_pads and any(pads):
        facts["count_include_pad"] = True

    def window(image: Signal) -> Signal:
        return writer.node(_AVG_POOL[windows.rank], (image,), (*image.dims[:2], *windows.sizes), **facts)

    return over_channels(writer, x, window)


def _sums(writer: Writer, x: Signal, windows: _Windows, factor: float) -> Signal:
    """The sum over each window, times a factor; padding counts as zeros."""
    def layer(image: Signal) -> Signal:
        channels = image.dims[1]
        weight = np.full((channels, 1, *windows.kernel), factor, np.float32)
        return writer.node(
            _CONV[windows.rank], (image,), (*image.dims[:2], *windows.sizes), channels=channels, groups=channels,
            kernel=windows.kernel, stride=windows.stride, dilation=windows.dilation, padding=windows.reaching,
            weight=writer.array(weight, f"{writer.label}.window"),
        )  # fmt: skip

    return over_channels(writer, x, layer)


def _max_pool(call: Call) -> tuple[Value, None]:
    call.without_effect("storage_order")  # it says how places are counted
    writer, x = call.writer, call.x()
    windows = _windows(call, x)
    if any(d > 1 for d in windows.dilation):
        return _dilated_max(writer, x, windows), None

    def window(image: Signal) -> Signal:
        dims = (*image.dims[:2], *windows.sizes)
        facts = {"kernel": windows.kernel, "stride": windows.stride, "padding": windows.reaching}
        return writer.node(_MAX_POOL[windows.rank], (image,), dims, x.element, **facts)

    return over_channels(writer, x, window), None


def _dilated_max(writer: Writer, x: Signal, windows: _Windows) -> Signal:
    """The largest of a slice for each place in the window, axis by axis.

    A place in the padding is another one of the same window, which does not change its largest.
    """
    for axis in range(windows.rank):
        n = x.dims[2 + axis]
        rows = [[at for at in row if 0 <= at < n] for row in windows.places(axis)]
        if not all(rows):
            raise Refusal("a window holds padding only", "use less padding")
        parts = [
            writer.gather(x, 2 + axis, [at if 0 <= at < n else own[0] for at, own in zip(column, rows, strict=True)])
            for column in zip(*windows.places(axis), strict=True)
        ]
        x = parts[0] if len(parts) == 1 else writer.broadcast(elementwise.Maximum, *parts, element=x.element)
    return x


def _lp_pool(call: Call) -> Value:
    """The root of the sum of powers over each window."""
    x, p = call.x(), call.number("p", 2.0)
    return _root(call.writer, _sums(call.writer, _power(call.writer, x, p), _windows(call, x), 1.0), p)


def _power(writer: Writer, x: Signal, p: float) -> Signal:
    if p == 2:
        return writer.mul(x, x)
    size = writer.unary(elementwise.Abs, x)
    return size if p == 1 else writer.broadcast(elementwise.Pow, size, Known(np.asarray(p, np.float32)))


def _root(writer: Writer, x: Signal, p: float) -> Signal:
    if p == 2:
        return writer.unary(elementwise.Sqrt, x)
    return x if p == 1 else writer.broadcast(elementwise.Pow, x, Known(np.asarray(1 / p, np.float32)))


def _global_average_pool(call: Call) -> Value:
    writer, x = call.writer, call.x()
    axes = range(2, len(x.dims))
    if x.dims[0] == BATCH and len(x.dims) > 2:
        return writer.node(tensor.GlobalAvgPool, (x,), (*x.dims[:2], *(1 for _ in axes)))
    return writer.reduce(reduction.ReduceMean, x, axes)


def _global_max_pool(call: Call) -> Value:
    x = call.x()
    return call.writer.reduce(reduction.ReduceMax, x, range(2, len(x.dims)))


def _global_lp_pool(call: Call) -> Value:
    writer, x, p = call.writer, call.x(), call.number("p", 2.0)
    total = writer.reduce(reduction.ReduceSum, _power(writer, x, p), range(2, len(x.dims)))
    return _root(writer, total, p)


OPERATIONS: Mapping[str, Operation] = {
    "AveragePool": _average_pool,
    "GlobalAveragePool": _global_average_pool,
    "GlobalLpPool": _global_lp_pool,
    "GlobalMaxPool": _global_max_pool,
    "LpPool": _lp_pool,
    "MaxPool": _max_pool,
}
