"""Cutting populations into slices, each of which fits on a core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from nmc.chips.chip import CoreLimits
from nmc.errors import Fault, UnsupportedError
from nmc.graph import Graph
from nmc.mapping.box import Box, grids, split
from nmc.mapping.memory import Need, needed
from nmc.mapping.network import Network, Population, network
from nmc.mapping.pattern import IntArray
from nmc.mapping.senders import axons_by_neuron, output_axons
from nmc.mapping.slices import Partition, Resource, Slice, Use
from nmc.mapping.sparse import SparseNeed, sparse_only
from nmc.model import Array

_REMEDY: Mapping[Resource, str] = {
    "neurons": "make the layer smaller",
    "input axons": "let each neuron read fewer elements: narrow or pool the layer before it, or use a convolution",
    "output axons": "let each element drive fewer cores: narrow the layer after it",
    "synapse memory words": "use fewer inputs, fewer weight bits (--option weight_bits=4), or a convolution",
}

Cuts = dict[str, tuple[Box, ...]]


def partition(graph: Graph, limits: CoreLimits, weights: Mapping[str, Array] | None = None) -> Partition:
    """Slices of every population of a fixed-point graph, one core each, as few as the limits allow.

    Of the weights, only the patterns of sparse synapses are read. Neurons, input axons and synapse memory
    bound each slice by itself. Output axons depend on how the populations that a slice drives are cut:
    populations are cut finer until these fit too. Raises UnsupportedError with every population that
    does not fit, its resource, need and limit.
    """
    cutter = _Cutter(graph, network(graph, weights), limits)
    cutter.cut_all()
    cutter.fit_outputs()
    cutter.check_cores()
    return Partition(cutter.net, tuple(cutter.slices()))


class _Cutter:
    """Holds the cuts while they are made finer."""

    def __init__(self, graph: Graph, net: Network, limits: CoreLimits) -> None:
        self.graph, self.net, self.limits = graph, net, limits
        self.cuts: Cuts = {}
        self.known: dict[tuple[str, Box], Need] = {}
        self.sparse = {
            population.name: SparseNeed.of(found, limits)
            for population in net.populations
            if (found := sparse_only(net.onto(population.name)))
        }

    def cut_all(self) -> None:
        """The coarsest cut of every population, output axons apart."""
        faults = []
        for population in self.net.populations:
            free = np.zeros(Box.whole(population.shape).size, np.int64)
            boxes = self._rows(population, free) if population.name in self.sparse else self._grid(population)
            if isinstance(boxes, Fault):
                faults.append(boxes)
            else:
                self.cuts[population.name] = boxes
        self._raise(faults)

    def fit_outputs(self) -> None:
        """Cut populations finer until the output axons of every slice fit. Cuts only get finer, so this ends."""
        changed, rounds = True, 0
        while changed and self.used <= self.limits.all_cores:
            changed, rounds = False, rounds + 1
            for population in self.net.populations:
                most = int(self._outputs(population.name).max())
                if most <= self.limits.output_axons.count:
                    continue
                finer = self._finer(population, most, rounds)
                if isinstance(finer, Fault):
                    self._raise([finer])
                else:
                    self.cuts[population.name] = finer
                    changed = True

    def check_cores(self) -> None:
        """Raises UnsupportedError where there are more slices than cores."""
        if self.used > self.limits.all_cores:
            widest = max(self.cuts, key=lambda name: len(self.cuts[name]))
            parts = ", ".join(f"{name} {len(boxes)}" for name, boxes in self.cuts.items())
            self._raise([Fault(
                f"the network needs at least {self.used} cores ({parts}), and {self._have()}",
                "allow more chips (--option chips=N), make the widest layers smaller, or use fewer weight bits", widest,
            )])

    def slices(self) -> list[Slice]:
        """All slices with what they use."""
        found, limits = [], self.limits
        for name, boxes in self.cuts.items():
            needs, outputs = self._needs(name, boxes), self._outputs(name).tolist()
            for box, need, sent in zip(boxes, needs, outputs, strict=True):
                found.append(Slice(name, box, {
                    "neurons": Use(box.size, limits.neurons.count),
                    "input axons": Use(need.input_axons, limits.input_axons.count),
                    "output axons": Use(sent, limits.output_axons.count),
                    "synapse memory words": Use(_words(need, limits), limits.synapse_words.count),
                }))
        return found

    @property
    def used(self) -> int:
        """Cores so far."""
        return sum(map(len, self.cuts.values()))

    def _have(self) -> str:
        chips, each = self.limits.chips.count, self.limits.cores
        return f"the chip has {each}" if chips == 1 else f"{chips} chips have {chips * each}"

    def _outputs(self, name: str) -> IntArray:
        """Output axons of each slice of a population, over all that it drives."""
        total = np.zeros(len(self.cuts[name]), np.int64)
        for projection in self.net.out_of(name):
            total += output_axons(projection, self.cuts[name], self.cuts[projection.population])
        return total

    def _needs(self, name: str, boxes: tuple[Box, ...]) -> list[Need]:
        if name not in self.sparse:
            return [self._need(name, box) for box in boxes]
        sparse = self.sparse[name].needs(boxes, self.limits)
        return [self._need(name, box) + need for box, need in zip(boxes, sparse, strict=True)]

    def _need(self, name: str, box: Box) -> Need:
        """What a slice needs for all but its sparse projections."""
        if (name, box) not in self.known:
            word = self.limits.synapse_word.count
            stored = (p for p in self.net.onto(name) if p.pattern is None)
            self.known[name, box] = sum((needed(projection, box, word) for projection in stored), start=Need(0, 0))
        return self.known[name, box]

    def _fits(self, name: str, box: Box) -> bool:
        need, limits = self._need(name, box), self.limits
        return (
            box.size <= limits.neurons.count
            and need.input_axons <= limits.input_axons.count
            and _words(need, limits) <= limits.synapse_words.count
        )

    def _grid(self, population: Population, least: int = 1) -> tuple[Box, ...] | Fault:
        """The coarsest even cut, in `least` slices or more, whose slices each fit; among equals, the fewest axons."""
        shape, name = population.shape, population.name
        size = Box.whole(shape).size
        start = max(least, -(-size // self.limits.neurons.count))
        if all(not projection.local for projection in self.net.onto(name)) and len(shape) == 1:
            return self._even(population, start)
        for pieces in range(start, min(size, self.limits.all_cores) + 1):
            fitting = []
            for grid in grids(shape, pieces):
                boxes = split(shape, grid)
                if all(self._fits(name, box) for box in boxes):
                    fitting.append((sum(self._need(name, box).input_axons for box in boxes), grid))
            if fitting:
                return split(shape, min(fitting)[1])
        return self._misfit(population)

    def _even(self, population: Population, least: int) -> tuple[Box, ...] | Fault:
        """The same where every neuron reads everything: only the size of a slice matters."""
        (size,) = population.shape
        fits, fails = 0, -(-size // least) + 1
        while fails - fits > 1:
            middle = (fits + fails) // 2
            if self._fits(population.name, Box(((0, middle),))):
                fits = middle
            else:
                fails = middle
        if not fits or -(-size // fits) > self.limits.all_cores:
            return self._misfit(population)
        return split(population.shape, (-(-size // fits),))

    def _rows(self, population: Population, outputs: IntArray) -> tuple[Box, ...] | Fault:
        """Runs of neurons with sparse synapses, each as long as fits; `outputs` are the output axons of each."""
        from nmc.mapping import kernels

        name, limits = population.name, self.limits
        sparse = self.sparse[name]
        whole = self._need(name, Box(((0, 1),)))
        by_size = [_words(self._need(name, Box(((0, n),))), limits) for n in range(limits.neurons.count + 1)]
        bounds = [limits.neurons.count, limits.input_axons.count, limits.output_axons.count, limits.synapse_words.count]
        starts, row, resource, need = kernels.cut_rows(
            sparse.pattern.indices, sparse.pattern.indptr, sparse.pattern.inputs, sparse.words,
            whole.input_axons, np.array(by_size), outputs, np.array(bounds),
        )
        if row >= 0:
            names: tuple[Resource, ...] = ("neurons", "input axons", "output axons", "synapse memory words")
            return Fault(
                f"its neuron {row} needs {need} {names[resource]}, and a core has {bounds[resource]}",
                _REMEDY[names[resource]], name,
            )
        return tuple(Box(((low, high),)) for low, high in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True))

    def _finer(self, population: Population, most: int, rounds: int) -> tuple[Box, ...] | Fault:
        """A finer cut of a population, some slice of which needs `most` output axons.

        Where a population drives itself, finer slices drive more cores: every round leaves more room for that.
        """
        name, boxes = population.name, self.cuts[population.name]
        if name in self.sparse:
            driven = [axons_by_neuron(p, self.cuts[p.population]) for p in self.net.out_of(name)]
            room = 1 + 0.05 * (rounds - 1)
            finer = self._rows(population, np.ceil(room * np.sum(driven, axis=0)).astype(np.int64))
            return self._too_many_outputs(population, most) if isinstance(finer, Fault) else finer
        least = max(len(boxes) + 1, -(-len(boxes) * most // self.limits.output_axons.count))
        finer = self._grid(population, least)
        return self._too_many_outputs(population, most) if isinstance(finer, Fault) else finer

    def _too_many_outputs(self, population: Population, most: int) -> Fault:
        return Fault(
            f"its neurons need {most} output axons on a core, which has {self.limits.output_axons.count}",
            _REMEDY["output axons"], population.name,
        )

    def _misfit(self, population: Population) -> Fault:
        """Why a population fits no way: what its first neuron needs alone, or else its number of neurons."""
        need = self._need(population.name, Box(tuple((0, 1) for _ in population.shape)))
        found: tuple[tuple[Resource, int, int], ...] = (
            ("input axons", need.input_axons, self.limits.input_axons.count),
            ("synapse memory words", _words(need, self.limits), self.limits.synapse_words.count),
        )
        for resource, use, limit in found:
            if use > limit:
                return Fault(
                    f"each neuron needs {use} {resource}, and a core has {limit}", _REMEDY[resource], population.name
                )
        return Fault(
            f"its {Box.whole(population.shape).size} neurons need more cores than the {self.limits.all_cores} there"
            f" are ({self._have()})",
            "allow more chips (--option chips=N), or make the layer smaller", population.name,
        )

    def _raise(self, faults: Sequence[Fault]) -> None:
        """Raise one UnsupportedError for the faults, if there are any, each with its place in the file."""
        if faults:
            raise UnsupportedError.of(replace(f, where=self.graph.sources.get(f.node or "")) for f in faults)


def _words(need: Need, limits: CoreLimits) -> int:
    return -(-need.synapse_bits // limits.synapse_word.count)
