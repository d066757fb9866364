"""What happened while a program ran, counted by its engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from nmc.model import FloatArray


@dataclass(frozen=True, eq=False)
class NodeEvents:
    """Mean counts of one node for one inference.

    `synaptic_operations`: weights read because a spike (or a graded value) arrived, at a synapse node.
    `neuron_updates`: neurons times steps, at a neuron node. `spikes`: spikes (non-zero outputs)
    sent by each element of the node over the run, with the shape of the node. `weight_updates`: synapses times
    learning epochs in which a spike, or time, had one of its weights computed anew; None where nobody counted.
    """

    synaptic_operations: float = 0.0
    neuron_updates: float = 0.0
    spikes: FloatArray | None = None
    weight_updates: float | None = 0.0

    @property
    def total_spikes(self) -> float:
        """All spikes that the node sent."""
        return 0.0 if self.spikes is None else float(self.spikes.sum())


@dataclass(frozen=True, eq=False)
class Events:
    """Counts for one inference, the mean over `samples`; `steps` is how many steps the chip ran for it."""

    samples: int
    steps: int
    nodes: Mapping[str, NodeEvents] = field(default_factory=dict)

    @property
    def of_a_step(self) -> Events:
        """The same as means over all steps, as where every step is an inference."""
        nodes = {name: scaled(node, 1 / self.steps) for name, node in self.nodes.items()}
        return Events(self.samples * self.steps, 1, nodes)


def added(one: Mapping[str, NodeEvents], other: Mapping[str, NodeEvents]) -> dict[str, NodeEvents]:
    """The counts of two runs together."""
    total = dict(one)
    for name, node in other.items():
        before = total.get(name, NodeEvents())
        both = [spikes for spikes in (before.spikes, node.spikes) if spikes is not None]
        total[name] = NodeEvents(
            before.synaptic_operations + node.synaptic_operations,
            before.neuron_updates + node.neuron_updates,
            np.sum(both, axis=0) if both else None,
            (before.weight_updates or 0.0) + (node.weight_updates or 0.0),
        )
    return total


def scaled(node: NodeEvents, factor: float) -> NodeEvents:
    """The counts times a factor."""
    return replace(
        node,
        synaptic_operations=node.synaptic_operations * factor,
        neuron_updates=node.neuron_updates * factor,
        spikes=None if node.spikes is None else node.spikes * factor,
        weight_updates=(node.weight_updates or 0.0) * factor,
    )
