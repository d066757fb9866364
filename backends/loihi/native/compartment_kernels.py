"""The inner loop of NengoLoihi's compartments, compiled; conventions as in `kernels`."""

# Numbers have the widths that compiled code gives them.
# mypy: disable-error-code="assignment"

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi.native.kernels import Counts, Rows, count_spikes
from nmc.machine_code import kernel, lowest_bits, mac
from nmc.model import Array


def decayed(x: np.int32, keep: np.int32) -> np.int32:
    """sign(x) (|x| keep >> 12), for a keep of up to 4096, in parts that fit into 32 bits.

    A product below 0 gets 4095 first, so that the shift goes towards zero.
    """
    high, low, rounding = np.int32(x >> 12), np.int32(x & 4095), np.int32(np.int32(x >> 31) & 4095)
    return np.int32(np.int32(high * keep) + np.int32(np.int32(np.int32(low * keep) + rounding) >> 12))


def current(u: np.int32, keep: np.int32, arrived: np.int32) -> np.int32:
    """The current after u, where 2^-10 of so much arrived: 22 bits of that count, and 24 of the current."""
    return lowest_bits(np.int32(decayed(u, keep) + np.int32(arrived >> 10)), 8)


def voltage(v: np.int32, keep: np.int32, arrived: np.int32, least: np.int32, most: np.int32) -> np.int32:
    """The voltage after v, within its limits."""
    moved = np.int32(decayed(v, keep) + lowest_bits(arrived, 8))
    moved = most if moved > most else moved
    return least if moved < least else moved


@kernel
def compartments(
    x: Array, x_row: int, x_times: int, y: Array, y_row: int, y_times: int, z: Array, z_row: int, z_times: int,
    operands: int, steps: int, u: Rows, v: Rows, rest: Rows, vth: Rows, bias: Rows, vmin: Rows,
    vmax: int, decay_u: int, decay_v: int, refractory: int, out: Array, out_row: int,
    tally: NDArray[np.uint8], spikes: Counts,
) -> None:
    """FixedCompartments. u, v and rest [B, N] are carried on; vth, bias and vmin are [N]; `spikes` [N] counts.

    They read x times x_times, or that and y times y_times, or all three; each [B, .., N], or [1, .., N] for all.
    """
    neurons = len(vth)
    keep_u, keep_v, most = np.int32(4095 - decay_u), np.int32(4096 - decay_v), np.int32(vmax)
    x_scale, y_scale, z_scale = np.int32(x_times << 10), np.int32(y_times << 10), np.int32(z_times << 10)
    for b in range(len(u)):
        ub, vb, rested = u[b], v[b], rest[b]
        x_of, y_of, z_of = x[b % len(x)], y[b % len(y)], z[b % len(z)]
        for t in range(steps):
            one, two, three, fired = x_of[x_row + t], y_of[y_row + t], z_of[z_row + t], out[b, out_row + t]
            if operands == 1:
                for n in range(neurons):
                    ub[n] = current(ub[n], keep_u, mac(0, one[n], x_scale))
            elif operands == 2:
                for n in range(neurons):
                    arrived = mac(mac(0, one[n], x_scale), two[n], y_scale)
                    ub[n] = current(ub[n], keep_u, arrived)
            else:
                for n in range(neurons):
                    arrived = mac(mac(0, one[n], x_scale), two[n], y_scale)
                    ub[n] = current(ub[n], keep_u, mac(arrived, three[n], z_scale))
            if refractory:
                for n in range(neurons):
                    moved = voltage(vb[n], keep_v, np.int32(ub[n] + bias[n]), vmin[n], most)
                    moved = np.int32(0) if rested[n] > 0 else moved
                    left = np.int32(rested[n] - 1) if rested[n] > 0 else np.int32(0)
                    spike = moved > vth[n]
                    rested[n] = np.int32(refractory) if spike else left
                    vb[n] = np.int32(0) if spike else moved
                    fired[n] = spike
            else:
                for n in range(neurons):
                    moved = voltage(vb[n], keep_v, np.int32(ub[n] + bias[n]), vmin[n], most)
                    spike = moved > vth[n]
                    vb[n] = np.int32(0) if spike else moved
                    fired[n] = spike
            count_spikes(fired, t, steps, tally, spikes)


@kernel
def forgetful_compartments(
    x: Array, x_row: int, x_times: int, y: Array, y_row: int, y_times: int, z: Array, z_row: int, z_times: int,
    operands: int, steps: int, u: Rows, v: Rows, vth: Rows, least: int, decay_v: int,
    out: Array, out_row: int,
    tally: NDArray[np.uint8], spikes: Counts,
) -> None:
    """The same with decay_u = 4094, without bias or rest, where `least` is all their vmin, and vmax above all vth.

    Of a current at most 11 bits are left after a step, so that no sum leaves 24 bits; what exceeds vmax spikes anyway.
    """
    neurons = len(vth)
    keep, lowest = np.int32(4096 - decay_v), np.int32(least)
    x_scale, y_scale, z_scale = np.int32(x_times << 10), np.int32(y_times << 10), np.int32(z_times << 10)
    for b in range(len(u)):
        ub, vb, x_of, y_of, z_of = u[b], v[b], x[b % len(x)], y[b % len(y)], z[b % len(z)]
        for t in range(steps):
            one, two, three, fired = x_of[x_row + t], y_of[y_row + t], z_of[z_row + t], out[b, out_row + t]
            if operands == 1:
                for n in range(neurons):
                    ub[n] = barely_kept(ub[n], mac(0, one[n], x_scale))
                    moved = moved_freely(vb[n], keep, ub[n], lowest)
                    vb[n] = np.int32(0) if moved > vth[n] else moved
                    fired[n] = moved > vth[n]
            elif operands == 2:
                for n in range(neurons):
                    ub[n] = barely_kept(ub[n], mac(mac(0, one[n], x_scale), two[n], y_scale))
                    moved = moved_freely(vb[n], keep, ub[n], lowest)
                    vb[n] = np.int32(0) if moved > vth[n] else moved
                    fired[n] = moved > vth[n]
            else:
                for n in range(neurons):
                    both = mac(mac(0, one[n], x_scale), two[n], y_scale)
                    ub[n] = barely_kept(ub[n], mac(both, three[n], z_scale))
                    moved = moved_freely(vb[n], keep, ub[n], lowest)
                    vb[n] = np.int32(0) if moved > vth[n] else moved
                    fired[n] = moved > vth[n]
            count_spikes(fired, t, steps, tally, spikes)


def barely_kept(u: np.int32, arrived: np.int32) -> np.int32:
    """The current after u, of which sign(u) (|u| >> 12) is left, where 2^-10 of so much arrived."""
    left = np.int32(np.int32(u + np.int32(np.int32(u >> 31) & 4095)) >> 12)
    return np.int32(left + np.int32(arrived >> 10))


def moved_freely(v: np.int32, keep: np.int32, arrived: np.int32, least: np.int32) -> np.int32:
    """The voltage after v, with no limit above."""
    moved = np.int32(decayed(v, keep) + arrived)
    return least if moved < least else moved
