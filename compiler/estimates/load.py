"""What the cores of a chip do in one inference, whether it was counted in a run or worked out from rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nmc.estimates.traffic import Traffic
from nmc.model import FloatArray

Way = tuple[int, int]
"""Tiles crossed along a row, and along a column."""


@dataclass(frozen=True, eq=False)
class Load:
    """Mean counts for one inference of `steps` steps.

    Arrays have one entry for each group of cores that do alike: `cores` is how many these are, the others
    are counts over the whole group. `ways` are those that spikes
    take, `input_cores` the cores that the host sends spikes to.
    """

    steps: int
    chips: int
    tiles: int
    input_cores: int
    cores: FloatArray
    dense_operations: FloatArray
    conv_operations: FloatArray
    updates: FloatArray
    weight_updates: FloatArray
    spikes: FloatArray
    sent: FloatArray
    arrived: FloatArray
    hops_east_west: float
    hops_north_south: float
    ways: frozenset[Way]

    @property
    def synaptic_operations(self) -> float:
        """All synaptic operations."""
        return float(self.dense_operations.sum() + self.conv_operations.sum())


def load_of(happened: Traffic, steps: int) -> Load:
    """The load of a run: one entry for each slice, which has a core to itself."""
    slices = happened.placement.partition.slices
    fed = {int(core) for route in happened.routes if not route.projection.on_chip for core in np.unique(route.target)}
    ways = frozenset(
        way
        for route, spikes in happened.ways
        for way in zip(
            route.hops_east_west[spikes > 0].tolist(), route.hops_north_south[spikes > 0].tolist(), strict=True
        )
    )
    return Load(
        steps=steps,
        chips=happened.placement.chips.used,
        tiles=happened.placement.tiles.used,
        input_cores=len(fed),
        cores=np.ones(len(slices)),
        dense_operations=happened.dense_operations,
        conv_operations=happened.conv_operations,
        updates=happened.updates,
        weight_updates=happened.weight_updates,
        spikes=happened.spikes,
        sent=happened.sent,
        arrived=happened.arrived,
        hops_east_west=sum(float(r.hops_east_west @ n) for r, n in happened.ways),
        hops_north_south=sum(float(r.hops_north_south @ n) for r, n in happened.ways),
        ways=ways,
    )
