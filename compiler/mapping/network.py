"""A fixed-point graph as populations of neurons and the projections between them."""

from __future__ import annotations

from dataclasses import dataclass

from nmc.errors import UnsupportedError
from nmc.graph import Graph, Node, Shape
from nmc.nodes.fixed_point import FixedConv2d, FixedDense, FixedLIF

_VIEWS = frozenset({"Flatten", "Reshape"})

Synapse = FixedDense | FixedConv2d


@dataclass(frozen=True)
class Population:
    """The neurons of one node, and their shape."""

    name: str
    shape: Shape


@dataclass(frozen=True)
class Projection:
    """Synapses from the elements of a source to a population.

    `on_chip` says whether the source is a population; otherwise the host sends its spikes. `sender_shape`
    is the source's own shape, `source_shape` that in which the synapse sees it. `aligned` is false where
    the population sees the synapse's output in another shape, so that positions do not carry over.
    """

    synapse: Synapse
    source: str
    sender_shape: Shape
    source_shape: Shape
    population: str
    on_chip: bool
    aligned: bool


@dataclass(frozen=True)
class Network:
    """Populations in the order of the graph, and all projections onto them."""

    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]

    def onto(self, population: str) -> tuple[Projection, ...]:
        """The projections onto a population."""
        return tuple(p for p in self.projections if p.population == population)

    def out_of(self, source: str) -> tuple[Projection, ...]:
        """The projections that a source drives."""
        return tuple(p for p in self.projections if p.source == source)


def network(graph: Graph) -> Network:
    """The populations and projections of a fixed-point graph.

    Whatever is not a FixedLIF runs on the host. Raises UnsupportedError where neurons read neurons
    without synapses between them.
    """
    populations = tuple(
        Population(name, graph.signals[name].shape) for name in graph.order if isinstance(graph[name], FixedLIF)
    )
    projections = []
    for population in populations:
        for reached in _behind(graph, graph[population.name]):
            if isinstance(reached, FixedLIF):
                raise UnsupportedError(
                    f"its neurons read those of {reached.name!r} without synapses",
                    "put a FixedDense or FixedConv2d between them", node=population.name,
                )
            if isinstance(reached, FixedDense | FixedConv2d):
                projections += [
                    Projection(
                        reached,
                        source.name,
                        graph.signals[source.name].shape,
                        graph.operand_shapes(reached)[0],
                        population.name,
                        isinstance(source, FixedLIF),
                        graph.signals[reached.name].shape == population.shape,
                    )
                    for source in _behind(graph, reached)
                ]
    return Network(populations, tuple(projections))


def _behind(graph: Graph, node: Node) -> list[Node]:
    """The nodes that a node reads, views skipped."""
    found = []
    for ref in node.inputs:
        read = graph[ref.node]
        found += _behind(graph, read) if read.kind in _VIEWS else [read]
    return found
