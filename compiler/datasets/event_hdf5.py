"""Events in HDF5: one recording a file, or one file of labelled recordings as the Heidelberg sets have them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from nmc.data_source import TimeUnit
from nmc.datasets.event import LIMIT_BYTES, Events
from nmc.datasets.event_times import microseconds, seconds_as_microseconds, unit_said
from nmc.datasets.listing import unreadable
from nmc.errors import ToolError

_LABELLED = "a file of labelled recordings: 'labels', 'spikes/times' and 'spikes/units'"
_AGAIN = "download it again, or give a folder of recordings"


class _Data(Protocol):
    """A dataset of a file."""

    shape: tuple[int, ...]
    attrs: Mapping[str, object]

    def __getitem__(self, key: object) -> NDArray[np.generic]: ...


class _Group(Protocol):
    """A file, or a group in one: what it holds, by path."""

    def __contains__(self, name: str) -> bool: ...

    def __getitem__(self, name: str) -> _Data: ...


def read(path: Path, unit: TimeUnit | None = None) -> Events:
    """The arrays x, y, t and p (positive: brighter) of a file, or of its group 'events'.

    `unit` is that of t; without, what its attribute 'unit' or 'units' says, else microseconds. Raises KeyError where an
    array is missing, ValueError where they do not go together, ModelError for times that cannot be in the unit, and
    ToolError without h5py.
    """
    with _opened(path) as file:
        group = cast(_Group, file["events"]) if "events" in file else file
        x, y, p = (_numbers(group[name], name) for name in "xyp")
        t, said = _numbers(group["t"], "t"), _unit(group["t"])
    if len({len(array) for array in (x, y, t, p)}) > 1:
        raise ValueError("x, y, t and p differ in length")
    return Events(_whole(x, "x"), _whole(y, "y"), microseconds(str(path), t, unit or said), _whole(p, "p") > 0)


def labelled(
    path: Path, unit: TimeUnit | None = None
) -> tuple[NDArray[np.int64], Callable[[int], Events]]:
    """The labels of all recordings, and how to read one: its neurons as x in row 0.

    Times are in seconds, unless `unit` or an attribute of theirs says otherwise. Raises ModelError where the file is
    another, ToolError without h5py.
    """
    try:
        with _opened(path) as file:
            labels = _whole(_numbers(file["labels"], "labels"), "labels")
            for part in ("spikes/times", "spikes/units"):
                if file[part].shape != labels.shape:
                    raise ValueError(f"{part} and labels differ in length")
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise unreadable(path, _LABELLED, error, _AGAIN) from None
    return labels, lambda index: _recording(path, index, unit)


def _recording(path: Path, index: int, unit: TimeUnit | None) -> Events:
    try:
        with _opened(path) as file:
            said = _unit(file["spikes/times"])
            times, units = (np.asarray(file[part][index]) for part in ("spikes/times", "spikes/units"))
        if times.shape != units.shape or times.ndim != 1:
            raise ValueError(f"times and units of recording {index} do not go together")
        t_us = seconds_as_microseconds(f"{path}, recording {index}", times, unit or said)
        return Events(_whole(units, "units"), np.zeros_like(t_us), t_us, np.ones(len(t_us), np.bool_))
    except (OSError, KeyError, ValueError, TypeError, IndexError) as error:
        raise unreadable(path, _LABELLED, error, _AGAIN) from None


def _numbers(data: _Data, name: str) -> NDArray[np.generic]:
    """A dataset [n] of numbers. Raises ValueError where it is none, or too large."""
    shape = getattr(data, "shape", None)
    if shape is None or len(shape) != 1:
        raise ValueError(f"{name} is no array with one axis")
    if 8 * shape[0] > LIMIT_BYTES:
        raise ValueError(f"{name} has {shape[0]} values, which take more than {LIMIT_BYTES >> 20} MiB")
    values = np.asarray(data[:])
    if values.dtype.kind not in "biuf":
        raise ValueError(f"{name} holds {values.dtype}, not numbers")
    return values


def _whole(values: NDArray[np.generic], name: str) -> NDArray[np.int64]:
    """Numbers [n] as whole ones. Raises ValueError where they are none."""
    if values.dtype.kind not in "biuf":
        raise ValueError(f"{name} holds {values.dtype}, not numbers")
    if values.dtype.kind == "f" and not np.all(np.isfinite(values) & (values == np.rint(values))):
        raise ValueError(f"{name} holds values that are no whole numbers")
    return values.astype(np.int64)


def _unit(data: _Data) -> TimeUnit | None:
    """The unit that an attribute of a dataset of times says."""
    attributes = getattr(data, "attrs", {})
    return next((unit for key in ("unit", "units") if (unit := unit_said(attributes.get(key)))), None)


def _opened(path: Path):  # type: ignore[no-untyped-def]  # noqa: ANN202 - h5py has no types
    try:
        h5py = importlib.import_module("h5py")
    except ImportError:
        raise ToolError(f"{path} is read by h5py, which is not installed", "pip install 'nmc[events]'") from None
    return h5py.File(path, "r")
