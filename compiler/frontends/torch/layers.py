"""ATen's layers: products, convolutions, normalization and attention."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from nmc.frontends.torch.call import Call, Operation, Value, plain
from nmc.frontends.torch.elementwise import DROP_IN_TRAINING
from nmc.frontends.torch.graph import Attribute


def _softmax(call: Call, kind: str = "Softmax") -> str:
    call.without("half_to_float")
    return call.graph.node(kind, call.x(), axis=call.whole(1, "dim"))


def _linear(call: Call) -> str:
    bias = call.optional(2, "bias")
    if len(call.shape()) == 2:
        return call.graph.node("Gemm", call.x(), call.x(1), *filter(None, (bias,)), transB=1)
    y = call.graph.node("MatMul", call.x(), call.graph.node("Transpose", call.x(1), perm=[1, 0]))
    return call.graph.node("Add", y, bias) if bias else y


def _addmm(call: Call) -> str:
    product, added = call.graph.node("MatMul", call.x(1), call.x(2)), call.x()
    if (alpha := call.named("alpha", 1)) != 1:
        product = call.graph.node("Mul", product, call.value(alpha))
    if (beta := call.named("beta", 1)) != 1:
        added = call.graph.node("Mul", added, call.value(beta))
    return call.graph.node("Add", product, added)


def _attention(call: Call) -> str:
    """Scaled dot product attention: softmax(q k^T scale + mask) v over the last two axes."""
    query, key, value = (call.x(i) for i in range(3))
    if call.number(4, "dropout_p"):
        raise ValueError("it drops at random, in evaluation too", DROP_IN_TRAINING)
    if call.named("enable_gqa"):
        raise ValueError("it shares keys between heads")
    width, rank = call.shape()[-1], len(call.shape())
    given = call.named("scale")
    scale = float(given) if isinstance(given, int | float) else float(width or 1) ** -0.5
    turned = call.graph.node("Transpose", key, perm=[*range(rank - 2), rank - 1, rank - 2])
    scores = call.graph.node("MatMul", call.graph.node("Mul", query, call.graph.constant(scale, np.float32)), turned)
    if mask := call.optional(3, "attn_mask"):
        _require_places(call, mask)
        if not call.is_real(call.given(3, "attn_mask")):
            nothing, never = (call.graph.constant(number, np.float32) for number in (0.0, -np.inf))
            mask = call.graph.node("Where", mask, nothing, never)
        scores = call.graph.node("Add", scores, mask)
    if call.given(5, "is_causal", False):
        rows, columns = call.shape()[-2], call.shape(call.given(1))[-2]
        if rows is None or columns is None:
            raise ValueError("its causal mask depends on the number of samples")
        later = np.triu(np.full((rows, columns), -np.inf, np.float32), 1)
        scores = call.graph.node("Add", scores, call.graph.constant(later))
    return call.graph.node("MatMul", call.graph.node("Softmax", scores, axis=-1), value)


def _require_places(call: Call, mask: str) -> None:
    """Raise ValueError for a mask known now that leaves nothing to attend to: there PyTorch has zeros, no softmax."""
    known = call.graph.known(mask)
    if known is not None and not (known if known.dtype == np.bool_ else np.isfinite(known)).any(-1).all():
        raise ValueError("its mask leaves a place nothing to attend to: let each place attend to one at least")


def _conv(call: Call) -> str:
    rank = _spatial(call)
    padding, kernel = call.given(4, "padding", 0), _kernel(call, rank)
    dilation = call.wholes(5, "dilation", (1,) * rank, rank)
    if padding == "same":
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        pads = (*(n // 2 for n in total), *(n - n // 2 for n in total))
    else:
        pads = (0,) * 2 * rank if padding == "valid" else call.wholes(4, "padding", (0,) * rank, rank) * 2
    return call.graph.node(
        "Conv", *_operands(call), strides=call.wholes(3, "stride", (1,) * rank, rank), dilations=dilation, pads=pads,
        group=call.whole(6, "groups", 1), kernel_shape=kernel,
    )  # fmt: skip


def _spatial(call: Call) -> int:
    """How many axes a convolution works over."""
    rank = len(call.shape(call.given(1))) - 2
    call.require_samples(rank)
    return rank


def _operands(call: Call) -> tuple[str, ...]:
    """Input, weight and, if there is one, bias."""
    bias = call.optional(2, "bias")
    return (call.x(), call.x(1), bias) if bias else (call.x(), call.x(1))


def _kernel(call: Call, rank: int) -> list[int]:
    return [size or 1 for size in call.shape(call.given(1))[-rank:]]


def _conv_transpose(call: Call) -> str:
    rank = _spatial(call)
    return call.graph.node(
        "ConvTranspose", *_operands(call), kernel_shape=_kernel(call, rank),
        strides=call.wholes(3, "stride", (1,) * rank, rank), pads=call.wholes(4, "padding", (0,) * rank, rank) * 2,
        output_padding=call.wholes(5, "output_padding", (0,) * rank, rank), group=call.whole(6, "groups", 1),
        dilations=call.wholes(7, "dilation", (1,) * rank, rank),
    )  # fmt: skip


def _convolution(call: Call) -> str:
    """Core ATen's: x, weight, bias, stride, padding, dilation, whether transposed, output padding, groups."""
    rank = _spatial(call)
    facts: dict[str, Attribute] = {
        "strides": call.wholes(3, rank=rank), "pads": call.wholes(4, rank=rank) * 2,
        "dilations": call.wholes(5, rank=rank), "group": call.whole(8), "kernel_shape": _kernel(call, rank),
    }  # fmt: skip
    if call.given(6):
        return call.graph.node("ConvTranspose", *_operands(call), output_padding=call.wholes(7, rank=rank), **facts)
    call.without("output_padding")
    return call.graph.node("Conv", *_operands(call), **facts)


