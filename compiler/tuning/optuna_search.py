"""Search by Optuna: the tree-structured Parzen estimator, or the genetic algorithm NSGA-II, with constraints.

TPE: Ozaki et al. 2022, Journal of Artificial Intelligence Research 73; NSGA-II: Deb et al. 2002, IEEE Transactions
on Evolutionary Computation 6, 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nmc.errors import ToolError, UsageError
from nmc.sweeps.front import objectives
from nmc.sweeps.grid import Point, make_point
from nmc.tuning.problem import AT_ONCE, Problem, excess

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.samplers import BaseSampler

    from nmc.sweeps.result import PointResult

_PATIENCE = 10
"""A search ends, too, after this many times as many proposals as trials: the rest of the space is known."""


def tpe(problem: Problem) -> tuple[PointResult, ...]:
    """Search with the tree-structured Parzen estimator. Raises ToolError without Optuna."""
    _check_installed()
    from optuna.samplers import TPESampler

    return _search(problem, TPESampler(seed=problem.seed, n_startup_trials=max(AT_ONCE, problem.trials // 4)))


def nsga2(problem: Problem) -> tuple[PointResult, ...]:
    """Search with NSGA-II. Raises ToolError without Optuna."""
    _check_installed()
    from optuna.samplers import NSGAIISampler

    return _search(problem, NSGAIISampler(seed=problem.seed, population_size=max(AT_ONCE, problem.trials // 4)))


def _check_installed() -> None:
    try:
        import optuna
    except ImportError:
        raise ToolError("Optuna is not installed", "install it: pip install 'nmc[tune]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def _search(problem: Problem, sampler: BaseSampler) -> tuple[PointResult, ...]:
    """Ask for a few points, measure them, tell what came of them; over again."""
    import optuna

    study = optuna.create_study(directions=["minimize"] * 3, sampler=sampler)
    found: dict[str, PointResult] = {}
    proposals = 0
    while len(found) < problem.trials and proposals < _PATIENCE * problem.trials:
        asked = []
        for _ in range(min(AT_ONCE, problem.trials - len(found))):
            trial = study.ask()
            asked.append((trial, _point(problem, trial)))
        proposals += len(asked)
        results = iter(problem.measure([point for _, point in asked if point is not None]))
        for trial, point in asked:
            if point is None:
                _tell(study, trial, problem, None)
                continue
            result = next(results)
            found.setdefault(result.key, result)
            _tell(study, trial, problem, result)
    return tuple(found.values())


def _point(problem: Problem, trial: Trial) -> Point | None:
    """The point that a trial proposes; None where the target does not take its options together."""
    targets = list(problem.space.targets)
    target = trial.suggest_categorical("target", targets)
    options = {
        name: values[int(trial.suggest_categorical(f"{target}.{name}", list(range(len(values)))))]
        for name, values in problem.space.targets[target].items()
    }
    try:
        return make_point(problem.subject.model, problem.space.aims[target], options)
    except UsageError:
        return None


def _tell(study: Study, trial: Trial, problem: Problem, result: PointResult | None) -> None:
    """What came of a trial; one that was refused, or that has no cost, says nothing but that."""
    from optuna.trial import TrialState

    if result is None or result.score is None or result.cost is None:
        study.tell(trial, state=TrialState.FAIL)
        return
    for name, amount in excess(result, problem.budgets[result.target]).items():
        trial.set_constraint(name, amount)
    study.tell(trial, objectives(result))
