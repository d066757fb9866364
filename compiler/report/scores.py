"""Scores as text."""

from __future__ import annotations

from nmc.metrics import metric_of
from nmc.model import MetricName
from nmc.report.units import percent


def shown(metric: MetricName, value: float | None) -> str:
    """A score: percent where it is a share, else four digits; a dash where there is none."""
    if metric_of(metric).unit == "share":
        return percent(value)
    return "-" if value is None else f"{value:.4g}"


def change(metric: MetricName, before: float, after: float) -> str:
    """What a score gained, with its sign: in points where it is a share."""
    gained = after - before
    if metric_of(metric).unit == "share":
        return f"{100 * gained:+.1f}"
    return f"{gained:+.0f}" if abs(gained) >= 100 else f"{gained:+.2g}"
