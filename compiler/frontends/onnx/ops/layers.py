"""Convolutions, matrix products, pooling and normalization by channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

import numpy as np

from nmc.frontends.onnx.call import Call, Operation
from nmc.frontends.onnx.known import numbers, real
from nmc.frontends.onnx.values import BATCH, Known, Refusal, Signal, Value
from nmc.frontends.onnx.writer import Writer
from nmc.graph import Shape
from nmc.nodes import elementwise, product, reduction, tensor

_MOST_IMAGES = 64
_CONV = {1: tensor.Conv1d, 2: tensor.Conv2d}
_TRANSPOSE = {1: product.ConvTranspose1d, 2: product.ConvTranspose2d}
_MAX_POOL = {1: tensor.MaxPool1d, 2: tensor.MaxPool2d}
_AVG_POOL = {1: tensor.AvgPool1d, 2: tensor.AvgPool2d}


def _spatial(call: Call, x: Signal) -> int:
    """The number of spatial axes: one or two."""
    rank = len(x.dims) - 2
    if rank not in (1, 2):
        raise Refusal(f"it works over {rank} spatial axes", "one or two can be done: use slices of the data")
    return rank


def _over_images(writer: Writer, x: Signal, make: Callable[[Signal], Signal]) -> Signal:
    """What `make` gives for x [N, C, ...] where N counts samples; else for each of N images of a sample, joined."""
    if x.dims[0] == BATCH:
        return make(x)
    if x.batch:
        x.axis(x.batch)
    count, inner = x.shape[0], x.dims[1:]
    if count > _MOST_IMAGES:
        what = f"a sample holds {count} images, and at most {_MOST_IMAGES} can be done"
        raise Refusal(what, "import with batch first")
    parts = []
    for index in range(count):
        part = x if count == 1 else writer.slice(Signal(x.node, (count, *inner)), 0, index, index + 1)
        y = make(writer.node(tensor.Reshape, (part,), (BATCH, *inner), shape=inner))
        dims = (x.dims[0], *y.dims[1:])
        parts.append(writer.node(tensor.Reshape, (y,), dims, shape=(1, *y.shape)))
    return parts[0] if count == 1 else writer.node(tensor.Concat, parts, parts[0].dims, axis=0)


def _over_channels(writer: Writer, x: Signal, make: Callable[[Signal], Signal]) -> Signal:
    """What `make`, which treats each channel by itself, gives for x [N, C, ...]."""
    if x.dims[0] == BATCH:
        return make(x)
    if x.batch:
        x.axis(x.batch)
    shape = (x.shape[0] * x.dims[1], *x.dims[2:])
    y = make(writer.node(tensor.Reshape, (x,), (BATCH, *shape), shape=shape))
    dims = (*x.dims[:2], *y.dims[2:])
    return writer.node(tensor.Reshape, (y,), dims, shape=(x.shape[0], *dims[1:]))


def _pads(call: Call, sizes: Shape, kernel: Shape, stride: Shape, dilation: Shape) -> Shape:
    """Padding at the begin of every axis, then at the end."""
    given = call.wholes("pads") or (0,) * 2 * len(sizes)
    mode = call.text("auto_pad", "NOTSET")
    if mode in ("NOTSET", "VALID"):
        if min(given) < 0:
            raise Refusal(f"it has negative padding {list(given)}", "slice the input instead")
        return given if mode == "NOTSET" else (0,) * 2 * len(sizes)
    begin, end = [], []
    for n, k, s, d in zip(sizes, kernel, stride, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        small, large = total // 2, total - total // 2
        begin.append(large if mode == "SAME_LOWER" else small)
        end.append(small if mode == "SAME_LOWER" else large)
    return (*begin, *end)


def _out(n: int, k: int, s: int, pads: int, d: int = 1) -> int:
    return (n + pads - d * (k - 1) - 1) // s + 1


def conv(call: Call) -> Value:
    """Conv, with its weight known."""
    weight = call.known(1, "weight")
    bias = call.known(2, "bias")
    if weight is None:
        raise Refusal("its weight is missing", "export the model again")
    return convolution(call, call.x(), weight, bias)


def convolution(call: Call, x: Signal, weight: Known, bias: Known | None) -> Signal:
    """The convolution that a call's attributes say."""
    writer, rank = call.writer, _spatial(call, x)
    ones = (1,) * rank
    kernel = weight.dims[2:]
    stride, dilation = call.wholes("strides", ones) or ones, call.wholes("dilations", ones) or ones
    pads = _pads(call, x.dims[2:], kernel, stride, dilation)
    facts = {
        "channels": weight.dims[0], "groups": call.whole("group", 1),
        **({} if bias is None else {"bias": writer.array(real(bias).array, bias.name or f"{writer.label}.bias")}),
    }  # fmt: skip
    sizes = tuple(
        _out(n, kernel[i], stride[i], pads[i] + pads[rank + i], dilation[i]) for i, n in enumerate(x.dims[2:])
    )
    if rank == 1 and x.dims[0] != BATCH and x.batch in (None, 0) and x.shape[0] > 1:
        wide = Known(weight.array[:, :, None], weight.name, weight.scale, weight.axis)
        rows = writer.node(tensor.Transpose, (x,), x.dims, permutation=(1, 0, 2))
        y = writer.node(
            tensor.Conv2d, (rows,), x.dims, kernel=(1, *kernel), stride=(1, *stride), dilation=(1, *dilation),
            padding=(0, pads[0], 0, pads[1]), **facts, **writer.weights(wide, f"{weight.name}.2d"),
        )  # fmt: skip
        dims = (x.dims[0], weight.dims[0], *sizes)
        return writer.node(tensor.Transpose, (y,), dims, permutation=(1, 0, 2))

    def layer(image: Signal) -> Signal:
        return writer.node(
            _CONV[rank], (image,), (BATCH, weight.dims[0], *sizes), kernel=kernel, stride=stride, padding=pads,
            dilation=dilation, **facts, **writer.weights(weight),
        )  # fmt: skip

    return _over_images(writer, x, layer)


