"""Files of 40-bit events, as N-MNIST and N-Caltech101 have them (Orchard et al. 2015)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nmc.datasets.event import Events
from nmc.datasets.event_times import unwrapped

_BYTES = 5
_OVERFLOW_ROW = 240
_OVERFLOW_US = 1 << 13
_CLOCK_BITS = 23


def read(path: Path) -> Events:
    """Events of 8 bits x, 8 bits y, 1 bit polarity and 23 bits of time in microseconds, the highest bits first.

    An event in row 240 is none: all that follow are 2^13 microseconds later. A clock of 23 bits that began again is
    counted on. Raises ValueError for a file that is cut off.
    """
    data = np.frombuffer(path.read_bytes(), np.uint8)
    if len(data) % _BYTES:
        raise ValueError(f"{len(data)} bytes are no whole number of {_BYTES}-byte events")
    x, y, high, middle, low = data.reshape(-1, _BYTES).T.astype(np.int64)
    overflow = y == _OVERFLOW_ROW
    ticks = (high & 0x7F) << 16 | middle << 8 | low
    t_us = ticks + _OVERFLOW_US * np.cumsum(overflow)
    if not overflow.any():
        t_us = unwrapped(ticks, _CLOCK_BITS)
    kept = ~overflow
    return Events(x[kept], y[kept], t_us[kept], (high >> 7 == 1)[kept])
