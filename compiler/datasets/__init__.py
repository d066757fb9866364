"""The data of a model's task: read without running code, checked against the model, and scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmc.data_source import (
    EVERYTHING,
    ArrayFile,
    Arrays,
    DataRecord,
    EventRecordings,
    ImageFolder,
    Selection,
    Source,
    TorchvisionSet,
)  # fmt: skip
from nmc.datasets.arrays import read_arrays, write_arrays
from nmc.datasets.fitting import (
    check_numbers,
    fitting_labels,
    fitting_samples,
    inputs_of,
    labels_name,
    one_hot,
    only_input,
    picked,
    writing,
)
from nmc.datasets.listing import Samples, digest_of, gathered, selected
from nmc.errors import ModelError, UsageError
from nmc.findings import Finding
from nmc.metrics import metric_of
from nmc.model import Array, FloatArray, Model, Task
from nmc.side_by_side import joined

__all__ = [
    "Data", "Dataset", "calibration", "calibration_data", "given_samples", "judged", "labelled_calibration",
    "read_samples", "score", "test_data", "train_data", "with_files", "with_test_data", "write_arrays",
]  # fmt: skip

Given = ArrayLike | Mapping[str, ArrayLike]
"""Samples of one input, or of several by their names."""
Data = Given | tuple[Given, ArrayLike] | Callable[[], Given | tuple[Given, ArrayLike]]
"""Samples that Python code gives, with labels or without, or a function that returns them."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled samples: x [samples, *shape], or [samples, steps, *shape] where the input streams.

    Of several inputs, x is a structured array [samples], see `nmc.side_by_side`. y is [samples] whole numbers
    for classes, or the values of the output. `record` says where they come from, `findings` what the reading found.
    """

    x: FloatArray
    y: Array
    record: DataRecord
    findings: tuple[Finding, ...] = ()

    @property
    def name(self) -> str:
        """What the data is called."""
        return self.record.name

    @property
    def digest(self) -> str:
        """SHA-256 of the array file, or of the samples and labels where they come from elsewhere."""
        return self.record.digest


def test_data(model: Model, samples: int | None = None) -> Dataset:
    """The task's test set, or its first `samples`, fit for the model; for control, states that the model comes to.

    Raises ModelError where there is none, or it does not fit, UsageError for a wrong number, and ToolError
    where a package that reads it is missing.
    """
    if samples is not None and samples < 1:
        raise UsageError(f"a test of {samples} samples", "test 1 sample or more")
    return _labelled(model, "test", samples)


def train_data(model: Model) -> Dataset:
    """The task's training set, fit for the model. Raises what `test_data` raises."""
    return _labelled(model, "train", None)


def labelled_calibration(model: Model) -> Dataset:
    """The task's calibration samples with their labels. Raises what `test_data` raises; also without labels."""
    return _labelled(model, "calibration", None)


def _labelled(model: Model, split: Literal["test", "train", "calibration"], limit: int | None) -> Dataset:
    task = model.task
    if task is not None and task.control is not None and split == "test":
        from nmc.control.score import played

        return played(model, task.control, limit).data
    sources = {} if task is None else {"test": task.test, "train": task.train, "calibration": task.calibration}
    source = sources.get(split)
    if task is None or source is None:
        raise ModelError(
            f"the model {model.name} has no {split} data",
            f"add a task with 'data: {{{split}: {split}.npz}}' to its model.yaml",
        )
    read = _read(model, source, limit)
    name = _place(source)
    x = fitting_samples(model, name, read.x)
    return Dataset(x, fitting_labels(model, task, name, read.y, x), read.record, read.findings)


def calibration_data(model: Model) -> Arrays | None:
    """The task's calibration samples, fit for the model, and their record; None where it has none.

    Raises ModelError, or ToolError where a package that reads them is missing.
    """
    source = model.task.calibration if model.task is not None else None
    if source is None:
        return None
    read = _read(model, source)
    return Arrays(fitting_samples(model, _place(source), read.x), name=read.record.name, record=read.record)


