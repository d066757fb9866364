"""Operations that change sizes by padding and by interpolation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nmc.frontends.onnx.call import Call, Operation, integers, require_axis
from nmc.frontends.onnx.file import LIMIT_PLACES
from nmc.frontends.onnx.folding import evaluated
from nmc.frontends.onnx.values import Refusal, Signal, Value


def _pad(call: Call) -> Value:
    x, rank = call.x(), len(call.x().dims)
    if call.opset < 11:
        pads, value = call.wholes("pads") or (), call.number("value", 0.0)
    else:
        pads, value = integers(call.array(1, "padding")), call.scalar(2, "value", 0.0)
    axes = range(rank)
    if call.given(3) is not None:
        axes = [require_axis(axis, rank) for axis in integers(call.array(3, "list of axes"))]  # type: ignore[assignment]
    begin, end = [0] * rank, [0] * rank
    for axis, b, e in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        begin[axis], end[axis] = b, e
    mode = call.text("mode", "constant")
    if mode != "constant":
        return _pad_by_elements(call, x, begin, end, mode)
    for axis in range(rank):
        if begin[axis] < 0 or end[axis] < 0:
            x.axis(axis)
            x = call.writer.slice(x, axis, max(-begin[axis], 0), x.dims[axis] - max(-end[axis], 0))
    return call.writer.pad(x, [max(b, 0) for b in begin], [max(e, 0) for e in end], value)


def _pad_by_elements(call: Call, x: Signal, begin: list[int], end: list[int], mode: str) -> Signal:
    numpy_mode = {"reflect": "reflect", "edge": "edge", "wrap": "wrap"}.get(mode)
    if numpy_mode is None:
        raise Refusal(f"it pads by {mode}", "pad by constant, reflect, edge or wrap")
    for axis, (b, e) in enumerate(zip(begin, end, strict=True)):
        if b or e:
            x.axis(axis)
            if max(x.dims[axis], b, e) > LIMIT_PLACES:
                raise Refusal(f"it pads {x.dims[axis]:,} elements by {b:,} and {e:,}", "pad by constant")
            inner = np.arange(x.dims[axis])[max(-b, 0) : x.dims[axis] - max(-e, 0)]
            places = np.pad(inner, (max(b, 0), max(e, 0)), numpy_mode)  # type: ignore[call-overload]
            x = call.writer.gather(x, axis, places.tolist())
    return x


def _resize(call: Call) -> Value:
    """Each axis by itself: the known matrix, or the places, that ONNX's own definition gives for that axis."""
    x, rank = call.x(), len(call.x().dims)
    older = call.opset < 11
    scales = call.numbers("scales") or tuple(
        float(scale) for scale in (call.array(1 if older else 2, "scale") if call.given(1 if older else 2) else ())
    )
    sizes = integers(call.array(3, "size")) if not scales else ()
    mode = call.text("mode", "nearest")
    if call.text("coordinate_transformation_mode", "") == "tf_crop_and_resize":
        raise Refusal("it crops and resizes", "crop with Slice, then resize")
    call.without_effect("extrapolation_value", operands=() if older else (1,))  # they say what is cropped
    if call.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Refusal("it keeps the aspect ratio", "export it with the sizes that result")
    axes = call.wholes("axes") or tuple(range(rank))
    if len(scales or sizes) != len(axes):
        raise Refusal(f"it has {len(scales or sizes)} scales or sizes for {len(axes)} axes", "give one for each axis")
    for place, axis in enumerate(axes):
        axis = require_axis(axis, rank)
        n = x.dims[axis]
        if (scales and scales[place] == 1) or (sizes and sizes[place] == n):
            continue
        if sizes and axis == x.batch and sizes[place] == call.writer.file_batch:
            continue
        x.axis(axis)
        matrix = _resize_matrix(call, n, scales[place] if scales else None, sizes[place] if sizes else None, older)
        if mode == "nearest":
            x = call.writer.gather(x, axis, matrix.argmax(axis=1).tolist())
        else:
            x = call.writer.along(x, axis, matrix)
    return x


def _resize_matrix(call: Call, n: int, scale: float | None, size: int | None, older: bool) -> np.ndarray:
    """How each of the resized elements of one axis follows from the n that there are: [resized, n]."""
    from onnx import helper

    kept = ("mode", "coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside", "nearest_mode", "antialias")
    facts = [] if older else call.given_facts(*kept)
    names = ["x", "", "scales"] if scale is not None else ["x", "", "", "sizes"]
    proto = helper.make_node("Resize", names, ["y"])
    proto.attribute.extend(facts)
    if older:
        mode = {"nearest": "nearest", "linear": "linear", "bilinear": "linear"}[call.text("mode", "nearest")]
        for name, value in (
            ("mode", mode), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor")
        ):
            proto.attribute.append(helper.make_attribute(name, value))
    if max(n, size or int(n * (scale or 1))) > 1 << 14:
        raise Refusal(f"it resizes {n} elements", f"resize up to {1 << 14} elements an axis")
    if scale is not None and int(np.float32(n) * np.float32(scale)) > int(n * float(np.float32(scale))):
        scale = float(np.nextafter(np.float32(scale), np.float32(np.inf)))  # 5 times 2.6 is 13 in single precision
    last = np.asarray([1.0, scale], np.float32) if scale is not None else np.asarray([n, size], np.int64)
    operands = [np.eye(n, dtype=np.float32), None, *([None] if scale is None else []), last]
    (result,) = evaluated(proto, max(call.opset, 13), operands)
    return result.T


OPERATIONS: Mapping[str, Operation] = {
    "Pad": _pad,
    "Resize": _resize,
    "Upsample": _resize,
}
