"""Numbers that provably hold what is put into them: weights, sums of weights, and what becomes of those."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nmc.model import Array, FloatArray

IntArray = NDArray[np.int64]
LARGEST: Mapping[int, int] = {bits: 2 ** (bits - 1) - 1 for bits in (16, 32)}


def packed(weight: IntArray) -> tuple[Array, int]:
    """Weights in the narrowest type, and the power of two taken out of all of them."""
    shift = common_zeros(weight)
    weight = weight >> shift
    for dtype in (np.int8, np.int16):
        if np.all((weight >= np.iinfo(dtype).min) & (weight <= np.iinfo(dtype).max)):
            return np.ascontiguousarray(weight.astype(dtype)), shift
    return np.ascontiguousarray(weight), shift


def common_zeros(weight: Array) -> int:
    """How many of their lowest bits, up to 8, are 0 in all weights."""
    used = int(np.bitwise_or.reduce(weight, axis=None, initial=0)) | 256
    return (used & -used).bit_length() - 1


def proven_accumulator(weight: Array) -> tuple[np.dtype[np.signedinteger], int] | None:
    """A type of number to add up rows of weight [N, M] in, and how many rows it surely holds.

    16 bits hold all rows of 8-bit weights if no output's positive or negative ones sum beyond them; else as many
    rows as the largest weight allows. Wider weights take 32 bits. None where these may not hold all rows.
    """
    worst, everything = largest_sum(weight), len(weight) + 1
    if weight.dtype.itemsize > 2 or worst > LARGEST[32]:
        return None
    if weight.dtype.itemsize == 2:
        return np.dtype(np.int32), everything
    largest = int(np.max(np.abs(weight.astype(np.int64)), initial=1)) or 1
    return np.dtype(np.int16), everything if worst <= LARGEST[16] else LARGEST[16] // largest


def largest_sum(weight: Array) -> int:
    """The largest size a sum over any of the rows of weight [N, M] can have, on the way to it included."""
    wide = weight.astype(np.int64)
    return max(
        int(np.max(np.maximum(wide, 0).sum(axis=0), initial=0)),
        int(np.max(np.maximum(-wide, 0).sum(axis=0), initial=0)),
    )


def narrow_exponent(worst: int, shift: int, bits: int) -> int | None:
    """The power of two without which sums of sizes up to `worst`, times 2^shift, are kept in 16 bits.

    None where 16 bits may not hold them, or what they mean may not fit into so many bits, as readers need it to.
    """
    left = max(shift, 0)
    return left if worst <= LARGEST[16] and worst << left < 1 << bits - 1 else None


def adds_exactly(weight: FloatArray) -> bool:
    """Whether sums of any rows of real weights [N, M] come out the same in any order.

    They do where all weights are whole numbers of one power of two, and no sum reaches 2^53 of it.
    """
    return np.array_equal(weight, exactly_added(weight))


def exactly_added(weight: FloatArray) -> FloatArray:
    """Real weights [N, M] rounded such that no sum of rows is: to 2^-53 of more than the largest there can be.

    That is no more than rounding on the way may cost.
    """
    largest = float(np.abs(weight).sum(axis=0).max(initial=0.0))
    unit = 2.0 ** (np.frexp(largest)[1] + 1 - 53)
    return np.asarray(np.rint(weight / unit) * unit)
