"""Recordings that users took: arrays by the names of layers, with their axes in whatever order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import permutations
from math import prod
from pathlib import Path

import numpy as np

from nmc.differences.traces import Known, Traces, is_stream
from nmc.errors import UsageError, closest
from nmc.graph import Graph
from nmc.model import Array, FloatArray
from nmc.nodes.tensor import Input
from nmc.recording import MANIFEST, Recording

_CUT = 10
"""How many steps a recording may begin too early."""
_UNUSUAL = 2.0
"""How much nearer an unusual order of axes must be than the usual one, where both fit."""


def read_recording(path: Path) -> Mapping[str, Array]:
    """The arrays of a recording, a directory that nmc wrote or an .npz, by the names of layers.

    Raises UsageError where it is neither, or `checked` does.
    """
    if path.is_dir() and (path / MANIFEST).is_file():
        recording = Recording.load(path)
        return {
            p.name: recording.read(p.name, p.signals[0]) for p in recording.populations
            if p.signals and p.signals[0] in ("spikes", "messages", "v")
        }  # fmt: skip
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays: dict[str, Array] = {name: file[name] for name in file.files}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise UsageError(
            f"{path} cannot be read as a recording: {error}",
            "give an .npz of arrays by the names of layers, each [samples, steps, *shape]",
        ) from None
    return checked(arrays, str(path))


def checked(arrays: Mapping[str, Array], where: str) -> Mapping[str, Array]:
    """The arrays. Raises UsageError where one holds something else than finite numbers, or nothing."""
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf" or not np.all(np.isfinite(array)):
            raise UsageError(f"{name!r} in {where} is not an array of finite numbers", "record numbers")
        if not array.size:
            raise UsageError(f"{name!r} in {where} holds nothing: its shape is {list(array.shape)}", "leave it out")
    return arrays


def is_recording(path: Path) -> bool:
    """Whether a path looks like a recording."""
    return path.suffix == ".npz" or (path / MANIFEST).is_file()


@dataclass(frozen=True, eq=False)
class Fitted:
    """What of a recording fits a graph: traces by its names, the steps of each that are known, and how it was read."""

    traces: Traces
    known: Known
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Form:
    """A way to read an array, in words (none for the usual one): what it is then, and its known steps."""

    said: str
    value: FloatArray
    known: slice = field(default_factory=lambda: slice(None))


def inputs_of(graph: Graph, arrays: Mapping[str, Array]) -> Mapping[str, FloatArray]:
    """The arrays that are a graph's inputs; "x" is the only one, where no node has that name."""
    every = [node.name for node in graph if isinstance(node, Input)]
    if len(every) == 1 and "x" in arrays and "x" not in graph:
        return {every[0]: np.asarray(arrays["x"], np.float64)}
    names = [node.name for node in graph if isinstance(node, Input) and node.name in arrays]
    return {name: np.asarray(arrays[name], np.float64) for name in names}


def fitted(graph: Graph, arrays: Mapping[str, Array], expected: Traces, where: str) -> Fitted:
    """A recording as traces of a graph, beside `expected`, which settle what its axes and steps are.

    Raises UsageError where an array has no layer, or does not fit it.
    """
    notes: list[str] = []
    traces: dict[str, FloatArray] = {}
    known: dict[str, slice] = {}
    for name, array in arrays.items():
        layer = _layer(graph, name, where)
        if layer is None or isinstance(graph[layer], Input):
            continue
        form = _in_order(graph, layer, np.asarray(array, np.float64), expected[layer], where)
        traces[layer], known[layer] = form.value, form.known
        notes += [f"{layer}: {form.said}"] if form.said else []
    if not traces:
        raise UsageError(f"{where} has no layer of the network", closest(next(iter(arrays), ""), graph.by_name))
    return Fitted(traces, known, tuple(notes))