def _batch_norm(call: Call, training: int | None = None) -> Value:
    """Batch normalization; `training` is where the argument is that must be false, the epsilon comes 2 later."""
    if training is not None and call.given(training):
        raise ValueError("it normalizes by the batch's statistics", "let it track running statistics, as by default")
    call.without("momentum")
    channels = call.shape()[1]
    ones, zeros = (np.full(channels or 1, number, np.float32) for number in (1.0, 0.0))
    scale, bias = call.optional(1) or call.graph.constant(ones), call.optional(2) or call.graph.constant(zeros)
    epsilon = call.number(6 if training is None else training + 2)
    y = call.graph.node("BatchNormalization", call.x(), scale, bias, call.x(3), call.x(4), epsilon=epsilon)
    return y if training is not None else (y, "", "")


def _layer_norm(call: Call) -> str:
    axes = call.wholes(1)
    weight = call.optional(2, "weight") or call.graph.constant(np.ones(axes, np.float32))
    inputs = (call.x(), weight, *filter(None, (call.optional(3, "bias"),)))
    return call.graph.node("LayerNormalization", *inputs, axis=-len(axes), epsilon=call.number(4, "eps", 1e-5))


def _native_layer_norm(call: Call) -> Value:
    return (_layer_norm(call), "", "")


def _instance_norm(call: Call) -> str:
    if not call.given(5):
        raise ValueError("it normalizes by statistics of its own: use BatchNorm")
    call.without("running_mean", "running_var", "momentum")
    channels = call.shape()[1] or 1
    scale = call.optional(1) or call.graph.constant(np.ones(channels, np.float32))
    bias = call.optional(2) or call.graph.constant(np.zeros(channels, np.float32))
    return call.graph.node("InstanceNormalization", call.x(), scale, bias, epsilon=call.number(7))


def _group_norm(call: Call) -> str:
    channels = call.shape()[1] or 1
    weight = call.optional(2, "weight") or call.graph.constant(np.ones(channels, np.float32))
    bias = call.optional(3, "bias") or call.graph.constant(np.zeros(channels, np.float32))
    epsilon = call.number(4, "eps", 1e-5)
    return call.graph.node("GroupNormalization", call.x(), weight, bias, num_groups=call.whole(1), epsilon=epsilon)


def _embedding(call: Call) -> str:
    """Rows by number; what else is given tells gradients alone."""
    call.without("padding_idx", "scale_grad_by_freq", "sparse")
    return call.graph.node("Gather", call.x(), call.x(1), axis=0)


OPERATIONS: Mapping[str, Operation] = {
    **dict.fromkeys(("matmul", "mm", "bmm"), plain("MatMul", 2)),
    **dict.fromkeys(("softmax", "_softmax"), _softmax),
    **dict.fromkeys(("log_softmax", "_log_softmax"), partial(_softmax, kind="LogSoftmax")),
    **dict.fromkeys(("conv1d", "conv2d"), _conv),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d"), _conv_transpose),
    "linear": _linear, "addmm": _addmm, "scaled_dot_product_attention": _attention, "convolution": _convolution,
    "batch_norm": partial(_batch_norm, training=5), "_native_batch_norm_legit_no_training": _batch_norm,
    "layer_norm": _layer_norm, "native_layer_norm": _native_layer_norm, "group_norm": _group_norm,
    "instance_norm": _instance_norm,
    "embedding": _embedding,
}  # fmt: skip
"""What says each of these operations, by its name in ATen without overload."""
