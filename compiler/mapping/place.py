"""Giving every slice a core, so that neighbours in the network are neighbours on the mesh."""

from __future__ import annotations

from dataclasses import dataclass

from nmc.chips.chip import CoreLimits
from nmc.mapping.partition import Partition, Use


@dataclass(frozen=True)
class Place:
    """A core: its number along the snake, and its tile's column and row on the mesh."""

    core: int
    column: int
    row: int


@dataclass(frozen=True)
class Placement:
    """Every slice with its core, in the same order."""

    partition: Partition
    places: tuple[Place, ...]
    cores: Use
    tiles: Use


def place(partition: Partition, limits: CoreLimits) -> Placement:
    """Slices in the order of the graph on cores along a snake through the mesh, row by row and back.

    Consecutive tiles of the snake are neighbours, so a layer lies beside the one that it reads.
    """
    columns, per_tile = limits.mesh_columns.count, limits.cores_per_tile.count
    places = []
    for core in range(len(partition.slices)):
        row, along = divmod(core // per_tile, columns)
        places.append(Place(core, along if row % 2 == 0 else columns - 1 - along, row))
    tiles = -(-len(places) // per_tile)
    return Placement(partition, tuple(places), Use(len(places), limits.cores), Use(tiles, limits.tiles))
