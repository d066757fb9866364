"""A program in integers as a network of neurons in real numbers, which compiles to the same integers again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nmc.errors import UnsupportedError
from nmc.nodes.fixed_point import FixedConv2d, FixedDense, FixedLIF
from nmc.nodes.quantized import DequantizeLinear
from nmc.nodes.tensor import Constant
from nmc.passes.integer_scale import VOLTAGES
from nmc.passes.integer_threshold import real_threshold
from nmc.passes.populations import Population, populations

if TYPE_CHECKING:
    from nmc.graph import Graph, Node
    from nmc.model import Array, Model


def as_neurons(neurons: Model, program: Model) -> Model:
    """The network `neurons`, fused and in real numbers, with the thresholds, weights and biases of a program of it.

    What spikes is in the program's own units, so that its weights are whole numbers; what is shown to the host is in
    those of the network. Raises UnsupportedError for neurons that leak to a voltage of their own or start charged.
    """
    nodes: dict[str, Node] = {}
    arrays: dict[str, Array] = {}
    for population in populations(neurons):
        changed, values = _population(neurons, program, population)
        nodes |= {node.name: node for node in changed}
        arrays |= values
    graph = neurons.graph
    single = {name: array.astype(np.float32) for name, array in arrays.items()}
    return neurons.with_(replace(graph, nodes=tuple(nodes.get(n.name, n) for n in graph)), single).checked()


def _population(neurons: Model, program: Model, population: Population) -> tuple[list[Node], dict[str, Array]]:
    node, chip = population.node, program.graph
    if any(np.any(np.asarray(neurons.param(getattr(node, fact, 0.0)))) for fact in ("leak", "initial")):
        raise UnsupportedError(
            "its voltage does not start at 0, or leaks to another, which has no whole number of its own",
            "keep the program itself", node=node.name,
        )
    fixed = _neurons(chip, population)
    unit = 1.0 if population.spikes else _shown_unit(chip, population, fixed)
    nodes: list[Node] = []
    arrays: dict[str, Array] = {}
    mantissa, added = np.asarray(program.param(fixed.bias_mant)), 0
    if population.spikes:
        threshold, added = real_threshold(getattr(node, "compare", ">"), fixed, mantissa, np.zeros(()))
        nodes.append(replace(node, threshold=threshold))  # type: ignore[call-arg]
    for synapse in population.synapses:
        integers = chip[synapse.node.name]
        if not isinstance(integers, FixedDense | FixedConv2d) or integers.num_message_bits:
            raise UnsupportedError("it is no synapse for spikes", "keep the program itself", node=synapse.node.name)
        power = 2.0 ** (integers.weight_exp if isinstance(integers, FixedDense) else 0)
        name = f"{synapse.node.name}.evolved"
        nodes.append(replace(synapse.node, weight=name))
        arrays[name] = program.weights[integers.weight].astype(np.float64) * (power * unit)
    bias = (mantissa - added) * (2.0**fixed.bias_exp / VOLTAGES * unit) + np.zeros(population.shape)
    for ref in node.inputs:
        constant = neurons.graph[ref.node]
        if isinstance(constant, Constant):
            name = f"{constant.name}.evolved"
            nodes.append(replace(constant, value=name))
            arrays[name], bias = bias, np.zeros_like(bias)
    return nodes, arrays


def _neurons(chip: Graph, population: Population) -> FixedLIF:
    """The chip's neurons of a population: those that read its synapses."""
    for reader in chip.consumers[population.synapses[0].read]:
        if isinstance(reader, FixedLIF) and len(reader.inputs) == len(population.synapses):
            return reader
    raise UnsupportedError(
        "it is no LIF on the chip, or has synapses there that the network has not", "keep the program itself",
        node=population.name,
    )


def _shown_unit(chip: Graph, population: Population, fixed: FixedLIF) -> float:
    """What one activation unit of a voltage is for the host, in units of the network."""
    shown = chip[population.name]
    if not isinstance(shown, DequantizeLinear):
        raise UnsupportedError(f"{fixed.name} is not shown to the host", "keep the program itself", node=fixed.name)
    return 64 * shown.scale
