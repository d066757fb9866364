"""Passes over the synapses of sparse patterns, compiled: each takes time in proportion to their number."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Index = NDArray[np.int32]
Long = NDArray[np.int64]
Real = NDArray[np.float64]

NEURONS, INPUT_AXONS, OUTPUT_AXONS, WORDS = 0, 1, 2, 3
"""The resources of a core, as positions in the arrays of limits and needs."""


@njit(cache=True)
def copy_rows(indices: Index, indptr: Long, offset: int, ahead: Long, joined: Index) -> None:
    """Copy each row, its inputs counted from `offset`, to ahead[row] of `joined`; `ahead` moves on."""
    for row in range(len(indptr) - 1):
        for k in range(indptr[row], indptr[row + 1]):
            joined[ahead[row]] = indices[k] + offset
            ahead[row] += 1


@njit(cache=True)
def cut_rows(
    indices: Index, indptr: Long, inputs: int, words_behind: Long, dense_axons: int, dense_words: Long,
    outputs: Long, limits: Long,
) -> tuple[Long, int, int, int]:
    """Cut rows into runs, each as long as the limits allow.

    words_behind[k]: words of k synapses behind one axon; dense_words[n]: words that n neurons need besides;
    outputs[i]: output axons of row i. Gives the first row of each run and the end; or, where row r
    alone is too much, (r,) with the resource and its need.
    """
    rows = len(indptr) - 1
    starts = np.empty(rows + 1, np.int64)
    starts[0] = 0
    run, first, axons, words, sent, row = 0, 0, 0, 0, 0, 0
    behind = np.zeros(inputs, np.int32)
    seen = np.full(inputs, -1, np.int32)
    need = np.zeros(4, np.int64)
    while row < rows:
        more_axons, more_words = 0, 0
        for k in range(indptr[row], indptr[row + 1]):
            j = indices[k]
            if seen[j] != run:
                seen[j] = run
                behind[j] = 0
                more_axons += 1
            more_words += words_behind[behind[j] + 1] - words_behind[behind[j]]
            behind[j] += 1
        neurons = row - first + 1
        need[NEURONS] = neurons
        need[INPUT_AXONS] = dense_axons + axons + more_axons
        need[OUTPUT_AXONS] = sent + outputs[row]
        need[WORDS] = dense_words[min(neurons, len(dense_words) - 1)] + words + more_words
        over = -1
        for resource in range(4):
            if need[resource] > limits[resource]:
                over = resource
        if over >= 0 and neurons == 1:
            return starts[:1], row, over, need[over]
        if over >= 0:
            run += 1
            starts[run] = row
            first, axons, words, sent = row, 0, 0, 0
            continue
        axons += more_axons
        words += more_words
        sent += outputs[row]
        row += 1
    starts[run + 1] = rows
    return starts[: run + 2], -1, -1, 0


@njit(cache=True)
def run_needs(indices: Index, indptr: Long, inputs: int, words_behind: Long, starts: Long) -> tuple[Long, Long]:
    """Distinct inputs and words of synapse memory of each run of rows."""
    runs = len(starts) - 1
    axons, words = np.zeros(runs, np.int64), np.zeros(runs, np.int64)
    behind = np.zeros(inputs, np.int32)
    seen = np.full(inputs, -1, np.int32)
    for run in range(runs):
        for k in range(indptr[starts[run]], indptr[starts[run + 1]]):
            j = indices[k]
            if seen[j] != run:
                seen[j] = run
                behind[j] = 0
                axons[run] += 1
            words[run] += words_behind[behind[j] + 1] - words_behind[behind[j]]
            behind[j] += 1
    return axons, words


@njit(cache=True)
def fan_out(indices: Index, indptr: Long, inputs: int, starts: Long) -> Index:
    """How many runs of rows each input reaches."""
    reached = np.zeros(inputs, np.int32)
    seen = np.full(inputs, -1, np.int32)
    for run in range(len(starts) - 1):
        for k in range(indptr[starts[run]], indptr[starts[run + 1]]):
            j = indices[k]
            if seen[j] != run:
                seen[j] = run
                reached[j] += 1
    return reached


@njit(cache=True)
def pairs(
    indices: Index, indptr: Long, starts: Long, owner: Index, owners: int
) -> tuple[Index, Index]:
    """Every (owner of inputs, run of rows) between which there are synapses, run by run."""
    runs = len(starts) - 1
    met = np.full(owners, -1, np.int32)
    count = 0
    for run in range(runs):
        for k in range(indptr[starts[run]], indptr[starts[run + 1]]):
            o = owner[indices[k]]
            if met[o] != run:
                met[o] = run
                count += 1
    sources, targets = np.empty(count, np.int32), np.empty(count, np.int32)
    met[:] = -1
    count = 0
    for run in range(runs):
        for k in range(indptr[starts[run]], indptr[starts[run + 1]]):
            o = owner[indices[k]]
            if met[o] != run:
                met[o] = run
                sources[count] = o
                targets[count] = run
                count += 1
    return sources, targets


@njit(cache=True)
def carried(
    indices: Index, indptr: Long, starts: Long, owner: Index, owners: int, amounts: Real, count: int
) -> Real:
    """The amounts of the distinct inputs behind each of `pairs`, in the same order."""
    total = np.zeros(count, np.float64)
    place = np.zeros(owners, np.int64)
    met = np.full(owners, -1, np.int32)
    seen = np.full(len(amounts), -1, np.int32)
    found = 0
    for run in range(len(starts) - 1):
        for k in range(indptr[starts[run]], indptr[starts[run + 1]]):
            j = indices[k]
            if seen[j] == run:
                continue
            seen[j] = run
            o = owner[j]
            if met[o] != run:
                met[o] = run
                place[o] = found
                found += 1
            total[place[o]] += amounts[j]
    return total


@njit(cache=True)
def swap_nearby(
    site_of: Long, slice_at: Long, column: Long, row: Long, chip: Long, rank_of: Long, per_tile: int,
    pointer: Long, neighbour: Index, weight: Real, across: float, sweeps: int,
) -> None:
    """Swap slices with those near the centre of their neighbours, wherever that shortens the ways; in place.

    site_of[a]: the core of slice a; slice_at[p]: the slice on core p, or -1. column, row and chip (its column
    and row) of each core; rank_of[row, column]: the tile's place along the curve, whose first core is that
    times per_tile, or -1. Slice a has neighbour[k] with weight[k], k from pointer[a] to pointer[a + 1].
    """
    for _ in range(sweeps):
        swaps = 0
        for a in range(len(site_of)):
            x, y, total = 0.0, 0.0, 0.0
            for k in range(pointer[a], pointer[a + 1]):
                p = site_of[neighbour[k]]
                x += weight[k] * column[p]
                y += weight[k] * row[p]
                total += weight[k]
            if total == 0.0:
                continue
            centre_x, centre_y = int(x / total + 0.5), int(y / total + 0.5)
            here, best, gain = site_of[a], -1, 1e-6 * total
            for r in range(max(centre_y - 1, 0), min(centre_y + 2, rank_of.shape[0])):
                for c in range(max(centre_x - 1, 0), min(centre_x + 2, rank_of.shape[1])):
                    if rank_of[r, c] < 0 or (r == row[here] and c == column[here]):
                        continue
                    for there in range(rank_of[r, c] * per_tile, min((rank_of[r, c] + 1) * per_tile, len(slice_at))):
                        b = slice_at[there]
                        won = _gain(a, b, here, there, site_of, column, row, chip, pointer, neighbour, weight, across)
                        if b >= 0:
                            won += _gain(
                                b, a, there, here, site_of, column, row, chip, pointer, neighbour, weight, across
                            )
                        if won > gain:
                            best, gain = there, won
            if best >= 0:
                other = slice_at[best]
                site_of[a], slice_at[best], slice_at[here] = best, a, other
                if other >= 0:
                    site_of[other] = here
                swaps += 1
        if swaps == 0:
            return


@njit(cache=True)
def _gain(
    a: int, b: int, here: int, there: int, site_of: Long, column: Long, row: Long, chip: Long,
    pointer: Long, neighbour: Index, weight: Real, across: float,
) -> float:
    """How much shorter the ways of slice a get from here to there, but for those to b, with which it swaps."""
    won = 0.0
    for k in range(pointer[a], pointer[a + 1]):
        other = neighbour[k]
        if other in (a, b):
            continue
        p = site_of[other]
        won += weight[k] * (
            abs(column[here] - column[p]) - abs(column[there] - column[p])
            + abs(row[here] - row[p]) - abs(row[there] - row[p])
            + across * (
                abs(chip[here, 0] - chip[p, 0]) - abs(chip[there, 0] - chip[p, 0])
                + abs(chip[here, 1] - chip[p, 1]) - abs(chip[there, 1] - chip[p, 1])
            )
        )
    return won
