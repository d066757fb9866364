"""Which elements of a source send to which slices, as numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmc.mapping.box import Box
from nmc.mapping.memory import receptive_field
from nmc.mapping.network import Projection
from nmc.mapping.pattern import IntArray
from nmc.mapping.sparse import fan_outs, owners, starts_of


def areas(projection: Projection, targets: tuple[Box, ...]) -> tuple[Box, ...] | None:
    """What each slice of the population reads, in the shape of the source; None where each reads everything."""
    if not projection.local:
        return None
    return tuple(receptive_field(projection, target) for target in targets)


def overlaps(projection: Projection, sources: tuple[Box, ...], read: tuple[Box, ...]) -> IntArray:
    """The number of elements in both, of every source (rows) and every area that is read (columns)."""
    if projection.sender_shape != projection.source_shape:
        held = owners(sources, projection.sender_shape).reshape(projection.source_shape)
        each = [np.bincount(held[area.slices].ravel(), minlength=len(sources)) for area in read]
        return np.stack(each, axis=1).astype(np.int64)
    have = np.array([box.ranges for box in sources], dtype=np.int64).reshape(len(sources), 1, -1, 2)
    want = np.array([box.ranges for box in read], dtype=np.int64).reshape(1, len(read), -1, 2)
    common = np.minimum(have[..., 1], want[..., 1]) - np.maximum(have[..., 0], want[..., 0])
    counts: IntArray = np.clip(common, 0, None).prod(axis=-1)
    return counts


def output_axons(projection: Projection, sources: tuple[Box, ...], targets: tuple[Box, ...]) -> IntArray:
    """Output axons that each slice of the source needs for one projection: one for each neuron and core it drives."""
    if projection.pattern is not None:
        reached = fan_outs(projection, targets).astype(np.int64)
        running = np.concatenate(([0], np.cumsum(reached)))
        if len(projection.sender_shape) == 1:
            return np.diff(running[starts_of(sources)])
        spread = reached.reshape(projection.sender_shape)
        return np.array([spread[box.slices].sum() for box in sources])
    read = areas(projection, targets)
    if read is None:
        return np.array([box.size for box in sources], dtype=np.int64) * len(targets)
    total: IntArray = overlaps(projection, sources, read).sum(axis=1)
    return total


def axons_by_neuron(projection: Projection, targets: tuple[Box, ...]) -> NDArray[np.int64]:
    """Output axons of each neuron of a source in one row, for one projection."""
    if projection.pattern is not None:
        return fan_outs(projection, targets).astype(np.int64)
    return np.full(projection.sender_shape, len(targets), dtype=np.int64).ravel()
