"""A search within a budget."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nmc import zoo
from nmc.comparison import compare_targets
from nmc.errors import ModelError, UsageError
from nmc.model import Budget
from nmc.sweeps.store import opened
from nmc.tuning.space import search_space
from nmc.tuning.tune import tune

CNN = zoo.load("digits-cnn")
AXES = {"steps": [1, 2, 3], "weight_bits": [4, 8], "threshold_scale": [0.7, 1.0], "encoding": ["rate", "current"]}
SMALL = {"steps": [2, 4], "weight_bits": [4, 8], "threshold_scale": [1.0], "encoding": ["rate"]}


def test_the_space_has_what_each_target_takes() -> None:
    space = search_space(CNN, ["tpu-sim", "loihi-sim"], {"steps": ["8", "16"]})
    assert space.targets["tpu-sim"] == {"precision": ("int8",)}
    assert space.targets["loihi-sim"]["steps"] == (8, 16)
    assert space.targets["loihi-sim"]["weight_bits"] == (4, 5, 6, 7, 8)
    assert "encoding" not in search_space(zoo.load("digits-snn"), ["loihi-sim"], {}).targets["loihi-sim"]


@pytest.mark.parametrize("method", ["tpe", "nsga2"])
def test_a_seed_decides_what_is_measured(method: str) -> None:
    def found(seed: int) -> list[str]:
        tuning = tune(CNN, ["loihi-sim"], Budget(), axes=AXES, method=method, trials=4, samples=4, seed=seed)
        return [row.command for row in tuning.measured]

    first = found(1)
    assert first == found(1) and len(set(first)) == 4
    assert first != found(2)


def test_a_search_of_a_small_space_finds_what_the_grid_finds(tmp_path: Path) -> None:
    """Everything is measured, so that the choice is the front of the grid's rows that are within; nothing twice."""
    results = tmp_path / "r.duckdb"
    grid = compare_targets(CNN, ["loihi-sim"], SMALL, samples=20, results=results)
    worst = min(row.score for row in grid if row.score is not None)
    tuning = tune(
        CNN, ["loihi-sim"], Budget(min_accuracy=worst + 0.01), axes=SMALL, trials=4, samples=20, results=results
    )
    assert {row.key for row in tuning.measured} == {row.key for row in grid} and tuning.space == 4
    within = [row for row in grid if row.score is not None and row.score >= worst + 0.01]
    assert {row.key for row in tuning.chosen} <= {row.key for row in within} and tuning.chosen
    with opened(results) as store:
        assert len(store.all()) == 4


def test_nothing_is_within_a_budget_that_nothing_meets() -> None:
    tuning = tune(CNN, ["loihi-sim"], Budget(max_latency_s=1e-9), axes=SMALL, trials=2, samples=4)
    assert tuning.chosen == () and len(tuning.measured) == 2


def test_wrong_searches() -> None:
    with pytest.raises(UsageError, match="did you mean 'tpe'"):
        tune(CNN, ["cpu"], Budget(), method="tpa")
    with pytest.raises(UsageError, match="0 trials"):
        tune(CNN, ["cpu"], Budget(), trials=0)
    with pytest.raises(UsageError, match="'weight_bits'"):
        tune(CNN, ["loihi-sim"], Budget(), axes={"weight_bit": [4]})


def test_nothing_is_tuned_on_random_samples() -> None:
    """A comparison may take them, and says so; a search would settle on what means nothing."""
    model = zoo.load("digits-snn")
    assert model.task is not None
    without = replace(model, task=replace(model.task, test=None))
    with pytest.raises(ModelError, match="digits-snn has no test data"):
        tune(without, ["gpu-sim"], Budget(), trials=1)
