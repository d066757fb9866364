"""Narrow integers that provably hold what is put into them: weights, sums of weights, and what becomes of those."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nmc.model import Array

IntArray = NDArray[np.int64]
LARGEST: Mapping[int, int] = {bits: 2 ** (bits - 1) - 1 for bits in (16, 32)}


def packed(weight: IntArray) -> tuple[Array, int]:
    """Weights in the narrowest type, and the power of two taken out of all of them."""
    shift = 0
    while np.any(weight) and not np.any(weight & 1) and shift < 8:
        weight = weight >> 1
        shift += 1
    for dtype in (np.int8, np.int16):
        if np.all((weight >= np.iinfo(dtype).min) & (weight <= np.iinfo(dtype).max)):
            return np.ascontiguousarray(weight.astype(dtype)), shift
    return np.ascontiguousarray(weight), shift


def proven_accumulator(weight: Array) -> tuple[np.dtype[np.signedinteger], int]:
    """A type of number to add up rows of weight [N, M] in, and how many rows it surely holds.

    16 bits hold all rows if no output's positive or negative weights sum beyond them; else as many rows
    as the largest weight allows. Wider weights get 32 bits if these surely hold all rows, or else 64.
    """
    worst = largest_sum(weight)
    largest = int(np.max(np.abs(weight.astype(np.int64)), initial=1)) or 1
    everything = len(weight) + 1
    if weight.dtype.itemsize == 1:
        return np.dtype(np.int16), everything if worst <= LARGEST[16] else LARGEST[16] // largest
    if worst <= LARGEST[32] and weight.dtype.itemsize == 2:
        return np.dtype(np.int32), everything
    return np.dtype(np.int64), everything


def largest_sum(weight: Array) -> int:
    """The largest size a sum over any of the rows of weight [N, M] can have, on the way to it included."""
    wide = weight.astype(np.int64)
    return max(
        int(np.max(np.maximum(wide, 0).sum(axis=0), initial=0)),
        int(np.max(np.maximum(-wide, 0).sum(axis=0), initial=0)),
    )


def fits_16_bits(worst: int, shift: int) -> bool:
    """Whether sums of sizes up to `worst`, times 2^shift, fit in 16 bits."""
    return worst * (1 << max(shift, 0)) <= LARGEST[16]
