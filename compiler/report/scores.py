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
    return f"{100 * (after - before):+.1f}" if metric_of(metric).unit == "share" else f"{after - before:+.2g}"
