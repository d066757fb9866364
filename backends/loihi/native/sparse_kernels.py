"""The inner loops of sparse synapses, compiled; conventions as in `kernels`.

A matrix is kept by source: `starts` [inputs + 1] says where each input's synapses begin in `targets` and `weight`.
"""

from __future__ import annotations

import numpy as np

from nmc.backends.loihi.native.kernels import Counts, Rows, events, shifted, wrap32
from nmc.machine_code import kernel, prefetch
from nmc.model import Array

_LINE_BYTES, _AHEAD_BYTES = 64, 4096


@kernel
def sparse_spikes(
    x: Array, row: int, steps: int, starts: Counts, targets: Array, weight: Array,
    index: Rows, total: Array, shift: int, out: Array, out_row: int, operations: Counts,
) -> None:
    """Sums of the synapses whose inputs spike, times 2^shift; `total` surely holds them.

    While one spike's synapses are added, the next one's are on their way from memory.
    """
    target_line, weight_line = _LINE_BYTES // targets.itemsize, _LINE_BYTES // weight.itemsize
    longest = _AHEAD_BYTES // targets.itemsize
    for b in range(x.shape[0]):
        count = np.int64(0)
        for t in range(steps):
            n = events(x[b, row + t], index)
            for k in range(n):
                if k + 1 < n:
                    ahead, end = starts[index[k + 1]], starts[index[k + 1] + 1]
                    end = end if end < ahead + longest else ahead + longest
                    for s in range(ahead, end, target_line):
                        prefetch(targets, s)
                    for s in range(ahead, end, weight_line):
                        prefetch(weight, s)
                first, last = starts[index[k]], starts[index[k] + 1]
                count += last - first
                reached, added = targets[first:last], weight[first:last]
                for s in range(len(reached)):
                    total[reached[s]] += added[s]
            y = out[b, out_row + t]
            if shift == 0:
                for j in range(len(total)):
                    y[j] = total[j]
                    total[j] = 0
            else:
                for j in range(len(total)):
                    y[j] = shifted(total[j], shift)
                    total[j] = 0
        operations[b] += count


@kernel
def sparse_graded(
    x: Array, row: int, steps: int, starts: Counts, targets: Array, weight: Array, total: Counts,
    shift: int, out: Array, out_row: int, operations: Counts,
) -> None:
    """The same for graded messages, in 32-bit numbers that wrap before they are shifted."""
    for b in range(x.shape[0]):
        count = np.int64(0)
        for t in range(steps):
            for i in range(len(starts) - 1):
                message = np.int64(x[b, row + t, i])
                if message != 0:
                    count += starts[i + 1] - starts[i]
                    for s in range(starts[i], starts[i + 1]):
                        total[targets[s]] += message * np.int64(weight[s])
            for j in range(len(total)):
                out[b, out_row + t, j] = shifted(wrap32(total[j]), shift)
                total[j] = 0
        operations[b] += count


@kernel
def by_source(
    indptr: Counts, indices: Array, weight: Array, packed: int, starts: Counts, place: Counts, targets: Array,
    sorted_: Array, up: Counts, down: Counts,
) -> None:
    """Turn a matrix kept by target into one kept by source, zeros left out, weights without `packed` lowest bits.

    `starts` [inputs + 1] comes in as zeros; `place` is room for as many numbers. up and down come in as zeros
    and give the sums of every target's positive weights, and of its negative ones.
    """
    for k in range(len(indices)):
        starts[indices[k] + 1] += weight[k] != 0
    place[0] = 0
    for i in range(1, len(starts)):
        starts[i] += starts[i - 1]
        place[i] = starts[i]
    for target in range(len(indptr) - 1):
        for k in range(indptr[target], indptr[target + 1]):
            if weight[k] != 0:
                source, kept = indices[k], weight[k] >> packed
                targets[place[source]] = target
                sorted_[place[source]] = kept
                place[source] += 1
                if kept > 0:
                    up[target] += kept
                else:
                    down[target] += kept
