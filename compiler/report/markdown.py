"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nmc.cleaning import clean


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with a heading; bars in its cells are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(clean(cell).replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def escaped(text: str) -> str:
    """Text, on one line, that Markdown shows as it is."""
    shown = clean(" ".join(text.split())).replace("<", "&lt;")
    for mark in ("*", "_", "[", "`"):
        shown = shown.replace(mark, f"\\{mark}")
    return shown
