"""The inner loops of what a host makes of the chip's outputs, compiled; all numbers are real, of 64 bits."""

from __future__ import annotations

from nmc.machine_code import kernel
from nmc.model import FloatArray


@kernel
def leaky(x: FloatArray, decay: FloatArray, gain: FloatArray, leak: FloatArray, v: FloatArray) -> None:
    """LI over x [B, T, N], parameters [N]. v [B, T + 1, N] comes in with the first row as it starts."""
    for b in range(len(x)):
        for t in range(x.shape[1]):
            read, before, after = x[b, t], v[b, t], v[b, t + 1]
            for n in range(len(decay)):
                after[n] = leak[n] + decay[n] * (before[n] - leak[n]) + gain[n] * read[n]


@kernel
def integrated(x: FloatArray, gain: FloatArray, v: FloatArray) -> None:
    """I over x [B, T, N], likewise."""
    for b in range(len(x)):
        for t in range(x.shape[1]):
            read, before, after = x[b, t], v[b, t], v[b, t + 1]
            for n in range(len(gain)):
                after[n] = before[n] + gain[n] * read[n]


@kernel
def added_up(x: FloatArray, first: int, total: FloatArray) -> None:
    """Add x [B, T, N] at steps from `first` on to total [B, N], one after another."""
    for b in range(len(x)):
        sums = total[b]
        for t in range(first, x.shape[1]):
            read = x[b, t]
            for n in range(len(sums)):
                sums[n] += read[n]
