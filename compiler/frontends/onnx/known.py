"""The numbers of known values: as weights have them, and without an axis for samples."""

from __future__ import annotations

import numpy as np

from nmc.frontends.onnx.values import ACROSS, BATCH, OTHER_BATCH, Known, Refusal, batch_axis
from nmc.model import Array, FloatArray


def plain(array: Array) -> Array:
    """An array as weights have it: whole numbers, or 32-bit floats. Infinity, as in masks, is the largest of these."""
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype.kind in "iu":
        return array
    largest = np.finfo(np.float32).max
    return np.clip(array, -largest, largest).astype(np.float32)


def real(value: Known) -> Known:
    """A known value, a quantized one as the real numbers that it means."""
    if value.scale is None:
        return value
    scale = value.scale.astype(np.float64)
    if scale.size > 1:
        scale = scale.reshape([-1 if axis == value.axis else 1 for axis in range(value.array.ndim)])
    return Known((value.array.astype(np.float64) * scale).astype(np.float32), value.name)


def numbers(value: Known) -> FloatArray:
    """The real numbers of a known value, in double precision."""
    return real(value).array.astype(np.float64)


def single_sample(value: Known) -> Array:
    """The numbers of a known value, without an axis for samples. Raises Refusal where they depend on the samples."""
    value = real(value)
    one = _without_samples(value.array, BATCH)
    if value.other is not None and not np.array_equal(one, _without_samples(value.other, OTHER_BATCH)):
        raise Refusal("it computes with the number of samples", ACROSS)
    return one


def _without_samples(array: Array, batch: int) -> Array:
    """An array of which one axis may be a multiple of the number of samples, with that number taken out."""
    axis = batch_axis(array.shape, batch)
    if axis is None:
        return array
    if array.strides[axis] != 0 and not np.all(array == array.take([0], axis)):
        raise Refusal("it holds a different value for each sample", ACROSS)
    return array[(slice(None),) * axis + (slice(array.shape[axis] // batch),)]
