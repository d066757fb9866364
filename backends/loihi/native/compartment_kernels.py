"""The inner loop of NengoLoihi's compartments, compiled; conventions as in `kernels`."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import numpy as np
from numba import njit

from nmc.backends.loihi.native.kernels import Rows
from nmc.model import Array


@njit(cache=True, inline="always")
def _decayed(x, keep):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - compiled
    """sign(x) (|x| keep >> 12): a product below 0 gets 4095 first, so that the shift goes towards zero."""
    product = np.int64(x) * keep
    return np.int32((product + ((product >> 63) & 4095)) >> 12)


@njit(cache=True, inline="always")
def _wrapped(x, spare):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - compiled
    """The lowest 32 - spare bits of x, as a signed number of 32 bits."""
    return np.int32(np.int32(x) << spare) >> np.int32(spare)


@njit(cache=True, nogil=True)
def compartments(
    x: Array, row: int, steps: int, u: Rows, v: Rows, rest: Rows, vth: Rows, bias: Rows, vmin: Rows,
    vmax: int, decay_u: int, decay_v: int, refractory: int, out: Array, out_row: int, spikes: Rows,
) -> None:
    """FixedCompartments. u, v and rest [B, N] are carried on; vth, bias and vmin are [N]; `spikes` [B, N] counts."""
    samples, neurons = u.shape
    keep_u, keep_v = np.int64(4095 - decay_u), np.int64(4096 - decay_v)
    high = np.int32(vmax)
    for b in range(samples):
        for t in range(steps):
            a, y = x[b, row + t], out[b, out_row + t]
            for n in range(neurons):
                current = _wrapped(_decayed(u[b, n], keep_u) + _wrapped(np.int32(a[n]), 10), 8)
                moved = np.int32(_decayed(v[b, n], keep_v) + _wrapped(current + bias[n], 8))
                moved = min(max(moved, vmin[n]), high)
                if refractory:
                    moved = np.int32(0) if rest[b, n] > 0 else moved
                spike = moved > vth[n]
                if refractory:
                    rest[b, n] = refractory if spike else max(rest[b, n] - 1, 0)
                u[b, n] = current
                v[b, n] = 0 if spike else moved
                y[n] = spike
                spikes[b, n] += spike
