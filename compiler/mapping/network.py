"""A fixed-point graph as populations of neurons and the projections between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod

from nmc.errors import UnsupportedError
from nmc.graph import Graph, Node, Shape
from nmc.mapping.pattern import Pattern
from nmc.model import Array
from nmc.nodes import fixed_point
from nmc.nodes.fixed_point import FixedConv2d, FixedDense, FixedSparse
from nmc.nodes.plasticity import driving

Synapse = FixedDense | FixedSparse | FixedConv2d
_NEURONS = tuple(kind for kind in fixed_point.KINDS if not issubclass(kind, Synapse))


@dataclass(frozen=True)
class Population:
    """The neurons of one node, and their shape."""

    name: str
    shape: Shape


@dataclass(frozen=True)
class Projection:
    """Synapses from the elements of a source to a population.

    `on_chip` says whether the source is a population; otherwise the host sends its spikes. `sender_shape`
    is the source's own shape, or a row, `source_shape` that in which the synapse sees it. `aligned` is false where
    the population sees the synapse's output in another shape, so that positions do not carry over.
    `pattern` is that of a sparse synapse.
    """

    synapse: Synapse
    source: str
    sender_shape: Shape
    source_shape: Shape
    population: str
    on_chip: bool
    aligned: bool
    pattern: Pattern | None = None

    @property
    def local(self) -> bool:
        """Whether a neuron reads only what lies near it."""
        return isinstance(self.synapse, FixedConv2d) and self.aligned


@dataclass(frozen=True)
class Network:
    """Populations in the order of the graph, and all projections onto them."""

    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """The shape of each population."""
        return {population.name: population.shape for population in self.populations}

    def onto(self, population: str) -> tuple[Projection, ...]:
        """The projections onto a population."""
        return tuple(p for p in self.projections if p.population == population)

    def out_of(self, source: str) -> tuple[Projection, ...]:
        """The projections that a source drives."""
        return tuple(p for p in self.projections if p.source == source)


def network(graph: Graph, weights: Mapping[str, Array] | None = None) -> Network:
    """The populations and projections of a fixed-point graph.

    Whatever is not of a fixed-point kind runs on the host. Of the weights, only the patterns of sparse synapses are
    read. Neurons on which sparse synapses end are in one row. Raises UnsupportedError where neurons read neurons
    without synapses between them, or where convolutions end on neurons beside sparse synapses.
    """
    neurons = [graph[name] for name in graph.order if isinstance(graph[name], _NEURONS)]
    populations = tuple(Population(node.name, _shape(graph, node)) for node in neurons)
    projections = []
    for population in populations:
        for reached in _behind(graph, graph[population.name]):
            if isinstance(reached, _NEURONS):
                raise UnsupportedError(
                    f"its neurons read those of {reached.name!r} without synapses",
                    "put a FixedDense, FixedSparse or FixedConv2d between them", node=population.name,
                )
            if isinstance(reached, Synapse):
                shape = graph.operand_shapes(reached)[0]
                pattern = Pattern.of(reached, shape[0], weights or {}) if isinstance(reached, FixedSparse) else None
                in_a_row = len(population.shape) < len(graph.signals[population.name].shape)
                if in_a_row and isinstance(reached, FixedConv2d):
                    raise UnsupportedError(
                        f"the convolution {reached.name!r} and sparse synapses end on the same neurons",
                        "write the convolution as a FixedSparse, too", node=population.name,
                    )
                projections += [
                    Projection(
                        reached,
                        source.name,
                        _shape(graph, source),
                        shape,
                        population.name,
                        isinstance(source, _NEURONS),
                        graph.signals[reached.name].shape == population.shape,
                        pattern,
                    )
                    for source in _behind(graph, reached)
                ]
    return Network(populations, tuple(projections))


def _shape(graph: Graph, node: Node) -> Shape:
    """The shape in which neurons are cut: that of a row where sparse synapses end on them."""
    shape = graph.signals[node.name].shape
    if len(shape) == 1 or not isinstance(node, _NEURONS):
        return shape
    return (prod(shape),) if any(isinstance(each, FixedSparse) for each in _behind(graph, node)) else shape


def _behind(graph: Graph, node: Node, passed: frozenset[str] = frozenset()) -> list[Node]:
    """The nodes that drive a node, views and delays skipped, those that read themselves included."""
    found = []
    for ref in driving(node):
        read = graph[ref.node]
        if not isinstance(read, fixed_point.WIRES):
            found.append(read)
        elif read.name not in passed:
            found += _behind(graph, read, passed | {read.name})
    return found
