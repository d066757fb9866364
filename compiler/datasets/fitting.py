"""Whether samples and labels fit a model."""

from __future__ import annotations

from math import prod

import numpy as np

from nmc.errors import ModelError
from nmc.metrics import metric_of
from nmc.model import Array, FloatArray, Model, Task
from nmc.nodes.tensor import Input


def only_input(model: Model, name: str) -> Input:
    """The model's only input. Raises ModelError naming the data where there are several."""
    inputs = [node for node in model.graph if isinstance(node, Input)]
    if len(inputs) != 1:
        raise ModelError(f"{name}: data files are for models with one input, not {len(inputs)}", "join the inputs")
    return inputs[0]


def check_numbers(name: str, x: Array) -> None:
    """Raises ModelError where x holds anything but finite real numbers."""
    if x.dtype.kind not in "biuf":
        raise ModelError(f"{name}: x holds {x.dtype}, not real numbers", "store the samples as float32")
    if not np.isfinite(x).all():
        count = int(x.size - np.count_nonzero(np.isfinite(x)))
        raise ModelError(f"{name}: x holds {count} values that are NaN or infinite", "clean the samples first")


def fitting_samples(model: Model, name: str, x: Array) -> FloatArray:
    """The samples in double precision, of the shape that the model's only input takes. Raises ModelError."""
    node = only_input(model, name)
    form = ("samples", "steps", *node.shape) if node.stream else ("samples", *node.shape)
    if x.ndim != len(form) or x.shape[x.ndim - len(node.shape) :] != node.shape or not x.size:
        raise ModelError(
            f"{name}: x has shape {list(x.shape)}, but the input takes [{', '.join(map(str, form))}]",
            "mend the data, or the input's shape",
        )
    if node.stream and model.steps is not None and x.shape[1] < model.steps:
        raise ModelError(
            f"{name}: x has {x.shape[1]} steps, but a run lasts {model.steps}", "give longer streams, or lower 'steps'"
        )
    check_numbers(name, x)
    return x.astype(np.float64, copy=False)


def fitting_labels(model: Model, task: Task, name: str, y: Array | None, x: FloatArray) -> Array:
    """The labels of the samples x, fit for the task's metric; [samples, 0] where it takes none. Raises ModelError."""
    labels = metric_of(task.metric).labels
    if labels == "none":
        return np.zeros((len(x), 0))
    if y is None:
        raise ModelError(f"{name} has no array 'y'", "write x and y: numpy.savez(path, x=samples, y=labels)")
    if y.dtype.kind not in "biuf":
        raise ModelError(f"{name}: y holds {y.dtype}, not numbers", "store labels as whole numbers, values as floats")
    if y.ndim == 0 or len(y) != len(x):
        raise ModelError(f"{name}: x has {len(x)} samples, y has shape {y.shape}", "give one label for each sample")
    match labels:
        case "classes":
            _check_classes(model, name, y)
        case "marks":
            _check_marks(model, name, y)
        case "bits":
            _check_values(model, name, y, x)
            _check_bits(name, y)
        case _:
            _check_values(model, name, y, x)
    return y


def _check_classes(model: Model, name: str, y: Array) -> None:
    """Class numbers against the first output."""
    output = model.graph.outputs[0]
    signal = model.graph.signals[output]
    if len(signal.shape) != 1 or signal.timing == "stream":
        form = f"shape {signal.shape}{' at every step' if signal.timing == 'stream' else ''}"
        raise ModelError(
            f"classification takes an output of shape (classes,), but it has {form}",
            "end with Flatten, or a readout such as Last, Sum or Mean",
            node=output,
            where=model.graph.sources.get(output),
        )
    if y.ndim != 1 or y.dtype.kind not in "biu":
        raise ModelError(
            f"{name}: y holds {y.dtype} of shape {list(y.shape)}, but classes are whole numbers [samples]",
            "write class numbers: y.astype(numpy.int64)",
        )
    classes = signal.shape[0]
    if y.min() < 0 or y.max() >= classes:
        raise ModelError(
            f"{name}: y holds classes {y.min()} to {y.max()}, but {output} has {classes} outputs: 0 to {classes - 1}",
            "number the classes from 0, or mend the output's size",
        )


def _check_marks(model: Model, name: str, y: Array) -> None:
    """Marks of anomalies against the first output, which is one number for each sample."""
    output = model.graph.outputs[0]
    signal = model.graph.signals[output]
    if prod(signal.shape) != 1 or signal.timing == "stream":
        raise ModelError(
            f"an anomaly is told by one number for each sample, but the output has shape {signal.shape}"
            f"{' at every step' if signal.timing == 'stream' else ''}",
            "end with a mean over all axes, such as ReduceMean", node=output, where=model.graph.sources.get(output),
        )
    if y.ndim != 1 or not np.isin(y, (0, 1)).all():
        raise ModelError(
            f"{name}: y must hold 1 for an anomaly and 0 for any other of its samples",
            "write marks: (y == anomalous).astype(numpy.int64)",
        )


def _check_bits(name: str, y: Array) -> None:
    if not np.isin(y, (-1, 0, 1)).all() or not np.isin(y, (0, 1)).any():
        raise ModelError(f"{name}: y must hold bits, 0 or 1, or -1 where nothing is scored", "mend the labels")


def _check_values(model: Model, name: str, y: Array, x: FloatArray) -> None:
    """Values to come near to against the first output."""
    output = model.graph.outputs[0]
    signal = model.graph.signals[output]
    streams = any(isinstance(node, Input) and node.stream for node in model.graph)
    steps = (x.shape[1] if streams else model.steps,) if signal.timing == "stream" else ()
    if y.shape[1:] != (*steps, *signal.shape) or not np.isfinite(y).all():
        wanted = ", ".join(map(str, ("samples", *steps, *signal.shape)))
        raise ModelError(
            f"{name}: y has shape {list(y.shape)}, but {output} puts out finite values [{wanted}]",
            "mend the labels, or the output",
        )
