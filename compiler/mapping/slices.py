"""Slices of populations, each of which fits on a core."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from nmc.mapping.box import Box
from nmc.mapping.network import Network

Resource = Literal["neurons", "input axons", "output axons", "synapse memory words"]

@dataclass(frozen=True)
class Use:
    """How much of a resource is used, of how much there is."""

    used: int
    limit: int

    @property
    def share(self) -> float:
        """The part in use."""
        return self.used / self.limit


@dataclass(frozen=True)
class Slice:
    """Some neurons of a population that share a core, and what they use of it."""

    population: str
    neurons: Box
    use: Mapping[Resource, Use]


@dataclass(frozen=True)
class Partition:
    """All slices, population by population in the order of the graph."""

    network: Network
    slices: tuple[Slice, ...]

    def of(self, population: str) -> tuple[Slice, ...]:
        """The slices of one population."""
        return tuple(s for s in self.slices if s.population == population)

    @cached_property
    def boxes(self) -> Mapping[str, tuple[Box, ...]]:
        """The neurons of each slice of each population."""
        found: dict[str, list[Box]] = {}
        for part in self.slices:
            found.setdefault(part.population, []).append(part.neurons)
        return {name: tuple(boxes) for name, boxes in found.items()}

    @cached_property
    def first(self) -> Mapping[str, int]:
        """The number of each population's first slice."""
        found: dict[str, int] = {}
        for number, part in enumerate(self.slices):
            found.setdefault(part.population, number)
        return found
