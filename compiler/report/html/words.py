"""Numbers and settings in words, the same everywhere on the page."""

from __future__ import annotations

from collections.abc import Collection

from nmc.model import MetricName
from nmc.report.scores import change, score_name, shown
from nmc.sweeps.result import PointResult
from nmc.units.interval import SPREAD, Grade, Interval
from nmc.units.text import si

DASH, MINUS, TIMES = "\N{EN DASH}", "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"


def quantity(value: float, unit: str) -> str:
    """A value with its unit, which stay on one line, as in '48.1 µJ'."""
    return si(value, unit).replace(f" u{unit}", f" µ{unit}").replace(" ", "\N{NO-BREAK SPACE}")


def spread(interval: Interval, unit: str) -> str:
    """The ends of an interval, as in '20 µJ - 90 µJ' with a long dash."""
    return f"{quantity(interval.low, unit)} {DASH} {quantity(interval.high, unit)}"


def called(point: PointResult) -> str:
    """What a point's score is: its metric, or agreement with the model itself on data that stands in."""
    return score_name(point.metric, point.data.role)


def score(metric: MetricName, value: float | None) -> str:
    """A score: a share in percent, another as a number."""
    return DASH if value is None else shown(metric, value).replace(" ", "\N{NO-BREAK SPACE}")


def score_spread(point: PointResult) -> str:
    """The 95 % interval of a point's score; nothing where it has none."""
    if point.score_interval is None:
        return ""
    low, high = (score(point.metric, end) for end in point.score_interval)
    return f"{low} {DASH} {high}"


def doubt(grade: Grade) -> int:
    """A number to order grades by, the surest first."""
    return list(SPREAD).index(grade)


def share(value: float) -> str:
    """A share of a whole, in percent; one that is too small to show is named so."""
    return f"{100 * value:.0f}\N{NO-BREAK SPACE}%" if value >= 0.005 else "<\N{NO-BREAK SPACE}1\N{NO-BREAK SPACE}%"


def difference(point: PointResult) -> str:
    """How far a point's score lies from the float score: in points of a share, or as a number."""
    return DASH if point.score is None else change(point.metric, point.reference_score, point.score).replace("-", MINUS)


def setting(point: PointResult, seeds: Collection[int] = ()) -> str:
    """What the user chose at a point, as in 'precision=int8, steps=16'; with its seed, where `seeds` are several."""
    parts = [f"{name}={_value(value)}" for name, value in point.given.items()]
    if len(seeds) > 1:
        parts.append(f"seed={point.seed}")
    return ", ".join(parts) or "default options"


def ratio(point: Interval, to: Interval) -> str:
    """How many times one best value is another, as in '4.8' with a times sign."""
    return f"{point.best / to.best:.3g}{TIMES}" if to.best else DASH


def _value(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
