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
def bit_planes(x: FloatArray, quantizer: FloatArray, digits: int, out: NDArray[np.uint8]) -> None:
    """BitPlanes of x [B, T, N] quantized; out [B, T or more, digits x 2 x N] comes in as zeros.

    `quantizer` are a scale, a zero point, and the least and largest numbers, as QuantizeLinear has them. Steps after
    the last of x read 0.
    """
    scale, zero, least, most = quantizer[0], quantizer[1], quantizer[2], quantizer[3]
    steps, elements = x.shape[1], x.shape[2]
    for b in range(len(x)):
        for t in range(out.shape[1]):
            planes = out[b, t]
            for n in range(elements):
                read = x[b, t, n] if t < steps else 0.0
                rounded = np.rint(read / scale) + zero
                rounded = most if rounded > most else rounded
                number = np.int64(least if rounded < least else rounded)
                place = n if number > 0 else n + elements
                left = abs(number)
                for digit in range(digits):
                    planes[2 * elements * digit + place] = left & 1
                    left >>= 1
