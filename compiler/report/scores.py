"""Scores as text."""

from __future__ import annotations

from nmc.data_source import Role
from nmc.metrics import metric_of
from nmc.model import MetricName
from nmc.units.text import percent


def score_name(metric: MetricName, role: Role) -> str:
    """What a score is: the metric on test data, else agreement (or difference) with the model itself."""
    if role == "test" or metric_of(metric).labels == "none":
        return metric
    on = "noise" if role == "noise" else "calibration samples"
    return f"agreement on {on}" if metric_of(metric).unit == "share" else f"difference on {on} ({metric})"


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