def _layer(graph: Graph, name: str, where: str) -> str | None:
    """The layer that an array is of; None for one that says something else."""
    for end in ("", ".spikes", ".messages", ".output"):
        if end and name.endswith(end) and name.removesuffix(end) in graph:
            return name.removesuffix(end)
        if not end and name in graph:
            return name
    if name in ("x", "y", "label", "labels"):
        return None
    raise UsageError(f"{where}: there is no layer {name!r}", closest(name, graph.by_name))


def _in_order(
    graph: Graph, layer: str, array: FloatArray, expected: FloatArray, where: str
) -> _Form:
    """An array as [samples, steps, *shape], of all steps of the chip."""
    shape, stream = graph.signals[layer].shape, is_stream(graph, layer)
    samples, steps = expected.shape[:2]
    forms = _forms(array, expected, graph.lag, shape, stream)
    if not forms:
        form = ("samples", "steps", *shape) if stream else ("samples", *shape)
        raise UsageError(
            f"{where}: {layer!r} has the shape {list(array.shape)}, which is no order of"
            f" [{', '.join(map(str, form))}], with up to {samples} samples and {steps} steps",
            "give the samples that it was recorded with by -i, or as an array 'x' beside it",
        )
    return min(forms, key=lambda form: _far(form, expected) * (_UNUSUAL if form.said else 1))


def _far(form: _Form, expected: FloatArray) -> float:
    near, of = expected[: len(form.value)], form.known
    return float(np.mean(abs(form.value[:, of] - near[:, of])))


def _forms(
    array: FloatArray, expected: FloatArray, lag: int, shape: tuple[int, ...], stream: bool
) -> list[_Form]:
    """Every way to read an array."""
    samples, steps = expected.shape[:2]
    found: list[_Form] = []
    names = ["samples", *(["steps"] if stream else []), *(f"axis {k}" for k in range(len(shape)))]
    variants = [("", array)]
    if array.ndim == len(names) - 1:
        variants = [("one sample", array[None])]
        if prod(shape) == array.shape[-1]:
            variants.append(("", array))
    flat = ["samples", *(["steps"] if stream else []), "neurons"]
    for said, value in variants:
        for order in permutations(range(value.ndim)):
            moved = value.transpose(order)
            if value.ndim == len(names):
                fits = moved.shape[len(names) - len(shape) :] == shape
            else:
                fits = value.ndim == len(flat) and moved.shape[-1] == prod(shape)
            if not fits or len(moved) > samples:
                continue
            if stream and moved.shape[1] > steps + _CUT:
                continue
            labels = names if value.ndim == len(names) else flat
            usual = list(order) == sorted(order)
            text = "" if usual else f"its axes are read as [{', '.join(_as_given(order, labels))}]"
            whole = moved.reshape(*moved.shape[: 2 if stream else 1], *shape)
            timed = _timed(whole, expected, lag) if stream else [_Form("", whole[:, None])]
            found += [replace(one, said="; ".join(filter(None, (said, text, one.said)))) for one in timed]
    return found


def _as_given(order: tuple[int, ...], labels: list[str]) -> list[str]:
    """The names of the axes in the order in which they were given."""
    given = [""] * len(order)
    for place, axis in enumerate(order):
        given[axis] = labels[place]
    return given


def _timed(whole: FloatArray, expected: FloatArray, lag: int) -> list[_Form]:
    """What a recording of some steps is at all steps of the chip; those that it lacks are taken to be as expected."""
    count, steps = whole.shape[1], expected.shape[1]
    if count < steps:
        like, missing = expected[: len(whole)], steps - count
        if missing == lag:
            return [_Form("", np.concatenate([like[:, :missing], whole], axis=1), slice(missing, None))]
        ended = np.concatenate([whole, like[:, count:]], axis=1)
        return [_Form(f"it lacks the last {missing} steps", ended, slice(0, count))]
    return [
        _Form(f"it begins {k} steps before the run" if k else "", whole[:, k : k + steps])
        for k in range(count - steps + 1)
    ]
