"""The inner loop of synapses that have delays, compiled; conventions as in `kernels`."""

from __future__ import annotations

import numpy as np

from nmc.backends.loihi.native.kernels import Counts, Rows, shifted, wrap32
from nmc.machine_code import kernel
from nmc.model import Array


@kernel
def delayed(
    x: Array, row: int, steps: int, graded: bool, starts: Counts, places: Rows, weight: Counts, shift: int,
    wraps_sums: bool, arriving: Counts, line: Rows, out: Array, out_row: int, operations: Counts,
) -> None:
    """Synapses by source: those of input i lie from starts[i] to starts[i + 1].

    places[s] is target x delays + delay. line [B, targets, delays] is carried on: what arrives, by delay. The sum
    of what arrives with the same delay wraps to 32 bits before the shift, or else each synapse's share does.
    """
    inputs, targets, delays = len(starts) - 1, line.shape[1], line.shape[2]
    for b in range(x.shape[0]):
        count = np.int64(0)
        for t in range(steps):
            for i in range(inputs):
                if x[b, row + t, i] == 0:
                    continue
                message = np.int64(x[b, row + t, i]) if graded else np.int64(1)
                count += starts[i + 1] - starts[i]
                for s in range(starts[i], starts[i + 1]):
                    share = message * weight[s]
                    arriving[places[s]] += share if wraps_sums else wrap32(share)
            for j in range(targets):
                for k in range(delays):
                    total = arriving[j * delays + k]
                    arriving[j * delays + k] = 0
                    total = wrap32(total) if wraps_sums else total
                    later = np.int64(line[b, j, k + 1]) if k + 1 < delays else np.int64(0)
                    line[b, j, k] = np.int32(later + shifted(total, shift))
                out[b, out_row + t, j] = line[b, j, 0]
        operations[b] += count
