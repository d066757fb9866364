"""The load of a network without weights on a chip of many cores, from its layers and a rate of spikes.

Nothing is placed. Each population is cut evenly into as few cores as its neurons and its synapses need, and
spikes travel the mean distance between two tiles of a square that holds the cores in use: a third of its
side along each axis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, prod, sqrt

import numpy as np

from nmc.chips.chip import CoreLimits
from nmc.errors import UnsupportedError, UsageError, closest
from nmc.estimates.layers import Layer, Population
from nmc.estimates.load import Load
from nmc.graph import Shape

HEADER_BITS = 10 / 64
"""Bits that a stored synapse takes beyond its weight: a header for each block of 64 (see `nmc.mapping.memory`)."""


@dataclass(frozen=True)
class Sketch:
    """Populations with the number of cores of each, and where the weights are shared, how often they are stored."""

    populations: tuple[Population, ...]
    cores: Mapping[str, int]
    parts: Mapping[str, Shape]
    limits: CoreLimits

    @property
    def senders(self) -> tuple[str, ...]:
        """Everything that has a rate of spikes: sources and populations."""
        sources = (layer.source for population in self.populations for layer in population.layers)
        return tuple(dict.fromkeys((*sources, *(population.name for population in self.populations))))

    @property
    def all_cores(self) -> int:
        """Cores in use."""
        return sum(self.cores.values())

    @property
    def chips(self) -> int:
        """Chips in use."""
        return ceil(self.all_cores / self.limits.cores)

    @property
    def tiles(self) -> int:
        """Tiles in use."""
        return ceil(self.all_cores / self.limits.cores_per_tile.count)

    def copies(self, population: Population, layer: Layer) -> float:
        """To how many cores of a population one spike of a layer's source goes."""
        cores, parts = self.cores[population.name], self.parts[population.name]
        if layer.form == "one-to-one":
            return 1.0
        if layer.form == "sparse":
            return cores * (1 - float((1 - 1 / cores) ** layer.fan_out))
        if layer.form == "dense" or not parts:
            return cores
        tile = [size / part for size, part in zip(population.positions, parts, strict=True)]
        reached = [min(n, 1 + (r - 1) / t) for n, r, t in zip(parts, layer.reach, tile, strict=True)]
        return min(cores, cores / prod(parts) * prod(reached))


def sketched(
    populations: tuple[Population, ...],
    limits: CoreLimits,
    weight_bits: int = 8,
    cores: Mapping[str, int] | None = None,
) -> Sketch:
    """Populations on as few cores as they need, or on as many as `cores` says.

    Raises UnsupportedError for what exceeds the largest system, UsageError for cores of an unknown population.
    """
    given = cores or {}
    names = [population.name for population in populations]
    for name in given:
        if name not in names:
            raise UsageError(f"cores are given for {name!r}, which is not a population", closest(name, names))
    counts, parts = {}, {}
    for population in populations:
        words = sum(layer.weights for layer in population.layers) * (weight_bits + HEADER_BITS)
        by_channel = ceil(words / (limits.synapse_words.count * limits.synapse_word.count))
        needed = max(1, by_channel, ceil(population.neurons / limits.neurons.count))
        count = given.get(population.name, ceil(needed / by_channel) * by_channel if population.positions else needed)
        counts[population.name] = count
        parts[population.name] = _grid(population.positions, max(1, count // by_channel))
        _check_fan_in(population, limits)
    sketch = Sketch(populations, counts, parts, limits)
    if sketch.all_cores > limits.all_cores:
        raise UnsupportedError(
            f"the network needs about {sketch.all_cores} cores, and the largest system has {limits.all_cores}",
            "make the widest layers smaller", node=max(counts, key=lambda name: counts[name]),
        )  # fmt: skip
    return sketch


def load(sketch: Sketch, *, steps: int, spikes: Mapping[str, float]) -> Load:
    """The load of `steps` steps; `spikes` are those of one neuron of each source and population in a run."""
    rows = [_row(sketch, population, steps, spikes) for population in sketch.populations]
    table = np.array(rows, dtype=np.float64).T
    dense, conv, updates, sent_spikes, arrived = table
    cores = np.array([sketch.cores[population.name] for population in sketch.populations], dtype=np.float64)
    sent = np.zeros(len(rows))
    index = {population.name: i for i, population in enumerate(sketch.populations)}
    for population in sketch.populations:
        for layer in population.layers:
            if layer.source in index:
                sent[index[layer.source]] += spikes[layer.source] * layer.elements * sketch.copies(population, layer)
    side = sqrt(min(sketch.tiles, sketch.limits.tiles))
    inner = max(0.0, side - 1 / side) / 3  # the mean distance of two of `side` places in a row
    across = min(sketch.limits.mesh_columns.count, ceil(side)) - 1
    down = min(sketch.limits.mesh_rows.count, ceil(side)) - 1
    fed = {p.name for p in sketch.populations if any(layer.source not in index for layer in p.layers)}
    return Load(
        steps=steps, chips=sketch.chips, tiles=sketch.tiles,
        input_cores=sum(sketch.cores[name] for name in fed),
        cores=cores,
        dense_operations=dense, conv_operations=conv, updates=updates, spikes=sent_spikes, sent=sent, arrived=arrived,
        weight_updates=np.zeros(len(rows)),
        hops_east_west=float(arrived.sum()) * inner, hops_north_south=float(arrived.sum()) * inner,
        ways=frozenset({(across, down)}),
    )  # fmt: skip


def _row(sketch: Sketch, population: Population, steps: int, spikes: Mapping[str, float]) -> tuple[float, ...]:
    """Dense and shared operations, updates, spikes, and messages that arrive."""
    operations = {False: 0.0, True: 0.0}
    arrived = 0.0
    for layer in population.layers:
        sent = spikes[layer.source] * layer.elements
        operations[layer.form == "shared"] += sent * layer.fan_out
        arrived += sent * sketch.copies(population, layer)
    fired = spikes[population.name] * population.neurons if population.fires else 0.0
    return operations[False], operations[True], float(population.neurons * steps), fired, arrived


def _grid(positions: Shape, parts: int) -> Shape:
    """Parts along each axis of positions, about evenly; none where there are no positions."""
    left, grid = parts, []
    for i, size in enumerate(positions):
        along = min(size, round(left ** (1 / (len(positions) - i))) or 1)
        grid.append(along)
        left = max(1, left // along)
    return tuple(grid)


def _check_fan_in(population: Population, limits: CoreLimits) -> None:
    axons = sum(layer.elements for layer in population.layers if layer.form == "dense")
    if axons > limits.input_axons.count:
        raise UnsupportedError(
            f"its neurons read {axons} elements, and a core has {limits.input_axons.count} input axons",
            "narrow or pool the layer before it, or use a convolution", node=population.name,
        )  # fmt: skip
