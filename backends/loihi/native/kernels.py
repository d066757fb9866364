"""The inner loops, compiled. Every kernel works on some steps of all samples, and lets other threads run.

Signals are [B, H + T, N]: the first H steps are what readers may still need of the time before. A kernel
reads `steps` rows of its input from `row` on, and writes as many from `out_row` on. `operations`
[B] counts the weights that were read. Sums in the making lie in arrays that come in as zeros and are left so;
`index` is room for the places of all inputs, from `room_for`; `tally` [N] is room for counts of spikes.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nmc.machine_code import add_double_lanes, add_lanes, count_ones, kernel, mac, nonzero_bits, trailing_zeros
from nmc.model import Array

Counts = NDArray[np.int64]
Rows = NDArray[np.int32]
Width = TypeVar("Width", np.int32, np.int64)
Number = int | np.int16 | np.int32 | np.int64
_AT_A_TIME = 8
_TALLIED = 255
"""How many steps a tally of 8 bits can hold."""


def room_for(inputs: int) -> Rows:
    """Room for the places of so many inputs."""
    return np.empty(inputs + _AT_A_TIME, np.int32)


def wrap32(x: Number) -> np.int64:
    """The lowest 32 bits, as a signed number."""
    return np.int64(np.int32(x))


def shifted(x: Number, shift: int) -> np.int32:
    """x << shift or x >> -shift, as a 32-bit number."""
    if shift >= 0:
        return np.int32(np.int64(x) << shift)
    return np.int32(np.int64(x) >> -shift)


def events(spikes: NDArray[np.uint8], index: Rows) -> int:
    """Write where spikes [N] are into index; how many there are.

    Places are written several at a time, some too many, since branches cost more.
    """
    n, whole = 0, len(spikes) >> 6 << 6
    for first in range(0, whole, 64):
        bits = nonzero_bits(spikes, first)
        end, k = n + count_ones(bits), n
        while k < end:
            for j in range(_AT_A_TIME):
                index[k + j] = first + trailing_zeros(bits)
                bits &= bits - np.uint64(1)
            k += _AT_A_TIME
        n = end
    for i in range(whole, len(spikes)):
        index[n] = i
        n += spikes[i] != 0
    return n


def count_spikes(spikes: NDArray[np.uint8], step: int, steps: int, tally: NDArray[np.uint8], counts: Counts) -> None:
    """Count every neuron that spikes at a step of some, all [N]: in 8 bits, and now and then in those of counts.

    The tally comes in as zeros, and is so after the last step.
    """
    for n in range(len(spikes)):
        tally[n] += spikes[n] != 0
    if step % _TALLIED == _TALLIED - 1 or step == steps - 1:
        for n in range(len(spikes)):
            counts[n] += tally[n]
            tally[n] = 0


@kernel
def count(signal: NDArray[np.uint8], row: int, tally: NDArray[np.uint8], counts: Counts) -> None:
    """Add to counts [N] how often every element of a signal [B, T, N] is not 0 from a row on."""
    steps = signal.shape[1] - row
    for b in range(len(signal)):
        for t in range(steps):
            count_spikes(signal[b, row + t], t, steps, tally, counts)


def within(x: Width, bound: Width) -> Width:
    """x, or the nearer of -bound and bound."""
    return bound if x > bound else -bound if x < -bound else x


def wrap24(x: Number) -> np.int32:
    """The lowest 24 bits of a 32-bit number, as a signed number."""
    return np.int32(np.int32(np.int32(x) << 8) >> 8)


def wrapped24(u: np.int32) -> np.int32:
    """A current of 32 bits as Lava wraps it: once, beyond 2^23 and from -2^23 down."""
    if u > 8388608:
        return np.int32(u - 16777216)
    if u <= -8388608:
        return np.int32(u + 16777216)
    return u


@kernel
def dense_spikes(
    x: Array, row: int, steps: int, weight: Array, fan_out: Rows, index: Rows, total: Array, wide: Rows,
    block: int, shift: int, out: Array, out_row: int, operations: Counts,
) -> None:
    """Sums of the rows of weight [N, M] whose inputs spike, times 2^shift.

    total [M] may hold `block` rows at most before they are moved on to wide [M].
    """
    scale, right = np.int32(1 << shift if shift > 0 else 1), -shift if shift < 0 else 0
    for b in range(x.shape[0]):
        count = np.int64(0)
        for t in range(steps):
            n = events(x[b, row + t], index)
            for k in range(n):
                count += fan_out[index[k]]
            for first in range(0, n, block):
                if first > 0:
                    for j in range(len(total)):
                        wide[j] += total[j]
                        total[j] = 0
                add_rows(weight, index, first, first + block if first + block < n else n, total)
            y = out[b, out_row + t]
            if right:
                for j in range(len(total)):
                    y[j] = (wide[j] + total[j]) >> right
                    wide[j], total[j] = 0, 0
            else:
                for j in range(len(total)):
                    y[j] = (wide[j] + total[j]) * scale
                    wide[j], total[j] = 0, 0
        operations[b] += count


def add_rows(weight: Array, index: Rows, first: int, last: int, total: Array) -> None:
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


@kernel
def dense_graded(
    x: Array, row: int, steps: int, weight: Array, fan_out: Rows, total: Counts, shift: int,
    out: Array, out_row: int, operations: Counts,
) -> None:
    """weight^T x in 32-bit numbers that wrap, then shifted; weight is [N, M]."""
    inputs, outputs = weight.shape
    for b in range(x.shape[0]):
        count = np.int64(0)
        for t in range(steps):
            for i in range(inputs):
                message = np.int64(x[b, row + t, i])
                if message != 0:
                    count += fan_out[i]
                    w = weight[i]
                    for j in range(outputs):
                        total[j] += message * np.int64(w[j])
            for j in range(outputs):
                out[b, out_row + t, j] = shifted(wrap32(total[j]), shift)
                total[j] = 0
        operations[b] += count


@kernel
def conv_spikes(
    x: Array, row: int, steps: int, place: Rows, first_tap: Rows, first_output: Rows, runs: Rows,
    taps: Array, fan_out: Rows, index: Rows, total: Array, shift: int, out: Array, out_row: int, operations: Counts,
) -> None:
    """A convolution driven by spikes; the output is [height, width, channels], wrapped to 24 bits.

    runs[place[i]] lists (first output, first tap, how many) for an event at input i, of neighbouring outputs that
    neighbouring taps reach, from first_output[i] and first_tap[i] on; it ends at a run of none. `total` [outputs]
    surely holds the sums, or has 32 bits, of which only the last 24 are kept. Where out has 16 bits, these hold
    all, and shift is 0.
    """
    scale = np.int32(1 << shift)
    for b in range(x.shape[0]):
        count = np.int64(0)
        for t in range(steps):
            for k in range(events(x[b, row + t], index)):
                i = index[k]
                count += fan_out[i]
                for run in runs[place[i]]:
                    if run[2] == 0:
                        break
                    first, tap = first_output[i] + run[0], first_tap[i] + run[1]
                    reached, added = total[first : first + run[2]], taps[tap : tap + run[2]]
                    for j in range(run[2]):
                        reached[j] += added[j]
            put_out(total, scale, out[b, out_row + t])
        operations[b] += count


@kernel
def conv_lanes(
    x: Array, row: int, steps: int, inputs: Rows, lanes: Rows, double: bool, taps: Array, index: Rows, total: Array,
    shift: int, out: Array, out_row: int, operations: Counts,
) -> None:
    """The same for runs in whole LANES or, where `double`, in two at once: each is (first output, first tap).

    inputs[i] are (first output, first tap, where its runs begin in lanes, where they end, fan-out).
    """
    scale = np.int32(1 << shift)
    for b in range(x.shape[0]):
        count = np.int64(0)
        for t in range(steps):
            for k in range(events(x[b, row + t], index)):
                i = np.uint64(index[k])
                first, tap, begin, end = inputs[i, 0], inputs[i, 1], inputs[i, 2], inputs[i, 3]
                count += inputs[i, 4]
                if double:
                    add_double_lanes(total, first, taps, tap, lanes, begin, end)
                else:
                    add_lanes(total, first, taps, tap, lanes, begin, end)
            put_out(total, scale, out[b, out_row + t])
        operations[b] += count


def put_out(total: Array, scale: np.int32, y: Array) -> None:
    """Write sums in 24 bits, or, where they have 16 themselves, as they are; and begin anew."""
    if y.itemsize == 2:
        for j in range(len(total)):
            y[j] = total[j]
            total[j] = 0
    else:
        for j in range(len(total)):
            y[j] = wrap24(np.int32(total[j] * scale))
            total[j] = 0


@kernel
def conv_graded(
    x: Array, row: int, steps: int, place: Rows, first_tap: Rows, first_output: Rows, runs: Rows,
    taps: Array, fan_out: Rows, total: Rows, shift: int, out: Array, out_row: int, operations: Counts,
) -> None:
    """The same for graded messages; sums may wrap at 32 bits, since only their last 24 are kept."""
    for b in range(x.shape[0]):
        count = np.int64(0)
        for t in range(steps):
            for i in range(len(place)):
                message = np.int32(x[b, row + t, i])
                if message == 0:
                    continue
                count += fan_out[i]
                for run in runs[place[i]]:
                    first, tap = first_output[i] + run[0], first_tap[i] + run[1]
                    for j in range(run[2]):
                        total[first + j] += message * np.int32(taps[tap + j])
            for j in range(len(total)):
                out[b, out_row + t, j] = wrap24(np.int32(total[j]) << shift)
                total[j] = 0
        operations[b] += count


@kernel
def summed(
    x: Array, x_row: int, x_times: int, y: Array, y_row: int, y_times: int, z: Array, z_row: int, z_times: int,
    operands: int, steps: int, out: Rows,
) -> None:
    """out [B, T, N] = x times x_times and y times y_times and z times z_times, in 32 bits.

    Each is [B, .., N], or [1, .., N] for all. Of two operands, z is not looked at.
    """
    x_scale, y_scale, z_scale = np.int32(x_times), np.int32(y_times), np.int32(z_times)
    for b in range(len(out)):
        x_of, y_of, z_of = x[b % len(x)], y[b % len(y)], z[b % len(z)]
        for t in range(steps):
            one, two, three, total = x_of[x_row + t], y_of[y_row + t], z_of[z_row + t], out[b, t]
            if operands == 2:
                for n in range(len(total)):
                    total[n] = mac(mac(0, one[n], x_scale), two[n], y_scale)
            else:
                for n in range(len(total)):
                    total[n] = mac(mac(mac(0, one[n], x_scale), two[n], y_scale), three[n], z_scale)


@kernel
def lif_without_current(
    x: Array, row: int, steps: int, shift: int, wraps: bool, v: Rows, bias: Rows, first_step: int,
    dv: int, vth: int, reset_interval: int, reset_offset: int,
    out: Array, out_row: int, tally: NDArray[np.uint8], spikes: Counts,
) -> None:
    """FixedLIF with du = 4095 that emits spikes: u is x << shift, and surely fits in 24 bits unless it `wraps`."""
    scale, factor, threshold, bound = np.int32(1 << shift), np.int32(4096 - dv), np.int32(vth << 6), np.int32(8388607)
    for b in range(v.shape[0]):
        vb = v[b]
        for t in range(steps):
            if reset_interval and (first_step + t) % reset_interval == reset_offset % reset_interval:
                vb[:] = 0
            a, y = x[b, row + t], out[b, out_row + t]
            for n in range(len(vb)):
                old = vb[n]
                size = np.int32(abs(old))
                high, low = np.int32(size >> 12), np.int32(size & 4095)
                kept = np.int32(np.int32(high * factor) + np.int32(np.int32(low * factor) >> 12))
                signed = kept if old >= 0 else np.int32(-kept)
                u = np.int32(a[n] * scale)
                if wraps:
                    u = wrapped24(u)
                moved = np.int32(np.int32(signed + u) + bias[n])
                moved = within(moved, bound)
                spike = moved > threshold
                vb[n] = np.int32(0) if spike else moved
                y[n] = spike
            count_spikes(y, t, steps, tally, spikes)


@kernel
def lif(
    x: Array, row: int, steps: int, shift: int, u: Rows, v: Rows, bias: Rows, first_step: int,
    du: int, dv: int, vth: int, reset_interval: int, reset_offset: int,
    shows_voltage: bool, out: Array, out_row: int, spikes: Counts,
) -> None:
    """FixedLIF that reads x << shift. u and v [B, N] are carried on; `spikes` counts; steps do from `first_step`."""
    samples, neurons = u.shape
    current_factor, voltage_factor, threshold = np.int64(4095 - du), np.int32(4096 - dv), np.int32(vth << 6)
    for b in range(samples):
        ub, vb = u[b], v[b]
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
                c = wrap32(kept + (np.int64(a[n]) << shift))
                ub[n] = wrapped24(np.int32(c))
            for n in range(neurons):
                old_v = vb[n]
                size = np.int32(abs(old_v))
                high, low = np.int32(size >> 12), np.int32(size & 4095)
                kept_v = np.int32(np.int32(high * voltage_factor) + np.int32(np.int32(low * voltage_factor) >> 12))
                moved = np.int32(np.int32((kept_v if old_v >= 0 else np.int32(-kept_v)) + ub[n]) + bias[n])
                moved = within(moved, np.int32(8388607))
                spike = moved > threshold
                vb[n] = np.int32(0) if spike else moved
                spikes[n] += spike
                y[n] = vb[n] if shows_voltage else spike
