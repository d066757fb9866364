"""A placed model in the integers that NengoLoihi's emulator computes with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import ClassVar

import numpy as np

from nmc.backends.nengo_loihi.blocks import Block, blocks_of
from nmc.backends.nengo_loihi.chip_network import chip_network
from nmc.backends.nengo_loihi.discretize import whole_weights
from nmc.backends.nengo_loihi.memory import single
from nmc.backends.nengo_loihi.network import ChipNetwork, Connection, Convolution, Dense, Ensemble, IntArray, Sparse
from nmc.backends.nengo_loihi.readouts import with_exact_readouts
from nmc.errors import NmcError
from nmc.graph import Node, Ref, fresh
from nmc.model import Array, FloatArray, Model
from nmc.nodes import fixed_point, tensor
from nmc.passes import Keeps, Samples, Stage
from nmc.passes.populations import Population, Synapse, populations

WEIGHT_EXPONENT = 6
"""Of the unit of all weights on the chip."""


@dataclass(frozen=True)
class QuantizeNengoLoihi:
    """Neurons and synapses on the chip as FixedCompartments and integer weights, scaled block by block.

    Takes what `place-on-chip` gives; what the host computes stays as it is, but for the last bits of its weights.
    """

    name: ClassVar[str] = "quantize-nengo-loihi"
    stage: ClassVar[Stage] = "hosted"
    keeps: ClassVar[Keeps] = "rounds"

    def __call__(self, model: Model, samples: Samples) -> Model:
        """The model in integers. Raises UnsupportedError for what does not fit on the chip's cores."""
        network = chip_network(model)
        return with_exact_readouts(quantized(model, network, placed_blocks(model, network)))


def placed_blocks(model: Model, network: ChipNetwork) -> tuple[Block, ...]:
    """The network's blocks. Raises UnsupportedError with the places of what does not fit."""
    try:
        return blocks_of(network)
    except NmcError as error:
        raise type(error).of(model.graph.placed(error.faults)) from None


def quantized(model: Model, network: ChipNetwork, blocks: tuple[Block, ...]) -> Model:
    """The model with the integers of its blocks."""
    writer = _Writer(model, network, blocks)
    for population in populations(model):
        if population.spikes:
            writer.add(population)
    return writer.written()


def row_of_neurons(name: str) -> str:
    """What the neurons of a population are called where they lie in one row, because blocks cut through channels."""
    return f"{name}_neurons"


def in_a_row(population: Population, ensemble: Ensemble, blocks: tuple[Block, ...]) -> bool:
    """Whether neurons with a shape lie in one row: a block cuts through a channel, or a matrix of theirs is sparse."""
    inner = prod(population.shape[1:])
    cut = any(block.neurons.start % inner or block.neurons.stop % inner for block in blocks)
    kinds = (tensor.Linear, tensor.SparseLinear)
    matrices = {synapse.node.name for synapse in population.synapses if isinstance(synapse.node, kinds)}
    sparse = any(isinstance(c.transform, Sparse) and c.name in matrices for c in ensemble.connections)
    return len(population.shape) > 1 and (cut or sparse)


