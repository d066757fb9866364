"""Recordings of event cameras: what a file says, and how events become counts in time bins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from needs import extra
from nmc import datasets
from nmc.data_source import EventRecordings
from nmc.datasets.event import Events
from nmc.datasets.events import Bins, binned, read_events
from nmc.datasets.frames import Frame
from nmc.errors import ModelError
from nmc.model import Model, Task
from nmc.text import parse

from .event_files import Recorded, aedat4, davis, dvs128, nmnist

EVENTS: Recorded = [(0, 1, 10, True), (3, 0, 20, False), (3, 0, 70_000, True), (1, 1, 70_010, True)]
FORMS: dict[str, tuple[str, Callable[[Recorded], bytes]]] = {
    "nmnist": (".bin", nmnist), "dvs128": (".aedat", dvs128), "davis": (".aedat", davis), "aedat4": (".aedat4", aedat4),
}  # fmt: skip
FRAME = Frame(2, 2, 4, (2, 2, 4))


def recorded(events: Events) -> list[tuple[int, ...]]:
    return list(zip(events.x.tolist(), events.y.tolist(), events.t_us.tolist(), events.on.tolist(), strict=True))


@pytest.mark.parametrize("form", FORMS)
def test_every_format_says_the_same_events(tmp_path: Path, form: str) -> None:
    suffix, written = FORMS[form]
    path = tmp_path / f"r{suffix}"
    path.write_bytes(written(EVENTS))
    assert recorded(read_events(path)) == EVENTS


def test_an_event_in_row_240_of_nmnist_is_an_overflow_of_time(tmp_path: Path) -> None:
    """After each, 2^13 microseconds more."""
    path = tmp_path / "r.bin"
    path.write_bytes(nmnist([(1, 2, 5, True), (0, 240, 0, False), (1, 2, 5, True)]))
    assert recorded(read_events(path)) == [(1, 2, 5, True), (1, 2, 5 + 8192, True)]


@pytest.mark.parametrize(("package", "number"), [("lz4.frame", 1), ("zstandard", 3)])
def test_aedat4_may_be_compressed(tmp_path: Path, package: str, number: int) -> None:
    module = extra(package)
    path = tmp_path / "r.aedat4"
    path.write_bytes(aedat4(EVENTS, number, module.compress))
    assert recorded(read_events(path)) == EVENTS


@pytest.mark.parametrize("group", ["/", "/events"])
def test_hdf5_recordings(tmp_path: Path, h5py, group: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "r.h5"
    with h5py.File(path, "w") as file:
        for name, values in zip("xytp", zip(*EVENTS, strict=True), strict=True):
            file.require_group(group)[name] = values
    assert recorded(read_events(path)) == EVENTS


def test_events_are_counted_in_equal_parts_of_a_recording() -> None:
    """From 10 to 70,010 us in two bins: two events in each, in the channel of their polarity."""
    events = Events(*(np.array(column) for column in zip(*EVENTS, strict=True)))
    counts = binned(events, FRAME, Bins(2, None, False), "r")
    assert counts.shape == (2, 2, 2, 4) and counts.sum() == 4
    assert counts[0, 1, 1, 0] == counts[0, 0, 0, 3] == counts[1, 1, 0, 3] == counts[1, 1, 1, 1] == 1


def test_bins_of_a_given_width_leave_out_what_comes_later() -> None:
    """Bins of 5 us from 10 us on: the events at 10 and 20 us are in bins 0 and 2, the others beyond bin 3."""
    events = Events(*(np.array(column) for column in zip(*EVENTS, strict=True)))
    counts = binned(events, Frame(1, 2, 4, (8,)), Bins(4, 5.0, False), "r")
    assert np.argwhere(counts).tolist() == [[0, 4], [2, 3]]


def test_binary_bins_hold_one_where_there_was_an_event() -> None:
    events = Events(np.zeros(3, int), np.zeros(3, int), np.zeros(3, int), np.ones(3, bool))
    for binary, largest in ((False, 3), (True, 1)):
        assert binned(events, FRAME, Bins(2, None, binary), "r").max() == largest


def test_no_events_are_all_zeros_and_events_outside_are_refused() -> None:
    none = Events(np.zeros(0, int), np.zeros(0, int), np.zeros(0, int), np.zeros(0, bool))
    assert not binned(none, FRAME, Bins(2, None, False), "r").any()
    far = Events(np.array([4]), np.array([0]), np.array([0]), np.array([True]))
    with pytest.raises(ModelError, match=r"r has events up to x = 4, y = 0, outside 2 x 4 pixels[\s\S]*size"):
        binned(far, FRAME, Bins(2, None, False), "r")


CLASSES = """
dt = 0.001
x = Input(shape=(2, 2, 4), stream=True)
f = Flatten(x)
y = Sum(f)
return y"""


def model(source: EventRecordings, text: str = CLASSES, steps: int | None = None) -> Model:
    return Model("m", parse(text), {}, steps, Task("classification", "accuracy", test=source)).checked()


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.bin").write_bytes(nmnist(EVENTS))
    (tmp_path / "b" / "1.bin").write_bytes(nmnist(EVENTS[:1]))
    data = datasets.test_data(model(EventRecordings(path=tmp_path, bins=5)))
    assert data.x.shape == (3, 5, 2, 2, 4) and data.y.tolist() == [0, 1, 1]
    assert data.x.sum(axis=(1, 2, 3, 4)).tolist() == [4, 4, 1]
    assert datasets.test_data(model(EventRecordings(path=tmp_path), steps=7)).x.shape[1] == 7


def test_labelled_recordings_in_one_file(tmp_path: Path, h5py) -> None:  # type: ignore[no-untyped-def]
    """As the Spiking Heidelberg Digits have them: a unit is a pixel of the only row."""
    path = tmp_path / "digits.h5"
    with h5py.File(path, "w") as file:
        file["labels"] = [3, 0]
        for name, kind, rows in (("times", "f4", [[0.0, 0.2], [0.1]]), ("units", "u2", [[7, 6], [1]])):
            data = file.create_dataset(f"spikes/{name}", (2,), dtype=h5py.vlen_dtype(np.dtype(kind)))
            for index, row in enumerate(rows):
                data[index] = np.array(row, kind)
    text = CLASSES.replace("shape=(2, 2, 4)", "shape=(8,)")
    data = datasets.test_data(model(EventRecordings(path=path, size=(1, 8), bins=3, bin_s=0.1), text))
    assert data.y.tolist() == [3, 0]
    assert np.argwhere(data.x).tolist() == [[0, 0, 7], [0, 2, 6], [1, 0, 1]]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda folder: (folder / "a" / "0.bin").write_bytes(b"abc"), "3 bytes are no whole number of 5-byte events"),
        (lambda folder: (folder / "b").mkdir(), "b has no files that end in"),
        (lambda folder: (folder / "a").rename(folder / ".a"), "has no folders of classes"),
    ],
)
def test_folders_that_do_not_fit(tmp_path: Path, change: Callable[[Path], object], says: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "0.bin").write_bytes(nmnist(EVENTS))
    change(tmp_path)
    with pytest.raises(ModelError, match=says) as caught:
        datasets.test_data(model(EventRecordings(path=tmp_path, bins=2)))
    assert caught.value.faults[0].remedy


def test_models_that_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "0.bin").write_bytes(nmnist(EVENTS))
    held = "x = Input(shape=(2, 2, 4))\ny = Flatten(x)\nreturn y"
    with pytest.raises(ModelError, match="events need an input that streams"):
        datasets.test_data(model(EventRecordings(path=tmp_path, bins=2), held))
    with pytest.raises(ModelError, match="number of time bins is not known"):
        datasets.test_data(model(EventRecordings(path=tmp_path)))
    with pytest.raises(ModelError, match=r"gives \[1, 3, 3\] \(all events\) or \[2, 3, 3\]"):
        datasets.test_data(model(EventRecordings(path=tmp_path, bins=2, size=(3, 3))))
    with pytest.raises(ModelError, match=r"MiB in memory, more than[\s\S]*samples: 1000"):
        datasets.test_data(model(EventRecordings(path=tmp_path, bins=100_000_000)))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), st.sampled_from(sorted(FORMS)))
def test_a_damaged_recording_is_one_clear_error(tmp_path: Path, data: st.DataObject, form: str) -> None:
    suffix, written = FORMS[form]
    content = bytearray(written(EVENTS))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / f"r{suffix}"
    path.write_bytes(content[: data.draw(st.none() | st.integers(0, len(content)))])
    try:
        binned(read_events(path), FRAME, Bins(3, None, False), str(path))
    except ModelError as error:
        assert len(error.faults) == 1 and error.faults[0].remedy
