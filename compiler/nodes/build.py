"""Nodes from facts of unknown types, as files give them: checked, with short forms written out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from reprlib import repr as repr_short
from typing import TYPE_CHECKING, get_type_hints

from nmc.errors import nearest
from nmc.graph import Node, Ref
from nmc.nodes import KINDS
from nmc.nodes.facts import Pads, Spatial, expand

if TYPE_CHECKING:
    from pydantic import TypeAdapter


def kind_named(name: str) -> type[Node]:
    """The kind of node with this name. Raises ValueError with the nearest names."""
    if name not in KINDS:
        raise ValueError(f"{name!r} is not a kind of node; {nearest(name, KINDS)}")
    return KINDS[name]


def build(kind: type[Node], name: str, inputs: tuple[Ref, ...], facts: Mapping[str, object]) -> Node:
    """A node of `kind` with the given facts. Raises ValueError naming every fact that is unknown or wrong."""
    table = facts_of(kind)
    faults = [
        f"{kind.__name__} has no fact {fact!r}; it has {', '.join(table) or 'none'}"
        for fact in facts
        if fact not in table
    ]
    faults += [f"{kind.__name__} needs {fact!r}" for fact in table if table[fact].required and fact not in facts]
    checked = {}
    for fact, value in facts.items():
        if fact in table:
            try:
                checked[fact] = table[fact].check(value, getattr(kind, "rank", 2))
            except ValueError as error:
                faults.append(f"{fact}: {error}")
    if faults:
        raise ValueError("; ".join(faults))
    return kind(name=name, inputs=inputs, **checked)


@dataclass(frozen=True)
class FactType:
    """What a fact of a node may be, and whether it must be given."""

    adapter: TypeAdapter[object]
    marker: type | None
    required: bool

    def check(self, value: object, rank: int) -> object:
        """The value in its full form. Raises ValueError where it has the wrong type."""
        from pydantic import ValidationError

        if self.marker is not None:
            value = expand(value, self.marker, rank)
        if isinstance(value, list):
            value = tuple(value)
        try:
            return self.adapter.validate_python(value, strict=True)
        except ValidationError as error:
            details = error.errors(include_url=False)
            texts = dict.fromkeys(str(detail["msg"]) for detail in details)
            wanted = " or ".join(f"{text[0].lower()}{text[1:]}" for text in texts)
            raise ValueError(f"{wanted}, got {repr_short(value)}") from None


def facts_of(kind: type[Node]) -> Mapping[str, FactType]:
    """The facts of a kind of node, by name."""
    return _facts(kind.__name__)


@cache
def _facts(kind_name: str) -> Mapping[str, FactType]:
    from pydantic import TypeAdapter

    kind = KINDS[kind_name]
    hints = get_type_hints(kind, include_extras=True)
    table = {}
    for fact in fields(kind):
        if fact.name not in ("name", "inputs"):
            markers = [m for m in getattr(hints[fact.name], "__metadata__", ()) if m in (Spatial, Pads)]
            required = fact.default is MISSING and fact.default_factory is MISSING
            table[fact.name] = FactType(TypeAdapter(hints[fact.name]), markers[0] if markers else None, required)
    return table
