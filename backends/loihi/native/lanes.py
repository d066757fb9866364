"""Sparse synapses whose targets lie close together, as a convolution's do: weights in whole lanes of the processor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmc.machine_code import LANES
from nmc.model import Array

Places = NDArray[np.int32]
_SMALL_BYTES = 1 << 18
_FILLED = 1 / 4
_MOST = 1 << 21
"""Synapses; more do not lie in lanes and in a cache."""


@dataclass(frozen=True, eq=False)
class Lanes:
    """Weights in whole lanes, as `kernels.conv_lanes` takes them."""

    inputs: Places
    places: Places
    double: bool
    weight: Array

    @classmethod
    def of(cls, bases: Array, spans: Array, places: Array, width: int, weight: Array, fan_out: Array) -> Lanes:
        """Those of input i are places[spans[i, 0] : spans[i, 1]], each (target, weight) from bases[i] on.

        `width` is how many weights a place stands for, LANES or twice that.
        """
        inputs = np.column_stack([bases, spans, fan_out]).astype(np.int32)
        return cls(inputs, np.ascontiguousarray(places, np.int32), width > LANES, weight)


def in_lanes(starts: NDArray[np.int64], targets: Array, weight: Array, outputs: int) -> Lanes | None:
    """Synapses by source, those of source i from starts[i] to starts[i + 1].

    None where lanes would hold little but zeros, and take more memory than the nearest cache has.
    """
    fan_out = np.diff(starts)
    lanes_each = outputs // LANES
    if outputs % LANES or weight.dtype != np.int8 or len(weight) > _MOST:
        return None
    source = np.repeat(np.arange(len(fan_out)), fan_out)
    reached = targets.astype(np.int64)
    used, lane = np.unique(source * lanes_each + reached // LANES, return_inverse=True)
    if used.size * LANES > max(_SMALL_BYTES, len(weight) / _FILLED):
        return None
    filled = np.zeros((len(used), LANES), np.int8)
    filled[lane, reached % LANES] = weight
    places = np.stack([used % lanes_each * LANES, np.arange(len(used)) * LANES], axis=1)
    begin = np.searchsorted(used, np.arange(len(fan_out) + 1) * lanes_each)
    spans, bases = np.stack([begin[:-1], begin[1:]], axis=1), np.zeros((len(fan_out), 2), np.int32)
    return Lanes.of(bases, spans, places, LANES, filled.ravel(), fan_out)
