"""Biases that a neuron's own register cannot hold become synapses from an input that is always on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nmc.graph import Node, Ref, fresh
from nmc.model import Array, Model
from nmc.nodes import coding, spiking, tensor
from nmc.passes.populations import Population


def with_bias_axons(model: Model, found: tuple[Population, ...]) -> Model:
    """The model with such biases moved.

    The register adds to the voltage from the first step on. That is wrong for a bias that begins later, for
    one that goes through a decaying current, and for one that would make neurons spike before the
    data reaches them, where such a spike can still arrive after it: in a network with delays.
    """
    names = {population.name for population in found}
    delayed = any(e.delay and e.source in names for p in found for e in p.edges())
    nodes: list[Node] = []
    arrays: dict[str, Array] = {}
    taken = set(model.graph.by_name)
    moved: dict[str, tuple[Ref, ...]] = {}
    always: list[Node] = []
    for population in found:
        through_current = isinstance(population.node, spiking.CubaLIF)
        starts = bool(np.any(model.param(getattr(population.node, "initial", 0.0))))
        reads: list[Ref] = []
        for ref in population.node.inputs:
            bias = model.graph[ref.node]
            if not isinstance(bias, tensor.Constant) or not (through_current or delayed or starts or ref.delay):
                reads.append(ref)
                continue
            always = always or _always_on(taken, arrays)
            axon = fresh(f"{bias.name}_axon", taken)
            arrays[f"{axon}.weight"] = model.weights[bias.value].astype(np.float64).reshape(-1, 1)
            nodes.append(tensor.Linear(
                name=axon, inputs=(Ref(always[-1].name, ref.delay),), features=population.size, weight=f"{axon}.weight"
            ))
            reads.append(Ref(axon))
            if len(population.shape) > 1:
                shaped = fresh(f"{axon}_shaped", taken)
                nodes.append(tensor.Reshape(name=shaped, inputs=(Ref(axon),), shape=population.shape))
                reads[-1] = Ref(shaped)
        moved[population.name] = tuple(reads)
    if not nodes:
        return model
    kept = [replace(node, inputs=moved.get(node.name, node.inputs)) for node in model.graph]
    return model.with_(replace(model.graph, nodes=(*always, *nodes, *kept)), arrays)


def _always_on(taken: set[str], arrays: dict[str, Array]) -> list[Node]:
    """A constant 1, and a spike of it at every step."""
    one, spikes = fresh("one", taken), fresh("always_on", taken)
    arrays[f"{one}.value"] = np.ones(1)
    return [
        tensor.Constant(name=one, value=f"{one}.value", shape=(1,)),
        coding.ConstantCurrent(name=spikes, inputs=(Ref(one),)),
    ]
