"""What a search may choose from: for each target, the values that each of its options may take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from nmc.backends import distinct
from nmc.errors import UsageError
from nmc.sweeps.grid import Axes, grid, make_point, option_names

if TYPE_CHECKING:
    from nmc.backends.target import Options, Target
    from nmc.model import Model

SEARCHED: Mapping[str, tuple[object, ...]] = {
    "steps": (4, 8, 12, 16, 24, 32, 48, 64),
    "weight_bits": (4, 5, 6, 7, 8),
    "threshold_scale": (0.7, 0.85, 1.0, 1.2, 1.5),
    "encoding": ("rate", "current"),
    "neurons": ("spiking", "sigma-delta"),
    "threshold": (0.0, 0.02, 0.05, 0.1),
    "precision": ("fp32", "fp16", "int8"),
}
"""What options that trade accuracy for cost are tried at, where nobody says."""


@dataclass(frozen=True)
class Space:
    """The values of each option of each target; `aims` are the targets by their names."""

    aims: Mapping[str, Target[Options]]
    targets: Mapping[str, Mapping[str, tuple[object, ...]]]

    @property
    def size(self) -> int:
        """How many settings there are, those that a target refuses included."""
        return sum(prod(map(len, options.values())) for options in self.targets.values())


def search_space(model: Model, targets: Sequence[str], axes: Axes) -> Space:
    """The space over some targets: the given values of options, and for others of `SEARCHED` those listed there.

    Options that a target does not have are left out for it, and so are values that it refuses. Raises UsageError as
    `grid` does for what was given.
    """
    if not targets:
        raise UsageError("there are no targets to search", "name one or more with --targets")
    grid(model, targets, axes)
    spaces: dict[str, Mapping[str, tuple[object, ...]]] = {}
    aims = {target.name: target for target in distinct(targets)}
    for name, target in aims.items():
        known = [option for option in {**SEARCHED, **axes} if option in option_names(target)]
        values = {
            option: _taken(model, target, option, axes[option] if option in axes else SEARCHED[option])
            for option in known
        }
        spaces[name] = {option: choices for option, choices in values.items() if choices}
    return Space(aims, spaces)


def _taken(model: Model, target: Target[Options], option: str, values: Sequence[object]) -> tuple[object, ...]:
    """Those of an option's values that the target takes and that mean something there, typed."""
    found: dict[object, None] = {}
    for value in values:
        try:
            point = make_point(model, target, {option: value})
        except UsageError:
            continue
        if option in point.given:
            found[point.given[option]] = None
    return tuple(found)
