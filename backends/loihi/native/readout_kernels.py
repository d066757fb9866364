"""The inner loops of what the host does beside a chip, compiled; conventions as in `kernels`."""

from __future__ import annotations

from nmc.backends.loihi.native.kernels import Rows, events
from nmc.machine_code import kernel
from nmc.model import Array, FloatArray


@kernel
def weighed(
    spikes: Array, row: int, steps: int, weight: FloatArray, bias: FloatArray, index: Rows, sums: FloatArray
) -> None:
    """sums [B, steps, M]: the rows of weight [N, M] whose inputs spike, added up in any order, and then bias [M]."""
    outputs = weight.shape[1]
    for b in range(spikes.shape[0]):
        for t in range(steps):
            total, n = sums[b, t], events(spikes[b, row + t], index)
            for j in range(outputs):
                total[j] = 0.0
            k = 0
            while k + 4 <= n:
                p, q, r, s = weight[index[k]], weight[index[k + 1]], weight[index[k + 2]], weight[index[k + 3]]
                for j in range(outputs):
                    total[j] += (p[j] + q[j]) + (r[j] + s[j])
                k += 4
            while k < n:
                p = weight[index[k]]
                for j in range(outputs):
                    total[j] += p[j]
                k += 1
            for j in range(outputs):
                total[j] += bias[j]