def calibration(model: Model) -> FloatArray | None:
    """The task's calibration samples alone; see `calibration_data`."""
    data = calibration_data(model)
    return None if data is None else cast(FloatArray, data.x)


def read_samples(path: Path, model: Model) -> Arrays:
    """Samples of an .npy file, or those that an .npz has for the model's inputs. Raises UsageError or ModelError."""
    if not path.is_file():
        raise UsageError(f"there is no file {path}", f"give an .npy file, or an .npz: {writing(model)}")
    arrays, digest = read_arrays(path, _names(model))
    x, _ = picked(model, str(path), arrays)
    if x.dtype.names is None:
        check_numbers(str(path), x)
        x = x.astype(np.float64)
    else:
        x = fitting_samples(model, str(path), x)
    count = len(x) if x.ndim else 0
    return Arrays(x, name=path.name, record=DataRecord(path.name, digest, count))


def given_samples(data: Data) -> Arrays:
    """Samples and labels that Python code gives: a pair (x, y), x alone, or a function that returns either.

    x is an array or, for several inputs, one for each by its name. They are named after the function. What
    it raises is the caller's. Raises UsageError where they are no arrays.
    """
    name = getattr(data, "__qualname__", type(data).__name__) if callable(data) else "arrays"
    given = data() if callable(data) else data
    x, y = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
    try:
        if isinstance(x, Mapping):
            whole = joined(name, {str(part): np.asarray(array) for part, array in x.items()})
        else:
            whole = np.asarray(x)
        return Arrays(whole, None if y is None else np.asarray(y), name)
    except ValueError as error:
        raise UsageError(f"the data of {name} are no arrays: {error}", "give x and y, each with one shape") from None


def with_test_data(model: Model, data: Data) -> Model:
    """The model with other test data. One without a task gets one: classes where y is [samples] whole numbers.

    Raises UsageError where there are no labels, or one-hot ones for a model without a task, and for a task of control.
    """
    if model.task is not None and model.task.control is not None:
        raise UsageError(f"{model.name} acts in {model.task.control.environment}: no data can take its place")
    given = given_samples(data)
    if given.y is None:
        raise UsageError(f"the data of {given.name} have no labels", "give a pair (x, y)")
    if model.task is None and one_hot(given.y):
        raise UsageError(
            f"the labels of {given.name} are one-hot, [samples, {given.y.shape[1]}]", "give classes: y.argmax(axis=1)"
        )
    classes = given.y.ndim == 1 and given.y.dtype.kind in "biu"
    unknown = Task("classification", "accuracy") if classes else Task("regression", "mean-squared-error")
    return replace(model, task=replace(model.task or unknown, test=given))


def with_files(model: Model, test: Path | None = None, calibration: Path | None = None) -> Model:
    """The model with array files as its test and calibration data, which fit it.

    One without a task gets one: classes where labels are [samples] whole numbers or, without labels, where it puts out
    several numbers for each sample. Raises UsageError for a missing file, ModelError for one that does not fit.
    """
    files = [path for path in (test, calibration) if path is not None]
    if missing := [path for path in files if not path.is_file()]:
        raise UsageError(f"there is no file {missing[0]}", f"write one in Python: {writing(model)}")
    if not files:
        return model
    if model.task is None:
        signal = model.graph.signals[model.graph.outputs[0]]
        classes = len(signal.shape) == 1 and signal.shape[0] > 1 and signal.timing != "stream"
        if test is not None:
            y = read_arrays(test, (labels_name(model),))[0].get(labels_name(model))
            classes = y is not None and (one_hot(y) or (y.ndim == 1 and y.dtype.kind in "biu"))
        unknown = Task("classification", "accuracy") if classes else Task("regression", "mean-squared-error")
        model = replace(model, task=unknown)
    assert model.task is not None
    task = model.task
    given = replace(model, task=replace(task, test=test or task.test, calibration=calibration or task.calibration))
    if test is not None:
        test_data(given)
    calibration_data(given)
    return given


