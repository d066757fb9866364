"""Where a model should run: the points that nothing beats, and the cheapest of them that keeps the model's score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nmc.estimates.estimate import Baseline
from nmc.metrics import is_share, lower_is_better
from nmc.sweeps.result import PointResult
from nmc.units.interval import SPREAD, Interval

TOLERANCE = 0.01
"""How far below the float score a point may lie: a point of accuracy, or a hundredth of an error."""

Price = Callable[[PointResult], Interval]
"""What points are compared by; only asked of points that were priced."""


@dataclass(frozen=True)
class Advice:
    """Where to run a model, by best values of energy at one baseline.

    `choice` is the cheapest point within `TOLERANCE` of the float score; None where there is none, and then `closest`
    is the one that comes nearest. `alternatives` are the cheapest such point of every other target, and `complete`
    the cheapest of all whose every price is known, where that is not the choice.
    """

    baseline: Baseline
    choice: PointResult | None
    alternatives: tuple[PointResult, ...]
    complete: PointResult | None
    closest: PointResult | None

    @property
    def best_of_targets(self) -> tuple[PointResult, ...]:
        """The choice and its alternatives; none where there is no choice."""
        return () if self.choice is None else (self.choice, *self.alternatives)

    @property
    def rivals(self) -> tuple[PointResult, ...]:
        """Those alternatives that may be cheaper than the choice: nothing says that they cost more."""
        return tuple(
            other for other in self.alternatives if self.choice is not None and not surely_cheaper(self.choice, other)
        )


def energy(point: PointResult) -> Interval:
    """The energy of one inference, in joules. Raises ValueError where the point has no price."""
    if point.cost is None:
        raise ValueError(f"{point.target} has no price")
    return point.cost.energy_j


def latency(point: PointResult) -> Interval:
    """The latency of one inference, in seconds. Raises ValueError where the point has no price."""
    if point.cost is None:
        raise ValueError(f"{point.target} has no price")
    return point.cost.latency_s


def front(points: Sequence[PointResult], price: Price) -> tuple[PointResult, ...]:
    """The priced points that no other beats in price and score at once, by best values, the cheapest first."""
    ordered = sorted(_priced(points), key=lambda point: (price(point).best, -_merit(point)))
    kept: list[PointResult] = []
    for point in ordered:
        last = kept[-1] if kept else None
        if last is None or _merit(point) > _merit(last) or _ties(point, last, price):
            kept.append(point)
    return tuple(kept)


def advise(points: Sequence[PointResult]) -> Advice:
    """Where a model should run, of points measured on the same data. Ties go to the surer and then the faster."""
    baseline = common_baseline(points)
    priced = sorted((p for p in _priced(points) if p.cost and p.cost.baseline == baseline), key=_rank)
    good = [point for point in priced if keeps_score(point)]
    if not good:
        return Advice(baseline, None, (), None, max(priced, key=_merit, default=None))
    choice = good[0]
    firsts = {point.target: point for point in reversed(good)}
    others = tuple(point for point in good if firsts[point.target] is point and point.target != choice.target)
    complete = next((point for point in good if not _missing(point)), None)
    return Advice(baseline, choice, others, None if complete is choice else complete, None)


def common_baseline(points: Sequence[PointResult]) -> Baseline:
    """The baseline that most of the points are priced at; energies at another are not compared."""
    found = [point.cost.baseline for point in points if point.cost is not None]
    return max(dict.fromkeys(found), key=found.count, default="total")


def keeps_score(point: PointResult) -> bool:
    """Whether a point's score lies within `TOLERANCE` of the model's own in double precision."""
    if point.score is None:
        return False
    if lower_is_better(point.metric):
        return point.score <= point.reference_score * (1 + TOLERANCE)
    part = TOLERANCE if is_share(point.metric) else TOLERANCE * abs(point.reference_score)
    return point.score >= point.reference_score - part - 1e-12


def surely_cheaper(point: PointResult, other: PointResult) -> bool:
    """Whether a point costs less energy than another wherever in their intervals the truth lies."""
    return not _missing(point) and energy(point).high < energy(other).low


def _priced(points: Sequence[PointResult]) -> list[PointResult]:
    return [point for point in points if point.cost is not None and point.score is not None]


def _merit(point: PointResult) -> float:
    """The score as a number that is better where it is higher."""
    score = point.score or 0.0
    return -score if lower_is_better(point.metric) else score


def _ties(point: PointResult, other: PointResult, price: Price) -> bool:
    return price(point).best == price(other).best and _merit(point) == _merit(other)


def _rank(point: PointResult) -> tuple[float, int, float, float]:
    grade = "assumed" if point.cost is None else point.cost.grade
    return energy(point).best, list(SPREAD).index(grade), -_merit(point), latency(point).best


def _missing(point: PointResult) -> tuple[str, ...]:
    return () if point.cost is None else point.cost.missing
