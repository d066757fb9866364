"""Which reads of a NIR graph are a step late: its edges have no delay, but a loop needs one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

Edge = tuple[str, str]


@dataclass(frozen=True)
class Flow:
    """Who reads whom in a graph, from where values come, and which nodes are neurons or delays of a step or more."""

    reads: Mapping[str, tuple[str, ...]]
    inputs: tuple[str, ...]
    neurons: frozenset[str] = frozenset()
    delays: frozenset[str] = frozenset()


def late_edges(flow: Flow, late: Collection[Edge] = ()) -> frozenset[Edge]:
    """The edges (source, reader) to read a step late so that no loop is left without a delay.

    Walking from the inputs along the edges, in file order, an edge is late that leads back to where the
    walk came from. Where a Delay is on the way there, its own input is late instead: the Delay is then to be
    a step shorter. Where only weights lie between a neuron and that edge, and nothing else reads
    them, the neuron's spikes are late instead of the weighted sum: then a bias counts from the first step
    on, as in recurrent layers of PyTorch. Edges of `late` are late already, and close no loop.
    """
    reads = flow.reads
    readers: dict[str, list[str]] = {name: [] for name in reads}
    for reader, sources in reads.items():
        for source in dict.fromkeys(sources):
            if (source, reader) not in late:
                readers[source].append(reader)
    found: set[Edge] = set()
    for edge in _back_edges(readers, flow.inputs):
        found |= _upstream(edge, flow, readers, found) or {edge}
    return frozenset(found)


def _back_edges(readers: Mapping[str, list[str]], inputs: Iterable[str]) -> Iterable[Edge]:
    """Edges to a node that the depth-first walk is still below of."""
    done: set[str] = set()
    for root in dict.fromkeys((*inputs, *readers)):
        if root in done:
            continue
        path, open_nodes = [(root, iter(readers[root]))], {root}
        while path:
            name, rest = path[-1]
            reader = next(rest, None)
            if reader is None:
                path.pop()
                open_nodes.discard(name)
                done.add(name)
            elif reader in open_nodes:
                yield name, reader
            elif reader not in done:
                open_nodes.add(reader)
                path.append((reader, iter(readers[reader])))


def _upstream(back: Edge, flow: Flow, readers: Mapping[str, list[str]], found: set[Edge]) -> set[Edge]:
    """The reads of neurons and by delays that make an edge late instead; empty if none would do only that."""
    edges: set[Edge] = set()
    waiting = [back]
    passed = set()
    while waiting:
        before, after = waiting.pop()
        if before in flow.neurons or (before, after) in found:
            edges.add((before, after))
        elif before in flow.delays:
            edges |= {(source, before) for source in flow.reads[before]}
        elif before in passed or readers[before] != [after] or not flow.reads[before]:
            return set()
        else:
            passed.add(before)
            waiting += [(further, before) for further in flow.reads[before]]
    return edges
