"""The cores of many chips as points: where each lies, along a curve that fills the space."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from nmc.chips.chip import CoreLimits

IntArray = NDArray[np.int64]

ACROSS = 10
"""How many hops within a chip placement takes a hop between chips for: those links are serial and slow
(nmc's own judgement; nothing was published). Costs are never counted by it."""


@dataclass(frozen=True, eq=False)
class Sites:
    """The first cores along the curve, as many as are wanted.

    `core` is the number within its chip; `column` and `row` are those of its tile over all chips, which
    lie side by side; `chip` is the number of the chip, `chip_column` and `chip_row` where that lies.
    """

    chip: IntArray
    core: IntArray
    column: IntArray
    row: IntArray
    chip_column: IntArray
    chip_row: IntArray

    def __len__(self) -> int:
        return len(self.core)

    @cached_property
    def distance(self) -> IntArray:
        """Hops between every two cores, those between chips weighted by ACROSS. For few cores."""
        total = np.zeros((len(self), len(self)), np.int64)
        for along, factor in ((self.column, 1), (self.row, 1), (self.chip_column, ACROSS), (self.chip_row, ACROSS)):
            total += factor * np.abs(along[:, None] - along[None, :])
        return total


def sites(limits: CoreLimits, cores: int) -> Sites:
    """The first `cores` cores along a Hilbert curve through each chip, chip after chip along a snake.

    Cores are filled tile by tile and chip by chip, so that as few of either are awake as can be.
    """
    columns, rows, per_tile = limits.mesh_columns.count, limits.mesh_rows.count, limits.cores_per_tile.count
    tile_column, tile_row = _curve(columns, rows)
    number = np.arange(cores)
    chip, within = np.divmod(number, limits.cores)
    chips = -(-cores // limits.cores) if cores else 0
    wide = isqrt(max(chips - 1, 0)) + 1
    chip_row, along = np.divmod(chip, wide)
    backwards = chip_row % 2 == 1
    chip_column = np.where(backwards, wide - 1 - along, along)
    x, y = tile_column[within // per_tile], tile_row[within // per_tile]
    x = np.where(backwards, columns - 1 - x, x)
    return Sites(
        chip, (y * columns + x) * per_tile + within % per_tile, chip_column * columns + x, chip_row * rows + y,
        chip_column, chip_row,
    )


def _curve(columns: int, rows: int) -> tuple[IntArray, IntArray]:
    """Columns and rows of a mesh's tiles along Hilbert curves over squares, one square after another.

    What of the squares lies outside the mesh is left out; there the curve jumps.
    """
    side = 1 << (min(columns, rows) - 1).bit_length()
    x, y = _hilbert(side)
    steps = range(0, max(columns, rows), side)
    long = np.concatenate([x + start for start in steps])
    short = np.concatenate([y for _ in steps])
    across, down = (long, short) if columns >= rows else (short, long)
    inside = (across < columns) & (down < rows)
    return across[inside], down[inside]


def _hilbert(side: int) -> tuple[IntArray, IntArray]:
    """The cells of a square along Hilbert's curve, from (0, 0) to (side - 1, 0); side is a power of 2."""
    x, y = np.zeros(1, np.int64), np.zeros(1, np.int64)
    size = 1
    while size < side:
        x, y = (
            np.concatenate([y, x, x + size, 2 * size - 1 - y]),
            np.concatenate([x, y + size, y + size, size - 1 - x]),
        )
        size *= 2
    return x, y
