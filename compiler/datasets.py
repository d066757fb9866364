"""The data of a model's task: read without running code, checked against the model, and scored."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nmc.errors import ModelError, ToolError, UsageError
from nmc.model import Array, FloatArray, Model, Task
from nmc.nodes.tensor import Input


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled samples: x [samples, *shape], or [samples, steps, *shape] where the input streams.

    y is [samples] whole numbers for classes, or the values of the output. `digest` is the SHA-256 of
    the file that they come from.
    """

    x: FloatArray
    y: Array
    name: str
    digest: str


def test_data(model: Model, samples: int | None = None) -> Dataset:
    """The task's test set, or its first `samples`, fit for the model.

    Raises ModelError where there is none, or it does not fit, and UsageError for a wrong number.
    """
    path = model.task.test if model.task is not None else None
    if model.task is None or path is None:
        raise ModelError(
            f"the model {model.name} has no test data", "add a task with 'data: {test: test.npz}' to its model.yaml"
        )
    if samples is not None and samples < 1:
        raise UsageError(f"a test of {samples} samples", "test 1 sample or more")
    arrays, digest = _read(path)
    if "y" not in arrays:
        raise ModelError(f"{path} has no array 'y'", "write x and y: numpy.savez(path, x=samples, y=labels)")
    x, y = _fitting(model, path, arrays["x"]), arrays["y"]
    if y.dtype.kind not in "biuf":
        raise ModelError(f"{path}: y holds {y.dtype}, not numbers", "store labels as whole numbers, values as floats")
    if len(np.atleast_1d(y)) != len(x) or y.ndim == 0:
        raise ModelError(f"{path}: x has {len(x)} samples, y has shape {y.shape}", "give one label for each sample")
    if model.task.metric == "accuracy":
        _check_classes(model, path, y)
    else:
        _check_values(model, path, y, x)
    return Dataset(x[:samples], y[:samples], f"{model.name}/{path.name}", digest)


def calibration(model: Model) -> FloatArray | None:
    """The task's calibration samples, fit for the model; None where it has none. Raises ModelError."""
    path = model.task.calibration if model.task is not None else None
    return _fitting(model, path, _read(path)[0]["x"]) if path is not None else None


def read_samples(path: Path) -> FloatArray:
    """Samples from an .npy file, or from the array 'x' of an .npz. Raises UsageError or ModelError."""
    if not path.is_file():
        raise UsageError(f"there is no file {path}", "give an .npy file, or an .npz with an array 'x'")
    x = _read(path)[0]["x"]
    _check_numbers(path, x)
    return x.astype(np.float64)


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write arrays as an .npz file, whole or not at all. Raises ToolError."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(scratch, "w") as archive:
            for name, array in arrays.items():  # numpy.savez cannot write an array called 'file'
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, np.asarray(array), allow_pickle=False)
        scratch.replace(path)
    except OSError as error:
        raise ToolError(f"cannot write {path}: {error.strerror or error}", "check the path and the disk") from None
    finally:
        scratch.unlink(missing_ok=True)


def score(task: Task, outputs: FloatArray, labels: Array) -> float:
    """How good outputs [samples, ...] are, by the task's metric.

    accuracy: the share of samples whose largest output is the labelled one; of equals the first counts,
    and an output that is not finite is never right. mean-squared-error: over all values.
    """
    if task.metric == "accuracy":
        right = (outputs.argmax(axis=-1) == labels) & np.isfinite(outputs).all(axis=-1)
        return float(np.mean(right))
    return float(np.mean((outputs - labels.astype(np.float64)) ** 2))


def _read(path: Path) -> tuple[Mapping[str, Array], str]:
    """The arrays of a data file, an .npy as 'x', and its SHA-256."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return {"x": loaded}, digest
            arrays = {name: loaded[name] for name in ("x", "y") if name in loaded.files}
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}", "check the file") from None
    except Exception as error:  # damaged files fail in zipfile, zlib, tokenize and NumPy, each with its own errors
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ModelError(
            f"{path} is not a whole .npz or .npy file of plain arrays: {reason}",
            "write it again: numpy.savez(path, x=samples, y=labels)",
        ) from None
    if "x" not in arrays:
        raise ModelError(f"{path} has no array 'x'", "write x and y: numpy.savez(path, x=samples, y=labels)")
    return arrays, digest


def _check_numbers(path: Path, x: Array) -> None:
    if x.dtype.kind not in "biuf":
        raise ModelError(f"{path}: x holds {x.dtype}, not real numbers", "store the samples as float32")
    if not np.isfinite(x).all():
        count = int(x.size - np.count_nonzero(np.isfinite(x)))
        raise ModelError(f"{path}: x holds {count} values that are NaN or infinite", "clean the samples first")


def _fitting(model: Model, path: Path, x: Array) -> FloatArray:
    """The samples in double precision, of the shape that the model's only input takes."""
    inputs = [node for node in model.graph if isinstance(node, Input)]
    if len(inputs) != 1:
        raise ModelError(f"{path}: data files are for models with one input, not {len(inputs)}", "join the inputs")
    node = inputs[0]
    form = ("samples", "steps", *node.shape) if node.stream else ("samples", *node.shape)
    if x.ndim != len(form) or x.shape[x.ndim - len(node.shape) :] != node.shape or not x.size:
        raise ModelError(
            f"{path}: x has shape {list(x.shape)}, but the input takes [{', '.join(map(str, form))}]",
            "mend the data, or the input's shape",
        )
    if node.stream and model.steps is not None and x.shape[1] < model.steps:
        raise ModelError(
            f"{path}: x has {x.shape[1]} steps, but a run lasts {model.steps}", "give longer streams, or lower 'steps'"
        )
    _check_numbers(path, x)
    return x.astype(np.float64)


def _check_classes(model: Model, path: Path, y: Array) -> None:
    """Class numbers against the first output."""
    name = model.graph.outputs[0]
    signal = model.graph.signals[name]
    if len(signal.shape) != 1 or signal.timing == "stream":
        form = f"shape {signal.shape}{' at every step' if signal.timing == 'stream' else ''}"
        raise ModelError(
            f"classification takes an output of shape (classes,), but it has {form}",
            "end with Flatten, or a readout such as Last, Sum or Mean",
            node=name,
            where=model.graph.sources.get(name),
        )
    if y.ndim != 1 or y.dtype.kind not in "biu":
        raise ModelError(
            f"{path}: y holds {y.dtype} of shape {list(y.shape)}, but classes are whole numbers [samples]",
            "write class numbers: y.astype(numpy.int64)",
        )
    classes = signal.shape[0]
    if y.min() < 0 or y.max() >= classes:
        raise ModelError(
            f"{path}: y holds classes {y.min()} to {y.max()}, but {name} has {classes} outputs: 0 to {classes - 1}",
            "number the classes from 0, or mend the output's size",
        )


def _check_values(model: Model, path: Path, y: Array, x: FloatArray) -> None:
    """Values to come near to against the first output."""
    name = model.graph.outputs[0]
    signal = model.graph.signals[name]
    streams = any(isinstance(node, Input) and node.stream for node in model.graph)
    steps = (x.shape[1] if streams else model.steps,) if signal.timing == "stream" else ()
    if y.shape[1:] != (*steps, *signal.shape) or not np.isfinite(y).all():
        wanted = ", ".join(map(str, ("samples", *steps, *signal.shape)))
        raise ModelError(
            f"{path}: y has shape {list(y.shape)}, but {name} puts out finite values [{wanted}]",
            "mend the labels, or the output",
        )
