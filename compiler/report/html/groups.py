"""Results in groups that can be compared: one model, measured on the same samples, by the same metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from nmc.findings import Finding, each_once
from nmc.report.advice import Advice, advise, common_baseline, energy, front, latency
from nmc.report.comparison import data_origin
from nmc.report.html.words import doubt
from nmc.sweeps.result import PointResult
from nmc.units.interval import Grade


@dataclass(frozen=True)
class Price:
    """What a part of the estimates rests on: where its price comes from, how sure it is, and on which chips."""

    component: str
    source: str
    grade: Grade
    chips: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """Points that can be compared: those measured, the cheapest first and the unpriced last, and those refused."""

    points: tuple[PointResult, ...]
    refused: tuple[PointResult, ...]

    @property
    def first(self) -> PointResult:
        """A point that stands for what all have in common."""
        return (self.points or self.refused)[0]

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets, in the order of the points."""
        return tuple(dict.fromkeys(point.target for point in (*self.points, *self.refused)))

    @property
    def seeds(self) -> frozenset[int]:
        """The seeds in use."""
        return frozenset(point.seed for point in self.points)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The warnings about the data, the model and the targets, each once."""
        return each_once([finding for point in (*self.points, *self.refused) for finding in point.findings])

    @property
    def calibrations(self) -> tuple[str, ...]:
        """The calibration data, in words."""
        return tuple(dict.fromkeys(data_origin(p.calibration) for p in self.points if p.calibration))

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions of nmc that measured."""
        return tuple(dict.fromkeys(point.nmc for point in (*self.points, *self.refused)))

    @property
    def mixed(self) -> bool:
        """Whether some energies are not comparable, because they are counted above different baselines."""
        return len({point.cost.baseline for point in self.points if point.cost}) > 1

    @cached_property
    def advice(self) -> Advice:
        """Where the model should run."""
        return advise(self.points)

    @cached_property
    def energy_front(self) -> frozenset[str]:
        """The keys of the points that none beats in energy and score, at the baseline that most have."""
        baseline = common_baseline(self.points)
        comparable = [point for point in self.points if point.cost and point.cost.baseline == baseline]
        return frozenset(point.key for point in front(comparable, energy))

    @cached_property
    def latency_front(self) -> frozenset[str]:
        """The keys of the points that none beats in latency and score."""
        return frozenset(point.key for point in front(self.points, latency))

    @property
    def prices(self) -> tuple[Price, ...]:
        """Every source that an estimate rests on, the surest first."""
        chips: dict[tuple[str, str, Grade], dict[str, None]] = {}
        for point in self.points:
            for part in point.cost.components if point.cost else ():
                chips.setdefault((part.name, part.source, part.grade), {})[point.chip] = None
        prices = [Price(name, source, grade, tuple(names)) for (name, source, grade), names in chips.items()]
        return tuple(sorted(prices, key=lambda price: doubt(price.grade)))

    @property
    def missing(self) -> Mapping[str, tuple[str, ...]]:
        """The prices that were never published, each with the chips that lack it."""
        chips: dict[str, dict[str, None]] = {}
        for point in self.points:
            for what in point.cost.missing if point.cost else ():
                chips.setdefault(what, {})[point.chip] = None
        return {what: tuple(names) for what, names in chips.items()}


def grouped(results: Sequence[PointResult]) -> tuple[Group, ...]:
    """The results in groups, in the order in which they come; a result that is there twice counts once."""
    groups: dict[tuple[str, ...], dict[str, PointResult]] = {}
    for point in results:
        same = (point.model, point.model_digest, point.metric, repr(point.data))
        groups.setdefault(same, {})[point.key] = point
    return tuple(
        Group(
            tuple(sorted((point for point in group.values() if point.refusal is None), key=_order)),
            tuple(point for point in group.values() if point.refusal is not None),
        )
        for group in groups.values()
    )


def _order(point: PointResult) -> tuple[bool, float, str]:
    return point.cost is None, 0.0 if point.cost is None else point.cost.energy_j.best, point.key
