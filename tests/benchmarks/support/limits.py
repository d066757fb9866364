"""What this machine can do at best, on all cores: the rate of reading memory, and of adding 8-bit integers in cache."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(nogil=True, cache=True)
def _read(values: NDArray[np.int64], times: int) -> int:
    total = 0
    for _ in range(times):
        for k in range(len(values)):
            total += values[k]
    return total


@njit(nogil=True, cache=True)
def _add(rows: NDArray[np.int8], total: NDArray[np.int16], times: int) -> None:
    for _ in range(times):
        for first in range(0, len(rows), 8):
            a, b, c, d = rows[first], rows[first + 1], rows[first + 2], rows[first + 3]
            p, q, r, s = rows[first + 4], rows[first + 5], rows[first + 6], rows[first + 7]
            for j in range(len(total)):
                total[j] += a[j] + b[j] + c[j] + d[j] + p[j] + q[j] + r[j] + s[j]


def read_rate(size: int = 1 << 23) -> float:
    """Bytes a second read from memory by all cores together (STREAM without the store)."""
    cores = os.cpu_count() or 1
    arrays = [np.ones(size, np.int64) for _ in range(cores)]
    return cores * size * 8 * 2 / _best(lambda k: _read(arrays[k], 2))


def int8_peak() -> float:
    """8-bit integers a second that all cores together add to 16-bit sums, from 16 KB that stay in cache."""
    cores, times = os.cpu_count() or 1, 20_000
    rows = [np.ones((32, 512), np.int8) for _ in range(cores)]
    totals = [np.zeros(512, np.int16) for _ in range(cores)]
    return cores * times * 32 * 512 / _best(lambda k: _add(rows[k], totals[k], times))


def _best(work: Callable[[int], object], runs: int = 4) -> float:
    """The shortest wall-clock time of work(0), work(1)... on all cores at once, after a warm-up."""
    cores = os.cpu_count() or 1
    times = []
    with ThreadPoolExecutor(cores) as pool:
        for _ in range(runs + 1):
            start = time.perf_counter()
            list(pool.map(work, range(cores)))
            times.append(time.perf_counter() - start)
    return min(times[1:])
