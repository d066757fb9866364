"""What a method of search is given: where to search, what to look for, and how to measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

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
    """A search for low energy, low latency and a high score within budgets.

    `measure` gives the results of points in their order; what was measured before costs nothing. A method measures
    at most `trials` different points. `budgets` are those of each target.
    """

    subject: Subject
    space: Space
    budgets: Mapping[str, Budget]
    trials: int
    seed: int
    measure: Callable[[Sequence[Point]], tuple[PointResult, ...]]

    def excess(self, result: PointResult) -> Mapping[str, float]:
        """By how much a result misses each limit, above 0 where it does; see `excess`."""
        return excess(result, self.budgets.get(result.target, Budget()))


class Method(Protocol):
    """A way to search: measures points, and gives every different result in the order in which it came."""

    def __call__(self, problem: Problem) -> tuple[PointResult, ...]: ...


def excess(result: PointResult, budget: Budget) -> Mapping[str, float]:
    """By how much a result misses each limit: accuracy in shares, energy and latency as parts of their limits.

    Best values count. What has no score or no cost misses its limits by 1.
    """
    found: dict[str, float] = {}
    if budget.min_accuracy is not None:
        found["accuracy"] = 1.0 if result.score is None else budget.min_accuracy - result.score
    for name, limit in (("energy", budget.max_energy_j), ("latency", budget.max_latency_s)):
        if limit is not None and result.cost is not None:
            value = (result.cost.energy_j if name == "energy" else result.cost.latency_s).best
            found[name] = value / limit - 1
        elif limit is not None:
            found[name] = 1.0
    return found


def is_within(result: PointResult, budget: Budget) -> bool:
    """Whether a result was measured, and misses no limit."""
    return result.score is not None and all(amount <= 0 for amount in excess(result, budget).values())
