"""Events in HDF5: one recording a file, or one file of labelled recordings as the Heidelberg sets have them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from nmc.datasets.event import LIMIT_BYTES, Events
from nmc.datasets.listing import unreadable
from nmc.errors import ToolError

_LABELLED = "a file of labelled recordings: 'labels', 'spikes/times' and 'spikes/units'"
_AGAIN = "download it again, or give a folder of recordings"


class _Data(Protocol):
    """A dataset of a file."""

    shape: tuple[int, ...]

    def __getitem__(self, key: object) -> NDArray[np.generic]: ...


class _Group(Protocol):
    """A file, or a group in one: what it holds, by path."""

    def __contains__(self, name: str) -> bool: ...

    def __getitem__(self, name: str) -> _Data: ...


def read(path: Path) -> Events:
    """The arrays x, y, t (microseconds) and p (positive: brighter) of a file, or of its group 'events'.

    Raises KeyError where one is missing, ValueError where they do not go together, ToolError without h5py.
    """
    with _opened(path) as file:
        group = cast(_Group, file["events"]) if "events" in file else file
        x, y, t, p = (_whole(group[name], name) for name in "xytp")
    if len({len(array) for array in (x, y, t, p)}) > 1:
        raise ValueError("x, y, t and p differ in length")
    return Events(x, y, t, p > 0)


def labelled(path: Path) -> tuple[NDArray[np.int64], Callable[[int], Events]]:
    """The labels of all recordings, and how to read one: times in seconds, and the unit as x in row 0.

    Raises ModelError where the file is another, ToolError without h5py.
    """
    try:
        with _opened(path) as file:
            labels = _whole(file["labels"], "labels")
            for part in ("spikes/times", "spikes/units"):
                if file[part].shape != labels.shape:
                    raise ValueError(f"{part} and labels differ in length")
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise unreadable(path, _LABELLED, error, _AGAIN) from None
    return labels, lambda index: _recording(path, index)


def _recording(path: Path, index: int) -> Events:
    try:
        with _opened(path) as file:
            times, units = (np.asarray(file[part][index]) for part in ("spikes/times", "spikes/units"))
        if times.shape != units.shape or times.ndim != 1 or not np.isfinite(times.astype(np.float64)).all():
            raise ValueError(f"times and units of recording {index} do not go together")
        t_us = np.rint(1e6 * times.astype(np.float64)).astype(np.int64)
        return Events(units.astype(np.int64), np.zeros_like(t_us), t_us, np.ones(len(t_us), np.bool_))
    except (OSError, KeyError, ValueError, TypeError, IndexError) as error:
        raise unreadable(path, _LABELLED, error, _AGAIN) from None


def _whole(data: _Data, name: str) -> NDArray[np.int64]:
    """A dataset [n] of numbers. Raises ValueError where it is none, or too large."""
    shape = getattr(data, "shape", None)
    if shape is None or len(shape) != 1:
        raise ValueError(f"{name} is no array with one axis")
    if 8 * shape[0] > LIMIT_BYTES:
        raise ValueError(f"{name} has {shape[0]} values, which take more than {LIMIT_BYTES >> 20} MiB")
    values = np.asarray(data[:])
    if values.dtype.kind not in "biuf":
        raise ValueError(f"{name} holds {values.dtype}, not numbers")
    return values.astype(np.int64)


def _opened(path: Path):  # type: ignore[no-untyped-def]  # noqa: ANN202 - h5py has no types
    try:
        h5py = importlib.import_module("h5py")
    except ImportError:
        raise ToolError(f"{path} is read by h5py, which is not installed", "pip install 'nmc[events]'") from None
    return h5py.File(path, "r")
