"""nmc convert: what it writes, its report, and what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest

import nmc as api
from nmc import datasets, reference
from nmc.errors import NmcError
from nmc.nodes.tensor import MaxPool2d


def test_what_it_writes_is_a_model_like_any_other(nmc, tmp_path):
    """On the chip it gives what the network itself gives there; a processor takes it, too."""
    done = nmc("convert", "digits-cnn", "-t", "loihi-sim", "--steps", "8", "-O", "charge=0.5", "-o", "spiking")
    assert done.returncode == 0 and "model: spiking/model.yaml" in done.stdout, done.stderr
    model = api.load(tmp_path / "spiking")
    x = datasets.test_data(model).x[:20]
    straight = api.compile("digits-cnn", "loihi-sim", tmp_path / "straight", steps=8, charge=0.5)
    (want,) = api.run(straight, x).outputs.values()
    (have,) = api.run(api.compile(model, "loihi-sim", tmp_path / "again"), x).outputs.values()
    assert np.array_equal(have, want)
    (real,) = api.run(api.compile(model, "cpu", tmp_path / "cpu"), x).outputs.values()
    assert np.mean(real.argmax(axis=1) == want.argmax(axis=1)) >= 0.9


def test_python_gives_the_same_model(tmp_path):
    model = api.convert("digits-cnn", "loihi2-sim", tmp_path / "m", neurons="sigma-delta", steps=2)
    assert (model.name, model.steps) == ("digits-cnn-sigma-delta", 2)
    assert str(api.load(tmp_path / "m").graph) == str(model.graph)


def test_a_processor_runs_the_spiking_form(tmp_path):
    """That which it compiles itself is what the converted model means."""
    options = {"form": "spiking", "reset": "subtract", "charge": 0.5, "steps": 4}
    x = datasets.test_data(api.load("digits-cnn")).x[:10]
    (have,) = api.run(api.compile("digits-cnn", "cpu", tmp_path / "p", **options), x).outputs.values()
    (want,) = reference.run(api.convert("digits-cnn", "cpu", **options), x).values()
    np.testing.assert_allclose(have, want, atol=1e-4 * np.abs(want).max())


def test_the_report_goes_through_the_layers(nmc):
    done = nmc(
        "convert", "digits-cnn", "-t", "loihi-sim", "--steps", "16", "--report", "--samples", "100", "--json"
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)["report"]
    errors = [layer["error"] for layer in report["layers"]]
    assert [error["layer"] for error in errors] == ["relu1", "relu2", "relu3", "logits"]
    assert [error["neurons"] for error in errors] == [16 * 64, 32 * 16, 32 * 16, 0]
    for error, layer in zip(errors[:3], report["layers"], strict=False):
        assert 0 < error["relative_rms"] < 0.5 and 0 < layer["rounding"] < 0.5
        assert error["spikes"] == pytest.approx(error["rate"] * 16 * error["neurons"])
    assert errors[0]["relative_rms"] < errors[2]["relative_rms"]
    assert report["layers"][-1]["score"] == report["converted"]
    assert report["replaced"] is None and report["samples"] == 100
    assert min(report["network"], report["converted"], report["integers"]) > 0.95


def test_the_report_as_a_table(nmc):
    done = nmc("convert", "digits-cnn", "-t", "cpu", "-O", "form=spiking", "--steps", "4", "--report", "--samples", "9")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line.startswith("  ") and line.strip()}
    assert "relu2" in rows and "score so far" in rows["layer"]
    assert "the network" in done.stdout and "in the integers" not in done.stdout


def test_replaced_pooling_has_a_score_of_its_own():
    model = api.load("digits-cnn")
    pool = model.graph["pool"]
    largest = model.with_(model.graph.replace(MaxPool2d(name="pool", inputs=pool.inputs, kernel=pool.kernel)))
    report = api.conversion_report(
        largest, "loihi2-sim", samples=100, neurons="sigma-delta", max_pool="pairwise", steps=2
    )
    assert report.replaced == report.network == report.converted
    assert report.pools == {"pool": pytest.approx(0, abs=1e-12)}
    assert [layer.error.layer for layer in report.layers][3:] == ["pool_lead", "pool_lead_2", "pool_lead_3", "logits"]


@pytest.mark.parametrize(("name", "target", "options", "says"), [
    ("digits-cnn", "cpu", {}, "cpu takes ordinary networks as they are: it converts none"),
    ("digits-snn", "loihi-sim", {}, "digits-snn works in time already"),
    ("digits-cnn", "loihi-sim", {"charge": 1}, "give a fraction from 0 to below 1"),
    ("digits-cnn", "loihi-sim", {"max_pool": "median"}, "'refuse', 'average' or 'pairwise'"),
])  # fmt: skip
def test_what_it_refuses(name, target, options, says):
    with pytest.raises(NmcError) as caught:
        api.convert(name, target, **options)
    assert says in str(caught.value)


def test_a_folder_that_is_taken_stays_as_it_is(nmc, tmp_path):
    (tmp_path / "taken").touch()
    done = nmc("convert", "digits-cnn", "-t", "loihi-sim", "--steps", "2", "-o", ".")
    assert done.returncode == 2 and "is there already" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
