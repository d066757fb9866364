"""Predicted beside measured, and how far apart they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, log
from statistics import fmean, median
from typing import Literal

from nmc.chips import load_chip
from nmc.chips.chip import Chip
from nmc.estimates.estimate import Estimate
from nmc.estimates.weightless import estimate_network
from nmc.units.interval import Grade, Interval
from nmc.validation.measurements import Measured, MeasurementSet, Run, Use, measurement_sets
from nmc.validation.networks import network_named


@dataclass(frozen=True)
class Row:
    """One measured number beside its estimate, in joules, seconds or watts.

    `at_least` is true where the estimate lacks a price that was never published.
    """

    set: str
    run: Run
    measured: Measured
    predicted: Interval
    grade: Grade
    at_least: bool

    @property
    def ratio(self) -> float:
        """Predicted over measured."""
        return self.predicted.best / self.measured.base

    @property
    def quantity(self) -> Literal["energy", "latency"]:
        """What errors are collected under: power and prices go with energy."""
        return "latency" if self.measured.what == "latency" else "energy"

    @property
    def error(self) -> float:
        """The factor by which the estimate is off, 1 or more."""
        return max(self.ratio, 1 / self.ratio) if self.ratio else float("inf")

    @property
    def hit(self) -> bool:
        """Whether the measured value lies in the interval."""
        return self.measured.base in self.predicted


@dataclass(frozen=True)
class Summary:
    """How good the estimates of one device are, sets weighted equally. Errors are factors, 1 or more."""

    chip: str
    use: Use
    what: str
    rows: int
    sets: int
    median: float
    worst: float
    bias: float
    coverage: float


def compared(found: MeasurementSet) -> tuple[Row, ...]:
    """Every number of a set."""
    return tuple(
        Row(found.name, run, measured, *predicted(estimate, measured))
        for run in found.runs
        for estimate in (estimate_run(run),)
        for measured in run.measured
    )


def estimate_run(run: Run, chip: Chip | None = None) -> Estimate:
    """The estimate of a published run; on a chip of the same name in place of nmc's own, if one is given."""
    return estimate_network(network_named(run.network), chip or load_chip(run.chip), run.conditions)


def predicted(estimate: Estimate, measured: Measured) -> tuple[Interval, Grade, bool]:
    """What an estimate says of a measured quantity, its grade, and whether that is a lower bound."""
    above = estimate.above(measured.baseline)
    energy, latency = above.energy_j, estimate.latency_s
    match measured.what:
        case "latency":
            return latency, estimate.grade, False
        case "energy":
            return energy, estimate.grade, estimate.at_least
        case "power":
            return _power(energy, latency), estimate.grade, estimate.at_least
        case _:
            events = estimate.synaptic_operations
            return energy / events, estimate.grade, estimate.at_least


def all_rows() -> tuple[Row, ...]:
    """Every published number that nmc knows, beside its estimate."""
    return tuple(row for found in measurement_sets() for row in compared(found))


def summaries(rows: Iterable[Row]) -> tuple[Summary, ...]:
    """One summary for each device, use and quantity, in the order of the rows."""
    groups: dict[tuple[str, Use, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.run.chip, row.run.use, row.quantity), []).append(row)
    return tuple(_summary(*key, group) for key, group in groups.items())


def _summary(chip: str, use: Use, what: str, rows: Sequence[Row]) -> Summary:
    by_set: dict[str, list[Row]] = {}
    for row in rows:
        by_set.setdefault(row.set, []).append(row)
    each = by_set.values()
    return Summary(
        chip, use, what, len(rows), len(by_set),
        median=exp(fmean(median(log(row.error) for row in one) for one in each)),
        worst=max(row.error for row in rows),
        bias=exp(fmean(fmean(log(row.ratio) for row in one) for one in each)),
        coverage=fmean(fmean(row.hit for row in one) for one in each),
    )  # fmt: skip


def _power(energy: Interval, latency: Interval) -> Interval:
    """Energy over time. Both grow with the time together, so that lows go with lows."""
    powers = sorted(e / t for e, t in ((energy.low, latency.low), (energy.high, latency.high)) if t)
    best = energy.best / latency.best
    return Interval(min(best, *powers), best, max(best, *powers)) if powers else Interval.exact(best)
