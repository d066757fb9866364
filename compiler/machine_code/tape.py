"""Calls of kernels written down, to be repeated by machine code: nothing of Python runs between them.

Memory is moved before and after each call, where what is to be worked on differs from time to time.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from nmc.machine_code.kernel import Array, Written, kernel
from nmc.machine_code.operations import copy_bytes, invoke

Rows = NDArray[np.int64]


def called(calls: Iterable[Written]) -> Rows:
    """Entries of a tape that make calls as they were made."""
    return _rows((0, call.entry, call.arguments.ctypes.data, 0, 0) for call in calls)


def moved(pairs: Iterable[tuple[Array, Array]]) -> Rows:
    """Entries of a tape that copy, for each (to, of), one row of memory.

    Of an array with several rows, [times, ...], that is the next one at each time; one with a single row, [1, ...],
    is the same each time. Raises ValueError where rows differ in size or have gaps.
    """
    return _rows(_moved(to, of) for to, of in pairs)


def _moved(to: Array, of: Array) -> tuple[int, ...]:
    count = of[0].nbytes
    if count != to[0].nbytes or not (of[0].flags.c_contiguous and to[0].flags.c_contiguous):
        raise ValueError("what is copied must be of one size, without gaps")
    to_stride, of_stride = (array.strides[0] if len(array) > 1 else 0 for array in (to, of))
    return count, to.ctypes.data, to_stride, of.ctypes.data, of_stride


def _rows(entries: Iterable[tuple[int, ...]]) -> Rows:
    return np.array([*entries], np.int64).reshape(-1, 5)


@kernel
def play(rows: Rows, times: int) -> None:
    """Go through the entries of a tape so many times. What they refer to must be held meanwhile.

    Each is (bytes, to, stride, of, stride) to be copied, or (0, machine code, arguments) to be called.
    """
    for n in range(times):
        for r in range(len(rows)):
            if rows[r, 0] == 0:
                invoke(rows[r, 1], rows[r, 2])
            else:
                copy_bytes(rows[r, 1] + n * rows[r, 2], rows[r, 3] + n * rows[r, 4], rows[r, 0])
