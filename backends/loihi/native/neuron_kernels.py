"""The inner loops of neurons beside the LIF, compiled; conventions as in `kernels`."""

from __future__ import annotations

import numpy as np

from nmc.backends.loihi.native.kernels import Counts, Rows, within, wrap32, wrapped24
from nmc.machine_code import kernel
from nmc.model import Array


def toward_zero(x: np.int64, shift: int) -> np.int64:
    """sign(x) (|x| >> shift), of 64 bits."""
    size = abs(x) >> shift
    return size if x >= 0 else -size


@kernel
def ternary_lif(
    x: Array, row: int, steps: int, u: Rows, v: Rows, bias: Rows, du: int, dv: int, vth_hi: int, vth_lo: int,
    out: Array, out_row: int, spikes: Counts,
) -> None:
    """FixedTernaryLIF. u and v [B, N] are carried on; `spikes` [N] counts those of either sign."""
    samples, neurons = u.shape
    high, low = np.int64(vth_hi) << 6, np.int64(vth_lo) << 6
    for b in range(samples):
        for t in range(steps):
            a, y = x[b, row + t], out[b, out_row + t]
            for n in range(neurons):
                c = wrap32(toward_zero(np.int64(u[b, n]) * (4095 - du), 12) + (np.int64(a[n]) << 6))
                c = np.int64(wrapped24(np.int32(c)))
                moved = wrap32(toward_zero(np.int64(v[b, n]) * (4096 - dv), 12) + c + bias[n])
                moved = within(moved, np.int64(8388607))
                up, down = moved > high, moved < low
                u[b, n] = c
                v[b, n] = 0 if up or down else moved
                y[n] = np.int32(up) - np.int32(down)
                spikes[n] += up != down


@kernel
def resonator(
    x_real: Array, x_imag: Array, real: Rows, imag: Rows, sin_decay: int, cos_decay: int, decay_bits: int,
    vth: int, state_exp: int, by_phase: bool, out: Array, out_row: int, spikes: Counts,
) -> None:
    """FixedResonator of inputs [B, steps, N]. real and imag [B, N] are carried on; `spikes` [N] counts."""
    samples, steps, neurons = x_real.shape
    limit = np.int64(8388607)
    for b in range(samples):
        for t in range(steps):
            for n in range(neurons):
                old_re, old_im = np.int64(real[b, n]), np.int64(imag[b, n])
                re = toward_zero(cos_decay * old_re, decay_bits) - toward_zero(sin_decay * old_im, decay_bits)
                im = toward_zero(sin_decay * old_re, decay_bits) + toward_zero(cos_decay * old_im, decay_bits)
                re += wrap32(np.int64(x_real[b, t, n]) << state_exp)
                im += wrap32(np.int64(x_imag[b, t, n]) << state_exp)
                re, im = within(re, limit), within(im, limit)
                if by_phase:
                    spike = re >= vth and im >= 0 and old_im < 0
                else:
                    spike = im >= vth
                    if spike:
                        re, im = np.int64(0), np.int64(vth - 1)
                real[b, n], imag[b, n] = re, im
                out[b, out_row + t, n] = spike
                spikes[n] += spike


@kernel
def delta(
    acts: Array, act: Rows, residue: Rows, error: Rows, threshold: int, cumulative: bool, state_exp: int,
    out: Array, out_row: int, spikes: Counts,
) -> None:
    """The encoder of FixedDelta, of activations [B, steps, N]; the size of -2^31 is -2^31, as in 32 bits."""
    samples, steps, neurons = acts.shape
    for b in range(samples):
        for t in range(steps):
            for n in range(neurons):
                change = np.int32(np.int64(acts[b, t, n]) - act[b, n] + residue[b, n])
                measure = change
                if cumulative:
                    measure = np.int32(np.int64(error[b, n]) + change)
                    error[b, n] = measure
                sent = change if np.int32(abs(np.int64(measure))) >= threshold else np.int32(0)
                if cumulative and np.int32(abs(np.int64(sent))) > 0:
                    error[b, n] = 0
                act[b, n] = acts[b, t, n]
                residue[b, n] = np.int32(np.int64(change) - sent)
                y = sent >> state_exp
                out[b, out_row + t, n] = y
                spikes[n] += y != 0
