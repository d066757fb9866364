"""Chips: each is one YAML file here, or a file of the user's own."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from nmc.errors import ToolError, UsageError, closest

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from nmc.chips.chip import Chip

Family = TypeVar("Family")


def chip_names() -> tuple[str, ...]:
    """The chips that nmc knows, by name."""
    return tuple(sorted(item.name.removesuffix(".yaml") for item in _folder().iterdir() if item.name.endswith(".yaml")))


def load_chip(name: str) -> Chip:
    """The chip of this name, or the one that a YAML file describes (a name that ends in .yaml or .yml).

    Raises UsageError where there is none, or where its file has faults: all of them, with their lines.
    """
    from nmc.chips.schema import parse_chip

    if name.endswith((".yaml", ".yml")):
        path = Path(name)
        if not path.is_file():
            raise UsageError(f"there is no chip file {name}", "give the path of a YAML file, or the name of a chip")
        try:
            return parse_chip(path.read_text(encoding="utf-8"), name)
        except (OSError, UnicodeDecodeError) as error:
            raise ToolError(f"cannot read {name}: {error}") from None
    if name not in chip_names():
        hint = f"{closest(name, chip_names())}; for a chip of your own, give the path of its YAML file"
        raise UsageError(f"{name!r} is not a chip", hint)
    return _known(name)


def chip_of(name: str, family: type[Family]) -> Family:
    """The chip of this name, which must be of a family. Raises UsageError."""
    chip = load_chip(name)
    if not isinstance(chip, family):
        raise UsageError(
            f"the chip {name!r} is a {chip.kind}, which this target cannot price",
            f"give a chip of the kind that {family.__name__} describes",
        )
    return chip


@cache
def _known(name: str) -> Chip:
    from nmc.chips.schema import parse_chip

    return parse_chip((_folder() / f"{name}.yaml").read_text(encoding="utf-8"), f"{name}.yaml")


def _folder() -> Traversable:
    return files("nmc.chips")
