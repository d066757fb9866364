"""How a pass says no."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from nmc.errors import Fault, UnsupportedError
from nmc.graph import Graph


def refuse(graph: Graph, faults: Iterable[Fault]) -> None:
    """Raise one UnsupportedError for the faults, if there are any, each with its place in the file."""
    placed = [replace(fault, where=graph.sources.get(fault.node or "")) for fault in faults]
    if placed:
        raise UnsupportedError.of(placed)
