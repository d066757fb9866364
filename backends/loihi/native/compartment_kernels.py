"""The inner loop of NengoLoihi's compartments, compiled; conventions as in `kernels`."""

# Numbers have the widths that compiled code gives them.
# mypy: disable-error-code="assignment"

from __future__ import annotations

import numpy as np

from nmc.backends.loihi.native.kernels import Rows
from nmc.machine_code import kernel
from nmc.model import Array


def decayed(x: np.int32, keep: int) -> np.int32:
    """sign(x) (|x| keep >> 12): a product below 0 gets 4095 first, so that the shift goes towards zero."""
    product = np.int64(x) * keep
    return np.int32((product + ((product >> 63) & 4095)) >> 12)


def lowest_bits(x: np.int32, spare: int) -> np.int32:
    """The lowest 32 - spare bits of x, as a signed number of 32 bits."""
    return np.int32(np.int32(np.int32(x) << spare) >> spare)


@kernel
def compartments(
    x: Array, row: int, steps: int, u: Rows, v: Rows, rest: Rows, vth: Rows, bias: Rows, vmin: Rows,
    vmax: int, decay_u: int, decay_v: int, refractory: int, out: Array, out_row: int, spikes: Rows,
) -> None:
    """FixedCompartments. u, v and rest [B, N] are carried on; vth, bias and vmin are [N]; `spikes` [B, N] counts."""
    samples, neurons = u.shape
    keep_u, keep_v = 4095 - decay_u, 4096 - decay_v
    for b in range(samples):
        for t in range(steps):
            a, y = x[b, row + t], out[b, out_row + t]
            for n in range(neurons):
                current = lowest_bits(decayed(u[b, n], keep_u) + lowest_bits(np.int32(a[n]), 10), 8)
                moved = decayed(v[b, n], keep_v) + lowest_bits(current + bias[n], 8)
                moved = vmin[n] if moved < vmin[n] else vmax if moved > vmax else moved
                if refractory and rest[b, n] > 0:
                    moved = 0
                spike = moved > vth[n]
                if refractory:
                    left = rest[b, n] - 1 if rest[b, n] > 0 else 0
                    rest[b, n] = refractory if spike else left
                u[b, n] = current
                v[b, n] = 0 if spike else moved
                y[n] = spike
                spikes[b, n] += spike
