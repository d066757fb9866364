"""Which slices send to which, and from how many neurons: what placement shortens and routes spell out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmc.mapping.box import Box
from nmc.mapping.memory import receptive_field
from nmc.mapping.network import Projection
from nmc.mapping.pattern import Pattern
from nmc.mapping.senders import areas, overlaps
from nmc.mapping.slices import Partition
from nmc.mapping.sparse import owners, starts_of
from nmc.model import FloatArray

HOST = -1
"""The number of the host among slices."""


@dataclass(frozen=True, eq=False)
class Link:
    """Pairs of slices, by number: `senders` elements of the source may send to the target."""

    source: NDArray[np.int32]
    target: NDArray[np.int32]
    senders: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.source)


def links(partition: Partition) -> Link:
    """The links of all projections, one after another."""
    found = [projection_links(partition, projection) for projection in partition.network.projections]
    if not found:
        none = np.zeros(0, np.int32)
        return Link(none, none, np.zeros(0, np.int64))
    return Link(
        np.concatenate([one.source for one in found]),
        np.concatenate([one.target for one in found]),
        np.concatenate([one.senders for one in found]),
    )


def projection_links(partition: Partition, projection: Projection) -> Link:
    """The links of one projection, ordered by target; those without a sender are left out."""
    first, targets = partition.first[projection.population], partition.boxes[projection.population]
    start = partition.first[projection.source] if projection.on_chip else HOST
    if projection.pattern is not None:
        owner, run, ones = _sparse(projection.pattern, _owners(partition, projection), targets, None)
        return Link(owner + np.int32(start), run + np.int32(first), ones.astype(np.int64))
    if not projection.on_chip:
        read_by = np.array([receptive_field(projection, target).size for target in targets], np.int64)
        number = np.arange(first, first + len(targets), dtype=np.int32)
        return Link(np.full(len(targets), HOST, np.int32), number, read_by)
    sources = partition.boxes[projection.source]
    read = areas(projection, targets)
    if read is None:
        sizes = np.array([box.size for box in sources], np.int64)
        counts = np.broadcast_to(sizes[:, None], (len(sources), len(targets)))
    else:
        counts = overlaps(projection, sources, read)
    target, source = np.nonzero(counts.T)
    return Link((source + start).astype(np.int32), (target + first).astype(np.int32), counts[source, target])


def spikes_along(partition: Partition, projection: Projection, spikes: FloatArray) -> FloatArray:
    """How many spikes go along each link of a projection, from those that each element of its source sends."""
    targets = partition.boxes[projection.population]
    if projection.pattern is not None:
        held = _owners(partition, projection)
        flat = np.ascontiguousarray(spikes.reshape(-1), dtype=np.float64)
        return _sparse(projection.pattern, held, targets, flat)[2]
    if not projection.on_chip:
        seen = spikes.reshape(projection.source_shape)
        return np.array([seen[receptive_field(projection, target).slices].sum() for target in targets])
    sources = partition.boxes[projection.source]
    sent = spikes.reshape(projection.sender_shape)
    read = areas(projection, targets)
    if read is None:
        return np.tile(np.array([sent[box.slices].sum() for box in sources]), len(targets))
    if projection.sender_shape != projection.source_shape:
        return _carried(owners(sources, projection.sender_shape), spikes, projection, read)
    common = ((source & area) for area in read for source in sources)
    return np.array([float(sent[box.slices].sum()) for box in common if box.size])


def _carried(
    held: NDArray[np.int32], spikes: FloatArray, projection: Projection, read: tuple[Box, ...]
) -> FloatArray:
    """The same where slices of the source are runs of what is read in another shape."""
    slices, sent = (array.reshape(projection.source_shape) for array in (held, spikes))
    found = []
    for area in read:
        mine = slices[area.slices].ravel()
        present = np.flatnonzero(np.bincount(mine))
        found.append(np.bincount(mine, sent[area.slices].ravel())[present])
    return np.concatenate(found)


def _owners(partition: Partition, projection: Projection) -> NDArray[np.int32]:
    """The slice of the source that holds each element, counted from the source's first; 0 throughout for the host."""
    if not projection.on_chip:
        return np.zeros(projection.source_shape, np.int32).ravel()
    return owners(partition.boxes[projection.source], projection.sender_shape)


def _sparse(
    pattern: Pattern, held: NDArray[np.int32], targets: tuple[Box, ...], amounts: FloatArray | None
) -> tuple[NDArray[np.int32], NDArray[np.int32], FloatArray]:
    from nmc.mapping import kernels

    starts, count = starts_of(targets), int(held.max()) + 1
    source, target = kernels.pairs(pattern.indices, pattern.indptr, starts, held, count)
    amounts = np.ones(pattern.inputs) if amounts is None else amounts
    return source, target, kernels.carried(
        pattern.indices, pattern.indptr, starts, held, count, amounts, len(source)
    )
