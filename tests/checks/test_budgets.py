"""Which targets are checked, and what each is held to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

import nmc
from checks.conftest import Check
from checks.small import GENEROUS, write_small
from nmc.checks.budgets import budgets_of, checked_targets
from nmc.comparison import DEFAULT_TARGETS
from nmc.errors import ModelError
from nmc.model import Budget, Model


def held(model: Model, chosen: tuple[str, ...] | None = None) -> Mapping[str, Budget]:
    """The budgets of the targets that are checked."""
    return budgets_of(model, checked_targets(model, chosen))


def test_those_that_the_budgets_name(tmp_path: Path) -> None:
    model = nmc.load(write_small(tmp_path, "{tpu-sim: {max_latency: 1 ms}, loihi-sim: {min_accuracy: 0.9}}"))
    assert held(model) == {"tpu-sim": Budget(max_latency_s=1e-3), "loihi-sim": Budget(min_accuracy=0.9)}


def test_one_for_all_goes_to_the_default_targets_and_to_those_given(tmp_path: Path) -> None:
    model = nmc.load(write_small(tmp_path, "{'*': {min_accuracy: 0.9}, h100-sim: {max_energy: 1 J, hold: high}}"))
    assert set(held(model)) == {"h100-sim", *DEFAULT_TARGETS}
    assert held(model)["h100-sim"] == Budget(min_accuracy=0.9, max_energy_j=1.0, hold="high")
    assert held(model, ("gpu-sim",)) == {"gpu-sim": Budget(min_accuracy=0.9)}


def test_a_budget_without_limits_asks_that_the_target_takes_the_model(check: Check, tmp_path: Path) -> None:
    write_small(tmp_path, "{loihi-sim: {}}")
    assert "loihi-sim   compile    taken" in check(".").out


def test_an_error_has_a_limit_of_its_own(tmp_path: Path) -> None:
    """Outputs are 5 off everywhere, so the mean squared error is 25 and more."""
    import numpy as np

    write_small(tmp_path, "{cpu: {max_error: 20}}")
    text = (tmp_path / "model.yaml").read_text()
    (tmp_path / "model.yaml").write_text(text.replace("classification", "regression"))
    model = nmc.load(tmp_path)
    x = np.random.default_rng(0).uniform(size=(8, 4))
    right = np.stack([x[:, 0], x[:, 1]], axis=1)
    np.savez(tmp_path / "test.npz", x=x, y=right + 5)
    (fault,) = nmc.check(model).faults
    assert "cpu: mean-squared-error 25 is over the budget of 20 by 5, on 8 samples" in fault.what
    np.savez(tmp_path / "test.npz", x=x, y=right)
    assert nmc.check(model).faults == ()
    (tmp_path / "model.yaml").write_text(text.replace("classification", "regression").replace("max_err", "min_accur"))
    with pytest.raises(ModelError):
        nmc.load(tmp_path)


def test_what_a_pass_rests_on_is_noted() -> None:
    text = str(nmc.check("digits-snn", ["loihi-sim"], samples=4))
    assert "loihi-sim: the energy is a lower bound: not included, never published: barrier" in text


def test_a_target_that_is_a_clock_is_said_to_be_one(check: Check, tmp_path: Path) -> None:
    write_small(tmp_path, f"{{cpu: {GENEROUS}}}")
    assert "cpu: energy and latency were measured on this machine" in check(".").out
