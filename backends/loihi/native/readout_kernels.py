"""The inner loops of what the host does beside a chip, compiled; conventions as in `kernels`."""

from __future__ import annotations

from nmc.backends.loihi.native.kernels import Rows, add_rows, events
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
            add_rows(weight, index, 0, n, total)
            for j in range(outputs):
                total[j] += bias[j]
