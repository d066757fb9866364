"""Convolutions, matrix products and normalization by channels."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from nmc.frontends.onnx.call import Call, Operation
from nmc.frontends.onnx.known import numbers, real
from nmc.frontends.onnx.ops.windows import MODES, fact_of_axes, out_size, over_images, pads_and_mode, pads_of, spatial
from nmc.frontends.onnx.values import BATCH, Known, Refusal, Signal, Value
from nmc.frontends.onnx.writer import Writer
from nmc.graph import Shape
from nmc.nodes import elementwise, product, tensor

_CONV = {1: tensor.Conv1d, 2: tensor.Conv2d}
_TRANSPOSE = {1: product.ConvTranspose1d, 2: product.ConvTranspose2d}


def conv(call: Call) -> Value:
    """Conv, with its weight known."""
    weight = call.known(1, "weight")
    bias = call.known(2, "bias")
    if weight is None:
        raise Refusal("its weight is missing", "export the model again")
    return convolution(call, call.x(), weight, bias)


def convolution(call: Call, x: Signal, weight: Known, bias: Known | None) -> Signal:
    """The convolution that a call's attributes say."""
    writer, rank = call.writer, spatial(call, x)
    kernel = _kernel(call, weight, rank)
    stride, dilation = fact_of_axes(call, "strides", rank), fact_of_axes(call, "dilations", rank)
    pads = pads_of(call, x.dims[2:], kernel, stride, dilation)
    facts = {
        "channels": weight.dims[0], "groups": call.whole("group", 1),
        **({} if bias is None else {"bias": writer.array(real(bias).array, bias.name or f"{writer.label}.bias")}),
    }  # fmt: skip
    sizes = tuple(
        out_size(n, kernel[i], stride[i], pads[i] + pads[rank + i], dilation[i]) for i, n in enumerate(x.dims[2:])
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

    return over_images(writer, x, layer)


def _kernel(call: Call, weight: Known, rank: int) -> Shape:
    """The sizes of the kernel. Raises Refusal where the weight has others than the call says."""
    kernel = weight.dims[2:]
    said = fact_of_axes(call, "kernel_shape", rank) if call.given_facts("kernel_shape") else kernel
    if said != kernel or len(kernel) != rank:
        raise Refusal(f"its kernel_shape is {list(said)}, and its weight {list(weight.dims)}", "mend the file")
    return kernel


def _conv_transpose(call: Call) -> Value:
    writer, x = call.writer, call.x()
    rank = spatial(call, x)
    known, bias = call.known(1, "weight"), call.known(2, "bias")
    if known is None:
        raise Refusal("its weight is missing", "export the model again")
    weight = real(known)
    groups, kernel = call.whole("group", 1), _kernel(call, weight, rank)
    stride, dilation = fact_of_axes(call, "strides", rank), fact_of_axes(call, "dilations", rank)
    extra = fact_of_axes(call, "output_padding", rank, 0)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    full = [s * (n - 1) + r + e for s, n, r, e in zip(stride, x.dims[2:], reach, extra, strict=True)]
    wanted = call.wholes("output_shape")
    if wanted is None:
        pads, mode = pads_and_mode(call, rank)
        if mode.startswith("SAME"):
            wanted = tuple(n * s for n, s in zip(x.dims[2:], stride, strict=True))
            if any(w > f for w, f in zip(wanted, full, strict=True)):
                raise Refusal("its stride goes beyond its kernel, with auto_pad", "give it pads instead of auto_pad")
    else:
        call.without_effect("pads")  # they follow from the shape
        mode = call.choice("auto_pad", *MODES)
    if wanted is not None:
        if len(wanted) != rank:
            raise Refusal(f"its output_shape is {list(wanted)} for {rank} spatial axes", "give a size for each axis")
        if any(w - f + e >= s for w, f, e, s in zip(wanted, full, extra, stride, strict=True)):
            raise Refusal(f"its output_shape {list(wanted)} is beyond what it reaches, {full}", "pad the output")
        cut = [max(f - w, 0) for f, w in zip(full, wanted, strict=True)]
        extra = tuple(e + max(w - f, 0) for e, f, w in zip(extra, full, wanted, strict=True))
        small, large = [c // 2 for c in cut], [c - c // 2 for c in cut]
        pads = (*small, *large) if mode == "SAME_UPPER" else (*large, *small)
        full = [max(f, w) for f, w in zip(full, wanted, strict=True)]
    sizes = tuple(f - pads[i] - pads[rank + i] for i, f in enumerate(full))
    facts = {} if bias is None else {"bias": writer.array(real(bias).array, bias.name or f"{writer.label}.bias")}
    channels = weight.dims[1] * groups

    def layer(image: Signal) -> Signal:
        return writer.node(
            _TRANSPOSE[rank], (image,), (BATCH, channels, *sizes), channels=channels, kernel=kernel,
            weight=writer.array(weight.array, weight.name), stride=stride, padding=pads, dilation=dilation,
            output_padding=extra, groups=groups, **facts,
        )  # fmt: skip

    return over_images(writer, x, layer)


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


def _batch_norm(call: Call) -> Value:
    writer, x = call.writer, call.x()
    training = call.whole("training_mode", 0) or (call.opset < 7 and not call.whole("is_test", 0))
    if training or len([name for name in call.proto.output if name]) > 1:
        raise Refusal("it is in training mode, where samples change one another", "export the model in evaluation mode")
    call.without_effect("momentum")
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

    mean = over_images(writer, x, squares)
    base = writer.affine(mean, call.number("alpha", 1e-4), call.number("bias", 1.0))
    power = Known(np.asarray(call.number("beta", 0.75), np.float32))
    return writer.div(x, writer.broadcast(elementwise.Pow, base, power))


OPERATIONS: Mapping[str, Operation] = {
    "BatchNormalization": _batch_norm,
    "Conv": conv,
    "ConvTranspose": _conv_transpose,
    "Gemm": _gemm,
    "LRN": _lrn,
    "MatMul": _matmul,
}

