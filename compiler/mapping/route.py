"""The ways that spikes take between cores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmc.mapping.links import projection_links
from nmc.mapping.network import Projection
from nmc.mapping.place import Place, Placement

ENTRANCE = Place(0, -1, 0, 0)
"""Where spikes of the host enter the mesh: the first tile of the first chip."""


@dataclass(frozen=True, eq=False)
class Routes:
    """Every way of one projection's spikes, one entry of each array a pair of slices.

    `source` and `target` are numbers of slices; a source of -1 is the host. `senders` counts the elements
    of the source that may send. A spike crosses tiles along rows first and then along columns; hops from
    one chip to the next are counted apart from those within chips.
    """

    projection: Projection
    source: NDArray[np.int32]
    target: NDArray[np.int32]
    senders: NDArray[np.int64]
    hops_east_west: NDArray[np.int32]
    hops_north_south: NDArray[np.int32]
    hops_between_chips: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.source)


@dataclass(frozen=True)
class Hops:
    """Hops that one spike of every neuron would take, to every core it goes to."""

    east_west: int
    north_south: int
    between_chips: int
    messages: int

    @property
    def per_message(self) -> float:
        """Mean hops within chips of a message."""
        return (self.east_west + self.north_south) / self.messages if self.messages else 0.0


def routes(placement: Placement) -> tuple[Routes, ...]:
    """The routes of every projection."""
    where = np.array([
        (p.column, p.row, p.chip_column, p.chip_row) for p in (*placement.places, ENTRANCE)
    ], dtype=np.int32)  # the host, -1, is the last
    found = []
    for projection in placement.partition.network.projections:
        link = projection_links(placement.partition, projection)
        columns, rows, chip_columns, chip_rows = np.abs(where[link.source] - where[link.target]).T
        found.append(Routes(
            projection, link.source, link.target, link.senders,
            columns - chip_columns, rows - chip_rows, chip_columns + chip_rows,
        ))
    return tuple(found)


def hops(found: tuple[Routes, ...]) -> Hops:
    """The hops of one spike of every neuron."""
    return Hops(
        sum(int(r.hops_east_west @ r.senders) for r in found),
        sum(int(r.hops_north_south @ r.senders) for r in found),
        sum(int(r.hops_between_chips @ r.senders) for r in found),
        sum(int(r.senders.sum()) for r in found),
    )
