"""The scores that a softmax reads, and the masks on their way there: what is computed as one, in wide numbers.

A mask puts numbers such as -1e9 beside scores of a few units, and one scale of 8-bit integers cannot hold both. No
chip need round their sum: it is made in the accumulators, and a softmax only asks how far below the largest an
element is. So a softmax reads sums and choices as they are, and what these read is rounded: scores on a scale of
their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nmc.graph import Graph, Node, Ref
from nmc.nodes import elementwise, reduction, selection, tensor

MASKING: tuple[type[Node], ...] = (
    tensor.Add, elementwise.Sub, elementwise.Where, elementwise.Maximum, elementwise.Minimum
)
"""What joins scores with a mask."""
_MOVING = (
    tensor.Flatten, tensor.Reshape, tensor.Transpose, selection.Slice, selection.Gather, selection.Expand
)
_PASSING = (*_MOVING, tensor.Relu, tensor.Clip, elementwise.Affine, tensor.Mul, elementwise.Div)


@dataclass(frozen=True)
class Scores:
    """Reads that are of real numbers: (reader, what it reads) by name; `masking` and `moving` are nodes on the way."""

    reads: frozenset[tuple[str, str]]
    masking: frozenset[str]
    moving: frozenset[str]

    @classmethod
    def of(cls, graph: Graph, maps: frozenset[str]) -> Scores:
        """The scores of every softmax of a graph, and of every one that is written out; `maps` scale elements."""
        reads: set[tuple[str, str]] = set()
        ways: set[str] = set()
        for reader, ref in _heads(graph, reads):
            reads |= _way(graph, reader, ref, maps, ways)
        masking, moving = (frozenset(n for n in ways if isinstance(graph[n], k)) for k in (MASKING, _MOVING))
        return cls(frozenset(reads), masking, moving)


def _heads(graph: Graph, reads: set[tuple[str, str]]) -> Iterator[tuple[Node, Ref]]:
    """The reads of scores; the reads within softmaxes that are written out go to `reads`."""
    for node in graph:
        if isinstance(node, tensor.Softmax):
            yield from ((node, ref) for ref in node.inputs)
        if isinstance(node, elementwise.Sub) and (most := _largest(graph, node)) is not None:
            yield most, most.inputs[0]
            yield node, node.inputs[0]
            reads.add((node.name, most.name))
            _written_out(graph, node, reads)


def _largest(graph: Graph, node: elementwise.Sub) -> Node | None:
    """The largest element along an axis, if that is what a node takes off its operand."""
    x, taken_off = node.inputs
    most = graph[taken_off.node]
    return most if isinstance(most, reduction.ReduceMax) and most.inputs == (x,) and not taken_off.delay else None


def _written_out(graph: Graph, shifted: Node, reads: set[tuple[str, str]]) -> None:
    """What follows on x - max(x): powers, their sum, its logarithm, and the quotient or difference."""
    found = {shifted.name}
    following = (elementwise.Exp, reduction.ReduceSum, elementwise.Log, elementwise.Div, elementwise.Sub)
    for name in graph.order:
        node = graph[name]
        if isinstance(node, following) and all(ref.node in found and not ref.delay for ref in node.inputs):
            found.add(name)
            reads.update((name, ref.node) for ref in node.inputs)


def _way(
    graph: Graph, reader: Node, ref: Ref, maps: frozenset[str], ways: set[str]
) -> set[tuple[str, str]]:
    """The reads on the way from masked scores to this read, which ends where no mask lies further up."""
    node = graph[ref.node]
    if ref.delay or node.name in ways:
        return {(reader.name, node.name)} if node.name in ways else set()
    found: set[tuple[str, str]] = set()
    if isinstance(node, MASKING):
        operands = node.inputs[1:] if isinstance(node, elementwise.Where) else node.inputs
        for each in operands:
            found |= _way(graph, node, each, maps, ways)
    elif isinstance(node, _PASSING) and (len(node.inputs) == 1 or node.name in maps):
        for each in node.inputs:
            found |= _way(graph, node, each, maps, ways)
        if not found:
            return found
    else:
        return found
    ways.add(node.name)
    return {*found, (reader.name, node.name)}
