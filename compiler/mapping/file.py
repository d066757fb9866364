"""The file of a program that says where its neurons sit: written when compiling, read by whoever needs it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from math import isqrt
from typing import TYPE_CHECKING

import numpy as np

from nmc.chips.chip import ManycoreChip
from nmc.errors import ProgramError
from nmc.graph import Shape
from nmc.mapping.box import Box
from nmc.mapping.network import network
from nmc.mapping.partition import partition
from nmc.mapping.place import Place, Placement, place
from nmc.mapping.route import Hops, hops, routes
from nmc.mapping.slices import Partition, Resource, Slice, Use
from nmc.model import Model

if TYPE_CHECKING:
    from nmc.program import Program

MAPPING = "mapping.json"


@dataclass(frozen=True)
class SliceFacts:
    """A slice of a population: the ranges of its neurons along each axis, its core, and what it uses there."""

    population: str
    neurons: tuple[tuple[int, int], ...]
    place: Place
    use: Mapping[Resource, Use]


@dataclass(frozen=True)
class MappingFacts:
    """What the file holds. `hops` are those of one spike of every neuron. Each use is beside its limit."""

    chip: str
    mesh: tuple[int, int]
    cores_per_tile: int
    chips: Use
    tiles: Use
    cores: Use
    hops: Hops
    slices: tuple[SliceFacts, ...]

    @property
    def tile_shape(self) -> tuple[int, int]:
        """A tile's cores side by side, and above each other, when a chip is drawn with a square for each core."""
        wide = isqrt(self.cores_per_tile - 1) + 1
        return wide, -(-self.cores_per_tile // wide)

    def square(self, place: Place) -> tuple[int, int]:
        """Column and row of a core among the squares of its chip."""
        wide, high = self.tile_shape
        tile, within = divmod(place.core, self.cores_per_tile)
        row, column = divmod(tile, self.mesh[0])
        return column * wide + within % wide, row * high + within // wide


def map_model(model: Model, chip: ManycoreChip, chips: int | None = None) -> MappingFacts:
    """Map a model at the stage "fixed-point" onto a chip, on `chips` of them at most (None: as many as there are).

    Raises UnsupportedError where it does not fit.
    """
    limits = chip.limits if chips is None else chip.limits.on_chips(chips)
    cut = partition(model.graph, limits, model.weights)
    return map_partition(cut, chip, chips)


def map_partition(cut: Partition, chip: ManycoreChip, chips: int | None = None) -> MappingFacts:
    """Map slices that are cut already onto a chip's cores; there must be as many."""
    limits = chip.limits if chips is None else chip.limits.on_chips(chips)
    placement = place(cut, limits)
    slices = tuple(
        SliceFacts(part.population, part.neurons.ranges, where, part.use)
        for part, where in zip(placement.partition.slices, placement.places, strict=True)
    )
    return MappingFacts(
        chip.name, (limits.mesh_columns.count, limits.mesh_rows.count), limits.cores_per_tile.count,
        placement.chips, placement.tiles, placement.cores, hops(routes(placement)), slices,
    )


def written(facts: MappingFacts) -> bytes:
    """The file, as JSON with one slice a line."""
    rest = {name: value for name, value in asdict(facts).items() if name != "slices"}
    head = json.dumps(rest, indent=2).removesuffix("\n}")
    slices = ",\n    ".join(json.dumps(asdict(part)) for part in facts.slices)
    return f'{head},\n  "slices": [\n    {slices}\n  ]\n}}\n'.encode()


def read_facts(data: bytes) -> MappingFacts:
    """What a file holds. Raises ProgramError where it is not a mapping."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(MappingFacts).validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ProgramError(f"{MAPPING} is not a mapping: {first['msg']}", "compile the model again") from None


def mapping_of(program: Program) -> Placement | None:
    """The placement that a program was compiled with; None where it has none. Raises ProgramError."""
    return read_mapping(program.file(MAPPING), program.model) if MAPPING in program.manifest.files else None


def read_mapping(data: bytes, model: Model) -> Placement:
    """The placement that a file holds, of the model beside it. Raises ProgramError where it is of another model."""
    facts = read_facts(data)
    slices = tuple(Slice(part.population, Box(part.neurons), part.use) for part in facts.slices)
    found = Partition(network(model.graph, model.weights), slices)
    _require_whole(found)
    return Placement(found, tuple(part.place for part in facts.slices), facts.cores, facts.tiles, facts.chips)


def _require_whole(found: Partition) -> None:
    """Raises ProgramError unless slices hold every neuron once, population by population, those in a row in order."""
    shapes = found.network.shapes
    listed = [name for name, _ in groupby(part.population for part in found.slices)]
    wrong = ""
    if sorted(listed) != sorted(shapes):
        wrong = f"it has slices of {', '.join(listed)}, not of {', '.join(shapes)}"
    for name, boxes in () if wrong else found.boxes.items():
        inside = all(
            len(box.ranges) == len(shapes[name])
            and all(0 <= low < high <= n for (low, high), n in zip(box.ranges, shapes[name], strict=True))
            for box in boxes
        )
        in_order = len(shapes[name]) != 1 or [*boxes] == sorted(boxes, key=lambda box: box.ranges)
        if not (inside and in_order and _disjoint(boxes, shapes[name])):
            wrong = f"its slices do not hold every neuron of {name} once"
    if wrong:
        raise ProgramError(f"{MAPPING} is not a mapping of this model: {wrong}", "compile the model again")


def _disjoint(boxes: Iterable[Box], shape: Shape) -> bool:
    """Whether boxes within a shape hold each of its elements once."""
    held = np.zeros(shape, np.int64)
    for box in boxes:
        held[box.slices] += 1
    return bool(np.all(held == 1))
