"""A fused graph as populations and the synapses between them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from nmc.errors import UnsupportedError
from nmc.graph import Graph, Node, Ref, Shape
from nmc.model import FloatArray, Model
from nmc.nodes import spiking, tensor
from nmc.nodes.plasticity import PlasticLinear
from nmc.passes.host_streams import POPULATIONS
from nmc.passes.retiming import Edge

IntArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Synapse:
    """A synapse node, its source, and how its target reads it.

    `read` is the name that the target reads: the node itself, or the Reshape after it. `source` is the
    population or host node that feeds it; `feed` is what it reads: that, or a Flatten after it. Where it learns,
    `weight` holds the bounds of its weights. Of a sparse one it holds the entries, and `row` where they arrive.
    """

    node: tensor.Linear | tensor.SparseLinear | tensor.Conv2d | PlasticLinear
    read: str
    source: str
    feed: str
    delay: int
    weight: FloatArray
    row: IntArray | None = None

    def row_sums(self, weight: FloatArray, positive: bool) -> FloatArray:
        """For each neuron or channel, how much arrives at most when every input is 1 (or only the harmful ones)."""
        part = np.maximum(weight if positive else -weight, 0.0)
        if self.row is not None and isinstance(self.node, tensor.SparseLinear):
            return np.bincount(self.row, part, self.node.features).astype(np.float64)
        sums: FloatArray = part.reshape(len(part), -1).sum(axis=1)
        return sums


@dataclass(frozen=True, eq=False)
class Population:
    """Neurons of one kind, what they read, and their biases [*shape] by how many steps late they begin."""

    node: Node
    shape: Shape
    synapses: tuple[Synapse, ...]
    biases: dict[int, FloatArray]

    @property
    def name(self) -> str:
        """The neuron node's name."""
        return self.node.name

    @property
    def size(self) -> int:
        """The number of neurons."""
        return prod(self.shape)

    @property
    def spikes(self) -> bool:
        """Whether its neurons spike, rather than show their voltage or send numbers."""
        return not self.graded and not isinstance(self.node, spiking.LI | spiking.I)

    @property
    def graded(self) -> bool:
        """Whether its neurons send numbers."""
        return isinstance(self.node, spiking.SigmaDelta)

    def edges(self) -> tuple[Edge, ...]:
        """Its incoming synapses for retiming. A neuron that reads its old current works a step late."""
        old = isinstance(self.node, spiking.CubaLIF) and self.node.current == "old"
        return tuple(Edge(s.source, self.name, s.delay + old, s.node.name) for s in self.synapses)


def populations(model: Model) -> tuple[Population, ...]:
    """The populations of a model after `fuse-synapses`. Raises UnsupportedError where one reads no synapse."""
    return tuple(_population(model, node) for node in model.graph if isinstance(node, POPULATIONS))


def _population(model: Model, node: Node) -> Population:
    graph = model.graph
    synapses = []
    biases: dict[int, FloatArray] = {}
    shape = graph.signals[node.name].shape
    for ref in node.inputs:
        read = graph[ref.node]
        if isinstance(read, tensor.Constant):
            value = model.weights[read.value].astype(np.float64)
            biases[ref.delay] = biases.get(ref.delay, np.zeros(shape)) + value
        else:
            synapses.append(_synapse(model, node, ref))
    if not synapses:
        raise UnsupportedError(
            "it reads no synapse, so that nothing ever drives it", "connect it, or remove it", node=node.name,
            where=graph.sources.get(node.name),
        )
    return Population(node, shape, tuple(synapses), biases)


def _synapse(model: Model, target: Node, ref: Ref) -> Synapse:
    graph = model.graph
    node = graph[ref.node]
    if isinstance(node, tensor.Reshape):
        node = graph[node.inputs[0].node]
    if isinstance(node, PlasticLinear):
        (feed, _) = node.inputs
        (inputs,) = graph.operand_shapes(node)[0]
        return Synapse(node, ref.node, feed.node, feed.node, feed.delay, _bounds(node, inputs))
    if isinstance(node, tensor.SparseLinear) and not ref.delay and len(node.inputs) == 1:
        (feed,) = node.inputs
        weight, row = model.weights[node.weight].astype(np.float64), model.weights[node.row].astype(np.int64)
        return Synapse(node, ref.node, _source(graph, feed.node), feed.node, feed.delay, weight, row)
    if ref.delay or not isinstance(node, tensor.Linear | tensor.Conv2d) or node.bias or len(node.inputs) != 1:
        raise UnsupportedError(
            f"it reads {ref}, which is not a synapse", "run the pass fuse-synapses first", node=target.name
        )
    (feed,) = node.inputs
    source = _source(graph, feed.node)
    return Synapse(node, ref.node, source, feed.node, feed.delay, model.weights[node.weight].astype(np.float64))


def _bounds(node: PlasticLinear, inputs: int) -> FloatArray:
    """The bounds of weights [features, inputs]: the upper one, and the lower one where signs mix in turn with it."""
    pair = [high for high in (node.w_max, node.w_min) if high]
    return np.resize(np.array(pair), (node.features, max(inputs, len(pair))))[:, :inputs].astype(np.float64)


def _source(graph: Graph, name: str) -> str:
    node = graph[name]
    return node.inputs[0].node if isinstance(node, tensor.Flatten) else name
