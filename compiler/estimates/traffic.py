"""What happened, by core and by route: the events of a run laid over the placement of its network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from nmc.estimates.events import Events, NodeEvents
from nmc.mapping.links import spikes_along
from nmc.mapping.place import Placement
from nmc.mapping.route import Routes
from nmc.model import FloatArray
from nmc.nodes.fixed_point import FixedConv2d

_NOTHING = NodeEvents()


@dataclass(frozen=True, eq=False)
class Traffic:
    """Mean counts for one inference. Arrays have one entry for each slice.

    `messages[i]` are the spikes that go along each of the ways `routes[i]`. `uncounted` are the sources
    whose spikes, and `unlearned` the synapses whose weight updates, the engine did not count.
    """

    placement: Placement
    routes: tuple[Routes, ...]
    messages: tuple[FloatArray, ...]
    dense_operations: FloatArray
    conv_operations: FloatArray
    updates: FloatArray
    weight_updates: FloatArray
    spikes: FloatArray
    sent: FloatArray
    arrived: FloatArray
    uncounted: tuple[str, ...]
    unlearned: tuple[str, ...]

    @property
    def ways(self) -> Iterator[tuple[Routes, FloatArray]]:
        """The routes of each projection with the spikes that go along each."""
        return zip(self.routes, self.messages, strict=True)


def traffic(placement: Placement, routes: tuple[Routes, ...], events: Events) -> Traffic:
    """Lay events over a placement.

    The synaptic operations of a node are shared out over its routes by spikes times neurons reached:
    exact for dense synapses, for convolutions but for the borders of the slices, and for sparse synapses
    but for how many of them each spike finds on a core.
    """
    slices = placement.partition.slices
    count = len(slices)
    sizes = np.array([s.neurons.size for s in slices], dtype=np.float64)
    messages = tuple(_sent(placement, one, events) for one in routes)
    operations = {False: np.zeros(count), True: np.zeros(count)}
    sent, arrived, learned = np.zeros(count), np.zeros(count), np.zeros(count)
    for name, numbers in _by_synapse(routes).items():
        targets = np.concatenate([routes[i].target for i in numbers])
        weights = np.concatenate([messages[i] for i in numbers]) * sizes[targets]
        if not weights.any():
            weights = sizes[targets]
        shares = events.nodes.get(name, _NOTHING).synaptic_operations * weights / max(weights.sum(), 1e-300)
        learning = np.unique(targets)
        share = sizes[learning] / sizes[learning].sum()
        learned[learning] += (events.nodes.get(name, _NOTHING).weight_updates or 0.0) * share
        np.add.at(operations[isinstance(routes[numbers[0]].projection.synapse, FixedConv2d)], targets, shares)
    for one, spikes in zip(routes, messages, strict=True):
        np.add.at(arrived, one.target, spikes)
        if one.projection.on_chip:
            np.add.at(sent, one.source, spikes)
    sources = dict.fromkeys(one.projection.source for one in routes)
    return Traffic(
        placement, routes, messages, operations[False], operations[True],
        updates=_updates(placement, events),
        weight_updates=learned,
        spikes=_spikes(placement, events),
        sent=sent,
        arrived=arrived,
        uncounted=tuple(name for name in sources if events.nodes.get(name, _NOTHING).spikes is None),
        unlearned=tuple(name for name, node in events.nodes.items() if node.weight_updates is None),
    )  # fmt: skip


def _by_synapse(routes: tuple[Routes, ...]) -> Mapping[str, list[int]]:
    found: dict[str, list[int]] = {}
    for i, route in enumerate(routes):
        found.setdefault(route.projection.synapse.name, []).append(i)
    return found


def _sent(placement: Placement, route: Routes, events: Events) -> FloatArray:
    spikes = events.nodes.get(route.projection.source, _NOTHING).spikes
    if spikes is None:
        return np.zeros(len(route))
    return spikes_along(placement.partition, route.projection, spikes)


def _updates(placement: Placement, events: Events) -> FloatArray:
    totals: dict[str, int] = {}
    for part in placement.partition.slices:
        totals[part.population] = totals.get(part.population, 0) + part.neurons.size
    return np.array([
        events.nodes.get(part.population, _NOTHING).neuron_updates * part.neurons.size / totals[part.population]
        for part in placement.partition.slices
    ])


def _spikes(placement: Placement, events: Events) -> FloatArray:
    spikes, shapes = [], placement.partition.network.shapes
    for part in placement.partition.slices:
        counted = events.nodes.get(part.population, _NOTHING).spikes
        whole = None if counted is None else counted.reshape(shapes[part.population])
        spikes.append(0.0 if whole is None else float(whole[part.neurons.slices].sum()))
    return np.array(spikes)
