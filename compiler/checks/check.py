"""A model held to its budgets, and to a baseline if there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nmc.checks.baseline import Baseline, baseline_of, check_comparable, read_baseline, write_baseline
from nmc.checks.budgets import budgets_of, checked_targets
from nmc.checks.regression import Tolerance, held_to_baseline, notes_on_baseline
from nmc.checks.verdict import Verdict, held_to_budget
from nmc.comparison import compare_targets
from nmc.data_source import DataRecord
from nmc.datasets import test_data
from nmc.errors import Fault
from nmc.findings import each_once
from nmc.model import Budget, MetricName, Model
from nmc.sweeps.result import PointResult
from nmc.sweeps.sweep import Progress


@dataclass(frozen=True)
class Check:
    """The verdicts on a model, and what they rest on. `baseline` is the one it was held to."""

    model: str
    metric: MetricName
    data: DataRecord
    results: tuple[PointResult, ...]
    budgets: Mapping[str, Budget]
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()
    baseline: Baseline | None = None

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Every limit that was broken; empty if all is within."""
        return tuple(verdict.fault for verdict in self.verdicts if verdict.fault is not None)

    def __str__(self) -> str:
        from nmc.report.check_tables import check_text

        return check_text(self)


def check_model(
    model: Model,
    targets: tuple[str, ...] | None = None,
    *,
    samples: int | None = None,
    baseline: Path | None = None,
    update: bool = False,
    tolerance: Tolerance | None = None,
    progress: Progress | None = None,
) -> Check:
    """Run the model's test set on every target that it has a budget for, and hold the results to their limits.

    `baseline` is a file to hold them to, too; with `update` it is written instead. Raises UsageError for
    a model without budgets, an unknown target, or a baseline that is missing, damaged or of something else, before
    anything runs; ModelError for one without test data; ToolError where a tool is missing.
    """
    aims = checked_targets(model, targets)
    budgets = budgets_of(model, aims)
    before = read_baseline(baseline) if baseline is not None and not update else None
    if before is not None:
        check_comparable(before, model, test_data(model, samples).record)
    elif model.task is None or (model.task.test is None and model.task.control is None):
        test_data(model)  # refuses: a gate must not open on the random samples that a comparison would take
    results = compare_targets(model, aims, {}, samples=samples, progress=progress).rows
    if baseline is not None and before is None:
        write_baseline(baseline_of(model, results), baseline)
    return judged(model, results, budgets, before, tolerance or Tolerance())


def judged(
    model: Model,
    results: tuple[PointResult, ...],
    budgets: Mapping[str, Budget],
    baseline: Baseline | None,
    tolerance: Tolerance,
) -> Check:
    """The verdicts on results that there are, one or more; the baseline must be comparable."""
    assert model.task is not None  # it has budgets
    verdicts = [v for each in results for v in held_to_budget(model, each, budgets[each.target])]
    notes = [f"warning: {found}" for found in each_once([found for each in results for found in each.findings])]
    notes += [note for each in results for note in _notes(each, budgets[each.target])]
    if baseline is not None:
        verdicts += (v for each in results for v in held_to_baseline(each, baseline, tolerance))
        notes += notes_on_baseline(results, baseline)
    return Check(
        model.name, model.task.metric, results[0].data, results, budgets, tuple(verdicts), tuple(notes), baseline
    )


def _notes(measured: PointResult, budget: Budget) -> list[str]:
    """What a pass rests on."""
    notes = []
    missing = measured.cost.missing if measured.cost is not None else ()
    if missing and budget.allow_missing and budget.max_energy_j is not None:
        left_out = ", ".join(missing)
        notes.append(f"{measured.target}: the energy is a lower bound: not included, never published: {left_out}")
    if measured.clocked and (budget.max_energy_j is not None or budget.max_latency_s is not None):
        notes.append(f"{measured.target}: energy and latency were measured on this machine, and differ from run to run")
    return notes
