"""What a product costs on a systolic array, in closed form: cycles, and elements read and written on the chip.

An array of R rows and C columns holds one operand while the others stream through it:

stationary  tiles                    streamed  cycles of a tile
output      ceil(m/R) ceil(n/C)      k         R + C + k - 2
weight      ceil(k/R) ceil(n/C)      m         2R + C + m - 2
input       ceil(k/R) ceil(m/C)      n         2R + C + n - 2

These are SCALE-Sim 3's (Samajdar et al., ISPASS 2020), which counts one less in all and lets one tile
drain before the next. With two buffers the next tile fills while this one is at work, so all but
the last take max(streamed, R).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nmc.estimates.workload import Gemm

if TYPE_CHECKING:
    from nmc.chips.chip import Dataflow


@dataclass(frozen=True)
class Tiling:
    """A product cut into tiles of the array: how many, how much each streams, and cycles of one by itself."""

    tiles: int
    streamed: int
    fill: int

    @property
    def alone(self) -> int:
        """Cycles of one tile, filled and drained."""
        return self.fill + self.streamed


def tiling(product: Gemm, rows: int, columns: int, dataflow: Dataflow) -> Tiling:
    """The tiles of a product. As many groups as fit lie in a tile side by side, along its diagonal."""
    m, n, k = product.m, product.n, product.k
    match dataflow:
        case "output-stationary":
            down, across, streamed, fill = m, n, k, rows + columns - 2
        case "weight-stationary":
            down, across, streamed, fill = k, n, m, 2 * rows + columns - 2
        case "input-stationary":
            down, across, streamed, fill = k, m, n, 2 * rows + columns - 2
    together = max(1, min(rows // down, columns // across))
    tiles = up(down, rows) * up(across, columns) * up(product.groups, together)
    return Tiling(tiles, streamed, fill)


def cycles(
    product: Gemm,
    rows: int,
    columns: int,
    dataflow: Dataflow,
    *,
    arrays: int = 1,
    double_buffered: bool = False,
) -> int:
    """Cycles that a product takes, dealt out evenly to several arrays.

    Where there are more arrays than tiles, each tile streams through several, a part of the rows
    through each; outputs that stay in place cannot be shared out like that.
    """
    cut = tiling(product, rows, columns, dataflow)
    tiles, streamed = up(cut.tiles, arrays), cut.streamed
    if dataflow != "output-stationary":
        streamed = up(streamed, max(1, arrays // cut.tiles))
    last = cut.fill + streamed
    before = max(streamed, rows) if double_buffered else last
    return (tiles - 1) * before + last - 1


@dataclass(frozen=True)
class BufferAccesses:
    """Elements that go between the array and its buffers: both operands in, and sums out of every tile."""

    inputs: int
    weights: int
    sums: int

    @property
    def elements(self) -> int:
        """All of them."""
        return self.inputs + self.weights + self.sums


def buffer_accesses(product: Gemm, rows: int, columns: int, dataflow: Dataflow) -> BufferAccesses:
    """What a product moves. Where the inner axis is cut, the sums of each tile are added to those before."""
    m, n, k = product.m, product.n, product.k
    match dataflow:
        case "output-stationary":
            inputs, weights, sums = m * k * up(n, columns), k * n * up(m, rows), m * n
        case "weight-stationary":
            inputs, weights, sums = m * k * up(n, columns), k * n, m * n * up(k, rows)
        case "input-stationary":
            inputs, weights, sums = m * k, k * n * up(m, columns), m * n * up(k, rows)
    return BufferAccesses(product.groups * inputs, product.groups * weights, product.groups * sums)


def up(value: int, step: int) -> int:
    """How many steps hold the value."""
    return -(-value // step)
