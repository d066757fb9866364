"""Times of events: in the unit that they have, on one clock, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nmc import datasets
from nmc.data_source import EventRecordings, TimeUnit
from nmc.datasets.event_times import microseconds, unwrapped
from nmc.datasets.events import event_listing, read_events
from nmc.errors import ModelError

from .event_files import Recorded, aedat4, dvs128, nmnist
from .test_events import CLASSES, model

MILLISECONDS = np.arange(0.0, 100.0, 2.5)


def recording(path: Path, h5py, t, attribute: str | None = None) -> Path:  # type: ignore[no-untyped-def]
    with h5py.File(path, "w") as file:
        for name in "xyp":
            file[name] = np.zeros(len(t), np.int64)
        file["t"] = t
        if attribute is not None:
            file["t"].attrs["units"] = attribute
    return path


@pytest.mark.parametrize(("unit", "scale"), [("s", 1e-3), ("ms", 1.0), ("us", 1e3), ("ns", 1e6)])
@pytest.mark.parametrize("dtype", ["f4", "f8", "i8"])
def test_times_in_every_unit_are_the_same_microseconds(  # type: ignore[no-untyped-def]
    tmp_path: Path, h5py, unit: TimeUnit, scale: float, dtype: str
) -> None:
    """Told by the task or by an attribute of the file. Whole numbers keep what is whole in their unit."""
    times = (MILLISECONDS * scale).astype(dtype)
    wanted = np.rint(times.astype(float) / scale * 1e3)
    told = read_events(recording(tmp_path / "a.h5", h5py, times), unit)
    assert np.abs(told.t_us - wanted).max() <= 1
    said = read_events(recording(tmp_path / "b.h5", h5py, times, {"us": "Microseconds"}.get(unit, unit)))
    assert said.t_us.tolist() == told.t_us.tolist()


@pytest.mark.parametrize(
    ("times", "says"),
    [
        (MILLISECONDS / 1e3, "t is not whole microseconds"),
        (1.7e9 + MILLISECONDS / 1e3, "t is not whole microseconds"),
        (MILLISECONDS, "t is not whole microseconds"),
        (1_700_000_000_000_000_000 + np.arange(9), "which no clock says in us"),
        (np.array([0, 2**64 - 1], np.uint64), "which no clock says in us"),
        (np.array([0.0, np.nan]), "1 values that are NaN or infinite"),
        (np.array([0.0, np.inf]), "1 values that are NaN or infinite"),
        (np.array([0.0, 1e300]), "which no clock says in us"),
    ],
)
def test_times_that_cannot_be_microseconds_are_refused(  # type: ignore[no-untyped-def]
    tmp_path: Path, h5py, times, says: str
) -> None:
    with pytest.raises(ModelError, match=says) as caught:
        read_events(recording(tmp_path / "r.h5", h5py, times))
    assert "r.h5" in str(caught.value)


def test_the_remedy_works(tmp_path: Path, h5py) -> None:  # type: ignore[no-untyped-def]
    """Seconds since 1970 with parts: refused, and read once the task says 'unit: s'."""
    (tmp_path / "a").mkdir()
    recording(tmp_path / "a" / "r.h5", h5py, 1.7e9 + np.arange(100) / 100)
    source = EventRecordings(path=tmp_path, bins=10, size=(2, 4))
    with pytest.raises(ModelError, match="unit: s"):
        datasets.test_data(model(source))
    told = EventRecordings(path=tmp_path, bins=10, size=(2, 4), unit="s")
    assert datasets.test_data(model(told)).x.sum(axis=(0, 2, 3, 4)).tolist() == [10] * 10


def test_a_format_that_says_its_unit_takes_no_other(tmp_path: Path) -> None:
    path = tmp_path / "r.bin"
    path.write_bytes(nmnist([(0, 0, 1, True)]))
    assert len(read_events(path, "us").t_us) == 1
    with pytest.raises(ModelError, match="are microseconds, not ms"):
        read_events(path, "ms")


@pytest.mark.parametrize(
    ("bits", "ticks", "counted"),
    [
        (32, [4294967290, 4294967295, 3, 9], [4294967290, 4294967295, 4294967299, 4294967305]),
        (32, [2**32 - 1, 1, 2**32 - 1, 2], [2**32 - 1, 2**32 + 1, 2**32 - 1, 2**32 + 2]),
        (32, [2**31 - 1, -(2**31), 0, 2**31 - 1, -(2**31)], [2**31 - 1, 2**31, 2**32, 3 * 2**31 - 1, 3 * 2**31]),
        (32, [0, 2**32 - 1], [0, 2**32 - 1]),
        (23, [2**23 - 1, 0], [2**23 - 1, 2**23]),
        (32, [5, 4, 3, 4], [5, 4, 3, 4]),
        (32, [], []),
    ],
    ids=["again", "late", "signed", "a gap", "23 bits", "not in order", "none"],
)  # fmt: skip
def test_a_clock_that_began_again_is_counted_on(bits: int, ticks: list[int], counted: list[int]) -> None:
    assert unwrapped(np.array(ticks, np.int64), bits).tolist() == counted


def test_aedat2_and_nmnist_count_on(tmp_path: Path) -> None:
    late: Recorded = [(0, 0, 2**32 - 3, True), (0, 0, 2**32 - 1, True), (0, 0, 1, True)]
    (tmp_path / "r.aedat").write_bytes(dvs128(late))
    assert np.diff(read_events(tmp_path / "r.aedat").t_us).tolist() == [2, 2]
    (tmp_path / "r.bin").write_bytes(nmnist([(0, 0, 2**23 - 1, True), (0, 0, 4, True)]))
    assert np.diff(read_events(tmp_path / "r.bin").t_us).tolist() == [5]


@pytest.mark.parametrize("dtype", ["u4", "i4", "i8", "f8"])
def test_hdf5_counts_on_a_clock_of_32_bits(tmp_path: Path, h5py, dtype: str) -> None:  # type: ignore[no-untyped-def]
    ticks = (np.arange(2**32 - 50, 2**32 + 50, 10) % 2**32).astype("u4")
    stored = ticks.view("i4") if dtype == "i4" else ticks.astype(dtype)
    assert np.diff(read_events(recording(tmp_path / "r.h5", h5py, stored)).t_us).tolist() == [10] * 9


def test_times_in_no_order_and_below_zero_are_counted_as_they_are() -> None:
    rng = np.random.default_rng(0)
    times = rng.permutation(np.arange(-(2**31), 2**31, 2**24)).astype(np.int32)
    assert microseconds("r", times, None).tolist() == times.tolist()
    wide = rng.permutation(np.arange(0, 2**34, 2**24))
    assert microseconds("r", wide, None).tolist() == wide.tolist()


def test_aedat4_times_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "r.aedat4").write_bytes(aedat4([(0, 0, 5, True), (0, 0, 2**62, True)]))
    with pytest.raises(ModelError, match="no microseconds"):
        read_events(tmp_path / "r.aedat4")


def test_labelled_recordings_in_whole_numbers_or_of_weeks_are_refused(  # type: ignore[no-untyped-def]
    tmp_path: Path, h5py
) -> None:
    for times, says in (([0, 1000], "whole numbers"), ([0.0, 2.5e6], "no seconds")):
        path = tmp_path / "digits.h5"
        kind = "i8" if isinstance(times[1], int) else "f8"
        with h5py.File(path, "w") as file:
            file["labels"] = [0]
            for name, stored, row in (("times", kind, times), ("units", "u2", [1, 2])):
                data = file.create_dataset(f"spikes/{name}", (1,), dtype=h5py.vlen_dtype(np.dtype(stored)))
                data[0] = np.array(row, stored)
        text = CLASSES.replace("shape=(2, 2, 4)", "shape=(8,)")
        with pytest.raises(ModelError, match=says):
            datasets.test_data(model(EventRecordings(path=path, size=(1, 8), bins=3), text))
        told = EventRecordings(path=path, size=(1, 8), bins=2, unit="us")
        assert datasets.test_data(model(told, text)).x.sum() == 2


def test_events_beyond_the_last_bin_are_told(tmp_path: Path, h5py) -> None:  # type: ignore[no-untyped-def]
    """Nanoseconds read as microseconds: ten bins of 1 ms hold the first hundredth of 1 s."""
    (tmp_path / "a").mkdir()
    recording(tmp_path / "a" / "r.h5", h5py, np.arange(1000) * 1000)
    source = EventRecordings(path=tmp_path, bins=10, size=(2, 4), bin_s=1e-3)
    listing = event_listing(source, (2, 2, 4), True, None)
    listing.read(0)
    (found,) = listing.findings()
    assert (found.name, found.what[:6]) == ("events-left-out", "99.0 %")
