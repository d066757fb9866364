"""The points of a sweep: every chosen target at every setting that it can take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import product
from typing import TYPE_CHECKING

from nmc.backends import distinct
from nmc.errors import UsageError, closest
from nmc.program import OptionValue

if TYPE_CHECKING:
    from nmc.backends.target import Options, Target
    from nmc.model import Model

SYNONYMS: Mapping[str, str] = {"timesteps": "steps", "bits": "weight_bits"}
"""Other names that options go by."""

_IN_TIME = frozenset({"spiking", "fixed-point", "hosted"})
"""Stages at which a network works in time steps, whatever it was before."""

Axes = Mapping[str, Sequence[object]]
"""The values, perhaps as text, that each option is to take."""


@dataclass(frozen=True)
class Point:
    """One target at one setting: `options` are all of the target's, `given` those among them that were chosen."""

    aim: Target[Options]
    options: Mapping[str, OptionValue]
    given: Mapping[str, OptionValue]

    @property
    def target(self) -> str:
        """The target's name."""
        return self.aim.name

    @property
    def setting(self) -> str:
        """The chosen options as text, as in "steps=8,weight_bits=4"; empty where none was."""
        return ",".join(f"{name}={value}" for name, value in self.given.items())


def parse_axes(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Axes from texts such as "steps=8,16,32". Raises UsageError for one that is none, or that is given twice."""
    axes: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, equals, rest = text.partition("=")
        name, values = canonical(name.strip()), tuple(filter(None, map(str.strip, rest.split(","))))
        if not equals or not name or not values:
            raise UsageError(f"--sweep {text!r} is not NAME=VALUE,VALUE", "write it as in '--sweep steps=8,16,32'")
        if name in axes:
            raise UsageError(f"the option {name!r} is swept twice", "give all of its values in one --sweep")
        axes[name] = values
    return axes


def merged_axes(options: Mapping[str, object], sweep: Axes) -> Axes:
    """The axes of a sweep, and of options that have one value. Raises UsageError for an option that is in both."""
    fixed = {canonical(name): (value,) for name, value in options.items()}
    swept = {canonical(name): tuple(values) for name, values in sweep.items()}
    if both := [name for name in fixed if name in swept]:
        raise UsageError(f"the option {both[0]!r} is given and swept", "give it in one place")
    return {**fixed, **swept}


def canonical(name: str) -> str:
    """The name of an option, of another spelling of it or of a synonym."""
    name = name.replace("-", "_")
    return SYNONYMS.get(name, name)


def grid(model: Model, targets: Sequence[str | Target[Options]], axes: Axes) -> tuple[Point, ...]:
    """The full grid, target by target, the last axis fastest; points that become equal are one.

    Options that a target does not have, or that mean nothing there, are left out for it, and so are settings that it
    refuses. Raises UsageError for an unknown target, an option that no target has, a value that no target takes,
    and a target that takes no setting.
    """
    chosen = distinct(targets)
    _check_names(chosen, axes)
    found: dict[tuple[object, ...], Point] = {}
    untaken = {(name, value) for name, values in axes.items() for value in values}
    refusals: list[UsageError] = []
    for target in chosen:
        taken = 0
        for given in settings({name: axes[name] for name in axes if name in option_names(target)}):
            try:
                point = make_point(model, target, given)
            except UsageError as error:
                refusals.append(error)
                continue
            taken += 1
            untaken -= set(given.items())
            found.setdefault((point.target, *point.options.items()), point)
        if not taken:
            raise refusals[-1]
    if untaken and refusals:
        raise refusals[0]
    return tuple(found.values())


def settings(axes: Axes) -> Iterator[dict[str, object]]:
    """Every combination of values, the last axis fastest."""
    for values in product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


def make_point(model: Model, target: Target[Options], given: Mapping[str, object]) -> Point:
    """The point of a target at these options, which may be text. Raises UsageError."""
    options = target.configured(given)
    idle = options.idle(model) | (frozenset() if _in_time(model, target, options) else {"steps"})
    if any(name in idle for name in given):
        given = {name: value for name, value in given.items() if name not in idle}
        options = target.configured(given)
    values = asdict(options)
    return Point(target, values, {name: values[name] for name in given})


def option_names(target: Target[Options]) -> tuple[str, ...]:
    """The names of a target's options."""
    return tuple(field.name for field in fields(target.options))


def _in_time(model: Model, target: Target[Options], options: Options) -> bool:
    """Whether what the target makes of the model runs in time steps."""
    return model.graph.dt_s is not None or any(p.stage in _IN_TIME for p in target.passes(options))


def _check_names(targets: Sequence[Target[Options]], axes: Axes) -> None:
    known = {name for target in targets for name in option_names(target)}
    if unknown := [name for name in axes if name not in known] if targets else []:
        names = ", ".join(target.name for target in targets)
        raise UsageError(f"none of {names} has the option {unknown[0]!r}", closest(unknown[0], known))
