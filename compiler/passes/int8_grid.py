"""The grids that 8-bit integers stand for: of activations one, of weights one for each output channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nmc.model import Array, FloatArray

LEAST, LARGEST = -128, 127

Range = tuple[float, float]
"""The least and the largest value that a grid must hold."""


@dataclass(frozen=True)
class Grid:
    """The real numbers that 8-bit integers stand for: (integer - zero_point) scale."""

    scale: float = 1.0
    zero_point: int = 0

    def rounded(self, values: FloatArray) -> FloatArray:
        """The values as the nearest points of the grid, saturated at its ends."""
        integers: FloatArray = np.clip(np.rint(values / self.scale) + self.zero_point, LEAST, LARGEST)
        return (integers - self.zero_point) * self.scale


def grid_of(ends: Range, whole: bool = False) -> Grid:
    """The finest grid from one end to the other; for `whole` numbers that fit, that of the integers themselves.

    Zero is always a point of it, since paddings and late reads before the first step are zero.
    """
    low, high = min(0.0, ends[0]), max(0.0, ends[1])
    if low == high or (whole and low >= LEAST and high <= LARGEST):
        return Grid()
    scale = float(np.float32((high - low) / (LARGEST - LEAST)))
    return Grid(scale, int(np.clip(np.rint(LEAST - low / scale), LEAST, LARGEST)))


def quantize_weight(weight: Array) -> tuple[Array, Array]:
    """Integers from -127 to 127 [channels, ...], and what 1 means in each channel, as 32-bit floats [channels]."""
    values = weight.astype(np.float64)
    largest = np.abs(values).reshape(len(values), -1).max(axis=1, initial=0.0)
    scale = np.where(largest > 0, largest / LARGEST, 1.0).astype(np.float32)
    integers = np.clip(np.rint(values / per_channel(scale, values.ndim)), -LARGEST, LARGEST)
    return integers.astype(np.int8), scale


def per_channel(scale: Array, rank: int) -> FloatArray:
    """Scales [channels] in double precision, in a shape that broadcasts over weights [channels, ...]."""
    return scale.astype(np.float64).reshape(-1, *(1,) * (rank - 1))
