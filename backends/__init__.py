"""Backends: a folder here and a line in a table, of names that are imported on first use; and the targets they make.

An entry-point group serves the targets of third parties.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from re import fullmatch
from typing import TYPE_CHECKING

from nmc.errors import UsageError, closest

if TYPE_CHECKING:
    from nmc.backends.target import Ability, Chosen, Function, Options, Target
    from nmc.backends.toolchain import Toolchain
    from nmc.chips.chip import Chip
    from nmc.program import Program


@dataclass(frozen=True)
class Backend:
    """What a folder offers, each thing by its place below the folder; nothing where another that it needs is gone.

    `families`: functions Chip -> Target, by the kind of chip. `targets`: targets by name. `engines`: by the kind of
    chip, an engine more for the targets of its family, named like the folder. `tool`: whether its package defines a
    TOOLCHAIN, a vendor's tool.
    """

    families: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)
    engines: Mapping[str, str] = field(default_factory=dict)
    tool: bool = False
    needs: tuple[str, ...] = ()


BACKENDS: Mapping[str, Backend] = {
    "onnx": Backend({"cpu": ".targets:cpu", "gpu": ".targets:gpu", "systolic": ".targets:tpu"}),
    "loihi": Backend({"manycore": ":loihi"}),
    "lava": Backend(engines={"manycore": ":LAVA"}, tool=True, needs=("loihi",)),
    "nengo": Backend(targets={"nengo-sim": ":NENGO"}, tool=True),
    "nengo_loihi": Backend(targets={"nengo-loihi-sim": ".target:NENGO_LOIHI"}, tool=True, needs=("loihi", "nengo")),
    "sanafe": Backend(tool=True, needs=("loihi",)),
}  # fmt: skip
PRESENT = {name: each for name, each in BACKENDS.items() if all(other in BACKENDS for other in each.needs)}
FAMILIES: Mapping[str, str] = {
    kind: f"nmc.backends.{name}{place}" for name, each in PRESENT.items() for kind, place in each.families.items()
}
"""What makes a target of a chip, by the chip's kind."""
TARGETS: Mapping[str, str] = {
    target: f"nmc.backends.{name}{place}" for name, each in PRESENT.items() for target, place in each.targets.items()
}
"""The targets that are not made of a chip alone."""
NAMES: Mapping[str, str] = {
    "cpu": "cpu", "gpu-sim": "a100", "jetson-orin-sim": "jetson-agx-orin", "tpu-sim": "edge-tpu", "loihi-sim": "loihi1",
}  # fmt: skip
"""The chips whose target is listed by another name than CHIP-sim."""
ENTRY_POINTS = "nmc.targets"


def targets() -> Mapping[str, str]:
    """Every target by name, with where it is defined: those of nmc's chips, the others, and those of other packages."""
    of_chips = {name: f"nmc.chips/{chip.name}.yaml" for name, chip in _chips() if not _why_not(chip)}
    return {**_offered(), **of_chips, **TARGETS}


def untargeted() -> Mapping[str, str]:
    """The chips that are no target, with the reason why not."""
    return {chip.name: why for _, chip in _chips() if (why := _why_not(chip))}


def _why_not(chip: Chip) -> str:
    """Why a chip is no target; empty where it is one."""
    return chip.untargeted or ("" if chip.kind in FAMILIES else f"no backend is for chips of the kind {chip.kind}")


def _chips() -> Iterator[tuple[str, Chip]]:
    """nmc's own chips, each with the name that its target has, kind by kind."""
    from nmc.chips import chip_names, load_chip
    from nmc.chips.schema import FAMILIES as KINDS

    known = [(_name_of(chip), load_chip(chip)) for chip in chip_names()]
    order = [*KINDS]
    yield from sorted(known, key=lambda each: (order.index(each[1].kind), each[0] not in NAMES, each[0]))


def _name_of(chip: str) -> str:
    """What the target of one of nmc's own chips is called."""
    return next((name for name, other in NAMES.items() if other == chip), f"{chip}-sim")


@cache
def _offered() -> Mapping[str, str]:
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group=ENTRY_POINTS)}


def target_named(name: str) -> Target[Options]:
    """The target of this name, or that of the chip that a YAML file describes (a name that ends in .yaml or .yml).

    Raises UsageError where there is none, with the names there are or the faults of the file.
    """
    from nmc.chips import chip_names, is_chip_file, load_chip

    if is_chip_file(name):
        return _of_file(name)
    chip = NAMES.get(name) or (name.removesuffix("-sim") if name.endswith("-sim") else "")
    if chip in chip_names():
        return _target_of_chip(load_chip(chip), name)
    if place := TARGETS.get(name) or _offered().get(name):
        target: Target[Options] = resolve(place)
        return target
    hint = closest(name, targets())
    if name in chip_names():
        hint = f"the target of that chip is called {_name_of(name)}"
    raise UsageError(f"{name!r} is not a target", f"{hint}; for a chip of your own, give the path of its YAML file")


