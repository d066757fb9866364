"""Where the neurons of a program sit: as a table, as a drawing for terminals, and as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from nmc.cleaning import clean
from nmc.mapping.file import MappingFacts, SliceFacts
from nmc.mapping.slices import Resource, Use
from nmc.report.printing import say
from nmc.units.text import percent

if TYPE_CHECKING:
    from rich.text import Text

HEADER = ("chip", "core", "tile", "neurons of", "neurons", "synapse memory", "input axons", "output axons")
_SHOWN: tuple[Resource, ...] = ("neurons", "synapse memory words", "input axons", "output axons")
_LONGEST_TABLE = 48
_MOST_CHIPS = 4
_SHADES = " ░▒▓█"
_COLOURS = ("#3b6fb6", "#c4572e", "#3f8f4f", "#8a5fb0", "#b8902c", "#2f8f96", "#b04a7c", "#6b6b6b")
"""The fills of populations, in turn."""


def rows(facts: MappingFacts) -> list[tuple[str, ...]]:
    """The table: one line a core, in the order of chips and cores; uses of how much there is."""
    ordered = sorted(facts.slices, key=lambda part: (part.place.chip, part.place.core))
    return [_row(part) for part in ordered]


def summary(facts: MappingFacts) -> list[str]:
    """Chips, tiles and cores in use, and how far spikes travel."""
    hops = facts.hops
    far = f"{hops.per_message:.2f} hops within chips" if hops.messages else "no spikes"
    across = f" and {hops.between_chips / hops.messages:.3f} between chips" if hops.between_chips else ""
    return [
        f"chip {facts.chip}: {_use(facts.chips)} chips, {_use(facts.tiles)} tiles, {_use(facts.cores)} cores",
        f"a spike to one core takes {far}{across}, if all neurons spike alike",
    ]


def print_mapping(facts: MappingFacts) -> None:
    """Print summary, table and drawing; of large mappings, the beginning."""
    from rich.console import Console

    from nmc.report.terminal import print_table

    say("\n".join(summary(facts)))
    lines = rows(facts)
    print_table(HEADER, lines[:_LONGEST_TABLE])
    if len(lines) > _LONGEST_TABLE:
        say(f"... and {len(lines) - _LONGEST_TABLE} more cores: --json has them all")
    console = Console()
    for number in range(min(facts.chips.used, _MOST_CHIPS)):
        console.print(drawing(facts, number))
    if facts.chips.used > _MOST_CHIPS:
        say(f"... and {facts.chips.used - _MOST_CHIPS} more chips: -o chip.svg draws them all")


def drawing(facts: MappingFacts, chip: int) -> Text:
    """One chip for a terminal: two characters a core, tiles apart; shaded by the resource that is used most."""
    from rich.text import Text

    squares = {(c.x, c.y): c for c in _cells(facts) if c.part.place.chip == chip}
    wide, high = facts.tile_shape
    colours = _colours(facts)
    text = Text(f"chip {chip}; shade: the resource used most, ░ to 25 %, █ above 75 %; dots: free cores\n")
    for row in range(facts.mesh[1]):
        for y in range(row * high, (row + 1) * high):
            for x in range(facts.mesh[0] * wide):
                cell = squares.get((x, y))
                shade = _SHADES[min(4, int(cell.share * 4) + 1)] * 2 if cell else "··"
                text.append(shade, style=colours[cell.part.population] if cell else "dim")
                text.append(" " if x % wide == wide - 1 else "")
            text.append("\n")
        text.append("\n" if row + 1 < facts.mesh[1] else "")
    for name, colour in colours.items():
        if any(cell.part.population == name for cell in squares.values()):
            text.append("██ ", style=colour)
            text.append(f"{clean(name)}  ")
    return text


def svg(facts: MappingFacts) -> str:
    """All chips as a picture: a square a core, filled in its population's colour as far as it is used."""
    side, gap, chip_gap, top = 16, 4, 24, 28
    wide, high = facts.tile_shape
    columns, lines = facts.mesh
    chip_wide, chip_high = columns * (wide * side + gap), lines * (high * side + gap)
    chips = {part.place.chip: (part.place.chip_column, part.place.chip_row) for part in facts.slices}
    width = max((c + 1 for c, _ in chips.values()), default=1) * (chip_wide + chip_gap)
    height = max((r + 1 for _, r in chips.values()), default=1) * (chip_high + chip_gap + top)
    colours = _colours(facts)
    cells = {(cell.part.place.chip, cell.x, cell.y): cell for cell in _cells(facts)}
    drawn = []
    for chip, (column, row) in sorted(chips.items()):
        left, upper = column * (chip_wide + chip_gap) + 8, row * (chip_high + chip_gap + top) + top
        drawn.append(f'<text x="{left}" y="{upper - 8}">chip {chip}</text>')
        for y in range(lines * high):
            for x in range(columns * wide):
                at = (left + x * side + x // wide * gap, upper + y * side + y // high * gap)
                drawn.append(_square(at, side - 2, cells.get((chip, x, y)), colours))
    legend = " ".join(
        f'<tspan fill="{colour}">&#9632;</tspan> {escape(name)}&#160;' for name, colour in colours.items()
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{max(width, 480)}" height="{height + 32}"'
        f' font-family="sans-serif" font-size="12">\n<title>{escape(facts.chip)}</title>\n'
        + "\n".join(drawn)
        + f'\n<text x="8" y="{height + 16}">{legend}</text>\n</svg>\n'
    )


def html(facts: MappingFacts) -> str:
    """The picture on a page, with the summary."""
    said = "".join(f"<p>{escape(line)}</p>" for line in summary(facts))
    return f'<!doctype html>\n<meta charset="utf-8">\n<title>Mapping</title>\n{said}\n{svg(facts)}'


@dataclass(frozen=True)
class _Cell:
    """A core of a chip as a square: column and row among the squares of the chip."""

    x: int
    y: int
    part: SliceFacts

    @property
    def share(self) -> float:
        """The share in use of the resource that is used most."""
        return max(use.share for use in self.part.use.values())

    @property
    def label(self) -> str:
        """What the core holds."""
        uses = "\n".join(f"{name}: {_use(use)}" for name, use in self.part.use.items())
        return f"core {self.part.place.core}: {self.part.population}{_ranges(self.part)}\n{uses}"


def _cells(facts: MappingFacts) -> Iterator[_Cell]:
    return (_Cell(*facts.square(part.place), part) for part in facts.slices)


def _colours(facts: MappingFacts) -> Mapping[str, str]:
    names = dict.fromkeys(part.population for part in facts.slices)
    return {name: _COLOURS[i % len(_COLOURS)] for i, name in enumerate(names)}


def _square(at: tuple[int, int], side: int, cell: _Cell | None, colours: Mapping[str, str]) -> str:
    frame = f'<rect x="{at[0]}" y="{at[1]}" width="{side}" height="{side}" fill="#eeeeee" stroke="#bbbbbb"/>'
    if cell is None:
        return frame
    full = max(1, round(side * cell.share))
    fill = colours[cell.part.population]
    return (
        f"<g><title>{escape(cell.label)}</title>{frame}"
        f'<rect x="{at[0]}" y="{at[1] + side - full}" width="{side}" height="{full}" fill="{fill}"/></g>'
    )


def _row(part: SliceFacts) -> tuple[str, ...]:
    where = part.place
    uses = (f"{_use(part.use[name])} ({percent(part.use[name].share)})" for name in _SHOWN)
    return (str(where.chip), str(where.core), f"{where.column},{where.row}", part.population + _ranges(part), *uses)


def _ranges(part: SliceFacts) -> str:
    return "[" + ", ".join(f"{low}:{high}" for low, high in part.neurons) + "]"


def _use(use: Use) -> str:
    return f"{use.used}/{use.limit}"
