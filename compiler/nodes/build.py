"""Nodes from facts of unknown types, as files give them: checked, with short forms written out."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Annotated, Literal, get_args, get_origin, get_type_hints

from nmc.errors import closest
from nmc.graph import Node, Ref
from nmc.nodes import KINDS
from nmc.nodes.facts import Pads, RuleText, Spatial, expand

if TYPE_CHECKING:
    from pydantic import TypeAdapter


def kind_named(name: str) -> type[Node]:
    """The kind of node with this name. Raises ValueError with the nearest names."""
    if name not in KINDS:
        raise ValueError(f"{name!r} is not a kind of node; {closest(name, KINDS)}")
    return KINDS[name]


@dataclass(frozen=True)
class FactFault:
    """What is wrong with a fact of a node, and the remedy; `fact` is None where it is about several."""

    fact: str | None
    what: str
    remedy: str | None = None


class FactsError(ValueError):
    """Facts that do not make a node; carries every fault."""

    def __init__(self, faults: Iterable[FactFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(fault.what for fault in self.faults))


def build(kind: type[Node], name: str, inputs: tuple[Ref, ...], facts: Mapping[str, object]) -> Node:
    """A node of `kind` with the given facts. Raises FactsError with every fact that is unknown or wrong."""
    table = facts_of(kind)
    faults = [
        FactFault(fact, f"{kind.__name__} has no fact {fact!r}; it has {', '.join(table) or 'none'}",
                  closest(fact, table) if table else "remove it")
        for fact in facts
        if fact not in table
    ]
    faults += [
        FactFault(None, f"{kind.__name__} needs {fact!r}", f"give it: {fact} takes {table[fact].takes}")
        for fact in table
        if table[fact].required and fact not in facts
    ]
    checked = {}
    for fact, value in facts.items():
        if fact in table:
            try:
                checked[fact] = table[fact].check(value, getattr(kind, "rank", 2))
            except ValueError as error:
                faults.append(FactFault(fact, f"{fact}: {error}", f"{fact} takes {table[fact].takes}"))
    if faults:
        raise FactsError(faults)
    try:
        return kind(name=name, inputs=inputs, **checked)
    except ValueError as error:
        fact = str(error).split(maxsplit=1)[0]
        remedy = f"mend its facts: {', '.join(table)}"
        raise FactsError([FactFault(fact if fact in table else None, str(error), remedy)]) from None


@dataclass(frozen=True)
class FactType:
    """What a fact of a node may be, in words too, and its default; MISSING where it must be given."""

    adapter: TypeAdapter[object]
    marker: type | None
    takes: str
    default: object

    @property
    def required(self) -> bool:
        """Whether the fact must be given."""
        return self.default is MISSING

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
            raise ValueError(f"{wanted}, got {reprlib.repr(value)}") from None


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
            hint = hints[fact.name]
            table[fact.name] = FactType(
                TypeAdapter(hint), markers[0] if markers else None, " or ".join(_in_words(hint)), fact.default
            )
    return table


def _in_words(hint: object) -> list[str]:
    """What a type admits, as a person would say it."""
    words = {
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        str: "the name of an array",
        tuple[int, ...]: "whole numbers, as in [3, 3]",
        type(None): "null",
    }
    origin = get_origin(hint)
    if origin is Annotated and RuleText in get_args(hint):
        return ["a rule, as in '2^-2*x1*y0 - 2^-2*y1*x0'"]
    if origin is Annotated:
        shared = "a whole number for all axes" if Spatial in get_args(hint) else "a whole number for all sides"
        return [shared, *_in_words(get_args(hint)[0])]
    if origin is Literal:
        return [str(value) for value in get_args(hint)]
    if hint in words:
        return [words[hint]]
    return [word for part in get_args(hint) for word in _in_words(part)]
