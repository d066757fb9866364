"""The chips as tables for the docs."""

from __future__ import annotations

from nmc.chips import chip_names, load_chip
from nmc.chips.chip import Chip, ManycoreChip, quantities
from nmc.report.markdown import table
from nmc.units.quantity import Quantity


def chips() -> str:
    """Every chip and every number of it, from the YAML files."""
    chips = [load_chip(name) for name in chip_names()]
    overview = table(("chip", "what it is", "kind", "numbers", "of which assumed"), map(_overview, chips))
    return "\n\n".join([overview, *map(_details, chips)])


def _overview(chip: Chip) -> tuple[str, ...]:
    numbers = [quantity for _, quantity in quantities(chip)]
    assumed = sum(quantity.grade == "assumed" for quantity in numbers)
    return f"`{chip.name}`", chip.title, chip.kind, str(len(numbers)), str(assumed)


def _details(chip: Chip) -> str:
    rows = [(f"`{path}`", str(q), _bounds(q), q.grade, q.source) for path, q in quantities(chip)]
    lacking = [
        f"Never published in the profile `{name}`: {'; '.join(profile.unpublished)}."
        for name, profile in (chip.prices.items() if isinstance(chip, ManycoreChip) else ())
    ]
    parts = [f"### {chip.title} (`{chip.name}`)", chip.description, *lacking]
    return "\n\n".join([*filter(None, parts), table(("fact", "value", "low - high", "grade", "source"), rows)])


def _bounds(quantity: Quantity) -> str:
    low, high = quantity.bounds
    return "" if low == high else f"{low:.3g} - {high:.3g}"
