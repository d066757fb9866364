"""Lags that keep a network's relative timing on a chip where every synapse takes one step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nmc.errors import UnsupportedError


@dataclass(frozen=True)
class Edge:
    """A synapse from one population (or host node) to another, read `delay` steps late in the model."""

    source: str
    target: str
    delay: int
    synapse: str


def lags(edges: Iterable[Edge], hosted: frozenset[str]) -> Mapping[str, int]:
    """How many steps later than in the model each population works on the chip; least such numbers.

    On the chip a synapse is read 1 step late or more: 1 <= delay + lag(target) - lag(source). What is
    `hosted` feeds the chip from outside, at lag 0. Raises UnsupportedError where a loop is too quick.
    """
    edges = tuple(edges)
    lag = {name: 0 for edge in edges for name in (edge.source, edge.target)}
    cause: dict[str, Edge] = {}
    late = ""
    for _ in range(len(lag) + 1):
        late = ""
        for edge in edges:
            least = lag[edge.source] + 1 - edge.delay
            if edge.target not in hosted and lag[edge.target] < least:
                lag[edge.target] = least
                cause[edge.target] = edge
                late = edge.target
        if not late:
            return lag
    raise _too_quick(late, cause)


def chip_delay(edge: Edge, lag: Mapping[str, int]) -> int:
    """How many steps late the synapse's target reads it on the chip; at least 1."""
    return edge.delay + lag[edge.target] - lag[edge.source]


def _too_quick(start: str, cause: Mapping[str, Edge]) -> UnsupportedError:
    """The loop that no lags satisfy, spelled out. `cause` holds it, perhaps after a lead-in."""
    seen: list[str] = []
    node = start
    while node not in seen:
        seen.append(node)
        node = cause[node].source
    edges = [cause[node]]
    while edges[-1].source != node:
        edges.append(cause[edges[-1].source])
    edges.reverse()
    loop = " -> ".join([node, *(name for edge in edges for name in (edge.synapse, edge.target))])
    delay = sum(edge.delay for edge in edges)
    return UnsupportedError(
        f"{loop}: this loop has {_count(len(edges), 'synapse')} but a delay of {_count(delay, 'step')} only, "
        f"and on the chip every synapse takes a step",
        f"give the loop a delay of {_count(len(edges), 'step')} or more",
        node=node,
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
