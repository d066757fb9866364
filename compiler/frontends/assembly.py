"""Nodes put together to a sound model, or every fault of it, even where some nodes are not sound themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from nmc.errors import Fault, Location, ModelError
from nmc.graph import DType, Graph, Node, Ref, Shape
from nmc.model import Array, Model

LIMIT_LOST = 100
LIMIT_ROUNDS = 20
"""How many reads of no node, and how many loops, are told apart: a file that is all wrong is refused soon."""


@dataclass(frozen=True)
class Draft:
    """A node as written: its name and reads, and the node itself, or None where its facts are at fault."""

    name: str
    reads: tuple[Ref, ...]
    node: Node | None


@dataclass(frozen=True, kw_only=True)
class _Stub(Node):
    """Stands for a node when only names and reads matter."""

    operands: ClassVar[tuple[int, int | None]] = (0, None)

    def output_shape(self, *xs: Shape) -> Shape:
        return ()

    def output_dtype(self, *xs: DType) -> DType:
        return "real"


@dataclass(frozen=True)
class Assembly:
    """What came of putting nodes together: every fault, and the arrays that sound nodes read."""

    faults: tuple[Fault, ...]
    arrays: tuple[str, ...]


def assemble(
    drafts: Iterable[Draft],
    outputs: tuple[str, ...],
    dt_s: float | None,
    weights: Mapping[str, Array] | None,
    sources: Mapping[str, Location],
) -> Assembly:
    """Find every fault of names, reads, loops, shapes, timing and arrays that can be known.

    What follows only from another fault is left out; `weights` None leaves the arrays unchecked. Faults
    of the outputs carry no node and no place.
    """
    drafts = tuple(drafts)
    faults = _name_faults(drafts, outputs, sources)
    known = {draft.name for draft in drafts}
    unsound = {fault.node for fault in faults} | {
        draft.name for draft in drafts if draft.node is None or any(ref.node not in known for ref in draft.reads)
    }
    for _ in range(LIMIT_ROUNDS):
        nodes = _sound(drafts, unsound)
        if not nodes:
            break
        graph = Graph(nodes, tuple(node.name for node in nodes), dt_s, sources)
        found = graph.check()
        if not found:
            faults += [] if weights is None else Model("model", graph, weights).check()
            read = dict.fromkeys(name for node in nodes for name in node.arrays(*graph.operand_shapes(node)))
            return Assembly(tuple(faults), tuple(read))
        faults += found
        unsound |= {fault.node for fault in found}
    return Assembly(tuple(faults), ())


def _sound(drafts: tuple[Draft, ...], unsound: Iterable[str | None]) -> tuple[Node, ...]:
    """The nodes that neither are unsound nor read, at any remove, one that is."""
    readers: dict[str, list[str]] = {}
    for draft in drafts:
        for ref in draft.reads:
            readers.setdefault(ref.node, []).append(draft.name)
    tainted = set(unsound)
    waiting = [name for name in tainted if name is not None]
    while waiting:
        for reader in readers.get(waiting.pop(), ()):
            if reader not in tainted:
                tainted.add(reader)
                waiting.append(reader)
    return tuple(draft.node for draft in drafts if draft.node is not None and draft.name not in tainted)


def _name_faults(
    drafts: tuple[Draft, ...], outputs: tuple[str, ...], sources: Mapping[str, Location]
) -> list[Fault]:
    """Faults of names, reads and outputs, and loops without delay."""
    known = {draft.name for draft in drafts}
    lost = [draft.name for draft in drafts if any(ref.node not in known for ref in draft.reads)]
    untold = set(lost[LIMIT_LOST:])
    reads = {
        draft.name: tuple(ref for ref in draft.reads if ref.node in known or draft.name not in untold)
        for draft in drafts
    }
    stubs = tuple(_Stub(name=draft.name, inputs=reads[draft.name]) for draft in drafts)
    faults = Graph(stubs, outputs, 1.0, sources).check()
    if untold:
        what = f"this node and {len(untold) - 1} more read names that are not nodes"
        first = lost[LIMIT_LOST]
        faults.append(Fault(what, "mend the others first", first, sources.get(first)))
    for _ in range(LIMIT_ROUNDS):
        try:
            _ = Graph(tuple(_Stub(name=name, inputs=refs) for name, refs in reads.items()), outputs, 1.0, sources).order
        except ModelError as error:
            faults += error.faults
            for fault in error.faults:
                reads[fault.node or ""] = ()
        else:
            break
    return list(dict.fromkeys(faults))
