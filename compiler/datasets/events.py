"""Recordings of event cameras as counts of events in time bins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmc.data_source import EventRecordings, TimeUnit
from nmc.datasets import aedat2, aedat4, event_hdf5, nmnist
from nmc.datasets.event import LIMIT_BYTES, Events
from nmc.datasets.event_times import LIMIT_US
from nmc.datasets.frames import Frame, frame_of
from nmc.datasets.listing import Listing, files_by_class, unreadable
from nmc.errors import ModelError
from nmc.findings import Finding
from nmc.graph import Shape
from nmc.model import FloatArray
from nmc.units.text import percent

CHANNELS = {1: "all events", 2: "events of off and of on pixels"}

HDF5 = frozenset({".h5", ".hdf5"})
"""The files whose format does not say the unit of times."""
READERS: Mapping[str, tuple[str, Callable[[Path], Events]]] = {
    ".bin": ("a recording of 40-bit events, as N-MNIST has them", nmnist.read),
    ".aedat": ("an AEDAT 2 recording", aedat2.read),
    ".aedat4": ("an AEDAT 4 recording", aedat4.read),
    ".h5": ("an HDF5 recording", event_hdf5.read),
    ".hdf5": ("an HDF5 recording", event_hdf5.read),
}
"""What files of events are, by how their names end, and how they are read."""


LEFT_OUT = 0.5
"""The share of events beyond the last bin from which on that is said."""


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
        labels, recording = event_hdf5.labelled(source.path, source.unit)
        tally = _Tally(bins, lambda index: (f"{name}, recording {index}", recording(index)), frame)
    else:
        paths, labels = files_by_class(source.path, frozenset(READERS))
        tally = _Tally(bins, lambda index: (str(paths[index]), read_events(paths[index], source.unit)), frame)
    return Listing(source.path.name, labels, (count, *shape), tally.read, tally.findings)


class _Tally:
    """Reads recordings, and counts the events that the bins leave out."""

    def __init__(self, bins: Bins, recording: Callable[[int], tuple[str, Events]], frame: Frame) -> None:
        self._bins, self._recording, self._frame = bins, recording, frame
        self._events = self._late = 0

    def read(self, index: int) -> FloatArray:
        """One recording as counts."""
        name, events = self._recording(index)
        counts = binned(events, self._frame, self._bins, name)
        self._events += len(events.t_us)
        if self._bins.width_us is not None and len(events.t_us):
            since = events.t_us - events.t_us.min()
            self._late += int(np.count_nonzero(since >= self._bins.width_us * self._bins.count))
        return counts

    def findings(self) -> tuple[Finding, ...]:
        """That most events come after the last bin."""
        if self._late <= LEFT_OUT * self._events or self._bins.width_us is None:
            return ()
        lasts = self._bins.count * self._bins.width_us / 1e6
        return (Finding(
            "events-left-out",
            f"{percent(self._late / self._events)} of the events come after the last of {self._bins.count} bins,"
            f" {lasts:g} s from the first event on",
            "widen 'bin', give more 'bins', or say another 'unit' of the times",
        ),)  # fmt: skip


def read_events(path: Path, unit: TimeUnit | None = None) -> Events:
    """The events of a file, by how its name ends; `unit` is that of the times in HDF5 files.

    Raises ModelError, also for a unit of a format that has its own; ToolError where a package is missing.
    """
    what, reader = READERS[path.suffix.lower()]
    if unit not in (None, "us") and path.suffix.lower() not in HDF5:
        raise ModelError(f"{path} is {what}, whose times are microseconds, not {unit}", "remove 'unit'")
    try:
        if (size := path.stat().st_size) > LIMIT_BYTES:
            raise ModelError(f"{path} has {size >> 20} MiB, more than {LIMIT_BYTES >> 20}", "cut the recording")
        events = event_hdf5.read(path, unit) if path.suffix.lower() in HDF5 else reader(path)
        if len(events.t_us) and max(-int(events.t_us.min()), int(events.t_us.max())) > LIMIT_US:
            raise ValueError("its times are no microseconds")
        return events
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
