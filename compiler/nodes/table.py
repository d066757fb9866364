"""The kinds of node as tables for the docs: `python -m nmc.nodes.table docs/ir.md` brings them up to date."""

from __future__ import annotations

import sys
from pathlib import Path

from nmc.graph import Node
from nmc.nodes import FAMILIES
from nmc.nodes.build import facts_of
from nmc.report.markdown import between, table

BEGIN = "<!-- nodes: made by python -m nmc.nodes.table -->"
END = "<!-- end of nodes -->"


def markdown() -> str:
    """Every kind of node by family: what it reads, its facts, and its equation."""
    parts = []
    for family, kinds in FAMILIES.items():
        parts += [f"### {family}", table(("kind", "reads", "facts", "meaning"), map(_row, kinds))]
    return "\n\n".join(parts)


def updated(page: str) -> str:
    """A page with the tables between its two marks. Raises UsageError where the marks are not there."""
    return between(page, BEGIN, END, markdown())


def _row(kind: type[Node]) -> tuple[str, ...]:
    meaning = " ".join((kind.__doc__ or "").split()).replace("*", "\\*").replace("<", "&lt;")
    return f"`{kind.__name__}`", _reads(kind), _facts(kind), meaning


def _reads(kind: type[Node]) -> str:
    low, high = kind.operands
    if high == 0:
        return "nothing"
    if kind.sums:
        return "a sum"
    return f"{low} or more" if high is None else f"{low}" if low == high else f"{low} to {high}"


def _facts(kind: type[Node]) -> str:
    """The facts by name, as files have them, each optional one with its default."""
    known = facts_of(kind)
    shown = (name if fact.required else f"{name}: {_plain(fact.default)}" for name, fact in known.items())
    return ", ".join(f"`{fact}`" for fact in shown)


def _plain(default: object) -> str:
    """A default as files have it; an empty tuple stands for one that follows from the other facts."""
    match default:
        case None:
            return "null"
        case bool():
            return str(default).lower()
        case ():
            return "..."
        case tuple():
            return str(list(default))
    return str(default)


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(updated(page.read_text(encoding="utf-8")), encoding="utf-8")
