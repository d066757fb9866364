"""Every part of a spiking network where it runs: neurons on the chip, inputs and readouts on the host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import ClassVar

import numpy as np

from nmc.errors import Fault
from nmc.graph import Node, Ref, fresh
from nmc.model import Array, FloatArray, Model
from nmc.nodes import coding, quantized, spiking, tensor
from nmc.nodes.plasticity import learning_nodes
from nmc.passes import Keeps, Samples, Stage
from nmc.passes.host_streams import READOUTS
from nmc.passes.populations import Population, Synapse, populations
from nmc.passes.refusal import refuse
from nmc.passes.retiming import Edge, chip_delay, lags
from nmc.passes.signal_ranges import Ranges
from nmc.passes.sparse_paths import entries
from nmc.passes.unfit_neurons import faults_of

ALWAYS_ON = "always_on"


@dataclass(frozen=True)
class PlaceOnChip:
    """Neurons in the timing of the chip, where all synapses take one step, and the host around them.

    Only spikes go between host and chip. Real inputs go as the binary digits of whole numbers, scaled to
    what samples [B, ...] reach; biases as the weights of an input that is always on, so that they
    start with the data; longer delays through relays. Neurons without spikes, read by nothing but readouts, are
    the host's. Relative timing stays as it was, by lags, and the graph as a whole gets the lag of its outputs.
    Takes what `fuse-synapses` gives.
    """

    name: ClassVar[str] = "place-on-chip"
    stage: ClassVar[Stage] = "hosted"
    keeps: ClassVar[Keeps] = "rounds"

    def __call__(self, model: Model, samples: Samples) -> Model:
        """The model in the chip's timing. Raises UnsupportedError with every neuron that NengoLoihi cannot mean."""
        refuse(model.graph, [_learns(node) for node in learning_nodes(model.graph)])
        found = populations(model)
        refuse(model.graph, [*faults_of(model, found, rests=True), *_faults(model, found)])
        return _Writer(model, found, Ranges(model, samples)).written()


def _learns(node: Node) -> Fault:
    return Fault(
        "it learns, and NengoLoihi has one rule, PES on decoded values, which is none of a connection between neurons",
        "compile it for loihi-sim, or for nengo-sim", node.name,
    )


def _faults(model: Model, found: tuple[Population, ...]) -> Iterator[Fault]:
    """What NengoLoihi would run otherwise than the model says."""
    if not any(population.spikes for population in found):
        yield Fault(
            "none of its neurons spike, so that nothing is left for the chip", "compile it for a processor",
            found[0].name,
        )
    for population in found:
        if population.graded:
            yield Fault(
                "its neurons send numbers, and NengoLoihi's send spikes only", "compile it for loihi-sim",
                population.name,
            )
        if np.any(model.param(getattr(population.node, "initial", 0.0))):
            yield Fault(
                "its voltage does not start at 0, where NengoLoihi starts every neuron",
                "leave out 'initial' or the option charge, or compile for loihi-sim", population.name,
            )
        if isinstance(population.node, spiking.CubaLIF) and np.any(model.param(population.node.leak)):
            yield Fault(
                "its voltage leaks towards another value than 0, and NengoLoihi has no input beside the current",
                "train the network with leak: 0", population.name,
            )


def _bias_edges(population: Population) -> tuple[Edge, ...]:
    """Its biases as synapses from an input that is always on."""
    old = isinstance(population.node, spiking.CubaLIF) and population.node.current == "old"
    return tuple(Edge(ALWAYS_ON, population.name, late + old, ALWAYS_ON) for late in population.biases)


