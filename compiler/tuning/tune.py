"""Searches a model's targets and settings within a budget, and says which of them are worth choosing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from nmc.checks.budgets import EVERY, merged
from nmc.comparison import Comparison, comparison_of
from nmc.errors import UsageError, closest
from nmc.metrics import ScoreLimit, score_limit
from nmc.model import Budget
from nmc.sweeps.measure import Subject
from nmc.sweeps.store import opened
from nmc.sweeps.sweep import HERE, Progress, Workers, crew, measure_all
from nmc.tuning.problem import Method, Problem, is_within
from nmc.tuning.space import search_space

if TYPE_CHECKING:
    from nmc.model import MetricName, Model
    from nmc.sweeps.grid import Axes, Point
    from nmc.sweeps.result import PointResult

METHODS: Mapping[str, str] = {
    "tpe": "nmc.tuning.optuna_search:tpe",
    "nsga2": "nmc.tuning.optuna_search:nsga2",
}
"""The ways to search, as "module:function"."""


@dataclass(frozen=True)
class Tuning:
    """What a search found: everything it measured, and of that what is within the budgets, best trade-offs first.

    `chosen` are the results on the Pareto front of those within the budgets, by their energy; `space` is how many
    settings there were to choose from.
    """

    measured: Comparison
    chosen: tuple[PointResult, ...]
    space: int


def tune(
    model: Model,
    targets: Sequence[str],
    budget: Budget,
    *,
    axes: Axes | None = None,
    method: str = "tpe",
    trials: int = 50,
    samples: int | None = None,
    seed: int = 0,
    source: str | None = None,
    results: Path | None = None,
    workers: Workers = HERE,
    progress: Progress | None = None,
) -> Tuning:
    """Measure up to `trials` settings, chosen by a method as it learns what they cost.

    Where `budget` has no limit at all, the model's own budgets count. `axes` are values to choose from in place of
    the usual ones; what the file `results` has is not measured again. The same seed finds the same, but for what is
    timed on this machine. Raises UsageError for an unknown target, option, value or method, ModelError for a model
    without test data.
    """
    if trials < 1:
        raise UsageError(f"a search of {trials} trials", "give 1 or more")
    search = _method(method)
    space = search_space(model, targets, axes or {})
    tell = progress or (lambda what, done, of: None)
    tell("reference", 0, trials)
    subject = Subject.of(model, samples=samples, seed=seed, source=source)
    _check_score(budget, subject.task.metric)
    budgets = {target: _budget(subject.model, target, budget) for target in space.targets}
    known: dict[str, PointResult] = {}
    with ExitStack() as stack:
        store = None if results is None else stack.enter_context(opened(results))
        measured = stack.enter_context(crew(subject, workers.for_points(trials)))

        def measure(points: Sequence[Point]) -> tuple[PointResult, ...]:
            new = [point for point in points if subject.key(point) not in known]
            known.update({result.key: result for result in measure_all(subject, new, measured, store=store)})
            tell("searching", len(known), trials)
            return tuple(known[subject.key(point)] for point in points)

        found = search(Problem(subject, space, budgets, trials, seed, measure))
    within = tuple(result for result in found if is_within(result, budgets[result.target]))
    front = comparison_of(subject, within).front
    chosen = sorted((result for result in within if result.key in front), key=_energy)
    return Tuning(comparison_of(subject, found, results=results), tuple(chosen), space.size)


def _energy(result: PointResult) -> float:
    return result.cost.energy_j.best if result.cost else 0.0


def _method(name: str) -> Method:
    if name not in METHODS:
        remedy = "'nmc evolve' evolves a program's integers" if name == "es" else closest(name, METHODS)
        raise UsageError(f"{name!r} is not a method of search", remedy)
    module, _, function = METHODS[name].partition(":")
    method: Method = getattr(import_module(module), function)
    return method


def _check_score(budget: Budget, metric: MetricName) -> None:
    """Raises UsageError for a limit on another score than the model's."""
    right = score_limit(metric)
    scores: tuple[ScoreLimit, ...] = ("min_accuracy", "min_score", "max_error")
    if wrong := [name for name in scores if name != right and getattr(budget, name) is not None]:
        raise UsageError(f"the model is scored by {metric}, which {wrong[0]} does not limit", f"give {right} instead")


def _budget(model: Model, target: str, given: Budget) -> Budget:
    """The given limits, or else the model's own for the target."""
    own = {} if model.task is None else model.task.budgets
    return given if given != Budget() else merged(own.get(target), own.get(EVERY))
