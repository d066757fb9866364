"""A model under test: what the pytest fixture `nmc_model` gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from nmc.backends import target_named
from nmc.backends.target import Options, Target
from nmc.checks.baseline import check_comparable, read_baseline
from nmc.checks.budgets import budgets_of, checked_targets
from nmc.checks.check import judged
from nmc.checks.regression import Tolerance
from nmc.comparison import compare_targets
from nmc.datasets import test_data
from nmc.errors import ModelError, UsageError
from nmc.model import Model
from nmc.sweeps.result import Cost, PointResult
from nmc.units.interval import Interval

Runs = dict[tuple[str, int | None], PointResult]
"""What was measured already, by target and number of samples."""


class BudgetError(AssertionError):
    """A model broke a budget, or fell behind its baseline; says every limit that it broke."""


@dataclass(frozen=True, eq=False)
class ModelUnderTest:
    """A model, the target it is tested on (None: all that have a budget), and how.

    Each target runs once, when first asked for; `runs` keeps what came out, for all tests that share it.
    """

    model: Model
    target: str | None = None
    samples: int | None = None
    baseline: Path | None = None
    tolerance: Tolerance = field(default_factory=Tolerance)
    runs: Runs = field(default_factory=dict, repr=False)

    def check(self) -> None:
        """Hold the model to its budgets, and to the baseline. Raises BudgetError; UsageError where there are none."""
        __tracebackhide__ = True
        targets = checked_targets(self.model, None if self.target is None else (self.target,))
        budgets = budgets_of(self.model, targets)
        before = None if self.baseline is None else read_baseline(self.baseline)
        if before is not None:
            check_comparable(before, self.model, test_data(self.model, self.samples).record)
        results = tuple(map(self._run, targets))
        faults = judged(self.model, results, budgets, before, self.tolerance).faults
        if faults:
            raise BudgetError("\n".join(map(str, faults)))

    @property
    def result(self) -> PointResult:
        """Everything measured on the target. Raises UsageError where several have a budget and none is named."""
        if self.target is not None:
            return self._run(target_named(self.target))
        targets = checked_targets(self.model)
        if len(targets) > 1:
            raise UsageError(
                f"{self.model.name} has budgets for several targets: {', '.join(t.name for t in targets)}",
                f"name one, as in @pytest.mark.nmc(..., target={targets[0].given!r})",
            )
        return self._run(targets[0])

    @property
    def score(self) -> float:
        """The task's metric on the target. Raises ModelError where it refuses the model."""
        result = self.result
        if result.score is None:
            raise ModelError(f"{result.target} refuses the model: {result.refusal}", "choose another target")
        return result.score

    @property
    def energy_j(self) -> Interval:
        """Energy of one inference in joules; a lower bound where its cost has `missing` prices."""
        return self._cost().energy_j

    @property
    def latency_s(self) -> Interval:
        """Time of one inference in seconds."""
        return self._cost().latency_s

    def _cost(self) -> Cost:
        result = self.result
        if result.cost is None:
            reason = result.refusal or "it is a simulator with no chip behind it"
            raise ModelError(f"there is no cost on {result.target}: {reason}", "choose another target")
        return result.cost

    def _run(self, target: Target[Options]) -> PointResult:
        key = (target.name, self.samples)
        if key not in self.runs:
            (self.runs[key],) = compare_targets(self.model, (target,), {}, samples=self.samples).rows
        return self.runs[key]
