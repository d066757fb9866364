"""The constants of chips that are fitted to measurements: `python -m nmc.validation.fit` prints them anew.

A chip's file names them under `fitted`, three at most. They are those that make the sum of squared log-ratios
of predicted to measured least, over the runs marked `calibration`; each set weighs the same. Gauss-Newton in
the logarithms of the constants, so that all stay above 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass, replace
from math import log, sqrt
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np

from nmc.chips import chip_names, load_chip
from nmc.chips.chip import Chip, quantities
from nmc.errors import UsageError, closest
from nmc.model import FloatArray
from nmc.units.quantity import Quantity
from nmc.validation.comparison import estimate_run, predicted
from nmc.validation.measurements import Run, measurement_sets

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Held = TypeVar("Held")

_ROUNDS, _STEP, _CLOSE = 40, 1e-4, 1e-5


@dataclass(frozen=True)
class Fit:
    """What a constant is in the chip's file, and what it is fitted to be, in the unit of the file."""

    chip: str
    path: str
    unit: str
    stated: float
    fitted: float
    error: float
    """The factor by which the estimates are off: the root mean square of the log-ratios."""


def fitted_chips() -> tuple[str, ...]:
    """The chips that have fitted constants."""
    return tuple(name for name in chip_names() if load_chip(name).fitted)


def fit(chip: Chip) -> tuple[Fit, ...]:
    """The fitted constants of a chip. Raises UsageError where nothing is there to fit them to."""
    runs = [
        (run, 1 / sum(len(r.measured) for r in mine))
        for found in measurement_sets()
        if (mine := [r for r in found.runs if r.chip == chip.name and r.use == "calibration"])
        for run in mine
    ]
    if not runs:
        raise UsageError(f"no calibration run is on {chip.name}", "mark one with 'use: calibration', or fit nothing")
    stated = [_at(chip, path) for path in chip.fitted]
    x = np.log([quantity.value for quantity in stated])
    errors = _errors(chip, x, runs)
    damping = 1e-3
    for _ in range(_ROUNDS):
        slopes = np.stack([(_errors(chip, x + step, runs) - errors) / _STEP for step in np.eye(len(x)) * _STEP], axis=1)
        scale = damping * np.diag(np.diag(slopes.T @ slopes) + 1e-12)
        step = np.linalg.solve(slopes.T @ slopes + scale, -slopes.T @ errors).clip(-2, 2)
        tried = _errors(chip, x + step, runs)
        if tried @ tried <= errors @ errors:
            x, errors, damping = x + step, tried, damping / 3
            if abs(step).max() < _CLOSE:
                break
        else:
            damping *= 10
    error = float(np.exp(sqrt(errors @ errors / sum(weight * len(run.measured) for run, weight in runs))))
    return tuple(
        Fit(chip.name, path, quantity.unit, quantity.value, float(f"{np.exp(value):.3g}"), error)
        for path, quantity, value in zip(chip.fitted, stated, x, strict=True)
    )


def with_values(chip: Chip, values: Mapping[str, float]) -> Chip:
    """A chip with other values at some paths, as in "modes.default.idle_power", in the units of its file."""
    for path, value in values.items():
        chip = _replaced(chip, path.split("."), value)
    return chip


def _errors(chip: Chip, x: FloatArray, runs: Sequence[tuple[Run, float]]) -> FloatArray:
    """The log-ratio of every measured number, by the root of its weight."""
    tried = with_values(chip, dict(zip(chip.fitted, np.exp(x).tolist(), strict=True)))
    found = []
    for run, weight in runs:
        estimate = estimate_run(run, tried)
        found += [
            sqrt(weight) * log(max(predicted(estimate, measured)[0].best, 1e-300) / measured.base)
            for measured in run.measured
        ]
    return np.array(found)


def _at(chip: Chip, path: str) -> Quantity:
    known = dict(quantities(chip))
    if path not in known:
        raise UsageError(f"{chip.name} has no number {path!r} to fit", closest(path, known))
    return known[path]


def _replaced(facts: Held, path: Sequence[str], value: float) -> Held:
    """The same facts with another value at a path; its bounds follow from its grade."""
    if isinstance(facts, Quantity):
        return cast(Held, replace(facts, value=value, low=None, high=None))
    head, rest = path[0], path[1:]
    if isinstance(facts, Mapping):
        key = next(key for key in facts if str(key) == head)
        return cast(Held, {**facts, key: _replaced(facts[key], rest, value)})
    assert is_dataclass(facts)
    changed = replace(cast("DataclassInstance", facts), **{head: _replaced(getattr(facts, head), rest, value)})
    return cast(Held, changed)


def main() -> None:
    """Print every fitted constant beside what its chip's file states."""
    for name in fitted_chips():
        for one in fit(load_chip(name)):
            stated = f"stated: {one.stated:g}; estimates are off by x{one.error:.3f}"
            print(f"{one.chip:16} {one.path:32} {one.fitted:>8.4g} {one.unit:4} ({stated})")


if __name__ == "__main__":
    main()
