"""The inner loops of what the host does beside a chip, compiled; conventions as in `kernels`."""

from __future__ import annotations

from nmc.backends.loihi.native.kernels import Rows, events
from nmc.machine_code import kernel
from nmc.model import Array, FloatArray


@kernel
def weighed(
    spikes: Array, row: int, steps: int, weight: FloatArray, index: Rows, sums: FloatArray
) -> None:
    """Add to sums [B, steps, M] the rows of weight [N, M] whose inputs spike."""
    for b in range(spikes.shape[0]):
        for t in range(steps):
            total = sums[b, t]
            for k in range(events(spikes[b, row + t], index)):
                added = weight[index[k]]
                for j in range(len(total)):
                    total[j] += added[j]