def score(task: Task, outputs: FloatArray, labels: Array) -> float:
    """How good outputs [samples, ...] are, by the task's metric; see `nmc.metrics`.

    What a generator puts out goes to its judge first, in double precision. Raises ModelError where the judge does not
    take it, or the labels do not do for the metric, and for a task of control.
    """
    if task.control is not None:
        raise ModelError(
            f"outputs alone do not say how well a model acts in {task.control.environment}",
            "let it act: 'nmc compare' does so on every target, nmc.rollout in Python",
        )
    return metric_of(task.metric).measure(judged(task, outputs), labels)


def judged(task: Task, samples: FloatArray) -> FloatArray:
    """The class scores of the task's judge; the samples themselves where it has none.

    Of samples that are not finite, they are not finite.
    """
    judge = task.judge
    if judge is None:
        return samples
    from nmc import zoo
    from nmc.reference import run

    model = zoo.load(judge)
    finite = np.asarray(np.isfinite(samples).reshape(len(samples), -1).all(axis=1))
    fit = fitting_samples(model, f"what {judge} is to judge", _where(finite, samples, 0.0))
    scores = run(model, fit)[model.graph.outputs[0]]
    return _where(finite, scores, np.nan)


def _where(kept: NDArray[np.bool_], samples: FloatArray, otherwise: float) -> FloatArray:
    """The samples that are kept; in place of the others, one value."""
    return np.where(kept.reshape(-1, *(1,) * (samples.ndim - 1)), samples, otherwise)


def _read(model: Model, source: Source, limit: int | None = None) -> Samples:
    """The selected samples of a source, at most `limit`, in the form that the model's input takes."""
    match source:
        case Path():
            return _of_file(model, source, EVERYTHING, limit)
        case ArrayFile():
            return _of_file(model, source.path, source.selection, limit)
        case Arrays():
            return _of_arrays(source, limit)
    node = only_input(model, _place(source))
    match source:
        case EventRecordings():
            from nmc.datasets.events import event_listing

            return gathered(event_listing(source, node.shape, node.stream, model.steps), source.selection, limit)
        case ImageFolder():
            from nmc.datasets.images import image_listing

            return gathered(image_listing(source, node.shape), source.selection, limit)
        case TorchvisionSet():
            from nmc.datasets.torchvision_set import torchvision_listing

            return gathered(torchvision_listing(source, node.shape), source.selection, limit)


def _of_file(model: Model, path: Path, selection: Selection, limit: int | None) -> Samples:
    arrays, digest = read_arrays(path, _names(model))
    record = DataRecord(f"{model.name}/{path.name}", digest, 0, selection)
    return _part(*picked(model, str(path), arrays), record, limit)


def _names(model: Model) -> tuple[str, ...]:
    """What the arrays of a file may be called."""
    return (*inputs_of(model), "x", labels_name(model))


def _of_arrays(source: Arrays, limit: int | None) -> Samples:
    record = source.record or DataRecord(source.name, digest_of(source.x, source.y), 0)
    part = replace(record, selection=EVERYTHING)  # what a record names was selected before
    taken = _part(source.x, source.y, part, limit)
    return replace(taken, record=replace(taken.record, selection=record.selection))


def _part(x: Array, y: Array | None, record: DataRecord, limit: int | None) -> Samples:
    """The part of arrays that the record's selection takes, once they go together."""
    together = x.ndim and len(x) and (y is None or y.shape[:1] == x.shape[:1])
    if together and (record.selection != EVERYTHING or limit is not None):
        chosen = selected(record.name, record.selection, len(x), limit)
        x, y = x[chosen], None if y is None else y[chosen]
    return Samples(x, y, replace(record, samples=len(np.atleast_1d(x))))


def _place(source: Source) -> str:
    """What a source is called in messages."""
    match source:
        case Path():
            return str(source)
        case Arrays():
            return source.name
        case TorchvisionSet():
            return f"torchvision {source.dataset}"
    return str(source.path)
