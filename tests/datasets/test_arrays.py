"""The data of a task: read without running code, fitted to the model, scored."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nmc import datasets
from nmc.datasets import calibration, read_samples, score, write_arrays
from nmc.errors import ModelError, NmcError, ToolError, UsageError
from nmc.model import Model, Task
from nmc.text import parse

CLASSES = "x = Input(shape=(2,))\ny = Relu(x)\nreturn y"
STREAM = "dt = 0.001\nx = Input(shape=(2,), stream=True)\ny = Last(x)\nreturn y"
X = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 3.0]])
Y = np.array([1, 0, 1])


def model(path: Path | None, graph: str = CLASSES, kind: str = "classification", steps: int | None = None) -> Model:
    metric = "accuracy" if kind == "classification" else "mean-squared-error"
    return Model("m", parse(graph), {}, steps, Task(kind, metric, test=path, calibration=path))  # type: ignore[arg-type]


def saved(folder: Path, **arrays: np.ndarray) -> Path:
    np.savez(folder / "test.npz", **arrays)
    return folder / "test.npz"


def test_samples_labels_and_where_they_come_from(tmp_path: Path) -> None:
    path = saved(tmp_path, x=X.astype(np.float32), y=Y)
    data = datasets.test_data(model(path))
    assert data.x.dtype == np.float64 and np.array_equal(data.x, X) and np.array_equal(data.y, Y)
    assert data.name == "m/test.npz"
    assert data.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_first_samples(tmp_path: Path) -> None:
    data = datasets.test_data(model(saved(tmp_path, x=X, y=Y)), samples=2)
    assert data.x.shape == (2, 2) and data.y.shape == (2,)
    with pytest.raises(UsageError, match="1 sample or more"):
        datasets.test_data(model(saved(tmp_path, x=X, y=Y)), samples=0)


def test_calibration_needs_no_labels(tmp_path: Path) -> None:
    assert np.array_equal(calibration(model(saved(tmp_path, x=X))), X)  # type: ignore[arg-type]
    np.save(tmp_path / "x.npy", X)
    assert np.array_equal(calibration(model(tmp_path / "x.npy")), X)  # type: ignore[arg-type]
    assert calibration(model(None)) is None
    assert calibration(Model("m", parse(CLASSES), {})) is None


def test_a_model_without_test_data_says_how_to_give_some() -> None:
    for without in (model(None), Model("m", parse(CLASSES), {})):
        with pytest.raises(ModelError, match=r"no test data[\s\S]*data: {test: test.npz}"):
            datasets.test_data(without)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"y": Y}, "has no array 'x'"),
        ({"x": X}, "has no array 'y'"),
        ({"x": X[0], "y": Y}, r"x has shape \[2\], but the input takes \[samples, 2\]"),
        ({"x": X[:, :1], "y": Y}, r"x has shape \[3, 1\]"),
        ({"x": X[:0], "y": Y[:0]}, r"x has shape \[0, 2\]"),
        ({"x": X * np.nan, "y": Y}, "6 values that are NaN"),
        ({"x": X + 1j, "y": Y}, "complex128, not real numbers"),
        ({"x": X.astype(str), "y": Y}, "not real numbers"),
        ({"x": X, "y": Y[:2]}, r"x has 3 samples, y has shape \(2,\)"),
        ({"x": X, "y": Y[0]}, r"y has shape \(\)"),
        ({"x": X, "y": np.array(["a", "b", "c"])}, "not numbers"),
        ({"x": X, "y": Y.astype(float)}, "classes are whole numbers"),
        ({"x": X, "y": np.eye(3)[:, :2].astype(int)}, "classes are whole numbers"),
        ({"x": X, "y": Y + 1}, "classes 1 to 2, but y has 2 outputs: 0 to 1"),
        ({"x": X, "y": Y - 1}, "classes -1 to 0"),
    ],
)
def test_data_that_does_not_fit(tmp_path: Path, arrays: dict[str, np.ndarray], says: str) -> None:
    with pytest.raises(ModelError, match=says) as caught:
        datasets.test_data(model(saved(tmp_path, **arrays)))
    assert caught.value.faults[0].remedy


def test_streams(tmp_path: Path) -> None:
    x = np.ones((3, 4, 2))
    path = saved(tmp_path, x=x, y=Y)
    assert datasets.test_data(model(path, STREAM, steps=4)).x.shape == (3, 4, 2)
    with pytest.raises(ModelError, match="4 steps, but a run lasts 5"):
        datasets.test_data(model(path, STREAM, steps=5))
    with pytest.raises(ModelError, match=r"input takes \[samples, steps, 2\]"):
        datasets.test_data(model(saved(tmp_path, x=X, y=Y), STREAM))


@pytest.mark.parametrize("graph", ["x = Input(shape=(2,))\ny = Reshape(x, shape=(2, 1))\nreturn y", STREAM + "\n"])
def test_classes_need_one_score_each(tmp_path: Path, graph: str) -> None:
    """Neither an image nor a stream is a score for each class."""
    graph = graph.replace("y = Last(x)", "y = Relu(x)")
    x = np.ones((3, 4, 2)) if "stream" in graph else X
    with pytest.raises(ModelError, match=r"node 'y': classification takes an output of shape \(classes,\)"):
        datasets.test_data(model(saved(tmp_path, x=x, y=Y), graph))


def test_values_for_regression(tmp_path: Path) -> None:
    assert datasets.test_data(model(saved(tmp_path, x=X, y=X), kind="regression")).y.shape == (3, 2)
    with pytest.raises(ModelError, match=r"y has shape \[3\], but y puts out finite values \[samples, 2\]"):
        datasets.test_data(model(saved(tmp_path, x=X, y=Y), kind="regression"))
    stream = STREAM.replace("Last", "Relu")
    x = np.ones((3, 4, 2))
    assert datasets.test_data(model(saved(tmp_path, x=x, y=x), stream, "regression")).y.shape == (3, 4, 2)


def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    np.savez(tmp_path / "objects.npz", x=np.array([{}, {}], dtype=object))
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(X))
    for name in ("objects.npz", "pickle.npz"):
        with pytest.raises(ModelError, match=r"not a whole .npz[\s\S]*numpy.savez"):
            calibration(model(tmp_path / name))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), st.sampled_from(["npz", "npy"]))
def test_a_damaged_file_is_one_clear_error(tmp_path: Path, data: st.DataObject, form: str) -> None:
    path = tmp_path / f"test.{form}"
    np.savez_compressed(path, x=X, y=Y) if form == "npz" else np.save(path, X)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.none() | st.integers(0, len(content)))])
    try:
        read_samples(path, model(None))
    except NmcError as error:
        assert len(error.faults) == 1 and error.faults[0].remedy


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        datasets.test_data(model(tmp_path / "none.npz"))
    with pytest.raises(UsageError, match="there is no file"):
        read_samples(tmp_path / "none.npy", model(None))


def test_samples_for_a_run(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X.astype(np.uint8))
    assert np.array_equal(read_samples(tmp_path / "x.npy", model(None)).x, X)
    assert np.array_equal(read_samples(saved(tmp_path, x=X), model(None)).x, X)


def test_arrays_are_written_whole(tmp_path: Path) -> None:
    write_arrays(tmp_path / "out.npz", {"logits": X, "file": Y})
    with np.load(tmp_path / "out.npz") as read:
        assert np.array_equal(read["logits"], X) and np.array_equal(read["file"], Y)
    with pytest.raises(ToolError, match="cannot write"):
        write_arrays(tmp_path / "out.npz" / "more.npz", {"logits": X})
    assert [path.name for path in tmp_path.iterdir()] == ["out.npz"]


def test_accuracy() -> None:
    """Right: the first and the second. Equal outputs count as the first class; NaN is never right."""
    outputs = np.array([[0.1, 0.9], [0.5, 0.5], [0.9, 0.1], [np.nan, 0.0]])
    assert score(Task("classification", "accuracy"), outputs, np.array([1, 0, 1, 0])) == 0.5


def test_mean_squared_error() -> None:
    """((1 - 0)^2 + (2 - 2)^2 + (3 - 5)^2 + 0) / 4 = 1.25, for unsigned labels too."""
    outputs = np.array([[1.0, 2.0], [3.0, 4.0]])
    labels = np.array([[0, 2], [5, 4]], dtype=np.uint8)
    assert score(Task("regression", "mean-squared-error"), outputs, labels) == 1.25
