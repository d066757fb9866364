"""What happened, by core and by route: the events of a run laid over the placement of its network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from nmc.estimates.events import Events, NodeEvents
from nmc.mapping.partition import Slice
from nmc.mapping.place import Placement
from nmc.mapping.route import Route
from nmc.model import FloatArray
from nmc.nodes.fixed_point import FixedConv2d

_NOTHING = NodeEvents()


@dataclass(frozen=True, eq=False)
class Traffic:
    """Mean counts for one inference. All arrays but `messages` have one entry for each slice.

    `messages[i]` are the spikes that go along route i. `uncounted` are the sources whose spikes the
    engine did not count.
    """

    slices: tuple[Slice, ...]
    routes: tuple[Route, ...]
    messages: FloatArray
    dense_operations: FloatArray
    conv_operations: FloatArray
    updates: FloatArray
    spikes: FloatArray
    sent: FloatArray
    arrived: FloatArray
    uncounted: tuple[str, ...]

    @property
    def ways(self) -> Iterator[tuple[Route, float]]:
        """Every route with the spikes that go along it."""
        return zip(self.routes, map(float, self.messages), strict=True)


def traffic(placement: Placement, routes: tuple[Route, ...], events: Events) -> Traffic:
    """Lay events over a placement.

    The synaptic operations of a node are shared out over its routes by spikes times neurons reached:
    exact for dense synapses, and for convolutions but for the borders of the slices.
    """
    slices = placement.partition.slices
    count = len(slices)
    sizes = np.array([s.neurons.size for s in slices], dtype=np.float64)
    messages = np.array([_sent(route, events) for route in routes], dtype=np.float64)
    operations = {False: np.zeros(count), True: np.zeros(count)}
    for name, numbers in _by_synapse(routes).items():
        targets = np.array([routes[i].target for i in numbers])
        weights = messages[numbers] * sizes[targets]
        if not weights.any():
            weights = sizes[targets]
        shares = events.nodes.get(name, _NOTHING).synaptic_operations * weights / weights.sum()
        np.add.at(operations[isinstance(routes[numbers[0]].projection.synapse, FixedConv2d)], targets, shares)
    sent, arrived = np.zeros(count), np.zeros(count)
    for route, spikes in zip(routes, messages, strict=True):
        arrived[route.target] += spikes
        if route.source is not None:
            sent[route.source] += spikes
    sources = dict.fromkeys(route.projection.source for route in routes)
    return Traffic(
        slices, routes, messages, operations[False], operations[True],
        updates=_updates(placement, events),
        spikes=_spikes(placement, events),
        sent=sent,
        arrived=arrived,
        uncounted=tuple(name for name in sources if events.nodes.get(name, _NOTHING).spikes is None),
    )  # fmt: skip


def _by_synapse(routes: tuple[Route, ...]) -> Mapping[str, list[int]]:
    found: dict[str, list[int]] = {}
    for i, route in enumerate(routes):
        found.setdefault(route.projection.synapse.name, []).append(i)
    return found


def _sent(route: Route, events: Events) -> float:
    spikes = events.nodes.get(route.projection.source, _NOTHING).spikes
    if spikes is None:
        return 0.0
    projection = route.projection
    shape = projection.source_shape if route.source is None else projection.sender_shape
    return float(spikes.reshape(shape)[route.senders.slices].sum())


def _updates(placement: Placement, events: Events) -> FloatArray:
    totals: dict[str, int] = {}
    for part in placement.partition.slices:
        totals[part.population] = totals.get(part.population, 0) + part.neurons.size
    return np.array([
        events.nodes.get(part.population, _NOTHING).neuron_updates * part.neurons.size / totals[part.population]
        for part in placement.partition.slices
    ])


def _spikes(placement: Placement, events: Events) -> FloatArray:
    spikes = []
    for part in placement.partition.slices:
        counted = events.nodes.get(part.population, _NOTHING).spikes
        spikes.append(0.0 if counted is None else float(counted[part.neurons.slices].sum()))
    return np.array(spikes)