def _conv_transpose(call: Call) -> Value:
    writer, x = call.writer, call.x()
    rank = _spatial(call, x)
    known, bias = call.known(1, "weight"), call.known(2, "bias")
    if known is None:
        raise Refusal("its weight is missing", "export the model again")
    weight = real(known)
    ones, groups = (1,) * rank, call.whole("group", 1)
    kernel = weight.dims[2:]
    stride, dilation = call.wholes("strides", ones) or ones, call.wholes("dilations", ones) or ones
    extra = call.wholes("output_padding", (0,) * rank) or (0,) * rank
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    full = [s * (n - 1) + r + e for s, n, r, e in zip(stride, x.dims[2:], reach, extra, strict=True)]
    pads = call.wholes("pads") or (0,) * 2 * rank
    wanted = call.wholes("output_shape")
    mode = call.text("auto_pad", "NOTSET")
    if wanted is None and mode.startswith("SAME"):
        wanted = tuple(n * s for n, s in zip(x.dims[2:], stride, strict=True))
    if wanted is not None:
        cut = [max(f - w, 0) for f, w in zip(full, wanted[-rank:], strict=True)]
        extra = tuple(e + max(w - f, 0) for e, f, w in zip(extra, full, wanted[-rank:], strict=True))
        small, large = [c // 2 for c in cut], [c - c // 2 for c in cut]
        pads = (*large, *small) if mode == "SAME_LOWER" else (*small, *large)
        full = [max(f, w) for f, w in zip(full, wanted[-rank:], strict=True)]
    sizes = tuple(f - pads[i] - pads[rank + i] for i, f in enumerate(full))
    facts = {} if bias is None else {"bias": writer.array(real(bias).array, bias.name or f"{writer.label}.bias")}
    channels = weight.dims[1] * groups

    def layer(image: Signal) -> Signal:
        return writer.node(
            _TRANSPOSE[rank], (image,), (BATCH, channels, *sizes), channels=channels, kernel=kernel,
            weight=writer.array(weight.array, weight.name), stride=stride, padding=pads, dilation=dilation,
            output_padding=extra, groups=groups, **facts,
        )  # fmt: skip

    return _over_images(writer, x, layer)


def _gemm(call: Call) -> Value:
    writer = call.writer
    left, right, third = call.value(0), call.value(1), call.given(2)
    alpha, beta = call.number("alpha", 1.0), call.number("beta", 1.0)
    if isinstance(left, Signal) and isinstance(right, Known) and len(right.dims) == 2:
        x = writer.transpose(left, (1, 0)) if call.whole("transA", 0) else left
        weight = right if call.whole("transB", 0) else transposed(right)
        if alpha != 1:
            weight = Known(numbers(weight) * alpha, f"{weight.name}.scaled")
        bias = None
        if isinstance(third, Known) and third.dims in ((), (1,), weight.dims[:1], (1, 1), (1, *weight.dims[:1])):
            values = np.broadcast_to(numbers(third).reshape(-1), weight.dims[:1])
            bias = Known(values * beta if beta != 1 else values, third.name if beta == 1 else "")
        y = writer.linear(x, weight, bias)
        if third is None or bias is not None:
            return y
    else:
        sides = [
            writer.transpose(writer.signal(side), (1, 0)) if call.whole(flag, 0) else side
            for side, flag in ((left, "transA"), (right, "transB"))
        ]
        y = writer.affine(matrix_product(writer, *sides), alpha)
        if third is None:
            return y
    return writer.add(y, third if beta == 1 else writer.affine(third, beta))


def transposed(weight: Known) -> Known:
    """A weight of two axes, the other way round."""
    return Known(weight.array.T, f"{weight.name}.T" if weight.name else "", weight.scale, 1 - weight.axis)


def _matmul(call: Call) -> Value:
    return matrix_product(call.writer, call.value(0), call.value(1))


def matrix_product(writer: Writer, left: Value, right: Value) -> Signal:
    """The product as NumPy's matmul has it; a layer where one side is a known matrix."""
    if isinstance(right, Known) and isinstance(left, Signal) and len(right.dims) == 2:
        return writer.linear(left, transposed(right))
    if isinstance(right, Known) and isinstance(left, Signal) and len(right.dims) == 1:
        row = Known(real(right).array[None], right.name)
        return writer.squeeze(writer.linear(left, row), [-1])
    if isinstance(left, Known) and isinstance(right, Signal) and len(left.dims) == 2 and len(right.dims) >= 2:
        return writer.along(right, len(right.dims) - 2, real(left).array)
    first, second = writer.signal(left), writer.signal(right)
    if len(first.dims) == 1:
        first = writer.reshape(first, (1, *first.dims))
    if len(second.dims) == 1:
        second = writer.reshape(second, (*second.dims, 1))
    y = writer.matmul(first, second)
    gone = [axis for axis, side in ((-2, left), (-1, right)) if len(side.dims) == 1]
    return writer.squeeze(y, gone) if gone else y


def _pool(call: Call) -> Value | tuple[Value, None]:
    writer, x = call.writer, call.x()
    rank = _spatial(call, x)
    ones = (1,) * rank
    kernel = call.wholes("kernel_shape") or ones
    stride, dilation = call.wholes("strides", ones) or ones, call.wholes("dilations", ones) or ones
    if dilation != ones:
        raise Refusal(f"its window is dilated by {list(dilation)}", "use a window without dilation")
    pads = _pads(call, x.dims[2:], kernel, stride, dilation)
    sizes, ends = [], []
    for axis, n in enumerate(x.dims[2:]):
        room = n + pads[axis] + pads[rank + axis] - kernel[axis]
        out = (-(-room // stride[axis]) if call.whole("ceil_mode", 0) else room // stride[axis]) + 1
        if (out - 1) * stride[axis] >= n + pads[axis] and call.whole("ceil_mode", 0):
            out -= 1
        sizes.append(out)
        ends.append(max((out - 1) * stride[axis] - room, 0))
    counts_pads = bool(call.whole("count_include_pad", 0)) and call.kind == "AveragePool"
    if counts_pads and any(ends):  # what the last window reaches beyond the padding counts for nothing
        x = writer.pad(x, (0, 0, *pads[:rank]), (0, 0, *pads[rank:]))
        pads, counts_pads = (0,) * 2 * rank, False
    facts: dict[str, object] = {
        "kernel": kernel, "stride": stride,
        "padding": (*pads[:rank], *(p + e for p, e in zip(pads[rank:], ends, strict=True))),
    }  # fmt: skip
    if call.kind == "AveragePool" and counts_pads and any(pads):
        facts["count_include_pad"] = True
    kind = _AVG_POOL[rank] if call.kind == "AveragePool" else _MAX_POOL[rank]

    def window(image: Signal) -> Signal:
        return writer.node(kind, (image,), (*image.dims[:2], *sizes), x.element, **facts)

    y = _over_channels(writer, x, window)
    return y if call.kind == "AveragePool" else (y, None)


def _global_pool(call: Call) -> Value:
    writer, x = call.writer, call.x()
    axes = range(2, len(x.dims))
    if call.kind == "GlobalMaxPool":
        return writer.reduce(reduction.ReduceMax, x, axes)
    if x.dims[0] == BATCH and len(x.dims) > 2:
        return writer.node(tensor.GlobalAvgPool, (x,), (*x.dims[:2], *(1 for _ in axes)))
    return writer.reduce(reduction.ReduceMean, x, axes)


def _batch_norm(call: Call) -> Value:
    writer, x = call.writer, call.x()
    if call.whole("training_mode", 0) or len([name for name in call.proto.output if name]) > 1:
        raise Refusal("it is in training mode, where samples change one another", "export the model in evaluation mode")
    names = ("scale", "bias", "mean", "variance")
    facts = {name: call.array(index + 1, name) for index, name in enumerate(names)}
    epsilon = call.number("epsilon", 1e-5)
    if x.dims[0] == BATCH and len(x.dims) > 1:
        arrays = {
            name: writer.array(array, getattr(call.known(index + 1, name), "name", ""))
            for index, (name, array) in enumerate(facts.items())
        }
        return writer.node(tensor.BatchNorm, (x,), x.dims, epsilon=epsilon, **arrays)
    gain = facts["scale"] / np.sqrt(facts["variance"].astype(np.float64) + epsilon)
    offset = facts["bias"] - facts["mean"] * gain
    shape = (-1, *(1,) * (len(x.dims) - 2))
    scaled = writer.mul(x, Known(gain.astype(np.float32).reshape(shape)))
    return writer.add(scaled, Known(offset.astype(np.float32).reshape(shape)))


def _lrn(call: Call) -> Value:
    """x / (bias + alpha mean of squares over `size` channels around) ^ beta, the mean counting absent ones as zero."""
    writer, x = call.writer, call.x()
    size = call.whole("size", 1)
    before, after = (size - 1) // 2, size - 1 - (size - 1) // 2

    def squares(image: Signal) -> Signal:
        flat = (1, image.shape[0], prod(image.shape[1:]))
        square = writer.mul(image, image)
        lines = writer.node(tensor.Reshape, (square,), (BATCH, *flat), shape=flat)
        mean = writer.node(
            tensor.AvgPool2d, (lines,), (BATCH, *flat), kernel=(size, 1), stride=(1, 1),
            padding=(before, 0, after, 0), count_include_pad=True,
        )  # fmt: skip
        return writer.node(tensor.Reshape, (mean,), image.dims, shape=image.shape)

    mean = _over_images(writer, x, squares)
    base = writer.affine(mean, call.number("alpha", 1e-4), call.number("bias", 1.0))
    power = Known(np.asarray(call.number("beta", 0.75), np.float32))
    return writer.div(x, writer.broadcast(elementwise.Pow, base, power))


OPERATIONS: Mapping[str, Operation] = {
    "AveragePool": _pool,
    "BatchNormalization": _batch_norm,
    "Conv": conv,
    "ConvTranspose": _conv_transpose,
    "Gemm": _gemm,
    "GlobalAveragePool": _global_pool,
    "GlobalMaxPool": _global_pool,
    "LRN": _lrn,
    "MatMul": _matmul,
    "MaxPool": _pool,
}

