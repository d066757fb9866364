"""The inner loops of encoders, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmc.machine_code import kernel
from nmc.model import FloatArray


@kernel
def rate(added: FloatArray, a: FloatArray, out: NDArray[np.uint8]) -> None:
    """RateEncode for `added` = gain x, [B, 1 or T, N]. a [B, N] comes in as it starts; out is [B, T, N]."""
    steps, elements = out.shape[1], out.shape[2]
    for b in range(len(out)):
        for t in range(steps):
            x, left, spikes = added[b, t % added.shape[1]], a[b], out[b, t]
            for n in range(elements):
                reached = left[n] + x[n]
                spikes[n] = reached >= 1.0
                left[n] = reached - 1.0 if reached >= 1.0 else reached


@kernel
def bit_planes(x: FloatArray, digits: int, out: NDArray[np.uint8]) -> None:
    """BitPlanes of numbers [B, N]; out [B, digits x 2 x N] comes in as zeros."""
    elements = x.shape[1]
    for b in range(len(x)):
        for n in range(elements):
            number = np.int64(x[b, n])
            place = n if number > 0 else n + elements
            left = abs(number)
            for digit in range(digits):
                out[b, 2 * elements * digit + place] = left & 1
                left >>= 1