@dataclass
class _Writer:
    """Collects the nodes and arrays in integers."""

    model: Model
    network: ChipNetwork
    blocks: tuple[Block, ...]
    nodes: list[Node] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    @cached_property
    def ensembles(self) -> dict[str, Ensemble]:
        return {ensemble.name: ensemble for ensemble in self.network.ensembles}

    @cached_property
    def taken(self) -> set[str]:
        return set(self.model.graph.by_name)

    def written(self) -> Model:
        """The whole model."""
        graph = self.model.graph
        kept = tuple(node for node in graph if node.name not in self.gone)
        return self.model.with_(replace(graph, nodes=(*kept, *self.nodes)).pruned(), self.arrays)

    def add(self, population: Population) -> None:
        """The neurons, and the synapses onto them."""
        blocks = tuple(block for block in self.blocks if block.ensemble == population.name)
        ensemble = self.ensembles[population.name]
        row = in_a_row(population, ensemble, blocks)
        connections = {connection.name: connection for connection in ensemble.connections}
        reads = tuple(
            Ref(self._synapse(population, synapse, connections[synapse.node.name], blocks, row), 1)
            for synapse in population.synapses
        )
        self.gone |= {population.name}
        name = population.name
        if row:
            name = fresh(row_of_neurons(name), self.taken)
            self.nodes.append(tensor.Reshape(name=population.name, inputs=(Ref(name),), shape=population.shape))
        first = blocks[0].compartments
        shape = (population.size,) if row else population.shape
        self.nodes.append(fixed_point.FixedCompartments(
            name=name, inputs=reads, decay_u=first.decay_u, decay_v=first.decay_v, vmax=first.vmax,
            refractory=first.refractory,
            vth=self._each(f"{name}.vth", shape, blocks, [b.compartments.vth for b in blocks]),
            vmin=self._each(f"{name}.vmin", shape, blocks, [b.compartments.vmin for b in blocks]),
            bias=self._each(f"{name}.bias", shape, blocks, [b.compartments.bias for b in blocks]),
        ))

    def _each(
        self, name: str, shape: tuple[int, ...], blocks: tuple[Block, ...], values: Sequence[IntArray | int]
    ) -> int | str:
        """A fact of every neuron, given by block: one number where they all have it, else an array of this name."""
        whole = np.concatenate([
            np.broadcast_to(value, len(block.neurons)) for value, block in zip(values, blocks, strict=True)
        ])
        if np.all(whole == whole[0]):
            return int(whole[0])
        self.arrays[name] = whole.reshape(shape).astype(np.int32)
        return name

    def _synapse(
        self, population: Population, synapse: Synapse, connection: Connection, blocks: tuple[Block, ...], row: bool
    ) -> str:
        """The name of what the neurons read: the synapse in integers."""
        node = synapse.node
        self.gone |= {node.name, synapse.read}
        if isinstance(node, tensor.Conv2d) and not row:
            self._kernel(node, synapse, connection, blocks, prod(population.shape[1:]))
            return node.name
        match connection.transform:
            case Sparse():
                self._sparse(synapse, connection, connection.transform, blocks)
            case Convolution():
                self._sparse(synapse, connection, connection.transform.expanded(), blocks)
            case Dense():
                self._dense(synapse, connection, blocks)
        if len(population.shape) == 1 or row:
            return node.name
        self.nodes.append(tensor.Reshape(name=synapse.read, inputs=(Ref(node.name),), shape=population.shape))
        return synapse.read

    def _kernel(
        self, node: tensor.Conv2d, synapse: Synapse, connection: Connection, blocks: tuple[Block, ...], inner: int
    ) -> None:
        """A convolution whose channels each lie in one block."""
        parts = (connection.weight[b.neurons.start // inner : b.neurons.stop // inner] for b in blocks)
        whole = [self._whole(part, connection, block) for part, block in zip(parts, blocks, strict=True)]
        self.arrays[f"{node.name}.integers"] = (np.concatenate(whole) << WEIGHT_EXPONENT).astype(np.int32)
        self.nodes.append(fixed_point.FixedConv2d(
            name=node.name, inputs=(Ref(synapse.feed),), channels=node.channels, kernel=node.kernel,
            weight=f"{node.name}.integers", stride=node.stride, padding=node.padding, dilation=node.dilation,
            groups=node.groups,
        ))

    def _dense(self, synapse: Synapse, connection: Connection, blocks: tuple[Block, ...]) -> None:
        """A matrix, a block's rows at a time."""
        name = synapse.node.name
        parts = (connection.weight[block.neurons.start : block.neurons.stop] for block in blocks)
        whole = [self._whole(part, connection, block) for part, block in zip(parts, blocks, strict=True)]
        self.arrays[f"{name}.integers"] = np.concatenate(whole).astype(np.int16)
        self.nodes.append(fixed_point.FixedDense(
            name=name, inputs=(Ref(self._in_a_row(synapse)),), features=len(connection.weight),
            weight=f"{name}.integers", weight_exp=WEIGHT_EXPONENT,
        ))

    def _sparse(self, synapse: Synapse, connection: Connection, entries: Sparse, blocks: tuple[Block, ...]) -> None:
        """The entries of a matrix, row by row."""
        name = synapse.node.name
        order = np.lexsort((entries.columns, entries.rows))
        rows, values = entries.rows[order], entries.values[order]
        bounds = [np.searchsorted(rows, [block.neurons.start, block.neurons.stop]) for block in blocks]
        whole = [
            self._whole(values[low:high], connection, block)
            for (low, high), block in zip(bounds, blocks, strict=True)
        ]
        self.arrays |= {
            f"{name}.integers": np.concatenate(whole).astype(np.int16),
            f"{name}.column": entries.columns[order].astype(np.int32),
            f"{name}.row_start": np.searchsorted(rows, np.arange(entries.shape[0] + 1)).astype(np.int64),
        }
        self.nodes.append(fixed_point.FixedSparse(
            name=name, inputs=(Ref(self._in_a_row(synapse)),), features=entries.shape[0], synapses=len(rows),
            weight=f"{name}.integers", column=f"{name}.column", row_start=f"{name}.row_start",
            weight_exp=WEIGHT_EXPONENT,
        ))

    def _in_a_row(self, synapse: Synapse) -> str:
        """What the synapse reads, as one row."""
        shape = self.model.graph.signals[synapse.feed].shape
        if len(shape) == 1:
            return synapse.feed
        name = f"{synapse.feed}_in_a_row"
        if name not in self.taken:
            self.taken.add(name)
            self.nodes.append(tensor.Flatten(name=name, inputs=(Ref(synapse.feed),)))
        return name

    def _whole(self, weight: FloatArray, connection: Connection, block: Block) -> IntArray:
        """Weights on a block as whole numbers."""
        largest = block.largest.get(connection.name, 0.0)
        return whole_weights(single(weight, self.network.dt_s, connection.transform), block.scale, largest)
