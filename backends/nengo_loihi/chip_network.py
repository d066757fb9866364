"""A placed model as the network that NengoLoihi gets for the chip."""

from __future__ import annotations

import numpy as np

from nmc.backends.nengo_loihi.discretize import drive_of_threshold
from nmc.backends.nengo_loihi.network import (
    ChipNetwork,
    Connection,
    Convolution,
    Dense,
    Ensemble,
    IntArray,
    Leaky,
    Neurons,
    Rectified,
    Source,
    Sparse,
    Transform,
)
from nmc.model import FloatArray, Model
from nmc.nodes import spiking, tensor
from nmc.passes.populations import Population, Synapse, populations
from nmc.passes.sparse_paths import entries

LEAST_LEAK = 1 / 4095
"""Of a voltage that may be negative, in a step: nengo.SpikingRectifiedLinear has none, but stops at 0."""
INSTANT = 0.01
"""A time constant, in steps, after which nothing is left."""
SPARSE_BELOW = 0.5
"""The share of weights other than 0 below which a matrix is sent as a sparse one."""
SHORT_OF_LARGEST = 1 / 127
"""How much the largest weight may lose by rounding; a threshold that must be reached, not exceeded, is lower by it."""


def chip_network(model: Model) -> ChipNetwork:
    """The part of a model after `place-on-chip` that is on the chip."""
    graph = model.graph
    assert graph.dt_s is not None
    found = {p.name: p for p in populations(model) if p.spikes}
    ensembles = tuple(_ensemble(model, found[name], graph.dt_s) for name in graph.order if name in found)
    read = dict.fromkeys(c.source for e in ensembles for c in e.connections if c.source not in found)
    sources = tuple(Source(name, int(np.prod(graph.signals[name].shape))) for name in read)
    return ChipNetwork(graph.dt_s, sources, ensembles)


def _ensemble(model: Model, population: Population, dt_s: float) -> Ensemble:
    node = population.node
    threshold = float(getattr(node, "threshold"))  # noqa: B009 - any kind that spikes has one
    if getattr(node, "compare", ">") == ">=":
        threshold *= 1 - SHORT_OF_LARGEST
    neurons, tau_s = _neurons(population, dt_s)
    drive = drive_of_threshold(neurons, tau_s, dt_s) * dt_s / threshold
    return Ensemble(
        population.name, neurons, np.zeros(population.size), tau_s,
        tuple(_connection(model, synapse, drive) for synapse in population.synapses),
    )


def _neurons(population: Population, dt_s: float) -> tuple[Neurons, float]:
    """The neurons, and the time constant of their synapses."""
    node = population.node
    tau_s = 0.0
    if isinstance(node, spiking.CubaLIF):
        tau_s = _time_constant(float(node.current_decay), dt_s)
    rest_s = getattr(node, "refractory", 0) * dt_s
    decay = 0.0 if isinstance(node, spiking.Threshold) else float(getattr(node, "decay", 1.0))
    if decay == 1.0 and not rest_s and all(np.all(s.weight >= 0) for s in population.synapses):
        return Rectified(), tau_s
    return Leaky(_time_constant(min(decay, 1 - LEAST_LEAK), dt_s), rest_s), tau_s


def _time_constant(decay: float, dt_s: float) -> float:
    return INSTANT * dt_s if decay == 0 else float(-dt_s / np.log(decay)) if decay < 1 else float("inf")


def _connection(model: Model, synapse: Synapse, drive: float) -> Connection:
    """The synapse; a weight of 1 drives neurons as much as `drive` says."""
    weight = synapse.weight * drive
    return Connection(synapse.node.name, synapse.source, _transform(model, synapse, weight, drive), weight)


def _transform(model: Model, synapse: Synapse, weight: FloatArray, drive: float) -> Transform:
    """What the synapse makes of spikes, as one of Nengo's transforms that NengoLoihi has."""
    node = synapse.node
    if isinstance(node, tensor.SparseLinear):
        rows, columns = (model.weights[name].astype(np.int64) for name in (node.row, node.column))
        (inputs,) = model.graph.operand_shapes(node)[0]
        return _sparse((node.features, inputs), rows, columns, weight)
    if isinstance(node, tensor.Linear):
        if np.count_nonzero(weight) < SPARSE_BELOW * weight.size:
            rows, columns = np.nonzero(weight)
            return _sparse((weight.shape[0], weight.shape[1]), rows, columns, weight[rows, columns])
        return Dense(weight)
    assert isinstance(node, tensor.Conv2d), node.kind
    channels, height, width = model.graph.signals[synapse.source].shape
    if node.groups == 1 and node.dilation == (1, 1):
        for same in (False, True):
            convolution = Convolution((channels, height, width), weight, (node.stride[0], node.stride[1]), same)
            if convolution.padding == node.padding:
                return convolution
    found = entries(model, node, 0).merged()
    return _sparse(found.shape, found.row, found.column, found.value * drive)


def _sparse(shape: tuple[int, int], rows: IntArray, columns: IntArray, values: FloatArray) -> Sparse | Dense:
    """A matrix of these entries; where there is none one of zeros, since NengoLoihi builds no synapse without any."""
    return Sparse(shape, rows, columns, values) if len(rows) else Dense(np.zeros(shape))
