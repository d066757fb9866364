"""The kinds of node as tables for the docs."""

from __future__ import annotations

from nmc.graph import Node
from nmc.nodes import FAMILIES
from nmc.nodes.build import facts_of
from nmc.report.markdown import table


def nodes() -> str:
    """Every kind of node by family: what it reads, its facts, and its equation."""
    parts = []
    for family, kinds in FAMILIES.items():
        parts += [f"### {family.capitalize()} nodes", table(("kind", "reads", "facts", "meaning"), map(_row, kinds))]
    return "\n\n".join(parts)


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
