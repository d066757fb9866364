"""A fixed-point network as SANA-FE takes it: neurons with their cores, and synapses one by one."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from nmc.chips.chip import CoreLimits
from nmc.errors import UnsupportedError
from nmc.graph import Graph, Node
from nmc.mapping.network import Projection
from nmc.mapping.place import Placement
from nmc.model import Array, FloatArray, Model
from nmc.nodes.fixed_point import FixedConv2d, FixedDense, FixedLIF, FixedPlasticDense
from nmc.nodes.tensor import Flatten, Reshape
from nmc.reference.tensor import convolve

Described = Mapping[str, object]


def network(model: Model, placement: Placement, sent: Mapping[str, Array], limits: CoreLimits) -> Described:
    """The network, and the spikes [T, *shape] that the host sends, by name.

    Neurons are those that SANA-FE's leaky_integrate_fire computes alike: no current that lasts, and spikes
    that take one step. Raises UnsupportedError for what it cannot mean, naming the node.
    """
    if placement.chips.used > 1:
        raise UnsupportedError("the network takes several chips", "SANA-FE has no links between chips")
    rows, per_tile = limits.mesh_rows.count, limits.cores_per_tile.count
    cores = {part.population: np.zeros((*placement.partition.network.shapes[part.population], 2), int)
             for part in placement.partition.slices}  # fmt: skip
    for part, where in zip(placement.partition.slices, placement.places, strict=True):
        cores[part.population][part.neurons.slices] = (where.column * rows + where.row, where.core % per_tile)
    found = placement.partition.network
    steps = len(next(iter(sent.values()))) if sent else 0
    return {
        "steps": steps,
        "groups": [
            *(_inputs(name, spikes, per_tile) for name, spikes in sent.items()),
            *(_population(model, name, found.onto(name), cores[name].reshape(-1, 2)) for name in cores),
        ],
        "edges": [_edge(model, projection) for projection in found.projections],
    }


def _inputs(name: str, spikes: Array, per_tile: int) -> Described:
    """Spike trains on the host's core, the one after those of the first tile."""
    trains = (spikes.reshape(len(spikes), -1).T != 0).tolist()
    return {
        "name": name, "soma": "input[{}]", "synapse": "dense",
        "neurons": [{"model": {"spikes": train}, "core": [0, per_tile]} for train in trains],
    }  # fmt: skip


def _population(model: Model, name: str, onto: tuple[Projection, ...], cores: Array) -> Described:
    node = model.graph[name]
    if not isinstance(node, FixedLIF) or node.du != 4095 or node.reset_interval or node.initial != 0:
        raise UnsupportedError(
            "SANA-FE has no such neuron", "it computes a FixedLIF with du=4095, from 0 and without resets by time",
            node=name, where=model.graph.sources.get(name),
        )  # fmt: skip
    shape = model.graph.signals[name].shape
    bias = np.broadcast_to(np.asarray(model.param(node.bias_mant)) * 2.0**node.bias_exp / 64, shape)
    kinds = {"conv" if isinstance(one.synapse, FixedConv2d) else "dense" for one in onto}
    if len(kinds) > 1:
        raise UnsupportedError("dense synapses and convolutions end on it", "SANA-FE takes one kind here", node=name)
    facts = {
        "threshold": float(node.vth), "leak_decay": 1 - node.dv / 4096, "reset_mode": "hard", "force_update": True,
    }  # fmt: skip
    return {
        "name": name, "soma": "lif", "synapse": kinds.pop(),
        "neurons": [
            {"model": {**facts, "bias": float(own)}, "core": core}
            for own, core in zip(bias.reshape(-1), cores.tolist(), strict=True)
        ],
    }  # fmt: skip


def _edge(model: Model, projection: Projection) -> Described:
    graph = model.graph
    steps = {
        late + later
        for synapse, late in _ways(graph, graph[projection.population]) if synapse == projection.synapse.name
        for source, later in _ways(graph, projection.synapse) if source == projection.source
    }  # fmt: skip
    if steps != {1}:
        raise UnsupportedError(
            f"spikes of {projection.source!r} do not take one step to it",
            "in SANA-FE all do: read them late, as in '@1'",
            node=projection.population, where=graph.sources.get(projection.population),
        )  # fmt: skip
    matrix = _matrix(model, projection)
    source, target = np.nonzero(matrix)
    return {
        "source": projection.source, "target": projection.population,
        "from": source.tolist(), "to": target.tolist(), "weight": matrix[source, target].tolist(),
    }  # fmt: skip


def _matrix(model: Model, projection: Projection) -> FloatArray:
    """The weight from every element of the source to every neuron: [elements, neurons]."""
    synapse = projection.synapse
    match synapse:
        case FixedPlasticDense():
            pass
        case FixedDense(num_message_bits=0) if synapse.weight_exp >= 0:
            return np.asarray(model.weights[synapse.weight], dtype=np.float64).T * 2.0**synapse.weight_exp
        case FixedConv2d(num_message_bits=0):
            elements = prod(projection.source_shape)
            each = np.eye(elements).reshape(elements, *projection.source_shape)
            return convolve(synapse, each, model.weights[synapse.weight].astype(float)).reshape(elements, -1)
    raise UnsupportedError(
        "SANA-FE takes no such synapses here", "give FixedDense or FixedConv2d that read spikes and round nothing",
        node=synapse.name
    )


def _ways(graph: Graph, node: Node) -> list[tuple[str, int]]:
    """The nodes that a node reads, views skipped, and how many steps late."""
    found = []
    for ref in node.inputs:
        read = graph[ref.node]
        behind = _ways(graph, read) if isinstance(read, Flatten | Reshape) else [(read.name, 0)]
        found += [(name, ref.delay + delay) for name, delay in behind]
    return found
