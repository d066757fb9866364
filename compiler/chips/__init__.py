"""Chips: each is one YAML file here, or a file of the user's own."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from nmc.errors import ToolError, UsageError, closest

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from nmc.chips.chip import Chip


def chip_names() -> tuple[str, ...]:
    """The chips that nmc knows, by name."""
    return tuple(sorted(item.name.removesuffix(".yaml") for item in _folder().iterdir() if item.name.endswith(".yaml")))


def is_chip_file(name: str) -> bool:
    """Whether this names a user's own YAML file, and not a chip that nmc knows."""
    return name.endswith((".yaml", ".yml"))


def load_chip(name: str) -> Chip:
    """The chip of this name, or the one that a YAML file describes (a name that ends in .yaml or .yml).

    Raises UsageError where there is none, or where its file has faults: all of them, with their lines.
    """
    from nmc.chips.schema import parse_chip

    if is_chip_file(name):
        return parse_chip(chip_text(name), name)
    if name not in chip_names():
        hint = f"{closest(name, chip_names())}; for a chip of your own, give the path of its YAML file"
        raise UsageError(f"{name!r} is not a chip", hint)
    return _known(name)


def chip_text(path: str) -> str:
    """What a chip's file holds. Raises UsageError where there is none, ToolError where it cannot be read."""
    if not Path(path).is_file():
        raise UsageError(f"there is no chip file {path}", "give the path of a YAML file, or the name of a chip")
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"the chip file {path} is not text in UTF-8: {error}", "give a YAML file") from None
    except OSError as error:
        raise ToolError(f"cannot read {path}: {error.strerror or error}", "check the path and the disk") from None


@cache
def _known(name: str) -> Chip:
    from nmc.chips.schema import parse_chip

    return parse_chip((_folder() / f"{name}.yaml").read_text(encoding="utf-8"), f"{name}.yaml")


def _folder() -> Traversable:
    return files("nmc.chips")
