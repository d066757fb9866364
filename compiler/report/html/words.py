"""Numbers and settings in words, the same everywhere on the page."""

from __future__ import annotations

from collections.abc import Collection

from nmc.estimates.interval import Interval
from nmc.report.units import si
from nmc.sweeps.result import PointResult


def quantity(value: float, unit: str) -> str:
    """A value with its unit, which stay on one line, as in '48.1 µJ'."""
    return si(value, unit).replace(f" u{unit}", f" µ{unit}").replace(" ", "\N{NO-BREAK SPACE}")


def spread(interval: Interval, unit: str) -> str:
    """The ends of an interval, as in '20 µJ – 90 µJ'."""
    return f"{quantity(interval.low, unit)} – {quantity(interval.high, unit)}"


def score(metric: str, value: float | None) -> str:
    """A score: accuracy in percent, an error as a number."""
    if value is None:
        return "–"
    return f"{100 * value:.1f}\N{NO-BREAK SPACE}%" if metric == "accuracy" else f"{value:.4g}"


def difference(point: PointResult) -> str:
    """How far a point's score lies from the float score: in points of accuracy, or as a number."""
    if point.score is None:
        return "–"
    change = point.score - point.reference_score
    if point.metric != "accuracy":
        return f"{change:+.2g}".replace("-", "−")
    return f"{100 * change:+.1f}".replace("-0.0", "+0.0").replace("-", "−")


def setting(point: PointResult, seeds: Collection[int] = ()) -> str:
    """What the user chose at a point, as in 'precision=int8, steps=16'; with its seed, where `seeds` are several."""
    parts = [f"{name}={_value(value)}" for name, value in point.given.items()]
    if len(seeds) > 1:
        parts.append(f"seed={point.seed}")
    return ", ".join(parts) or "default options"


def ratio(point: Interval, to: Interval) -> str:
    """How many times one best value is another, as in '4.8×'."""
    return f"{point.best / to.best:.3g}×" if to.best else "–"


def _value(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
