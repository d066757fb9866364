"""The inner loop of synapses that have delays, compiled; conventions as in `kernels`."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import numpy as np
from numba import njit

from nmc.backends.loihi.native.kernels import Counts, Rows, _shifted, _wrap32
from nmc.model import Array


@njit(cache=True, nogil=True)
def delayed(
    x: Array, row: int, steps: int, graded: bool, starts: Counts, places: Rows, weight: Counts, shift: int,
    wraps_sums: bool, line: Rows, out: Array, out_row: int, operations: Counts,
) -> None:
    """Synapses by source: those of input i lie from starts[i] to starts[i + 1].

    places[s] is target x delays + delay. line [B, targets, delays] is carried on: what arrives, by delay. The sum
    of what arrives with the same delay wraps to 32 bits before the shift, or else each synapse's share does.
    """
    inputs, targets, delays = len(starts) - 1, line.shape[1], line.shape[2]
    for b in range(x.shape[0]):
        arriving = np.empty(targets * delays, np.int64)
        count = np.int64(0)
        for t in range(steps):
            arriving[:] = 0
            for i in range(inputs):
                if x[b, row + t, i] == 0:
                    continue
                message = np.int64(x[b, row + t, i]) if graded else np.int64(1)
                count += starts[i + 1] - starts[i]
                for s in range(starts[i], starts[i + 1]):
                    share = message * weight[s]
                    arriving[places[s]] += share if wraps_sums else _wrap32(share)
            for j in range(targets):
                for k in range(delays):
                    total = arriving[j * delays + k]
                    total = _wrap32(total) if wraps_sums else total
                    later = np.int64(line[b, j, k + 1]) if k + 1 < delays else np.int64(0)
                    line[b, j, k] = np.int32(later + _shifted(total, shift))
                out[b, out_row + t, j] = line[b, j, 0]
        operations[b] += count
