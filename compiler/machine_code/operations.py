"""What kernels can ask of the processor beside arithmetic. In machine code each is an instruction or a few."""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

Number = int | np.int32 | np.int64


def prefetch(array: NDArray[np.generic], index: int) -> None:
    """Ask for the memory of array[index], which may lie beyond the end; it changes no result."""


def nonzero_bits(array: NDArray[np.uint8], first: int) -> np.uint64:
    """Which of the 64 elements from `first` on are not 0: bit k for element first + k."""
    return np.uint64(np.packbits(array[first : first + 64] != 0, bitorder="little").view(np.uint64)[0])


def trailing_zeros(bits: np.uint64) -> int:
    """The place of the lowest bit; 64 where there is none."""
    return (int(bits) & -int(bits)).bit_length() - 1 if bits else 64


def count_ones(bits: np.uint64) -> int:
    """How many bits there are."""
    return int(bits).bit_count()


def mac(total: int | np.int32, x: int | np.int8 | np.int16 | np.int32, y: np.int32) -> np.int32:
    """The lowest 32 bits of total + x y: in machine code without wider numbers on the way."""
    return np.int32((int(total) + int(x) * int(y) + 2**31) % 2**32 - 2**31)


def lowest_bits(x: np.int32, spare: int) -> np.int32:
    """The lowest 32 - spare bits of x, as a signed number; likewise."""
    return np.int32(np.int32(np.int32(x) << spare) >> spare)


def invoke(entry: int, arguments: int) -> None:
    """Run a kernel's machine code, given its address and that of its arguments."""
    ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(entry)(arguments)


def copy_bytes(to: int, of: int, count: int) -> None:
    """Copy so many bytes between addresses."""
    ctypes.memmove(to, of, count)


LANES = 16
"""How many elements `add_lanes` adds at once."""


def add_lanes(
    total: NDArray[np.generic], first: Number, added: NDArray[np.generic], place: Number, runs: NDArray[np.int32],
    begin: Number, end: Number,
) -> None:
    """For each (to, of) of runs[begin:end], add LANES elements of `added` from place + of on to total from first + to.

    Both must have that many.
    """
    _add(LANES, total, first, added, place, runs[begin:end])


def add_double_lanes(
    total: NDArray[np.generic], first: Number, added: NDArray[np.generic], place: Number, runs: NDArray[np.int32],
    begin: Number, end: Number,
) -> None:
    """The same for twice as many elements."""
    _add(2 * LANES, total, first, added, place, runs[begin:end])


def _add(
    width: int, total: NDArray[np.generic], first: Number, added: NDArray[np.generic], place: Number,
    runs: NDArray[np.int32],
) -> None:
    for to, of in runs.tolist():
        reached = total[first + to :][:width]
        np.add(reached, added[place + of :][:width], out=reached, casting="unsafe")