@dataclass
class _Writer:
    """Collects the nodes and arrays."""

    model: Model
    populations: tuple[Population, ...]
    ranges: Ranges
    nodes: dict[str, Node] = field(default_factory=dict)
    arrays: dict[str, Array] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)

    @cached_property
    def taken(self) -> set[str]:
        return set(self.model.graph.by_name)

    @cached_property
    def on_chip(self) -> frozenset[str]:
        return frozenset(population.name for population in self.populations if population.spikes)

    @cached_property
    def lag(self) -> dict[str, int]:
        """How late each population works: a step for each synapse on the chip, none on the host."""
        edges = [edge for p in self.populations if p.spikes for edge in (*p.edges(), *_bias_edges(p))]
        hosted = frozenset(edge.source for edge in edges) - self.on_chip
        found = dict.fromkeys(self.on_chip, 0) | dict(lags(edges, hosted))
        for p in self.populations:
            if not p.spikes:
                found[p.name] = max(0, *(found.get(edge.source, 0) - edge.delay for edge in p.edges()))
        return found

    @cached_property
    def shown(self) -> frozenset[str]:
        """The streams that are read out."""
        graph = self.model.graph
        read = {ref.node for node in graph if isinstance(node, READOUTS) for ref in node.inputs} | set(graph.outputs)
        return frozenset(name for name in read if graph.signals[name].timing == "stream")

    @cached_property
    def always_on(self) -> str:
        """The name of a spike at every step."""
        one = fresh("one", self.taken)
        self.arrays[f"{one}.value"] = np.ones(1)
        self._add(tensor.Constant(name=one, value=f"{one}.value", shape=(1,)))
        return self._add(coding.ConstantCurrent(name=fresh(ALWAYS_ON, self.taken), inputs=(Ref(one),)))

    def written(self) -> Model:
        """The whole model."""
        graph = self.model.graph
        last = max((self.lag.get(name, 0) for name in self.shown), default=0)
        for population in self.populations:
            if population.spikes:
                self._chip(population)
            else:
                self._host(population)
        for name in sorted(self.shown):
            if late := last - self.lag.get(name, 0):
                self.moved[name] = self._add(spiking.Delay(
                    name=fresh(f"{name}_held", self.taken), inputs=(Ref(name),), steps=late
                ))
        inner = {name for p in self.populations for s in p.synapses for name in (s.node.name, s.read)}
        inner |= {population.name for population in self.populations} | self.nodes.keys()
        hosts = [node for node in graph if node.name not in inner]
        rest = [node if node.name in self.ranges.sources else self._reading(node) for node in hosts]
        outputs = tuple(self.moved.get(name, name) for name in graph.outputs)
        whole = replace(graph, nodes=(*rest, *self.nodes.values()), outputs=outputs, lag=last)
        return self.model.with_(whole.pruned(), self.arrays)

    def _reading(self, node: Node) -> Node:
        """A node of the host, reading what is held back for it."""
        return replace(node, inputs=tuple(Ref(self.moved.get(ref.node, ref.node), ref.delay) for ref in node.inputs))

    def _add(self, node: Node) -> str:
        """The node's name; it is added where it is new."""
        self.nodes.setdefault(node.name, node)
        return node.name

    def _chip(self, population: Population) -> None:
        """Neurons on the chip. Where they read their old current, all they read comes a step later instead."""
        reads = []
        for synapse, edge in zip(population.synapses, population.edges(), strict=True):
            late = chip_delay(edge, self.lag) - 1
            if synapse.source in self.on_chip:
                source = synapse.source
                for step in range(late):
                    source = self._relay(synapse.source, source, step + 1)
                reads.append(self._synapse(population, synapse, source, synapse.weight))
            else:
                reads.append(self._from_host(population, synapse, late))
        for edge, bias in zip(_bias_edges(population), population.biases.values(), strict=True):
            reads.append(self._bias(population, bias, chip_delay(edge, self.lag) - 1))
        node = replace(population.node, inputs=tuple(reads))
        self._add(replace(node, current="new") if isinstance(node, spiking.CubaLIF) else node)

    def _from_host(self, population: Population, synapse: Synapse, late: int) -> Ref:
        """The synapse for spikes of the host, or for the binary digits of its numbers."""
        source, message, weight = synapse.source, self.ranges.message(synapse.source), synapse.weight
        if not message.bits:
            return self._synapse(population, synapse, self._late(source, late), weight)
        number, bits = source, message.bits
        if self.ranges.is_real(source):
            number = self._add(quantized.QuantizeLinear(
                name=f"{source}_quantized", inputs=(Ref(source),), scale=message.unit, bits=bits
            ))
        elif isinstance(self.model.graph[source], coding.DeltaEncode):
            bits = 2
        if isinstance(synapse.node, tensor.Conv2d) and synapse.node.groups > 1:
            weight = entries(self.model, synapse.node, 0).merged().dense()
        planes = self._add(quantized.BitPlanes(name=f"{source}_bits", inputs=(Ref(number),), bits=bits))
        digits = [sign * 2.0**bit * message.unit * weight for bit in range(bits - 1) for sign in (1, -1)]
        if isinstance(synapse.node, tensor.SparseLinear):
            return self._sparse(population, synapse, self._late(planes, late), 1, digits)
        return self._synapse(population, synapse, self._late(planes, late), np.concatenate(digits, axis=1))

    def _late(self, source: str, steps: int) -> str:
        """A stream of the host, so many steps later."""
        if not steps:
            return source
        return self._add(spiking.Delay(name=f"{source}_late_{steps}", inputs=(Ref(source),), steps=steps))

    def _relay(self, origin: str, source: str, step: int) -> str:
        """Neurons that repeat the spikes of others a step later."""
        shape, name = self.model.graph.signals[origin].shape, f"{origin}_relay_{step}"
        if name in self.nodes:
            return name
        synapse = f"{name}_synapse"
        if len(shape) == 3:
            self.arrays[f"{synapse}.weight"] = np.ones((shape[0], 1, 1, 1))
            self._add(tensor.Conv2d(
                name=synapse, inputs=(Ref(source, 1),), channels=shape[0], kernel=(1, 1), groups=shape[0],
                weight=f"{synapse}.weight",
            ))
            read = Ref(synapse)
        else:
            self.arrays[f"{synapse}.weight"] = np.eye(prod(shape))
            read = self._linear(synapse, self._flat(source, len(shape)), 1, shape)
        return self._add(spiking.Threshold(name=name, inputs=(read,), threshold=0.5))

    def _flat(self, source: str, rank: int) -> str:
        """A source as one row."""
        return source if rank == 1 else self._add(tensor.Flatten(name=f"{source}_in_a_row", inputs=(Ref(source),)))

    def _linear(self, name: str, source: str, delay: int, shape: tuple[int, ...]) -> Ref:
        """A matrix from one row onto neurons of a shape; its weights are the array of its name."""
        self._add(tensor.Linear(
            name=name, inputs=(Ref(source, delay),), features=prod(shape), weight=f"{name}.weight"
        ))
        return self._on_neurons(name, shape)

    def _synapse(
        self, population: Population, synapse: Synapse, source: str, weight: FloatArray, delay: int = 1
    ) -> Ref:
        """A synapse from a source of spikes."""
        name = synapse.node.name
        if isinstance(synapse.node, tensor.SparseLinear):
            return self._sparse(population, synapse, source, delay, [weight])
        self.arrays[f"{name}.weight"] = weight
        if isinstance(synapse.node, tensor.Conv2d) and weight.ndim == 4:
            self._add(replace(synapse.node, name=name, inputs=(Ref(source, delay),), weight=f"{name}.weight"))
            return Ref(name)
        rank = len(self.model.graph.signals[synapse.source].shape)
        return self._linear(name, self._flat(source, rank), delay, population.shape)

    def _sparse(
        self, population: Population, synapse: Synapse, source: str, delay: int, parts: list[FloatArray]
    ) -> Ref:
        """A sparse synapse from a source in as many parts, one after another, each with its weights."""
        node = synapse.node
        assert isinstance(node, tensor.SparseLinear)
        row, column = (self.model.weights[name].astype(np.int64) for name in (node.row, node.column))
        (inputs,) = self.model.graph.operand_shapes(node)[0]
        shifted = [column + k * inputs for k in range(len(parts))]
        self.arrays |= {
            node.weight: np.concatenate(parts), node.row: np.tile(row, len(parts)), node.column: np.concatenate(shifted)
        }
        flat = self._flat(source, len(self.model.graph.signals[synapse.source].shape))
        self._add(replace(node, inputs=(Ref(flat, delay),), synapses=len(row) * len(parts)))
        return self._on_neurons(node.name, population.shape)

    def _on_neurons(self, name: str, shape: tuple[int, ...]) -> Ref:
        """What arrives at a row of neurons, in their shape."""
        if len(shape) == 1:
            return Ref(name)
        return Ref(self._add(tensor.Reshape(name=f"{name}_on_neurons", inputs=(Ref(name),), shape=shape)))

    def _bias(self, population: Population, bias: FloatArray, late: int) -> Ref:
        """Biases as weights of an input that is always on from some step."""
        name = fresh(f"{population.name}_bias_axon", self.taken)
        self.arrays[f"{name}.weight"] = bias.reshape(-1, 1)
        return self._linear(name, self._late(self.always_on, late), 1, population.shape)

    def _host(self, population: Population) -> None:
        """Neurons that do not spike, computed by the host from the spikes it gets."""
        lag = self.lag[population.name]
        reads = [
            self._synapse(
                population, s, s.source, s.weight, delay=s.delay + lag - self.lag.get(s.source, 0)
            )
            for s in population.synapses
        ]
        for late, bias in population.biases.items():
            name = fresh(f"{population.name}_bias", self.taken)
            self.arrays[f"{name}.value"] = bias
            self._add(tensor.Constant(name=name, value=f"{name}.value", shape=population.shape))
            reads.append(Ref(name, late + lag))
        self._add(replace(population.node, inputs=tuple(reads)))
