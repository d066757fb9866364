"""Inputs whose values are no quantities: places in a table, as the ids of tokens, and marks, as those of padding."""

from __future__ import annotations

from collections.abc import Iterator

from nmc.graph import Node
from nmc.model import Model
from nmc.nodes.elementwise import Equal, Where
from nmc.nodes.selection import Embedding, Expand, Gather, Slice
from nmc.nodes.tensor import Concat, Flatten, Input, Reshape, Transpose

_MOVES = (Concat, Expand, Flatten, Gather, Reshape, Slice, Transpose)
"""Nodes that put out values that they read."""


def places_below(model: Model, node: Input) -> int | None:
    """How many rows the smallest table has that the input chooses from; None where it chooses from none."""
    return min((reader.rows for reader, _ in _readers(model, node) if isinstance(reader, Embedding)), default=None)


def is_mark(model: Model, node: Input) -> bool:
    """Whether the input is asked for equality, or says which of two values is taken: its values are 0 or 1."""
    return any(isinstance(reader, Equal) or (isinstance(reader, Where) and at == 0)
               for reader, at in _readers(model, node))  # fmt: skip


def _readers(model: Model, node: Input) -> Iterator[tuple[Node, int]]:
    """The nodes that the input's own values reach, and as which operand."""
    reached = model.graph.downstream([node.name], lambda _, reader: isinstance(reader, _MOVES))
    for reader in model.graph:
        yield from ((reader, at) for at, ref in enumerate(reader.inputs) if ref.node in reached)
