"""What neurons may say that those of a Loihi chip cannot do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nmc.errors import Fault
from nmc.graph import Node
from nmc.model import Model
from nmc.nodes import spiking
from nmc.passes.populations import Population


def faults_of(model: Model, found: Iterable[Population], rests: bool = False) -> list[Fault]:
    """Every fact of every population, and every synapse, that the chip has no counterpart for.

    `rests`: whether its neurons can rest for some steps after a spike.
    """
    found = tuple(found)
    faults = [Fault(what, remedy, p.name) for p in found for what, remedy in _complaints(p.node, rests)]
    faults += [
        Fault(
            "a bias at every step would make its sum grow without end", "give the bias to the neuron, as in 'bias: b'",
            p.name,
        )
        for p in found if p.graded and p.biases
    ]
    return faults + [
        Fault(
            f"it reads {synapse.source}, which shows its voltage: on the chip only spikes travel between neurons",
            "read it out only, or replace it by spiking neurons", population.name,
        )
        for population in found
        for synapse in population.synapses
        if isinstance(model.graph[synapse.source], spiking.LI | spiking.I)
    ]


def _complaints(node: Node, rests: bool) -> Iterator[tuple[str, str]]:
    if isinstance(node, spiking.Neuron):
        if node.reset == "subtract":
            yield "reset: subtract is not on the chip, which resets to zero", (
                "train the network with reset: zero, or convert it so")
        if node.reset == "none":
            yield "reset: none is not on the chip, whose neurons always reset", "train the network with reset: zero"
        if node.multispike:
            yield "it spikes several times in a step, which the chip's neurons do not", (
                "train the network with one spike a step, as with spike_fn=SingleSpike in Sinabs, and reset: zero")
        if node.reset_at == "next":
            yield "reset_at: next is not on the chip, which resets in the step of the spike", (
                "train the network with reset_at: spike")
        if node.refractory and not rests:
            yield f"it rests for {node.refractory} steps after a spike, which Lava's chip neuron does not", (
                "train the network with refractory: 0")
    if isinstance(node, spiking.Neuron | spiking.Threshold):
        threshold = node.threshold
        if isinstance(threshold, float) and (threshold < 0 or (threshold == 0 and node.compare == ">=")):
            yield f"its threshold is {threshold:g}, so that it spikes without input", "give it a positive threshold"
    for fact in ("decay", "current_decay"):
        value = getattr(node, fact, 0.0)
        if isinstance(value, str):
            yield f"its neurons differ in {fact}, the chip has one for all neurons of a population", (
                "train the network with one decay for each layer, or split the layer")
        elif not 0 <= value <= 1:
            yield f"its {fact} is {value:g}, the chip has 0 to 1", "give it a decay from 0 to 1"
