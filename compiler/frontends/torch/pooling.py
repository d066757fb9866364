"""ATen's pooling and interpolation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from nmc.frontends.torch.call import Call, Operation, Value
from nmc.frontends.torch.graph import Attribute


def _window(call: Call, kind: str, rank: int, outputs: int = 1) -> Value:
    """Pooling; average pooling says in another place whether windows reach over the end."""
    call.require_samples(rank)
    kernel = call.wholes(1, "kernel_size", rank=rank)
    stride = call.wholes(2, "stride", kernel, rank)
    facts: dict[str, Attribute] = {
        "kernel_shape": kernel,
        "strides": stride,
        "pads": call.wholes(3, "padding", (0,) * rank, rank) * 2,
    }
    if kind == "MaxPool":
        facts["dilations"] = call.wholes(4, "dilation", (1,) * rank, rank)
        facts["ceil_mode"] = int(bool(call.given(5, "ceil_mode", False)))
    else:
        if not call.is_real(call.given(0)):
            raise ValueError("it averages whole numbers to whole numbers: make them real first")
        facts["ceil_mode"] = int(bool(call.given(4, "ceil_mode", False)))
        facts["count_include_pad"] = int(bool(call.given(5, "count_include_pad", True)))
        if call.given(6, "divisor_override") is not None:
            raise ValueError("it divides by a number of its own")
    y = call.graph.node(kind, call.x(), **facts)
    return y if outputs == 1 else (y, "")


def _adaptive(call: Call, kind: str, rank: int, outputs: int = 1) -> Value:
    """Pooling to a given size: over everything, over windows of one size, or by the means of windows of several."""
    call.require_samples(rank)
    wanted = call.wholes(1, "output_size", rank=rank)
    sizes = call.shape()[-rank:]
    if wanted == (1,) * rank:
        y = call.graph.node("GlobalMaxPool" if kind == "MaxPool" else "GlobalAveragePool", call.x())
        return y if outputs == 1 else (y, "")
    known = [size or 0 for size in sizes]
    if any(size % want for size, want in zip(known, wanted, strict=True)):
        if kind == "MaxPool":
            raise ValueError(f"its windows from {known} to {list(wanted)} differ in size: the sizes must divide")
        return _means(call, known, wanted)
    kernel = [size // want for size, want in zip(known, wanted, strict=True)]
    y = call.graph.node(kind, call.x(), kernel_shape=kernel, strides=kernel)
    return y if outputs == 1 else (y, "")


def _means(call: Call, sizes: Sequence[int], wanted: Sequence[int]) -> str:
    """Means of windows from floor(i n / m) to ceil((i + 1) n / m), as PyTorch has them: a product along each axis."""
    y, rank = call.x(), len(call.shape())
    for axis, (n, m) in enumerate(zip(sizes, wanted, strict=True), start=rank - len(sizes)):
        means = np.zeros((n, m), np.float32)
        for place in range(m):
            begin, end = place * n // m, -(-(place + 1) * n // m)
            means[begin:end, place] = 1 / (end - begin)
        turn = [*range(axis), *range(axis + 1, rank), axis]
        turned = call.graph.node("MatMul", call.graph.node("Transpose", y, perm=turn), call.graph.constant(means))
        y = call.graph.node("Transpose", turned, perm=[*range(axis), rank - 1, *range(axis, rank - 1)])
    return y


def _resize(call: Call, mode: str, corners: bool = False, exact: bool = False) -> str:
    """Interpolation by the given scales, or to the given sizes; with `corners`, argument 2 says whether these meet."""
    before, after = call.shape()[2:], call.shape(call.node)[2:]
    known = [size or 0 for size in before]
    aligned = corners and bool(call.given(2))
    call.without("output_size")  # told by the shape of the result
    first = 3 if corners else 2
    rest = [call.given(index) for index in range(first, len(call.declared))]
    given = rest[0] if rest and isinstance(rest[0], list | tuple) else rest
    scales = [float(scale) for scale in given if isinstance(scale, int | float)]
    if 0 < len(scales) < len(after):
        raise ValueError(f"it scales some axes alone, by {given}: give a scale for each")
    if aligned or len(scales) < len(after):
        by: tuple[str, ...] = ("", call.graph.integers(*(size or 0 for size in after)))
    else:
        by = (call.graph.constant(scales, np.float32),)
    if by[0] and [int(size * float(np.float32(scale))) for size, scale in zip(known, scales, strict=True)] != [*after]:
        raise ValueError(f"it resizes {known} by {scales}: give the size in place of the scale")
    coordinates = "align_corners" if aligned else "half_pixel" if corners or exact else "asymmetric"
    return call.graph.node(
        "Resize", call.x(), "", *by, mode=mode,
        axes=[*range(2, 2 + len(after))], coordinate_transformation_mode=coordinates,
        nearest_mode="round_prefer_ceil" if exact else "floor",
    )  # fmt: skip


OPERATIONS: Mapping[str, Operation] = {
    **{f"max_pool{rank}d": partial(_window, kind="MaxPool", rank=rank) for rank in (1, 2)},
    **{f"avg_pool{rank}d": partial(_window, kind="AveragePool", rank=rank) for rank in (1, 2)},
    **{f"adaptive_avg_pool{rank}d": partial(_adaptive, kind="AveragePool", rank=rank) for rank in (1, 2)},
    **{f"adaptive_max_pool{r}d": partial(_adaptive, kind="MaxPool", rank=r, outputs=2) for r in (1, 2)},
    "_adaptive_avg_pool2d": partial(_adaptive, kind="AveragePool", rank=2),
    "max_pool2d_with_indices": partial(_window, kind="MaxPool", rank=2, outputs=2),
    **{f"upsample_nearest{rank}d": partial(_resize, mode="nearest") for rank in (1, 2)},
    **{f"_upsample_nearest_exact{rank}d": partial(_resize, mode="nearest", exact=True) for rank in (1, 2)},
    **dict.fromkeys(("upsample_linear1d", "upsample_bilinear2d"), partial(_resize, mode="linear", corners=True)),
    "upsample_bicubic2d": partial(_resize, mode="cubic", corners=True),
}
"""What says each of these operations, by its name in ATen without overload."""
