"""Which reads of a NIR graph are a step late: its edges have no delay, but a loop needs one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

Edge = tuple[str, str]


def late_edges(
    reads: Mapping[str, tuple[str, ...]], inputs: Iterable[str], neurons: Collection[str], late: Collection[Edge] = ()
) -> frozenset[Edge]:
    """The edges (source, reader) to read a step late so that no loop is left without a delay.

    Walking from the inputs along the edges, in file order, an edge is late that leads back to where the
    walk came from. Where only weights lie between a neuron and that edge, and nothing else reads them,
    the neuron's spikes are late instead of the weighted sum: then a bias counts from the first step on, as
    in recurrent layers of PyTorch. Edges of `late` are late already, and close no loop.
    """
    readers: dict[str, list[str]] = {name: [] for name in reads}
    for reader, sources in reads.items():
        for source in dict.fromkeys(sources):
            if (source, reader) not in late:
                readers[source].append(reader)
    found: set[Edge] = set()
    for source, reader in _back_edges(readers, inputs):
        found |= _at_neurons(source, reader, reads, readers, neurons, found) or {(source, reader)}
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


def _at_neurons(
    source: str,
    reader: str,
    reads: Mapping[str, tuple[str, ...]],
    readers: Mapping[str, list[str]],
    neurons: Collection[str],
    found: set[Edge],
) -> set[Edge]:
    """The reads of neurons that make this edge late instead; empty if there are none that would do only that."""
    edges: set[Edge] = set()
    waiting = [(source, reader)]
    passed = set()
    while waiting:
        before, after = waiting.pop()
        if before in neurons or (before, after) in found:
            edges.add((before, after))
        elif before in passed or readers[before] != [after] or not reads[before]:
            return set()
        else:
            passed.add(before)
            waiting += [(further, before) for further in reads[before]]
    return edges
