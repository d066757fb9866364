"""Weights drawn from the distributions of a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import nmc
from nmc import reference
from nmc.bayes.sampling import certain, sampled
from nmc.errors import ModelError
from nmc.frontends.dump import dump
from nmc.model import Array, Model

TEXT = """\
nmc: 1
name: doubtful
weights: weights.safetensors
deviations: {fc.weight: spread}
input: {shape: [200]}
nodes:
  fc: {kind: Linear, from: input, features: 100, bias: fc.bias}
output: fc
"""
MEAN = np.linspace(-1, 1, 20000, dtype=np.float32).reshape(100, 200)
SPREAD = np.full_like(MEAN, 0.5)
SPREAD[0] = 0.0


def written(folder: Path, text: str = TEXT, spread: Array = SPREAD) -> Path:
    save_file(
        {"fc.weight": MEAN, "fc.bias": np.zeros(100, np.float32), "spread": spread}, folder / "weights.safetensors"
    )
    (folder / "model.yaml").write_text(text)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return nmc.load(written(tmp_path))


def test_draws_have_the_mean_and_the_deviation(model: Model) -> None:
    drawn = sampled(model, seed=3)
    off = (drawn.weights["fc.weight"] - MEAN)[1:] / 0.5
    assert abs(off.mean()) < 0.03 and off.std() == pytest.approx(1, abs=0.03)
    assert np.array_equal(drawn.weights["fc.weight"][0], MEAN[0])
    assert drawn.weights["fc.weight"].dtype == np.float32
    assert not drawn.deviations and drawn.check() == []
    assert np.array_equal(drawn.weights["fc.bias"], model.weights["fc.bias"])


def test_a_seed_and_a_number_decide_a_draw(model: Model) -> None:
    def weights(seed: int, draw: int) -> Array:
        return sampled(model, seed, draw).weights["fc.weight"]

    assert np.array_equal(weights(1, 2), weights(1, 2))
    assert not np.array_equal(weights(1, 2), weights(1, 3))
    assert not np.array_equal(weights(1, 2), weights(2, 2))


def test_a_model_that_is_compiled_has_its_mean_weights(model: Model, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(2, 200))
    program = nmc.compile(model, "cpu", tmp_path / "program")
    found = nmc.run(program, x).outputs["fc"]
    assert found == pytest.approx(reference.run(certain(model), x)["fc"], abs=1e-4)


def test_what_is_written_is_read_back(model: Model, tmp_path: Path) -> None:
    both = replace(model, deviations={**model.deviations, "fc.bias": np.ones(100, np.float32)})
    again = nmc.load(dump(both, tmp_path / "again"))
    assert {name: array.tolist() for name, array in again.deviations.items()} == {
        name: array.tolist() for name, array in both.deviations.items()
    }


def test_what_a_pass_makes_of_a_model_has_the_means_alone() -> None:
    made = nmc.convert("digits-bayes", "loihi-sim")
    assert nmc.load("digits-bayes").deviations and not made.deviations


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("spread}", "none}", "the weights have no array 'none'"),
        ("{fc.weight: spread}", "{fc.wieght: spread}", "'fc.wieght', which no node reads"),
        ("{fc.weight: spread}", "{fc.bias: spread}", r"shape \(100, 200\), the array \(100,\)"),
        ("{fc.weight: spread}", "spread", "deviations"),
    ],
)
def test_faults_name_the_place(old: str, new: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=says) as caught:
        nmc.load(written(tmp_path, TEXT.replace(old, new)))
    where = caught.value.faults[0].where
    assert where is not None and where.line == 4


@pytest.mark.parametrize(("spread", "says"), [(-SPREAD - 1, "must hold values from 0"), (SPREAD * np.nan, "NaN")])
def test_a_deviation_is_a_number_from_0(spread: Array, says: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=says):
        nmc.load(written(tmp_path, spread=spread))
