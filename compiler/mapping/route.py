"""The ways that spikes take between cores."""

from __future__ import annotations

from dataclasses import dataclass

from nmc.mapping.box import Box
from nmc.mapping.memory import receptive_field
from nmc.mapping.network import Projection
from nmc.mapping.partition import reached
from nmc.mapping.place import Place, Placement

ENTRANCE = Place(-1, 0, 0)
"""Where spikes of the host enter the mesh."""


@dataclass(frozen=True)
class Route:
    """One projection from a slice to a slice: which neurons send, and how far each spike travels.

    `source` and `target` are numbers of slices; a source of None is the host. `senders` are the
    sending elements of the source; for the host, of what the synapse sees.
    """

    projection: Projection
    source: int | None
    target: int
    senders: Box
    hops_east_west: int
    hops_north_south: int

    @property
    def hops(self) -> int:
        """Tiles crossed."""
        return self.hops_east_west + self.hops_north_south


def routes(placement: Placement) -> tuple[Route, ...]:
    """Every route along which some neuron may send, along rows first and then along columns."""
    slices = placement.partition.slices
    numbers: dict[str, list[int]] = {}
    for number, part in enumerate(slices):
        numbers.setdefault(part.population, []).append(number)
    found = []
    for projection in placement.partition.network.projections:
        for target in numbers[projection.population]:
            area = slices[target].neurons
            if not projection.on_chip:
                found.append(_route(placement, projection, None, target, receptive_field(projection, area)))
                continue
            for source in numbers[projection.source]:
                senders = reached(projection, slices[source].neurons, area)
                if senders.size:
                    found.append(_route(placement, projection, source, target, senders))
    return tuple(found)


def _route(placement: Placement, projection: Projection, source: int | None, target: int, senders: Box) -> Route:
    start = ENTRANCE if source is None else placement.places[source]
    end = placement.places[target]
    return Route(projection, source, target, senders, abs(start.column - end.column), abs(start.row - end.row))
