"""Models of several inputs: an array for each by its name, from files, from Python, and at random."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nmc
from nmc import datasets, reference
from nmc.data_source import ArrayFile, EventRecordings, Selection
from nmc.datasets.stand_in import with_stand_in
from nmc.errors import ModelError, UsageError
from nmc.frontends.dump import dump
from nmc.model import Model, Task
from nmc.text import parse

TWO = """
a = Input(shape=(6,))
b = Input(shape=(4,))
p = Linear(a, features=8, weight='w')
q = Linear(b, features=8, weight='v')
s = Add(p, q)
r = Relu(s)
z = Linear(r, features=3, weight='u')
return z"""
MIXED = """
dt = 0.001
a = Input(shape=(6,), stream=True)
b = Input(shape=(2,))
k = ConstantCurrent(b)
p = Linear(a, features=5, weight='w')
q = Linear(k, features=5, weight='v')
n = IF(p, q, threshold=1.0)
z = Sum(n)
return z"""
TOKENS = """
ids = Input(shape=(5,))
mask = Input(shape=(5, 1))
moved = Reshape(ids, shape=(5,))
e = Embedding(moved, rows=7, features=3, weight='w')
zero = Constant(value='zero', shape=(5, 3))
on = Equal(mask, mask)
kept = Where(mask, e, zero)
f = Flatten(kept)
g = Flatten(on)
both = Concat(f, g)
z = Linear(both, features=4, weight='u')
return z"""
RNG = np.random.default_rng(0)


def random(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def two(task: Task | None = None) -> Model:
    return Model("two", parse(TWO), {"w": random(8, 6), "v": random(8, 4), "u": random(3, 8)}, task=task).checked()


def mixed() -> Model:
    return Model("mixed", parse(MIXED), {"w": random(5, 6), "v": random(5, 2)}, steps=12).checked()


def tokens() -> Model:
    arrays = {"w": random(7, 3), "zero": np.zeros((5, 3), np.float32), "u": random(4, 20)}
    return Model("tokens", parse(TOKENS), arrays).checked()


def written(folder: Path, **arrays: np.ndarray) -> Path:
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


def test_a_file_has_an_array_for_each_input(tmp_path: Path) -> None:
    path = written(tmp_path, b=np.arange(12).reshape(3, 4), a=np.arange(18).reshape(3, 6), y=[0, 1, 2])
    part = ArrayFile(path=path, selection=Selection(samples=2))
    data = datasets.test_data(two(Task("classification", "accuracy", test=path, calibration=part)))
    assert data.x["a"].shape == (3, 6) and data.x["b"].dtype == np.float64 and data.y.tolist() == [0, 1, 2]
    held = datasets.calibration(two(Task("classification", "accuracy", test=path, calibration=part)))
    assert held is not None and held["b"].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_the_answer_is_that_of_arrays_by_name(tmp_path: Path) -> None:
    parts = {"a": random(3, 6), "b": random(3, 4)}
    model = two()
    sample = datasets.read_samples(written(tmp_path, **parts), model)
    assert np.array_equal(reference.run(model, sample.x)["z"], reference.run(model, parts)["z"])


def test_names_of_onnx_with_dots_are_found(tmp_path: Path) -> None:
    model = Model("m", parse("input_1 = Input(shape=(2,))\nb = Input(shape=(2,))\nz = Add(input_1, b)\nreturn z"), {})
    sample = datasets.read_samples(written(tmp_path, **{"input.1": random(2, 2), "b": random(2, 2)}), model)
    assert sample.x.dtype.names == ("input_1", "b")


def test_an_input_called_y_leaves_the_name_labels(tmp_path: Path) -> None:
    graph = parse("x = Input(shape=(2,))\ny = Input(shape=(2,))\nz = Add(x, y)\nreturn z")
    path = written(tmp_path, x=random(2, 2), y=random(2, 2), labels=[0, 1])
    data = datasets.test_data(Model("m", graph, {}, task=Task("classification", "accuracy", test=path)))
    assert data.x.dtype.names == ("x", "y") and data.y.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"a": (3, 6)}, "has no array for the input b"),
        ({"x": (3, 6)}, "has no array for the inputs a, b"),
        ({"a": (3, 6), "b": (2, 4)}, "differ in their number of samples: a 3, b 2"),
        ({"a": (3, 5), "b": (3, 4)}, r"a has shape \[3, 5\], but the input a takes \[samples, 6\]"),
        ({"a": (0, 6), "b": (0, 4)}, "number of samples: a 0, b 0"),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, arrays: dict[str, tuple[int, ...]], says: str) -> None:
    path = written(tmp_path, **{name: np.zeros(shape) for name, shape in arrays.items()})
    with pytest.raises(ModelError, match=says) as caught:
        datasets.test_data(two(Task("classification", "accuracy", test=path)))
    assert caught.value.faults[0].remedy


def test_the_remedy_names_every_input(tmp_path: Path) -> None:
    for source in (EventRecordings(path=tmp_path), written(tmp_path, x=random(3, 6))):
        with pytest.raises(ModelError, match=r"numpy.savez\(path, a=..., b=..., y=...\)"):
            datasets.test_data(two(Task("classification", "accuracy", test=source)))


def test_tokens_that_are_in_no_row_are_refused(tmp_path: Path) -> None:
    for ids, says in ((7, "0 to 6"), (-1, "0 to 6"), (0.5, "whole numbers")):
        path = written(tmp_path, ids=np.full((2, 5), ids), mask=np.ones((2, 5, 1)))
        with pytest.raises(ModelError, match=says):
            datasets.read_samples(path, tokens())


def test_noise_is_what_each_input_takes() -> None:
    test = with_stand_in(tokens()).task.test  # type: ignore[union-attr]
    assert set(np.unique(test.x["ids"])) == set(range(7)) and set(np.unique(test.x["mask"])) == {0, 1}  # type: ignore[union-attr]
    stream = with_stand_in(mixed()).task.test  # type: ignore[union-attr]
    assert stream.x["a"].shape[1:] == (12, 6) and stream.x["b"].shape[1:] == (2,)  # type: ignore[union-attr]


TARGETS = ("cpu", "gpu-sim", "tpu-sim", "loihi-sim", "loihi2-sim")


@pytest.mark.parametrize("make", [two, mixed, tokens], ids=["two", "mixed", "tokens"])
def test_every_target_takes_random_data_for_each_input(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A table of tokens is no place for neurons, which says so; nothing else refuses."""
    found = nmc.compare(make(), TARGETS, samples=20, directory=tmp_path)
    refused = {row.target: row.refusal for row in found if row.refusal}
    if make is tokens:
        assert set(refused) <= {"loihi-sim", "loihi2-sim"}, refused
    else:
        assert not refused
    assert found.rows[0].score == 1.0 or found.metric != "accuracy"
    assert all(row.score is None or row.score > 0.7 for row in found if found.metric == "accuracy")


