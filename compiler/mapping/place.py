"""Giving every slice a core, so that slices which talk to each other lie near each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmc.chips.chip import CoreLimits
from nmc.mapping.links import Link, links
from nmc.mapping.mesh import ACROSS, Sites, sites
from nmc.mapping.slices import Partition, Use

IntArray = NDArray[np.int64]

ALL_PAIRS = 512
"""Up to so many cores, every swap of two slices is tried; beyond, only those towards a slice's neighbours."""
_WORK = 2_000_000_000


@dataclass(frozen=True)
class Place:
    """A core: its number on its chip, and its tile's column and row, counted over all chips side by side.

    The chip's own place is counted in chips.
    """

    chip: int
    core: int
    column: int
    row: int
    chip_column: int = 0
    chip_row: int = 0


@dataclass(frozen=True)
class Placement:
    """Every slice with its core, in the same order; and the chips, tiles and cores in use, of all there are."""

    partition: Partition
    places: tuple[Place, ...]
    cores: Use
    tiles: Use
    chips: Use


def place(partition: Partition, limits: CoreLimits) -> Placement:
    """Slices on cores: in the order of the graph along a curve that fills the space, then improved by swaps.

    Uses as few tiles and chips as can be. Deterministic.
    """
    return improved(along_curve(partition, limits), limits)


def along_curve(partition: Partition, limits: CoreLimits) -> Placement:
    """Slices in the order of the graph on cores along a Hilbert curve, chip after chip."""
    count = len(partition.slices)
    return _placed(partition, limits, sites(limits, count), np.arange(count))


def improved(placement: Placement, limits: CoreLimits) -> Placement:
    """The same slices on the same tiles, swapped as long as spikes get shorter ways by it.

    A way is weighted with the neurons that may send along it; how often they do is not known here.
    """
    partition = placement.partition
    count, per_tile = len(partition.slices), limits.cores_per_tile.count
    where = sites(limits, min(-(-count // per_tile) * per_tile, limits.all_cores))
    found = links(partition)
    chosen = _best_swaps(where, count, found) if len(where) <= ALL_PAIRS else _nearby_swaps(where, count, found, limits)
    return _placed(partition, limits, where, chosen)


def _placed(partition: Partition, limits: CoreLimits, where: Sites, chosen: IntArray) -> Placement:
    facts = (where.chip, where.core, where.column, where.row, where.chip_column, where.chip_row)
    places = tuple(Place(*fact) for fact in zip(*(array[chosen].tolist() for array in facts), strict=True))
    count, per_tile, chips = len(places), limits.cores_per_tile.count, limits.chips.count
    used = -(-count // limits.cores)
    return Placement(
        partition, places, Use(count, limits.all_cores), Use(-(-count // per_tile), limits.tiles * chips),
        Use(used, chips),
    )


def _best_swaps(where: Sites, count: int, found: Link) -> IntArray:
    """The core of each slice after swapping, again and again, the two whose swap saves most.

    Cores without a slice take part. costs[a, p] is what slice a pays on core p with all others where they are.
    """
    cores = len(where)
    distance = where.distance.astype(np.float64)
    entrance = ((where.column + where.row) + ACROSS * (where.chip_column + where.chip_row)).astype(np.float64)
    weights = np.zeros((cores, cores))
    host = found.source < 0
    np.add.at(weights, (found.source[~host], found.target[~host]), found.senders[~host])
    weights += weights.T
    np.fill_diagonal(weights, 0.0)
    from_host = np.zeros(cores)
    np.add.at(from_host, found.target[host], found.senders[host])
    every, at = np.arange(cores), np.arange(cores)
    costs = weights @ distance + np.outer(from_host, entrance)
    for _ in range(20 * cores):
        now = costs[every, at]
        moved = costs[:, at]
        saved = now[:, None] + now[None, :] - moved - moved.T - 2 * weights * distance[np.ix_(at, at)]
        a, b = divmod(int(saved.argmax()), cores)
        if saved[a, b] <= 1e-9 * max(1.0, float(now.sum())):
            break
        difference = distance[at[b]] - distance[at[a]]
        costs += np.outer(weights[:, a] - weights[:, b], difference)
        at[a], at[b] = at[b], at[a]
    return at[:count]


def _nearby_swaps(where: Sites, count: int, found: Link, limits: CoreLimits) -> IntArray:
    """The core of each slice after sweeps of swaps towards the centre of each slice's neighbours."""
    from nmc.mapping.kernels import swap_nearby

    per_tile = limits.cores_per_tile.count
    ranks = np.full((int(where.row.max()) + 1, int(where.column.max()) + 1), -1, np.int64)
    ranks[where.row[::per_tile], where.column[::per_tile]] = np.arange(len(where) // per_tile)
    inner = (found.source >= 0) & (found.source != found.target)
    ends = np.concatenate((found.source[inner], found.target[inner]))
    others = np.concatenate((found.target[inner], found.source[inner]))
    weights = np.tile(found.senders[inner].astype(np.float64), 2)
    order = np.argsort(ends, kind="stable")
    pointer = np.concatenate(([0], np.cumsum(np.bincount(ends, minlength=count))))
    at = np.arange(count, dtype=np.int64)
    slice_at = np.full(len(where), -1, np.int64)
    slice_at[:count] = at
    sweeps = max(1, min(10, _WORK // max(1, 72 * per_tile // 4 * len(ends))))
    swap_nearby(
        at, slice_at, where.column, where.row, np.stack((where.chip_column, where.chip_row), axis=1), ranks, per_tile,
        pointer.astype(np.int64), others[order].astype(np.int32), weights[order], float(ACROSS), sweeps,
    )
    return at
