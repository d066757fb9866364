"""Nested NIR graphs as one graph: what a subgraph's inputs and outputs stand for is joined directly."""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from nmc.errors import Fault, Location, ModelError
from nmc.frontends.nir.primitives import NirGraph, Primitive
from nmc.nodes.names import identifier


@dataclass(frozen=True)
class FlatGraph:
    """Nodes without subgraphs, in file order, and what each one reads; names are those of a model.

    `outputs` are the names of the Output nodes. They are among the nodes.
    """

    nodes: Mapping[str, Primitive]
    reads: Mapping[str, tuple[str, ...]]
    outputs: tuple[str, ...]


def flatten(graph: NirGraph, file: str) -> FlatGraph:
    """The graph without subgraphs. Raises ModelError with every node that cannot be joined up."""
    nodes: dict[str, Primitive] = {}
    edges: list[tuple[str, str]] = []
    faults: list[Fault] = []
    wires = _collect(graph, "", nodes, edges, faults)
    _raise(faults, file)
    sources: dict[str, list[str]] = {name: [] for name in nodes}
    for source, target in edges:
        sources[target].append(source)
    reads = {}
    for name, node in nodes.items():
        if name in wires:
            continue
        reads[name] = _through(sources[name], sources, wires)
        if node.kind != "Input" and not reads[name]:
            faults.append(Fault("no edge leads to it", "add an Input node and an edge from it", name))
        if node.kind == "Input" and reads[name]:
            faults.append(Fault("an edge leads to an Input", "an Input of the whole graph reads nothing", name))
    _raise(faults, file)
    renamed = identifiers(reads)
    return FlatGraph(
        {renamed[name]: replace(nodes[name], name=renamed[name]) for name in reads},
        {renamed[name]: tuple(renamed[source] for source in reads[name]) for name in reads},
        tuple(renamed[name] for name in reads if nodes[name].kind == "Output"),
    )


def _raise(faults: Iterable[Fault], file: str) -> None:
    """Raise ModelError for the faults, if there are any."""
    if placed := [replace(fault, where=Location(file)) for fault in faults]:
        raise ModelError.of(placed)


def _collect(
    graph: NirGraph, path: str, nodes: dict[str, Primitive], edges: list[tuple[str, str]], faults: list[Fault]
) -> set[str]:
    """Add the graph's nodes and edges under their full names; gives the names that only pass values on."""
    entries: dict[str, str] = {}
    exits: dict[str, str] = {}
    wires: set[str] = set()
    for name, node in graph.nodes.items():
        full = f"{path}{name}"
        if isinstance(node, Primitive):
            nodes[full] = node
            if path and node.kind in ("Input", "Output"):
                wires.add(full)
            continue
        wires |= _collect(node, f"{full}.", nodes, edges, faults)
        for kind, ports in (("Input", entries), ("Output", exits)):
            own = [inner for inner, port in node.nodes.items() if isinstance(port, Primitive) and port.kind == kind]
            if len(own) == 1:
                ports[name] = f"{full}.{own[0]}"
            else:
                what = f"the subgraph has {len(own)} {kind} nodes: an edge does not say which one it means"
                faults.append(Fault(what, f"give the subgraph one {kind}", full))
                ports[name] = full
                nodes.setdefault(full, Primitive(full, kind, {}))
    edges += [
        (exits.get(source, f"{path}{source}"), entries.get(target, f"{path}{target}")) for source, target in graph.edges
    ]
    return wires


def _through(names: Iterable[str], sources: Mapping[str, Iterable[str]], wires: set[str]) -> tuple[str, ...]:
    """What is read in the end, following the ports of subgraphs."""
    found = []
    waiting = list(names)[::-1]
    passed: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in wires:
            found.append(name)
        elif name not in passed:
            passed.add(name)
            waiting += list(sources[name])[::-1]
    return tuple(found)


def identifiers(names: Iterable[str]) -> Mapping[str, str]:
    """A name that a model may have for each of the names, as near to it as possible, all different."""
    names = tuple(names)
    taken = {name for name in names if _is_identifier(name)}
    given = {}
    for name in names:
        given[name] = name if _is_identifier(name) else identifier(name, taken)
        taken.add(given[name])
    return given


def _is_identifier(name: str) -> bool:
    return name.isidentifier() and name.isascii() and not keyword.iskeyword(name)
