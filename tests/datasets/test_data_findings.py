"""Warnings about data: each is given for data that has the fault, and for none that has it not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nmc
from nmc import datasets
from nmc.data_source import Arrays
from nmc.datasets import with_test_data
from nmc.errors import ModelError, UsageError
from nmc.model import Model, Task
from nmc.sweeps.measure import Subject
from nmc.text import parse

RNG = np.random.default_rng(0)
WEIGHT = RNG.standard_normal((5, 8))
X = RNG.random((200, 8))
Y = (X @ WEIGHT.T).argmax(axis=1)
GRAPH = "x = Input(shape=(8,))\ny = Linear(x, features=5, weight='w')\nreturn y"


def model(graph: str = GRAPH, **task: object) -> Model:
    facts = {"kind": "classification", "metric": "accuracy", **task}
    return Model("m", parse(graph), {"w": WEIGHT}, task=Task(**facts))  # type: ignore[arg-type]


def names(x: np.ndarray, y: np.ndarray, calibration: np.ndarray = X, **task: object) -> list[str]:
    """The warnings that a model gets for test data."""
    given = model(**task)
    assert given.task is not None
    held = replace(given, task=replace(given.task, test=Arrays(x, y), calibration=Arrays(calibration)))
    return [finding.name for finding in Subject.of(held).findings]


def test_sound_data_gets_no_warning() -> None:
    assert names(X, Y) == []


@pytest.mark.parametrize(
    ("x", "y", "warned"),
    [
        (X[:20], Y[:20], "few-samples"),
        (255 * X, Y, "data-range"),
        (X / 255, Y, "data-range"),
        (X + 10, Y, "data-range"),
        (X * [1, 1, 1, 0, 0, 0, 0, 0], Y, "constant-data"),
        (np.zeros_like(X), Y, "constant-data"),
        (np.repeat(X[:1], 200, axis=0), Y, "constant-data"),
        (X, np.full(200, 3), "one-label"),
        (X, (Y + 1) % 5, "labels-shifted"),
        (X, (Y + 4) % 5, "labels-shifted"),
        (X, (Y + 2) % 5, "no-better-than-guessing"),
        (np.repeat(X[:1], 200, axis=0), Y, "one-answer"),
    ],
)
def test_each_fault_has_its_warning(x: np.ndarray, y: np.ndarray, warned: str) -> None:
    assert warned in names(x, y), names(x, y)


def test_values_that_are_worse_than_their_mean() -> None:
    values = X @ WEIGHT.T
    regression = {"kind": "regression", "metric": "mean-squared-error"}
    assert names(X, values + 0.1 * RNG.standard_normal(values.shape), **regression) == []
    assert names(X, 255 * RNG.standard_normal(values.shape), **regression) == ["no-better-than-guessing"]


def test_of_several_inputs_each_has_its_own_warning() -> None:
    graph = parse(
        "a = Input(shape=(8,))\nb = Input(shape=(8,))\ns = Add(a, b)\ny = Linear(s, features=5, weight='w')\nreturn y"
    )
    two = with_test_data(Model("m", graph, {"w": WEIGHT}), ({"a": X, "b": 255 * X}, Y))
    assert two.task is not None
    calibrated = replace(two, task=replace(two.task, calibration=with_test_data(two, ({"a": X, "b": X}, Y)).task.test))  # type: ignore[union-attr]
    found = {finding.name: finding.what for finding in Subject.of(calibrated).findings}
    assert found["data-range"].startswith("the input b is 0")


STREAM = "dt = 0.001\nx = Input(shape=(4,), stream=True)\ny = Sum(x)\nreturn y"


@pytest.mark.parametrize(("filled", "warned"), [(1, True), (2, True), (5, False), (20, False)])
def test_a_stream_that_is_empty_at_most_steps(filled: int, warned: bool) -> None:
    """Of 20 steps, values in 1 or 2 are few."""
    x = np.zeros((40, 20, 4))
    x[:, :filled] = RNG.random((40, filled, 4)) + 0.1
    given = Model("m", parse(STREAM), {}, task=Task("classification", "accuracy", test=Arrays(x, x.sum(1).argmax(1))))
    assert ("empty-steps" in [finding.name for finding in Subject.of(given).findings]) is warned


@pytest.mark.parametrize(
    ("y", "remedy"),
    [
        (np.eye(5)[Y], r"y\.argmax\(axis=1\)"),
        (np.eye(5, dtype=int)[Y], r"y\.argmax\(axis=1\)"),
        (Y.astype(float), r"y\.reshape\(len\(y\)\)\.astype"),
        (Y[:, None], r"y\.reshape\(len\(y\)\)\.astype"),
        (np.arange(200) % 5 + 1, "number the classes from 0: y - 1"),
    ],
    ids=["one-hot", "one-hot whole", "floats", "a column", "from 1"],
)  # fmt: skip
def test_labels_of_another_form_are_refused_with_a_remedy_that_works(y: np.ndarray, remedy: str) -> None:
    with pytest.raises(ModelError, match=remedy):
        datasets.test_data(model(test=Arrays(X, y)))
    mended = {"y.arg": lambda: y.argmax(axis=1), "y.res": lambda: y.reshape(len(y)).astype(np.int64)}
    mend: Callable[[], np.ndarray] = mended.get(remedy.replace("\\", "")[:5], lambda: y - 1)
    assert datasets.test_data(model(test=Arrays(X, mend()))).y.shape == (200,)


def test_one_hot_labels_are_no_values_for_a_model_without_a_task() -> None:
    with pytest.raises(UsageError, match=r"one-hot[\s\S]*argmax"):
        with_test_data(Model("m", parse(GRAPH), {"w": WEIGHT}), (X, np.eye(5)[Y]))


def test_every_report_shows_the_warnings(tmp_path: Path) -> None:
    """Table, Markdown, notebook, JSON, CSV and page."""
    from nmc.report.files import write_file

    found = nmc.compare(model(test=Arrays(255 * X, Y), calibration=Arrays(X)), ["cpu"], directory=tmp_path / "p")
    assert [finding.name for finding in found.findings] == ["data-range"]
    texts = [str(found), found._repr_html_()]
    for suffix in ("md", "json", "csv", "html"):
        write_file((found,), tmp_path / f"r.{suffix}")
        texts.append((tmp_path / f"r.{suffix}").read_text())
    assert all("data-range" in text for text in texts)
