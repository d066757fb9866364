"""The doubt of a model on targets, with drawn weights and with their means."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import nmc
from nmc.bayes.quality import Quality
from nmc.bayes.uncertainty import TargetUncertainty
from nmc.bayes.unknown import unknown_samples
from nmc.cli import application
from nmc.data_source import Arrays
from nmc.errors import ModelError, UsageError
from nmc.frontends.weights import read
from nmc.model import Array, Model, Task
from nmc.text import parse

LINE = """
input = Input(shape=(2,))
fc = Linear(input, features=3, weight='fc.weight')
return fc
"""
WEIGHT = np.array([[4.0, 0.0], [0.0, 4.0], [-4.0, -4.0]], np.float32)


def points(count: int, seed: int) -> Arrays:
    x = np.random.default_rng(seed).normal(size=(count, 2))
    return Arrays(x, (x @ WEIGHT.T).argmax(axis=1))


def model(spread: float, calibration: Arrays | None = None) -> Model:
    graph = parse(LINE)
    task = Task("classification", "accuracy", points(60, 0), calibration or points(40, 1))
    deviations = {"fc.weight": np.full_like(WEIGHT, spread)}
    return Model("points", graph, {"fc.weight": WEIGHT}, task=task, deviations=deviations).checked()


def qualities(row: TargetUncertainty) -> tuple[Quality, Quality]:
    assert row.drawn is not None and row.point is not None, row.refusal
    return row.drawn, row.point


def test_weights_that_are_certain_are_the_point_network() -> None:
    drawn, point = qualities(nmc.uncertainty(model(0.0), ["tpu-sim"], draws=3)["tpu-sim"])
    assert drawn.negative_log_likelihood == pytest.approx(point.negative_log_likelihood)
    assert drawn.entropy == pytest.approx(point.entropy)
    assert drawn.mutual_information == pytest.approx(0)


def test_an_answer_costs_an_inference_for_each_draw() -> None:
    drawn, point = qualities(nmc.uncertainty(model(0.5), ["tpu-sim"], draws=4)["tpu-sim"])
    assert drawn.energy_j and drawn.total_energy_j and drawn.total_latency_s and drawn.latency_s
    assert drawn.total_energy_j.best == pytest.approx(4 * drawn.energy_j.best)
    assert drawn.total_latency_s.best == pytest.approx(4 * drawn.latency_s.best)
    assert point.total_energy_j == point.energy_j


def test_wider_weights_doubt_more() -> None:
    doubt = [qualities(nmc.uncertainty(model(s), ["cpu"], draws=16)["cpu"])[0] for s in (0.1, 1.0, 4.0)]
    assert doubt[0].mutual_information < doubt[1].mutual_information < doubt[2].mutual_information
    assert doubt[0].entropy < doubt[2].entropy


def test_a_seed_decides_all() -> None:
    first, again, other = (nmc.uncertainty(model(1.0), ["tpu-sim"], draws=2, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first["tpu-sim"].drawn != other["tpu-sim"].drawn


def test_a_temperature_is_fitted_for_both_alike() -> None:
    """Labels that are drawn at a quarter of the scores want a temperature of four, of the draws and of the means."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(3000, 2))
    noisy = (x @ WEIGHT.T / 4 + rng.gumbel(size=(3000, 3))).argmax(axis=1)
    found = nmc.uncertainty(model(0.1, Arrays(x, noisy)), ["cpu"], draws=3, fit_temperature=True)
    assert [quality.temperature for quality in qualities(found["cpu"])] == pytest.approx([4, 4], rel=0.15)


def test_unknown_samples_keep_what_they_should() -> None:
    x = np.random.default_rng(0).uniform(2, 3, (5, 2, 8))
    streams = replace(
        model(0.1),
        graph=parse("""
dt = 0.001
input = Input(shape=(8,), stream=True)
fc = Linear(input, features=3, weight='w')
last = Last(fc)
return last
"""),
    )
    sets = unknown_samples(streams, x, seed=0)
    moved = sets["permuted"]
    assert np.array_equal(np.sort(moved, axis=2), np.sort(x, axis=2)) and not np.array_equal(moved, x)
    for sample, away in zip(x, moved, strict=True):
        order = [int(np.flatnonzero(sample[0] == value)[0]) for value in away[0]]
        assert np.array_equal(away, sample[:, order])  # every step in the order of the first
    assert x.min() <= sets["noise"].min() <= sets["noise"].max() <= x.max()


