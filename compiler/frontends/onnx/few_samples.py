"""Computes what repeats for every sample for a few of them: initial states, class tokens and masks are such."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nmc.frontends.onnx.values import batch_axis
from nmc.model import Array

_FEW = (7, 11)
"""Two numbers of samples, primes: what differs between them depends on it."""

Operands = Sequence[Array | None]


def for_few_samples(
    arrays: Operands, batch: int, evaluate: Callable[[Operands], Sequence[Array]]
) -> Sequence[Array] | None:
    """What `evaluate` gives for operands of which some repeat one value for each of `batch` samples.

    None where there is no such operand, or where the result does not repeat likewise.
    """
    if not any(array is not None and _repeats(array, batch) for array in arrays):
        return None
    made = []
    for few in _FEW:
        shrunk = [None if array is None else _shrunk(array, batch, few) for array in arrays]
        if any(after is None and before is not None for before, after in zip(arrays, shrunk, strict=True)):
            return None
        made.append(evaluate(shrunk))
    grown = [_grown(one, other, batch) for one, other in zip(*made, strict=True)]
    known = [array for array in grown if array is not None]
    return known if len(known) == len(grown) else None


def _repeats(array: Array, batch: int) -> bool:
    """Whether an array has an axis of samples, all alike, that takes no memory."""
    axis = batch_axis(array.shape, batch)
    return axis is not None and array.shape[axis] == batch and array.strides[axis] == 0


def _shrunk(array: Array, batch: int, few: int) -> Array | None:
    """An operand for few samples; sizes among its elements follow. None where it holds a value for each sample."""
    axis = batch_axis(array.shape, batch)
    if axis is None:
        counts = array.dtype.kind in "iu" and array.size and np.any((array % batch == 0) & (array != 0))
        return np.where(array % batch == 0, array // batch * few, array) if counts else array
    return array[(slice(None),) * axis + (slice(few),)] if _repeats(array, batch) else None


def _grown(one: Array, other: Array, batch: int) -> Array | None:
    """The result for all samples, by those for either few; None where it does not repeat one value."""
    if one.ndim != other.ndim:
        return None
    differ = [axis for axis in range(one.ndim) if one.shape[axis] != other.shape[axis]]
    if not differ:
        return one if _equal(one, other) else None
    axis = differ[0]
    if len(differ) > 1 or (one.shape[axis], other.shape[axis]) != _FEW:
        return None
    first = one.take([0], axis)
    if not all(_equal(array, np.broadcast_to(first, array.shape)) for array in (one, other)):
        return None
    return np.broadcast_to(first, (*one.shape[:axis], batch, *one.shape[axis + 1 :]))


def _equal(one: Array, other: Array) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
