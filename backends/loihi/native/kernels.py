"""The inner loops, compiled. Every kernel works on some steps of all samples, and lets other threads run.

Signals are [B, H + T, N]: the first H steps are what readers may still need of the time before. A kernel
reads `steps` rows of its input from `row` on, and writes as many from `out_row` on. `operations`
[B] counts the weights that were read.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from nmc.model import Array

Counts = NDArray[np.int64]
Rows = NDArray[np.int32]

_compiled = njit(cache=True, nogil=True)


@njit(cache=True, inline="always")
def _wrap32(x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - compiled
    return np.int64(np.int32(x))


@njit(cache=True, inline="always")
def _shifted(x, shift):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - compiled
    """x << shift or x >> -shift, as a 32-bit number."""
    if shift >= 0:
        return np.int32(np.int64(x) << shift)
    return np.int32(np.int64(x) >> -shift)


@_compiled
def dense_spikes(
    x: Array, row: int, steps: int, weight: Array, fan_out: Rows, zero: Array, block: int, shift: int,
    out: Array, out_row: int, operations: Counts,
) -> None:
    """Sums of the rows of weight [N, M] whose inputs spike, times 2^shift.

    `zero` [M] gives the accumulator's type, which may hold `block` rows at most before they are moved on.
    """
    samples, inputs, outputs = x.shape[0], weight.shape[0], weight.shape[1]
    for b in range(samples):
        index = np.empty(inputs + 4, np.int32)
        narrow = np.empty_like(zero)
        wide = np.empty(outputs, np.int64)
        count = np.int64(0)
        for t in range(steps):
            n = 0
            spikes = x[b, row + t]
            for i in range(inputs):
                index[n] = i
                n += spikes[i] != 0
            for k in range(n):
                count += fan_out[index[k]]
            y = out[b, out_row + t]
            if n <= block:
                narrow[:] = 0
                _add_rows(weight, index, 0, n, narrow)
                for j in range(outputs):
                    y[j] = _shifted(narrow[j], shift)
            else:
                wide[:] = 0
                for first in range(0, n, block):
                    narrow[:] = 0
                    _add_rows(weight, index, first, min(first + block, n), narrow)
                    for j in range(outputs):
                        wide[j] += narrow[j]
                for j in range(outputs):
                    y[j] = _shifted(wide[j], shift)
        operations[b] += count


@njit(cache=True)
def _add_rows(weight: Array, index: Rows, first: int, last: int, total: Array) -> None:
    """total += the rows index[first:last] of weight, four at a time."""
    outputs = len(total)
    k = first
    while k + 4 <= last:
        p, q, r, s = weight[index[k]], weight[index[k + 1]], weight[index[k + 2]], weight[index[k + 3]]
        for j in range(outputs):
            total[j] += p[j] + q[j] + r[j] + s[j]
        k += 4
    while k < last:
        p = weight[index[k]]
        for j in range(outputs):
            total[j] += p[j]
        k += 1


@_compiled
def dense_graded(
    x: Array, row: int, steps: int, weight: Array, fan_out: Rows, shift: int,
    out: Array, out_row: int, operations: Counts,
) -> None:
    """weight^T x in 32-bit numbers that wrap, then shifted; weight is [N, M]."""
    samples, inputs, outputs = x.shape[0], weight.shape[0], weight.shape[1]
    for b in range(samples):
        total = np.empty(outputs, np.int64)
        count = np.int64(0)
        for t in range(steps):
            total[:] = 0
            for i in range(inputs):
                message = np.int64(x[b, row + t, i])
                if message != 0:
                    count += fan_out[i]
                    w = weight[i]
                    for j in range(outputs):
                        total[j] += message * np.int64(w[j])
            for j in range(outputs):
                out[b, out_row + t, j] = _shifted(_wrap32(total[j]), shift)
        operations[b] += count


@_compiled
def conv(
    x: Array, row: int, steps: int, graded: bool, channel: Rows, line: Rows, column: Rows,
    line_runs: Rows, column_runs: Rows, weight: Array, groups: int, group_of: Rows, width: int, channels: int,
    fan_out: Rows, wraps: bool, out: Array, out_row: int, operations: Counts,
) -> None:
    """A convolution driven by events; the output is [height, width, channels].

    Input element i lies at channel[i], line[i], column[i]. line_runs[y] lists (output line, tap, count), and
    column_runs[x] likewise: `count` neighbouring outputs that `count` neighbouring taps reach. weight is
    [C, taps along y, taps along x, channels of a group], flat; group_of[c] is where the group's channels begin.
    Places are counted without sign, since for numbers with one the compiler provides for counting from the end.
    Sums may wrap at 32 bits, since where they can get that large only their last 24 are kept (`wraps`). Where
    not `graded`, any event counts as 1.
    """
    samples, inputs, per_group = x.shape[0], len(channel), channels // groups
    line_taps, column_taps = line_runs.shape[1], column_runs.shape[1]
    per_line = column_taps * per_group
    events = np.empty(inputs + 1, np.int32)
    for b in range(samples):
        count = np.int64(0)
        for t in range(steps):
            y = out[b, out_row + t]
            y[:] = 0
            frame = x[b, row + t]
            n = 0
            for i in range(inputs):
                events[n] = i
                n += frame[i] != 0
            for k in range(n):
                i = events[k]
                count += fan_out[i]
                message = np.int32(frame[i]) if graded else np.int32(1)
                p, q, first_out = line[i], column[i], group_of[channel[i]]
                for ky in range(line_taps):
                    for jy in range(line_runs[p, ky, 2]):
                        tap_line = (channel[i] * line_taps + line_runs[p, ky, 1] + jy) * per_line
                        out_line = (line_runs[p, ky, 0] + jy) * width
                        for kx in range(column_taps):
                            length = column_runs[q, kx, 2]
                            if length == 0:
                                break
                            base = np.uintp((out_line + column_runs[q, kx, 0]) * channels + first_out)
                            tap = np.uintp(tap_line + column_runs[q, kx, 1] * per_group)
                            if groups > 1:
                                for _ in range(length):
                                    for j in range(np.uintp(per_group)):
                                        y[base + j] += message * weight[tap + j]
                                    base += np.uintp(channels)
                                    tap += np.uintp(per_group)
                            elif graded:
                                for j in range(np.uintp(length * channels)):
                                    y[base + j] += message * weight[tap + j]
                            else:
                                for j in range(np.uintp(length * channels)):
                                    y[base + j] += weight[tap + j]
            if wraps:
                for j in range(len(y)):
                    y[j] = ((np.int64(y[j]) + 8388608) & 16777215) - 8388608
        operations[b] += count


@_compiled
def lif(
    x: Array, row: int, steps: int, u: Rows, v: Rows, bias: Rows, first_step: int,
    du: int, dv: int, vth: int, reset_interval: int, reset_offset: int,
    shows_voltage: bool, out: Array, out_row: int, spikes: Rows,
) -> None:
    """FixedLIF. u and v [B, N] are carried on; `spikes` [B, N] counts. Steps count from `first_step`."""
    samples, neurons = u.shape
    current_factor, voltage_factor, threshold = np.int64(4095 - du), np.int32(4096 - dv), np.int32(vth << 6)
    for b in range(samples):
        ub, vb, counts = u[b], v[b], spikes[b]
        for t in range(steps):
            if reset_interval and (first_step + t) % reset_interval == reset_offset % reset_interval:
                ub[:] = 0
                vb[:] = 0
            a, y = x[b, row + t], out[b, out_row + t]
            for n in range(neurons):
                kept = np.int64(0)
                if current_factor:
                    old = np.int64(ub[n])
                    kept = (abs(old) * current_factor) >> 12
                    kept = kept if old >= 0 else -kept
                c = _wrap32(kept + (np.int64(a[n]) << 6))
                ub[n] = c - 16777216 if c > 8388608 else (c + 16777216 if c <= -8388608 else c)
            for n in range(neurons):
                old_v = vb[n]
                size = np.int32(abs(old_v))
                high, low = np.int32(size >> 12), np.int32(size & 4095)
                kept_v = np.int32(np.int32(high * voltage_factor) + np.int32(np.int32(low * voltage_factor) >> 12))
                moved = np.int32(np.int32((kept_v if old_v >= 0 else np.int32(-kept_v)) + ub[n]) + bias[n])
                moved = np.int32(min(max(moved, np.int32(-8388607)), np.int32(8388607)))
                spike = moved > threshold
                vb[n] = np.int32(0) if spike else moved
                counts[n] += spike
                y[n] = vb[n] if shows_voltage else spike
