"""Data that Python code gives, and what results say of data."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nmc
from nmc import datasets
from nmc.data_source import ArrayFile, Arrays, Selection
from nmc.errors import ModelError, UsageError
from nmc.model import Model, Task
from nmc.text import parse

GRAPH = parse("x = Input(shape=(2,))\ny = Relu(x)\nreturn y")
X = np.array([[1.0, 0.0], [0.0, 1.0], [2.0, 1.0], [0.0, 3.0]])
Y = np.array([0, 1, 0, 0])


def halves() -> tuple[np.ndarray, np.ndarray]:
    return X / 2, Y


def test_compare_takes_a_function(tmp_path: Path) -> None:
    """Three of four are right; a model without a task is scored by accuracy where labels are classes."""
    result = nmc.compare(Model("m", GRAPH, {}), ["cpu"], data=halves, directory=tmp_path)
    assert (result.metric, result.samples, result.reference_score, result.rows[0].score) == ("accuracy", 4, 0.75, 0.75)
    assert result.test.name == "halves" and result.calibration is None
    assert result.test.digest == nmc.compare(Model("m", GRAPH, {}), [], data=(X / 2, Y)).test.digest
    assert nmc.compare(Model("m", GRAPH, {}), [], data=(X, X)).metric == "mean-squared-error"


def test_data_that_is_wrong() -> None:
    with pytest.raises(UsageError, match="have no labels"):
        nmc.compare(Model("m", GRAPH, {}), [], data=lambda: X)
    with pytest.raises(UsageError, match="are no arrays"):
        nmc.compare(Model("m", GRAPH, {}), [], data=lambda: ([[1.0], [1.0, 2.0]], Y))
    with pytest.raises(ModelError, match=r"x has shape \[4, 1\]"):
        nmc.compare(Model("m", GRAPH, {}), [], data=(X[:, :1], Y))


def test_run_takes_a_function(tmp_path: Path) -> None:
    program = nmc.compile(Model("m", GRAPH, {}), "cpu", tmp_path / "p")
    np.testing.assert_array_equal(nmc.run(program, data=halves).outputs["y"], X / 2)
    for both in ({"x": X, "data": halves}, {}):
        with pytest.raises(UsageError, match="either x or data"):
            nmc.run(program, **both)


def test_results_record_what_they_were_measured_on(tmp_path: Path) -> None:
    """The file's digest, and which part of it: shares of one seed have no sample in common."""
    path = tmp_path / "all.npz"
    np.savez(path, x=X, y=Y)
    parts = [ArrayFile(path=path, selection=Selection(share=share, seed=1)) for share in ((0.0, 0.5), (0.5, 1.0))]
    model = Model("m", GRAPH, {}, task=Task("classification", "accuracy", test=parts[0], calibration=parts[1]))
    result = nmc.compare(model, ["tpu-sim"], directory=tmp_path / "p")
    assert result.calibration is not None
    for record, part in ((result.test, parts[0]), (result.calibration, parts[1])):
        assert record.digest == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (record.name, record.samples, record.selection) == ("m/all.npz", 2, part.selection)
    assert "test data: 2 samples of m/all.npz" in str(result) and "share 0.5 to 1, shuffled with seed 1" in str(result)
    split = np.concatenate([datasets.test_data(model).x, datasets.calibration(model)])  # type: ignore[list-item]
    assert sorted(map(tuple, split)) == sorted(map(tuple, X))


def test_a_share_may_be_too_small(tmp_path: Path) -> None:
    path = tmp_path / "all.npz"
    np.savez(path, x=X, y=Y)
    few = ArrayFile(path=path, selection=Selection(share=(0.9, 0.95)))
    model = Model("m", GRAPH, {}, task=Task("classification", "accuracy", test=few))
    with pytest.raises(ModelError, match="none of the 4 samples is selected"):
        datasets.test_data(model)


def test_arrays_in_memory_are_a_source() -> None:
    model = Model("m", GRAPH, {}, task=Task("classification", "accuracy", test=Arrays(X, Y), calibration=Arrays(X)))
    assert datasets.test_data(model, 3).record.samples == 3
    assert np.array_equal(datasets.calibration(model), X)  # type: ignore[arg-type]
    again = replace(model, task=replace(model.task, calibration=datasets.calibration_data(model)))  # type: ignore[type-var]
    assert datasets.calibration_data(again).record == datasets.calibration_data(model).record  # type: ignore[union-attr]


def test_small_archives_that_hold_much_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nmc.datasets.arrays.LIMIT_BYTES", 1000)
    np.savez_compressed(tmp_path / "zeros.npz", x=np.zeros((200, 2)))
    with pytest.raises(ModelError, match="holds 0 MiB of arrays, more than 0"):
        datasets.read_samples(tmp_path / "zeros.npz", Model("m", GRAPH, {}))
