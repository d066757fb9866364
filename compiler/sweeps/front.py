"""The Pareto front: results that no other beats in energy, latency and score at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nmc.metrics import is_share, lower_is_better

if TYPE_CHECKING:
    from nmc.sweeps.result import PointResult


def pareto_front(results: Sequence[PointResult]) -> frozenset[str]:
    """The keys of the results on the front: lower energy and latency are better, and so is a higher score.

    By best values. A result is off the front where another is nowhere worse and somewhere better; equal ones share
    it. Without a score or a cost there is no place on it.
    """
    costs = {result.key: objectives(result) for result in results if result.score is not None and result.cost}
    return frozenset(
        key for key, one in costs.items() if not any(_dominates(other, one) for other in costs.values())
    )


def objectives(result: PointResult) -> tuple[float, float, float]:
    """Energy in joules, latency in seconds, and the loss, all of them better when lower.

    The loss is the error or, of scores of which more is better, what a share lacks to 1, or the score negated.
    """
    if result.cost is None or result.score is None:
        raise ValueError(f"{result.target} has no cost, or no score")
    loss = result.score if lower_is_better(result.metric) else float(is_share(result.metric)) - result.score
    return result.cost.energy_j.best, result.cost.latency_s.best, loss


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
