"""Whether samples and labels fit a model."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import cast

import numpy as np

from nmc.datasets.places import places_below
from nmc.errors import ModelError
from nmc.metrics import metric_of
from nmc.model import Array, FloatArray, Model, Task
from nmc.nodes.tensor import Input
from nmc.side_by_side import joined, parts_of


def inputs_of(model: Model) -> Mapping[str, Input]:
    """The model's inputs by name."""
    return {node.name: node for node in model.graph if isinstance(node, Input)}


def only_input(model: Model, name: str) -> Input:
    """The model's only input. Raises ModelError naming the data where there are several."""
    inputs = inputs_of(model)
    if len(inputs) != 1:
        raise ModelError(
            f"{name} goes to one input, and the model has {len(inputs)}: {', '.join(inputs) or 'none'}",
            f"give an array file with one for each: {writing(model)}",
        )
    return next(iter(inputs.values()))


def writing(model: Model) -> str:
    """How to write an array file for a model, in Python."""
    inputs = inputs_of(model)
    parts = [*inputs] if len(inputs) > 1 else ["x"]
    given = ", ".join(f"{part}=..." for part in [*parts, labels_name(model)])
    return f"numpy.savez(path, {given})"


def labels_name(model: Model) -> str:
    """What the labels are called in an array file: y, unless one of several inputs is."""
    inputs = inputs_of(model)
    return "labels" if len(inputs) > 1 and "y" in inputs else "y"


def picked(model: Model, name: str, arrays: Mapping[str, Array]) -> tuple[Array, Array | None]:
    """The samples and labels among the arrays of a file: 'x' for one input, each of several by its name.

    Raises ModelError where an input has none.
    """
    inputs, y = inputs_of(model), arrays.get(labels_name(model))
    if len(inputs) == 1:
        (only,) = inputs
        if "x" not in arrays and (only == "y" or only not in arrays):
            raise ModelError(f"{name} has no array 'x'", f"write x and y: {writing(model)}")
        return arrays["x"] if "x" in arrays else arrays[only], y
    if missing := [each for each in inputs if each not in arrays]:
        raise ModelError(
            f"{name} has no array for the input{'s' if len(missing) > 1 else ''} {', '.join(missing)}",
            f"write one for each input: {writing(model)}",
        )
    return joined(name, {each: arrays[each] for each in inputs}), y


def check_numbers(name: str, x: Array, called: str = "x") -> None:
    """Raises ModelError where x, as the file calls it, holds anything but finite real numbers."""
    if x.dtype.kind not in "biuf":
        raise ModelError(f"{name}: {called} holds {x.dtype}, not real numbers", "store the samples as float32")
    if not np.isfinite(x).all():
        count = int(x.size - np.count_nonzero(np.isfinite(x)))
        raise ModelError(f"{name}: {called} holds {count} values that are NaN or infinite", "clean the samples first")


def fitting_samples(model: Model, name: str, x: Array) -> FloatArray:
    """The samples in double precision, of the shape that the input takes; each its own. Raises ModelError."""
    inputs = inputs_of(model)
    if len(inputs) != 1 and x.dtype.names is None:
        raise ModelError(
            f"{name} has samples for one input, and the model has {len(inputs)}: {', '.join(inputs) or 'none'}",
            f"give one array for each: {writing(model)}",
        )
    if x.dtype.names is not None and x.dtype.names != tuple(inputs):
        x, _ = picked(model, name, parts_of(x))
    parts = parts_of(x)
    if len(inputs) == 1:
        (node,) = inputs.values()
        return _fitting(model, name, node, "x", next(iter(parts.values())))
    fit = {each: _fitting(model, name, node, each, parts[each]) for each, node in inputs.items()}
    return cast(FloatArray, joined(name, fit))


def stream_steps(model: Model, x: Array) -> int | None:
    """How many steps samples stream, the shortest of them; None where nothing streams."""
    parts = parts_of(x)
    streams = [node for node in inputs_of(model).values() if node.stream]
    return min((parts[node.name if node.name in parts else ""].shape[1] for node in streams), default=None)


def _fitting(model: Model, name: str, node: Input, called: str, x: Array) -> FloatArray:
    form = ("samples", "steps", *node.shape) if node.stream else ("samples", *node.shape)
    if x.ndim != len(form) or x.shape[x.ndim - len(node.shape) :] != node.shape or not x.size:
        taker = "the input" if called == "x" else f"the input {called}"
        raise ModelError(
            f"{name}: {called} has shape {list(x.shape)}, but {taker} takes [{', '.join(map(str, form))}]",
            "mend the data, or the input's shape",
        )
    if node.stream and model.steps is not None and x.shape[1] < model.steps:
        raise ModelError(
            f"{name}: {called} has {x.shape[1]} steps, but a run lasts {model.steps}",
            "give longer streams, or lower 'steps'",
        )
    check_numbers(name, x, called)
    below = places_below(model, node)
    if below is not None and (x.min() < 0 or x.max() >= below or np.any(x != np.rint(x))):
        raise ModelError(
            f"{name}: {called} holds {x.min():g} to {x.max():g}, and chooses rows of a table: whole numbers from 0 to"
            f" {below - 1}",
            "give the numbers of rows (of tokens, their ids)",
        )
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


def one_hot(y: Array) -> bool:
    """Whether labels are a row of one 1 and else 0 for each sample, with more than one column."""
    return bool(
        y.ndim == 2 and y.shape[1] > 1 and y.dtype.kind in "biuf" and np.isin(y, (0, 1)).all() and (y.sum(1) == 1).all()
    )


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
        remedy = "y.argmax(axis=1)" if one_hot(y) else "y.reshape(len(y)).astype(numpy.int64)"
        raise ModelError(
            f"{name}: y holds {y.dtype} of shape {list(y.shape)}{', one-hot' if one_hot(y) else ''}, but classes are"
            " whole numbers [samples]",
            f"write class numbers: {remedy}",
        )
    classes = signal.shape[0]
    if y.min() < 0 or y.max() >= classes:
        raise ModelError(
            f"{name}: y holds classes {y.min()} to {y.max()}, but {output} has {classes} outputs: 0 to {classes - 1}",
            "number the classes from 0: y - 1" if y.min() == 1 and y.max() == classes
            else "number the classes from 0, or mend the output's size",
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
    steps = (stream_steps(model, x) or model.steps,) if signal.timing == "stream" else ()
    if y.shape[1:] != (*steps, *signal.shape) or not np.isfinite(y).all():
        wanted = ", ".join(map(str, ("samples", *steps, *signal.shape)))
        raise ModelError(
            f"{name}: y has shape {list(y.shape)}, but {output} puts out finite values [{wanted}]",
            "mend the labels, or the output",
        )
