"""What a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from nmc.differences.segment import Change, Segment
from nmc.graph import Node


@dataclass(frozen=True)
class Trial:
    """One way in which a node may work by a rule, and what it does then, in words that follow on "it"."""

    says: str
    change: Change


@dataclass(frozen=True)
class Family:
    """Ways that differ in one number, from `low` to `high`: the best is looked for. `whole`: it is a whole number."""

    low: float
    high: float
    trial: Callable[[float], Trial]
    whole: bool = False


Ways = Iterator[Trial | Family]


def with_facts(node: Node, **facts: object) -> Node:
    """A node with other facts, given by name."""
    return replace(node, **facts)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Rule:
    """A rule by name, the kinds of node it is of, and the ways of breaking it that a node of these has."""

    name: str
    kinds: tuple[type[Node], ...]
    ways: Callable[..., Ways]

    def of(self, node: Node, segment: Segment) -> Ways:
        """The ways of breaking it at a node of a segment."""
        if isinstance(node, self.kinds):
            yield from self.ways(node, segment)
