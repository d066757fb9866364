"""The inner loops of synapses that learn, compiled; conventions as in `kernels`.

Synapses lie by source: w, t and d are [B, inputs, targets]. Traces are [B, 2, inputs] and [B, 3, targets]; tx and ty
say at which step of the epoch the last spike came, 0 for none. `products` and `factors` are as in `plasticity.tables`.
"""

# Numbers have the widths that compiled code gives them.
# mypy: disable-error-code="assignment"

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi.native.kernels import Counts, Rows, shifted
from nmc.machine_code import kernel
from nmc.model import Array

Reals = NDArray[np.float64]
X0, Y0, X_TRACES, Y_TRACES, SYNAPTIC = 0, 1, 2, 4, 7
"""Codes of variables: x0, y0, x1 and x2, y1 to y3, w and t and d."""


def jumped(trace: np.int32, whole: np.int32, fraction: np.int32, random: int | np.int64) -> np.int32:
    """A trace after a spike."""
    moved = trace + whole + (1 if random < fraction else 0)
    return np.int32(127 if moved > 127 else moved)


def faded(trace: np.int32, keep: np.float64, random: np.float64) -> np.int32:
    """A trace a step later, rounded at random."""
    exact = keep * trace
    low = np.int64(exact)
    return np.int32(low + (1 if random < exact - low else 0))


def saturated(x: np.int64, low: int | np.int64, high: int | np.int64) -> np.int64:
    """x, or the nearer of low and high."""
    return np.int64(low if x < low else high if x > high else x)


@kernel
def spiking_phase(
    x: Array, row: int, post: Array, post_row: int, w: Rows, xs: Rows, ys: Rows, tx: Rows, ty: Rows,
    impulses: Rows, draws: Counts, place: int, total: Counts, shift: int, out: Array, out_row: int,
    operations: Counts,
) -> None:
    """A step's sums of weights, and its spikes noted. impulses [5, 2]: whole part and 256ths. draws[1]: of this step.

    `place` is the step's in its epoch, from 1.
    """
    for b in range(x.shape[0]):
        inputs, targets = w.shape[1], w.shape[2]
        spiking = x[b, row]
        sent = post[b, post_row]
        for i in range(inputs):
            if spiking[i] != 0:
                operations[b] += targets
                weights = w[b, i]
                for f in range(targets):
                    total[f] += weights[f]
                if tx[b, i] > 0:
                    for k in range(2):
                        xs[b, k, i] = jumped(xs[b, k, i], impulses[k, 0], impulses[k, 1], 0)
                tx[b, i] = place
        for f in range(targets):
            out[b, out_row, f] = shifted(total[f], shift)
            total[f] = 0
            if sent[f] != 0:
                if ty[b, f] > 0:
                    for k in range(3):
                        ys[b, k, f] = jumped(ys[b, k, f], impulses[2 + k, 0], impulses[2 + k, 1], draws[1])
                ty[b, f] = place


@kernel
def learning_phase(
    w: Rows, t: Rows, d: Rows, xs: Rows, ys: Rows, tx: Rows, ty: Rows, keeps: Reals, impulses: Rows, fades: Reals,
    jumps: Counts, past_x: Rows, past_y: Rows, products: Rows, factors: Rows, limits: Rows, due: int, tagged: int,
    updates: Counts,
) -> None:
    """What an epoch's end changes.

    keeps [5] are the traces' decays; fades [3] the random numbers for traces before, traces behind, and synapses;
    jumps [2] those for impulses. past_x [epoch + 1, 2, inputs] and past_y are room. `due`: whether u is 1. With
    `tagged` synapses learn even where no dependency is 1, as t and d need it. limits [3, 2] are those of w, t and d.
    """
    epoch = past_x.shape[0] - 1
    batch, inputs, targets = w.shape
    uses_x, uses_y = False, False
    always = False
    for p in range(len(products)):
        uses_x = uses_x or products[p, 1] == 0
        uses_y = uses_y or products[p, 1] == 1
        always = always or (products[p, 1] == 2 and due > 0)
    for b in range(batch):
        remember(xs[b], tx[b], keeps, 0, impulses, fades[0], jumps[0], past_x)
        remember(ys[b], ty[b], keeps, 2, impulses, fades[1], jumps[1], past_y)
        for i in range(inputs):
            pre = uses_x and tx[b, i] > 0
            for f in range(targets):
                active = always or pre or (uses_y and ty[b, f] > 0)
                updates[b] += active
                if active or tagged > 0:
                    learn(
                        w, t, d, b, i, f, tx[b, i], ty[b, f], past_x, past_y, products, factors, limits, due, fades[2],
                    )
        for i in range(inputs):
            tx[b, i] = 0
            for k in range(2):
                xs[b, k, i] = past_x[epoch, k, i]
        for f in range(targets):
            ty[b, f] = 0
            for k in range(3):
                ys[b, k, f] = past_y[epoch, k, f]