def test_samples_of_a_file(tmp_path: Path) -> None:
    np.save(tmp_path / "far.npy", np.full((9, 2), 1e-3))
    _, point = qualities(nmc.uncertainty(model(0.1), ["cpu"], draws=1, ood=tmp_path / "far.npy")["cpu"])
    assert list(point.unknown) == ["permuted", "noise", "far.npy"]
    assert point.unknown["far.npy"].entropy == pytest.approx(np.log(3), abs=1e-4)
    assert point.unknown["far.npy"].auroc > 0.95


def test_a_target_that_refuses_the_model_says_why() -> None:
    graph = parse(
        LINE.replace("return fc", "sine = Sin(fc)\nhidden = Linear(sine, features=3, weight='fc2')\nreturn hidden")
    )
    odd = replace(model(0.1), graph=graph, weights={"fc.weight": WEIGHT, "fc2": np.eye(3)})
    found = nmc.uncertainty(odd, ["loihi-sim", "cpu"], draws=1)
    assert "Sin" in (found["loihi-sim"].refusal or "")
    assert found["cpu"].drawn is not None


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        ({"deviations": {}}, UsageError, "no deviations"),
        (
            {"task": Task("regression", "mean-squared-error", Arrays(np.ones((1, 2)), np.ones((1, 3))))},
            UsageError,
            "classes",
        ),
        (
            {"task": Task("classification", "accuracy", points(9, 0), Arrays(np.ones((9, 2))))},
            ModelError,
            "no array 'y'",
        ),
        ({"task": Task("classification", "accuracy", points(9, 0))}, ModelError, "no calibration data"),
    ],
)
def test_what_has_no_doubt_to_measure(change: dict[str, object], kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says):
        nmc.uncertainty(replace(model(0.1), **change), ["cpu"], fit_temperature=True)  # type: ignore[arg-type]


def test_no_draws() -> None:
    with pytest.raises(UsageError, match="0 draws"):
        nmc.uncertainty(model(0.1), ["cpu"], draws=0)


def shipped_point() -> Model:
    """The network of digits-bayes trained by plain backprop, as one without doubt."""
    chosen = nmc.load("digits-bayes")
    arrays: dict[str, Array] = dict(read(Path(str(files("nmc.models.digits_bayes") / "point.safetensors"))))
    return replace(chosen, weights=arrays, deviations={name: 0 * array for name, array in arrays.items()})


@pytest.mark.parametrize("target", ["cpu", "loihi-sim"])
def test_digits_bayes_knows_what_it_does_not_know(target: str) -> None:
    drawn, _ = qualities(nmc.uncertainty("digits-bayes", [target])[target])
    _, point = qualities(nmc.uncertainty(shipped_point(), [target], draws=1)[target])
    assert drawn.calibration_error < point.calibration_error
    assert drawn.negative_log_likelihood < point.negative_log_likelihood
    assert min(doubt.auroc for doubt in drawn.unknown.values()) >= 0.9
    assert all(drawn.unknown[name].auroc > point.unknown[name].auroc for name in drawn.unknown)


def commanded(arguments: Sequence[str]) -> str:
    done = CliRunner().invoke(application(["uncertainty"]), ["uncertainty", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_says_the_same() -> None:
    arguments = ["digits-bayes", "--draws", "2", "--samples", "9"]
    row = json.loads(commanded([*arguments, "--targets", "tpu-sim", "--json"]))["rows"][0]
    table = commanded([*arguments, "--targets", "tpu-sim,cpu"])
    assert row["drawn"]["total_energy_j"]["best"] == pytest.approx(2 * row["drawn"]["energy_j"]["best"])
    assert f"{row['drawn']['calibration_error']:.4f}" in table and "2 draws" in table
    assert f"{row['drawn']['unknown']['noise']['auroc']:.3f}" in table
