"""Cutting populations into slices, each of which fits on a core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from nmc.chips.chip import CoreLimits
from nmc.errors import Fault, UnsupportedError
from nmc.graph import Graph
from nmc.mapping.box import Box, grids, split
from nmc.mapping.memory import Need, needed, receptive_field
from nmc.mapping.network import Network, Population, Projection, network

Resource = Literal["neurons", "input axons", "output axons", "synapse memory words"]

_REMEDY: Mapping[Resource, str] = {
    "neurons": "make the layer smaller",
    "input axons": "let each neuron read fewer elements: narrow or pool the layer before it, or use a convolution",
    "output axons": "let each element drive fewer cores: narrow the layer after it",
    "synapse memory words": "use fewer inputs, fewer weight bits, or a convolution",
}


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


def partition(graph: Graph, limits: CoreLimits) -> Partition:
    """Slices of every population of a fixed-point graph, one core each, as few as the limits allow.

    Neurons, input axons and synapse memory bound each slice by itself. Output axons depend on how the
    populations that a slice drives are cut: populations are cut finer until these fit too.
    Raises UnsupportedError with every population that does not fit, its resource, need and limit.
    """
    net = network(graph)
    cuts: dict[str, tuple[Box, ...]] = {}
    faults = []
    for population in net.populations:
        boxes = _cut(population, net, limits)
        if isinstance(boxes, Fault):
            faults.append(boxes)
        else:
            cuts[population.name] = boxes
    _raise(graph, faults)
    _fit_outputs(graph, net, limits, cuts)
    used = sum(len(boxes) for boxes in cuts.values())
    if used > limits.cores:
        _raise(graph, [_too_many(cuts, used, limits)])
    slices = [
        Slice(name, box, _use(net, limits, cuts, name, box)) for name, boxes in cuts.items() for box in boxes
    ]
    return Partition(net, tuple(slices))


def reached(projection: Projection, source: Box, target: Box) -> Box:
    """The neurons of a source's slice whose spikes go to a slice of the target."""
    if projection.sender_shape == projection.source_shape:
        return source & receptive_field(projection, target)
    return source


def _cut(population: Population, net: Network, limits: CoreLimits, least: int = 1) -> tuple[Box, ...] | Fault:
    """The coarsest cut, in `least` slices or more, whose slices each fit; among equals, the fewest input axons."""
    size = Box.whole(population.shape).size
    start = max(least, -(-size // limits.neurons.count))
    for pieces in range(start, min(size, limits.cores) + 1):
        fitting = []
        for grid in grids(population.shape, pieces):
            boxes = split(population.shape, grid)
            needs = _fitting_needs(population, boxes, net, limits)
            if needs is not None:
                fitting.append((sum(need.input_axons for need in needs), grid))
        if fitting:
            return split(population.shape, min(fitting)[1])
    return _misfit(population, net, limits)


def _fitting_needs(
    population: Population, boxes: tuple[Box, ...], net: Network, limits: CoreLimits
) -> list[Need] | None:
    """The need of each slice; None as soon as one does not fit."""
    needs = []
    for box in boxes:
        need = _need(population.name, box, net, limits)
        if (
            box.size > limits.neurons.count
            or need.input_axons > limits.input_axons.count
            or _words(need, limits) > limits.synapse_words.count
        ):
            return None
        needs.append(need)
    return needs


def _need(population: str, box: Box, net: Network, limits: CoreLimits) -> Need:
    every = (needed(projection, box, limits.synapse_word.count) for projection in net.onto(population))
    return sum(every, start=Need(0, 0))


def _words(need: Need, limits: CoreLimits) -> int:
    return -(-need.synapse_bits // limits.synapse_word.count)


def _misfit(population: Population, net: Network, limits: CoreLimits) -> Fault:
    """Why a population fits no way: what its first neuron needs alone, or else its number of neurons."""
    one = Box(tuple((0, 1) for _ in population.shape))
    need = _need(population.name, one, net, limits)
    found: tuple[tuple[Resource, int, int], ...] = (
        ("input axons", need.input_axons, limits.input_axons.count),
        ("synapse memory words", _words(need, limits), limits.synapse_words.count),
    )
    for resource, use, limit in found:
        if use > limit:
            return Fault(
                f"each neuron needs {use} {resource}, and a core has {limit}", _REMEDY[resource], population.name
            )
    return Fault(
        f"its {Box.whole(population.shape).size} neurons need more than the {limits.cores} cores of the chip",
        "make the layer smaller, or choose a chip with more cores", population.name,
    )


def _outputs(net: Network, cuts: Mapping[str, tuple[Box, ...]], name: str, box: Box) -> int:
    """Output axons of a slice: for each core it drives, and each projection there, one for each neuron."""
    return sum(
        reached(projection, box, target).size
        for projection in net.out_of(name)
        for target in cuts[projection.population]
    )


def _fit_outputs(graph: Graph, net: Network, limits: CoreLimits, cuts: dict[str, tuple[Box, ...]]) -> None:
    """Cut populations finer until the output axons of every slice fit. Cuts only get finer, so this ends."""
    changed = True
    while changed and sum(map(len, cuts.values())) <= limits.cores:
        changed = False
        for population in net.populations:
            boxes = cuts[population.name]
            most = max(_outputs(net, cuts, population.name, box) for box in boxes)
            if most <= limits.output_axons.count:
                continue
            least = max(len(boxes) + 1, -(-len(boxes) * most // limits.output_axons.count))
            finer = _cut(population, net, limits, least)
            if isinstance(finer, Fault):
                _raise(graph, [Fault(
                    f"its neurons need {most} output axons on a core, which has {limits.output_axons.count}",
                    _REMEDY["output axons"], population.name,
                )])
            else:
                cuts[population.name] = finer
                changed = True


def _use(
    net: Network, limits: CoreLimits, cuts: Mapping[str, tuple[Box, ...]], name: str, box: Box
) -> Mapping[Resource, Use]:
    need = _need(name, box, net, limits)
    return {
        "neurons": Use(box.size, limits.neurons.count),
        "input axons": Use(need.input_axons, limits.input_axons.count),
        "output axons": Use(_outputs(net, cuts, name, box), limits.output_axons.count),
        "synapse memory words": Use(_words(need, limits), limits.synapse_words.count),
    }


def _too_many(cuts: Mapping[str, tuple[Box, ...]], used: int, limits: CoreLimits) -> Fault:
    widest = max(cuts, key=lambda name: len(cuts[name]))
    parts = ", ".join(f"{name} {len(boxes)}" for name, boxes in cuts.items())
    return Fault(
        f"the network needs at least {used} cores ({parts}), and the chip has {limits.cores}",
        "make the widest layers smaller, use fewer weight bits, or choose a chip with more cores", widest,
    )


def _raise(graph: Graph, faults: Sequence[Fault]) -> None:
    """Raise one UnsupportedError for the faults, if there are any, each with its place in the file."""
    if faults:
        raise UnsupportedError.of(replace(f, where=graph.sources.get(f.node or "")) for f in faults)
