"""One verdict for each limit: a value that was measured, held to a budget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from nmc.errors import Fault
from nmc.metrics import counted_in, lower_is_better, score_limit
from nmc.model import Budget, MetricName, Model
from nmc.report.scores import shown
from nmc.sweeps.result import Cost, PointResult
from nmc.units.interval import Interval
from nmc.units.text import si

Quantity = Literal["compile", "score", "energy", "latency"]
Against = Literal["target", "budget", "baseline"]

_PARTS, _SHARE = 3, 0.01
"""How many of the largest parts a message names, and what share of all a part has at least."""


@dataclass(frozen=True)
class Verdict:
    """One thing that was held to a limit on a target: `value` is what was held; within it unless there is a fault.

    Energies are in joules, latencies in seconds, scores as the metric has them.
    """

    target: str
    quantity: Quantity
    against: Against
    value: float | None = None
    limit: float | None = None
    fault: Fault | None = None


def held_to_budget(model: Model, measured: PointResult, budget: Budget) -> Iterator[Verdict]:
    """Whether the target takes the model, and a verdict for each limit of the budget."""
    if measured.refusal is not None:
        reason = " ".join(measured.refusal.split())
        fault = Fault(f"{measured.target} refuses the model: {reason}", f"see 'nmc inspect {model.name}'")
        yield Verdict(measured.target, "compile", "target", fault=fault)
        return
    yield Verdict(measured.target, "compile", "target")
    assert model.task is not None
    limit: float | None = getattr(budget, score_limit(model.task.metric))
    if limit is not None and measured.score is not None:
        yield _score(model, measured, limit, model.task.metric)
    if budget.max_energy_j is not None:
        yield _energy(measured, budget, budget.max_energy_j)
    if budget.max_latency_s is not None:
        yield _latency(measured.target, measured.cost, budget, budget.max_latency_s)


def held_value(interval: Interval, budget: Budget) -> float:
    """The value of an interval that a budget holds to its limits."""
    return interval.high if budget.hold == "high" else interval.best


def _score(model: Model, measured: PointResult, limit: float, metric: MetricName) -> Verdict:
    target, score = measured.target, measured.score
    assert score is not None
    errs = lower_is_better(metric)
    if score <= limit if errs else score >= limit:
        return Verdict(target, "score", "budget", score, limit)
    by = shown(metric, abs(score - limit)).replace(" %", " points")
    fault = Fault(
        f"{target}: {metric} {shown(metric, score)} is {'over' if errs else 'below'} the budget of"
        f" {shown(metric, limit)} by {by}, on {measured.data.samples} {counted_in(metric)}",
        f"see what each layer loses: nmc inspect {model.name} --target {target} --quantization; or change"
        f" {score_limit(metric)}",
    )
    return Verdict(target, "score", "budget", score, limit, fault)


def _energy(measured: PointResult, budget: Budget, limit: float) -> Verdict:
    target, cost = measured.target, measured.cost
    if cost is None:
        return Verdict(target, "energy", "budget", None, limit, _no_chip(target, "energy", "max_energy"))
    value = held_value(cost.energy_j, budget)
    least = "at least " if cost.missing else ""
    fault = None
    if value > limit:
        parts = [(c.name, c.energy_j.best) for c in cost.components if c.energy_j is not None]
        layers = [(each.node, each.energy_j.best) for each in measured.layers if each.energy_j is not None]
        fault = Fault(
            f"{target}: energy {least}{_held(cost.energy_j, budget, 'J')} is {_over(value, limit, 'J')}"
            f"; largest parts: {_largest(parts, 'J')}"
            f"; largest layers: {_largest(layers, 'J') or 'not told apart'}",
            "shrink these, or raise max_energy in the model file",
        )
    elif cost.missing and not budget.allow_missing:
        fault = Fault(
            f"{target}: energy at least {_held(cost.energy_j, budget, 'J')} cannot be shown to be within the"
            f" budget of {si(limit, 'J')}: it leaves out {', '.join(cost.missing)}, never published",
            "if the published prices will do, add 'allow_missing: true' to the budget; else take max_energy off",
        )
    return Verdict(target, "energy", "budget", value, limit, fault)


def _latency(target: str, cost: Cost | None, budget: Budget, limit: float) -> Verdict:
    if cost is None:
        return Verdict(target, "latency", "budget", None, limit, _no_chip(target, "latency", "max_latency"))
    value = held_value(cost.latency_s, budget)
    if value <= limit:
        return Verdict(target, "latency", "budget", value, limit)
    parts = [(c.name, c.latency_s.best) for c in cost.components if c.latency_s is not None]
    fault = Fault(
        f"{target}: latency {_held(cost.latency_s, budget, 's')} is {_over(value, limit, 's')}"
        f"; largest parts: {_largest(parts, 's')}",
        "shorten these, or raise max_latency in the model file",
    )
    return Verdict(target, "latency", "budget", value, limit, fault)


def _no_chip(target: str, quantity: str, key: str) -> Fault:
    what = f"{target}: there is no {quantity} to hold: this is a simulator with no chip behind it"
    return Fault(what, f"take {key} off this target, or name a target with a chip ('nmc targets')")


def _held(interval: Interval, budget: Budget, unit: str) -> str:
    """The value that is held, with its interval."""
    value = si(held_value(interval, budget), unit)
    return f"{value} ({budget.hold} of {si(interval.low, unit)} - {si(interval.high, unit)})"


def _over(value: float, limit: float, unit: str) -> str:
    if value >= 3 * limit:
        return f"{value / limit:.3g} times the budget of {si(limit, unit)}"
    return f"over the budget of {si(limit, unit)} by {100 * (value / limit - 1):.2g} %"


def _largest(parts: list[tuple[str, float]], unit: str) -> str:
    """The largest parts, each with its name, the largest first."""
    whole = sum(value for _, value in parts)
    largest = sorted((part for part in parts if part[1] > _SHARE * whole), key=lambda part: -part[1])[:_PARTS]
    return ", ".join(f"{si(value, unit)} {name}" for name, value in largest)
