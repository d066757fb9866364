"""Held to a baseline: what became worse since, by how much, and in which layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nmc.checks.baseline import Baseline, TargetBaseline
from nmc.checks.verdict import Quantity, Verdict
from nmc.errors import Fault
from nmc.metrics import lower_is_better
from nmc.model import MetricName
from nmc.report.scores import shown
from nmc.sweeps.result import PointResult
from nmc.units.text import si

_ACCEPT = "make up for it, or accept it with --update-baseline"
_LAYERS = 3
"""How many of the layers that grew most a message names."""


@dataclass(frozen=True)
class Tolerance:
    """How much worse than the baseline a result may be.

    `cost` is a share, of energy, latency and errors; `score` is taken off scores of which more is better.
    """

    cost: float = 0.05
    score: float = 0.005


def held_to_baseline(measured: PointResult, baseline: Baseline, tolerance: Tolerance) -> Iterator[Verdict]:
    """A verdict for each quantity that the baseline has of the target; none of one that refuses the model."""
    before = baseline.targets.get(measured.target)
    if before is None or measured.refusal is not None:
        return
    if measured.score is not None and before.score is not None:
        yield _score(measured, before.score, baseline.metric, tolerance)
    if (cost := measured.cost) is None or measured.clocked:
        return
    if before.energy_j is not None:
        grown = _grown(measured, before)
        yield _cost("energy", measured.target, cost.energy_j.best, before.energy_j, "J", tolerance, grown)
    if before.latency_s is not None:
        yield _cost("latency", measured.target, cost.latency_s.best, before.latency_s, "s", tolerance)


def notes_on_baseline(results: tuple[PointResult, ...], baseline: Baseline) -> Iterator[str]:
    """What a reader must know of a comparison with a baseline: what is not compared, and what else changed."""
    for measured in results:
        before = baseline.targets.get(measured.target)
        if measured.refusal is not None:
            continue
        if before is None:
            yield f"{measured.target} is not in the baseline: add it with --update-baseline"
            continue
        clocked = measured.clocked
        if clocked:
            yield f"{measured.target}: energy and latency are not held to the baseline: the clock says them"
        if dict(before.options) != dict(measured.options):
            names = sorted({*before.options, *measured.options})
            changed = (
                f"{name} {before.options.get(name)} -> {measured.options.get(name)}"
                for name in names
                if before.options.get(name) != measured.options.get(name)
            )
            yield f"{measured.target}: options differ from the baseline's: {', '.join(changed)}"
        if measured.cost is not None and not clocked and set(before.missing) != set(measured.cost.missing):
            yield f"{measured.target}: the prices that are missing are not those of the baseline"
    checked = {measured.target for measured in results}
    for target in sorted(set(baseline.targets) - checked):
        yield f"{target} is in the baseline, and was not checked"


def _score(measured: PointResult, before: float, metric: MetricName, tolerance: Tolerance) -> Verdict:
    score, target = measured.score, measured.target
    assert score is not None
    errs = lower_is_better(metric)
    worse = score > before * (1 + tolerance.cost) if errs else score < before - tolerance.score - 1e-9
    fault = None
    if worse:
        room = f"{100 * tolerance.cost:g} %" if errs else shown(metric, tolerance.score).replace("%", "points")
        fault = Fault(
            f"{target}: {metric} fell back to {shown(metric, score)} from the baseline's"
            f" {shown(metric, before)} (tolerance {room})", _ACCEPT,
        )  # fmt: skip
    return Verdict(target, "score", "baseline", score, before, fault)


def _cost(
    quantity: Quantity, target: str, now: float, before: float, unit: str, tolerance: Tolerance, grown: str = ""
) -> Verdict:
    fault = None
    if now > before * (1 + tolerance.cost):
        fault = Fault(
            f"{target}: {quantity} {change(now, before)}, {si(now, unit)} after the baseline's {si(before, unit)}"
            f" (tolerance {100 * tolerance.cost:g} %){grown}", _ACCEPT,
        )  # fmt: skip
    return Verdict(target, quantity, "baseline", now, before, fault)


def change(now: float, before: float) -> str:
    """A change in percent, as in '+12 %'; of nothing, none can be given."""
    if not before:
        return "new"
    percent = round(100 * (now / before - 1), 1)
    return f"{percent:+.3g} %" if percent else "0 %"


def _grown(measured: PointResult, before: TargetBaseline) -> str:
    """The layers whose energy grew most, the largest growth first; empty where none did."""
    now = {each.node: each.energy_j.best for each in measured.layers if each.energy_j is not None}
    grown = {name: energy - before.energy_by_layer_j.get(name, 0.0) for name, energy in now.items()}
    grew = (name for name, more in grown.items() if more > 1e-5 * now[name])  # a baseline has 6 digits
    largest = sorted(grew, key=grown.__getitem__)
    if not largest:
        return "; no layer grew"
    parts = (_layer(name, now[name], before) for name in reversed(largest[-_LAYERS:]))
    return f": {', '.join(parts)}"


def _layer(name: str, now: float, before: TargetBaseline) -> str:
    known = before.energy_by_layer_j.get(name)
    return f"layer {name} is new ({si(now, 'J')})" if not known else f"layer {name} {change(now, known)}"
