"""What a method of search is given: where to search, what to look for, and how to measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from nmc.checks.verdict import held_value
from nmc.metrics import score_limit
from nmc.model import Budget

if TYPE_CHECKING:
    from nmc.sweeps.grid import Point
    from nmc.sweeps.measure import Subject
    from nmc.sweeps.result import PointResult
    from nmc.tuning.space import Space

AT_ONCE = 4
"""How many points a method asks for before it hears of them; fixed, so that a search does not depend on workers."""


@dataclass(frozen=True)
class Problem:
    """A search for low energy, low latency and a good score within budgets.

    `measure` gives the results of points in their order; what was measured before costs nothing. A method measures
    at most `trials` different points. `budgets` are those of each target.
    """

    subject: Subject
    space: Space
    budgets: Mapping[str, Budget]
    trials: int
    seed: int
    measure: Callable[[Sequence[Point]], tuple[PointResult, ...]]


class Method(Protocol):
    """A way to search: measures points, and gives every different result in the order in which it came."""

    def __call__(self, problem: Problem) -> tuple[PointResult, ...]: ...


def excess(result: PointResult, budget: Budget) -> Mapping[str, float]:
    """By how much a result misses each limit: scores as they are, energy and latency as parts of their limits.

    The value that the budget holds counts. What has no score or no cost misses its limits by 1 or more, and so does an
    energy that leaves out prices, unless the budget allows it.
    """
    found: dict[str, float] = {}
    name, cost = score_limit(result.metric), result.cost
    limit: float | None = getattr(budget, name)
    if limit is not None:
        short = 1.0 if result.score is None else limit - result.score
        found["score"] = -short if name == "max_error" and result.score is not None else short
    if budget.max_latency_s is not None:
        found["latency"] = 1.0 if cost is None else held_value(cost.latency_s, budget) / budget.max_latency_s - 1
    if budget.max_energy_j is not None:
        over = 1.0 if cost is None else held_value(cost.energy_j, budget) / budget.max_energy_j - 1
        found["energy"] = max(1.0, over) if cost is not None and cost.missing and not budget.allow_missing else over
    return found


def is_within(result: PointResult, budget: Budget) -> bool:
    """Whether a result was measured, and misses no limit."""
    return result.score is not None and all(amount <= 0 for amount in excess(result, budget).values())
