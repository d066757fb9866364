"""Every model of the zoo keeps its own budgets."""

from __future__ import annotations

import pytest

from nmc import api, zoo
from nmc.checks.budgets import budgets_of, checked_targets


@pytest.mark.parametrize("name", zoo.names())
def test_a_model_of_the_zoo_is_within_its_budgets(name: str) -> None:
    model = zoo.load(name)
    assert model.task is not None and model.task.budgets, f"{name} has no budgets: add them to its model.yaml"
    held = budgets_of(model, checked_targets(model))
    assert all(limits.max_latency_s or limits.max_energy_j for limits in held.values()), name
    check = api.check(model)
    assert check.faults == (), str(check)
