"""How much is run: by an estimate, before anything is."""

from __future__ import annotations

import numpy as np
import pytest

from nmc.model import Model
from nmc.text import parse
from nmc.verification.trial import MOST_S, SAMPLES, STEPS, step_cost, trial

STREAM = """dt = 0.001
x = Input(shape=(4,), stream=True)
f = Linear(x, features={n}, weight='w')
y = LIF(f, decay=0.5)
return y"""


def model(n: int, steps: int | None = None) -> Model:
    return Model("m", parse(STREAM.format(n=n)), {"w": np.ones((n, 4))}, steps)


def test_small_models_are_run_on_all_there_is() -> None:
    found = trial(model(3, 40), None, [model(3, 40)])
    assert found is not None and (found.samples, found.steps, found.cut) == (SAMPLES, 40, "")


def test_real_samples_are_spread_over_the_calibration_data() -> None:
    x = np.arange(100.0)[:, None, None] + np.zeros((100, 12, 4))
    found = trial(model(3), x, [model(3)])
    assert found is not None and found.steps == 12
    assert found.feeds["x"][0, 0, 0] == 0 and found.feeds["x"][-1, 0, 0] == 99
    every = trial(model(3), x, [model(3)], "full")
    assert every is not None and every.samples == 100


@pytest.mark.parametrize("n", [1_000, 20_000, 300_000])
def test_large_models_are_cut_to_what_there_is_time_for(n: int) -> None:
    large = model(n, 1000)
    found = trial(large, None, [large])
    assert found is not None and found.steps is not None
    fixed_s, each_s = step_cost(large)
    assert found.steps * (fixed_s + found.samples * each_s) <= MOST_S or (found.samples, found.steps) == (1, 1)
    assert found.steps < STEPS or found.samples < SAMPLES or not found.cut
    assert bool(found.cut) == (found.samples < SAMPLES or found.steps < STEPS)


def test_random_samples_go_below_zero_too() -> None:
    found = trial(model(3, 40), None, [model(3, 40)])
    assert found is not None and found.feeds["x"][0::2].min() >= 0 > found.feeds["x"][1::2].min()


def test_without_an_input_there_is_no_run() -> None:
    constant = Model("m", parse("c = Constant(value='v', shape=(2,))\nreturn c"), {"v": np.ones(2)})
    assert trial(constant, None, [constant]) is None
