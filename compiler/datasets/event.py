"""What an event camera records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LIMIT_BYTES = 256 << 20
"""The largest file of events that is read."""


@dataclass(frozen=True, eq=False)
class Events:
    """The events of a recording, one an element: pixel, time in microseconds, and whether it became brighter."""

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    t_us: NDArray[np.int64]
    on: NDArray[np.bool_]