def remember(
    traces: Rows, last: Rows, keeps: Reals, first: int, impulses: Rows, fade: np.float64, jump: np.int64, past: Rows
) -> None:
    """Fill in the traces [K, N] at every step of the epoch: past [epoch + 1, K, N]."""
    for k in range(traces.shape[0]):
        whole, fraction, keep = impulses[first + k, 0], impulses[first + k, 1], keeps[first + k]
        for i in range(traces.shape[1]):
            value = traces[k, i]
            past[0, k, i] = value
            for step in range(1, past.shape[0]):
                value = faded(value, keep, fade)
                if last[i] == step:
                    value = jumped(value, whole, fraction, jump)
                past[step, k, i] = value


def learn(
    w: Rows, t: Rows, d: Rows, b: int, i: int, f: int, tx: np.int32, ty: np.int32, past_x: Rows, past_y: Rows,
    products: Rows, factors: Rows, limits: Rows, due: int, random: np.float64,
) -> None:
    """The rules of one synapse, all from the same w, t and d."""
    weight, first_tag, second_tag = np.int64(w[b, i, f]), np.int64(t[b, i, f]), np.int64(d[b, i, f])
    target, total = -1, np.int64(0)
    for p in range(len(products) + 1):
        if p == len(products) or products[p, 0] != target:
            if target >= 0:
                low, high = np.int64(limits[target, 0]), np.int64(limits[target, 1])
                if (low == 0 and total < 0) or (high == 0 and total > 0):
                    total = np.int64(0)
                value = total >> 7
                value += 1 if random < (total & 127) / 128.0 else 0
                value = saturated(value, low, high)
                if target == 0:
                    w[b, i, f] = value
                elif target == 1:
                    t[b, i, f] = value
                else:
                    d[b, i, f] = value
            if p == len(products):
                break
            target = products[p, 0]
            total = (weight if target == 0 else first_tag if target == 1 else second_tag) << 7
        dependency = products[p, 1]
        when = tx if dependency == 0 else ty if dependency == 1 else np.int32(past_x.shape[0] - 1)
        product = np.int32(0)
        if (dependency == 0 and tx > 0) or (dependency == 1 and ty > 0) or (dependency == 2 and due > 0):
            product = np.int32(1)
            for k in range(products[p, 2], products[p, 3]):
                code = factors[k, 0]
                if code == X0:
                    value = np.int64(1 if tx > 0 else 0)
                elif code == Y0:
                    value = np.int64(1 if ty > 0 else 0)
                elif code < Y_TRACES:
                    value = np.int64(past_x[when, code - X_TRACES, i])
                elif code < SYNAPTIC:
                    value = np.int64(past_y[when, code - Y_TRACES, f])
                else:
                    value = weight if code == SYNAPTIC else first_tag if code == SYNAPTIC + 1 else second_tag
                value += factors[k, 1]
                if factors[k, 2] > 0:
                    value = np.int64(1 if value > 0 else -1 if value < 0 else 0)
                bound = np.int64(1) << np.int64(factors[k, 3])
                product = np.int32(np.int64(product) * saturated(value, -bound, bound - 1))
            product = np.int32(np.int64(product) * products[p, 4])
            product = np.int32(np.int64(np.int32(product >> products[p, 5])) << np.int64(products[p, 6]))
        change = saturated(np.int64(product), -32769, 32767)
        total = saturated(total + change, -32769, 32767)
