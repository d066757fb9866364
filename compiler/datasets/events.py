"""Recordings of event cameras as counts of events in time bins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmc.data_source import EventRecordings
from nmc.datasets import aedat2, aedat4, event_hdf5, nmnist
from nmc.datasets.event import LIMIT_BYTES, Events
from nmc.datasets.frames import Frame, frame_of
from nmc.datasets.listing import Listing, files_by_class, unreadable
from nmc.errors import ModelError
from nmc.graph import Shape
from nmc.model import FloatArray

CHANNELS = {1: "all events", 2: "events of off and of on pixels"}

READERS: Mapping[str, tuple[str, Callable[[Path], Events]]] = {
    ".bin": ("a recording of 40-bit events, as N-MNIST has them", nmnist.read),
    ".aedat": ("an AEDAT 2 recording", aedat2.read),
    ".aedat4": ("an AEDAT 4 recording", aedat4.read),
    ".h5": ("an HDF5 recording", event_hdf5.read),
    ".hdf5": ("an HDF5 recording", event_hdf5.read),
}
"""What files of events are, by how their names end, and how they are read."""


@dataclass(frozen=True)
class Bins:
    """Time bins: their number, and their width in microseconds; None for equal parts of each recording."""

    count: int
    width_us: float | None
    binary: bool


def event_listing(source: EventRecordings, shape: Shape, stream: bool, steps: int | None) -> Listing:
    """Recordings for an input of this shape at each step.

    Raises ModelError where the input does not stream, the number of bins is not known, or the files do not fit;
    ToolError where a package that reads them is missing.
    """
    name = str(source.path)
    if not stream:
        raise ModelError(f"{name}: events need an input that streams", "write 'input: {shape: ..., stream: true}'")
    count = source.bins or steps
    if count is None:
        raise ModelError(f"{name}: the number of time bins is not known", "give 'bins: 50', or the model's 'steps'")
    frame = frame_of(name, shape, source.size, CHANNELS)
    bins = Bins(count, None if source.bin_s is None else 1e6 * source.bin_s, source.binary)
    if source.path.is_file():
        labels, recording = event_hdf5.labelled(source.path)
        return Listing(
            source.path.name, labels, (count, *shape),
            lambda index: binned(recording(index), frame, bins, f"{name}, recording {index}"),
        )  # fmt: skip
    paths, labels = files_by_class(source.path, frozenset(READERS))
    return Listing(
        source.path.name, labels, (count, *shape),
        lambda index: binned(read_events(paths[index]), frame, bins, str(paths[index])),
    )  # fmt: skip


def read_events(path: Path) -> Events:
    """The events of a file, by how its name ends. Raises ModelError; ToolError where a package is missing."""
    what, reader = READERS[path.suffix.lower()]
    try:
        if (size := path.stat().st_size) > LIMIT_BYTES:
            raise ModelError(f"{path} has {size >> 20} MiB, more than {LIMIT_BYTES >> 20}", "cut the recording")
        return reader(path)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise unreadable(path, what, error, "record or download it again, or remove it") from None


def binned(events: Events, frame: Frame, bins: Bins, name: str) -> FloatArray:
    """How many events each pixel had in each time bin, [bins, *frame.shape], from the first event on.

    Events after the last bin are left out. Raises ModelError where events lie outside the frame.
    """
    shape = (bins.count, frame.channels, frame.height, frame.width)
    if not len(events.t_us):
        return np.zeros((bins.count, *frame.shape))
    if events.x.min() < 0 or events.y.min() < 0 or events.x.max() >= frame.width or events.y.max() >= frame.height:
        raise ModelError(
            f"{name} has events up to x = {events.x.max()}, y = {events.y.max()}, outside"
            f" {frame.height} x {frame.width} pixels",
            "give the size of the sensor: 'size: [height, width]'",
        )
    since = events.t_us - events.t_us.min()
    width = bins.width_us or (float(since.max()) + 1) / bins.count
    at = np.floor_divide(since, width).astype(np.int64)
    channel = (events.on if frame.channels == 2 else np.zeros_like(at)).astype(np.int64)
    within = (at >= 0) & (at < bins.count)
    places = np.ravel_multi_index(tuple(a[within] for a in (at, channel, events.y, events.x)), shape)
    counts: NDArray[np.int64] = np.bincount(places, minlength=int(np.prod(shape)))
    values = np.minimum(counts, 1) if bins.binary else counts
    return values.reshape(bins.count, *frame.shape).astype(np.float64)