def test_python_gives_arrays_by_name(tmp_path: Path) -> None:
    model = two()
    parts = {"b": random(40, 4), "a": random(40, 6)}
    labels = reference.run(model, parts)["z"].argmax(axis=1)
    found = nmc.compare(model, ["cpu", "loihi-sim"], data=(parts, labels), directory=tmp_path)
    assert found.reference_score == found.rows[0].score == 1.0 and found.test.samples == 40
    program = nmc.compile(model, "cpu", tmp_path / "p")
    ran = nmc.run(program, parts).outputs["z"]
    np.testing.assert_allclose(ran, reference.run(model, parts)["z"], rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(nmc.run(program, data=lambda: (parts, labels)).outputs["z"], ran)


def test_a_folder_keeps_the_data_of_each_input(tmp_path: Path) -> None:
    parts = {"a": random(9, 6), "b": random(9, 4)}
    given = datasets.with_test_data(two(), (parts, np.arange(9) % 3))
    assert given.task is not None
    held = replace(given, task=replace(given.task, calibration=given.task.test))
    again = nmc.load(dump(held, tmp_path / "two").parent)
    data, calibration = datasets.test_data(again), datasets.calibration(again)
    assert calibration is not None
    for name, array in parts.items():
        np.testing.assert_allclose(data.x[name], array)
        np.testing.assert_allclose(calibration[name], array)


def test_files_become_the_data_of_a_model(tmp_path: Path) -> None:
    """Whole numbers are classes; values are not; calibration alone leaves the task to the output."""
    calibration = written(tmp_path, a=random(9, 6), b=random(9, 4))
    (tmp_path / "t").mkdir()
    for y, kind in ((np.arange(9) % 3, "classification"), (random(9, 3), "regression")):
        test = written(tmp_path / "t", a=random(9, 6), b=random(9, 4), y=y)
        given = datasets.with_files(two(), test, calibration)
        assert given.task is not None and (given.task.kind, given.task.test) == (kind, test)
    assert datasets.with_files(two(), calibration=calibration).task.kind == "classification"  # type: ignore[union-attr]
    with pytest.raises(UsageError, match=r"no file[\s\S]*a=..., b=..."):
        datasets.with_files(two(), tmp_path / "none.npz")
    with pytest.raises(ModelError, match="has no array 'y'"):
        datasets.with_files(two(), calibration)