def distinct(targets: Iterable[str | Target[Options]]) -> tuple[Target[Options], ...]:
    """The targets, given as such or as for `target_named`, each once. Raises UsageError also for two of one name."""
    found: dict[str, Target[Options]] = {}
    for each in targets:
        target = target_named(each) if isinstance(each, str) else each
        same = found.setdefault(target.name, target)
        if same.chip != target.chip:
            what = f"{same.given} and {target.given} are two chips of the name {target.chip_name}"
            raise UsageError(what, "give each a name of its own")
    return tuple(found.values())


def chip_named(name: str) -> Chip:
    """The chip of this name, or that a YAML file describes, or that is behind a target. Raises UsageError."""
    from nmc.chips import chip_names, is_chip_file, load_chip

    if is_chip_file(name) or name in chip_names() or not name.endswith("-sim"):
        return load_chip(name)
    chip = target_named(name).chip
    if chip is None:
        raise UsageError(f"no chip stands behind {name}", "give a target with one, as 'nmc targets' lists them")
    return chip


def _target_of_chip(chip: Chip, name: str) -> Target[Options]:
    """The target that the family of a chip makes of it, by this name. Raises UsageError where there is none."""
    if why := _why_not(chip):
        raise UsageError(
            f"the chip {chip.name} is not a target: {why}",
            "price networks on it from their layers, as in 'nmc estimate MODEL --chip CHIP'",
        )
    target: Target[Options] = resolve(FAMILIES[chip.kind])(chip)
    engines = {
        folder: resolve(f"nmc.backends.{folder}{each.engines[chip.kind]}")
        for folder, each in PRESENT.items() if chip.kind in each.engines
    }  # fmt: skip
    return replace(target, name=name, engines={**target.engines, **engines})


def _of_file(path: str) -> Target[Options]:
    """The target of a user's own chip, whose name must be its own, too. Raises UsageError."""
    from nmc.chips import chip_names, chip_text

    target = _own(path, chip_text(path))
    name = target.chip_name
    if not fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.+-]*", name):
        raise UsageError(f"{path}: the name {name!r} cannot be that of a target", "use letters, digits, '-' and '_'")
    if name in chip_names() or target.name in {**_offered(), **TARGETS, **NAMES}:
        raise UsageError(f"{path}: the name {name!r} is taken by nmc itself", "give the chip a name of its own")
    return target


def target_of(program: Program[Options]) -> Target[Options]:
    """The target that a program was compiled for; that of a user's own chip as its file was then."""
    from nmc.backends.target import CHIP

    if CHIP not in program.manifest.files:
        return target_named(program.target)
    return _own(f"{program.path}/{CHIP}", program.file(CHIP).decode())


@cache
def _own(path: str, text: str) -> Target[Options]:
    """The target of the chip that a user's file describes. Raises UsageError."""
    from nmc.backends.target import ChipFile
    from nmc.chips.schema import parse_chip

    chip = parse_chip(text, path)
    return replace(_target_of_chip(chip, f"{chip.name}-sim"), chip_file=ChipFile(path, text))


def able(target: Target[Chosen], ability: Ability[Function], name: str | None = None) -> Function:
    """What gives an ability to an engine: to that of this name, or without one to the first that has it.

    Raises UsageError for an engine that there is not, or that lacks it.
    """
    found = ability_of(target, ability, name)
    if found is None:
        others = ", ".join(each for each, engine in target.engines.items() if getattr(engine, ability.name))
        whose = f"the engine {name!r} of {target.name}" if name else target.name
        remedy = f"its engines that can: {others}" if others else ability.remedy
        raise UsageError(f"{whose} {ability.lack}", remedy)
    return found


def ability_of(target: Target[Chosen], ability: Ability[Function], name: str | None = None) -> Function | None:
    """The same; None where the engine lacks it. Raises UsageError for an engine that there is not."""
    if name is not None and name not in target.engines:
        raise UsageError(f"{target.name} has no engine {name!r}", f"its engines are: {', '.join(target.engines)}")
    asked = target.engines.values() if name is None else [target.engines[name]]
    place = next(filter(None, (getattr(engine, ability.name) for engine in asked)), None)
    return None if place is None else resolve(place)


def toolchains() -> Iterator[Toolchain]:
    """The vendors' tools of all backends."""
    for name, each in PRESENT.items():
        if each.tool:
            yield resolve(f"nmc.backends.{name}:TOOLCHAIN")


def resolve(place: str):  # type: ignore[no-untyped-def]  # noqa: ANN201 - whatever is there
    """What is at a place, "module:name"."""
    module, name = place.split(":")
    return getattr(import_module(module), name)
