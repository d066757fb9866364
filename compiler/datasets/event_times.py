"""Times of events as whole microseconds: in their own unit, and on one clock where theirs began again."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from nmc.data_source import TimeUnit
from nmc.errors import ModelError

PER_SECOND: Mapping[TimeUnit, int] = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
UNITS_IN_WORDS: Mapping[str, TimeUnit] = {
    "s": "s", "sec": "s", "second": "s", "seconds": "s",
    "ms": "ms", "millisecond": "ms", "milliseconds": "ms",
    "us": "us", "\N{MICRO SIGN}s": "us", "\N{GREEK SMALL LETTER MU}s": "us", "usec": "us", "microsecond": "us",
    "microseconds": "us", "ns": "ns", "nanosecond": "ns", "nanoseconds": "ns",
}  # fmt: skip
"""What files call the units of their times."""
TELL = "say their unit beside 'events', as in 'unit: s' (or ms, us, ns)"
LIMIT_US = 1e17
"""Microseconds beyond this are 3,000 years: a unit that is another, as nanoseconds since 1970 are 1.7e18."""
UNORDERED = 0.25
"""The share of steps back in time beyond which a recording is taken to be in no order, unless they are `FEW`."""
FEW = 4
LIMIT_S = 1e6
"""A recording that lasts more seconds than this, eleven days, has times in another unit."""


def microseconds(name: str, times: NDArray[np.generic], unit: TimeUnit | None) -> NDArray[np.int64]:
    """Times [n] of a recording in whole microseconds; `unit` None means that nobody says it: microseconds, if whole.

    Parts of a microsecond are rounded where the unit is said. A clock of 32 bits that began again is counted on.
    Raises ModelError for times that are no numbers, or that cannot be in this unit.
    """
    _check_finite(name, times)
    if unit is None and times.dtype.kind == "f" and np.any(times != np.rint(times)):
        raise ModelError(f"{name}: t is not whole microseconds", TELL)
    per_second = PER_SECOND[unit or "us"]
    values = times.astype(np.float64)
    if (largest := float(np.abs(values).max(initial=0.0)) / per_second * 1e6) > LIMIT_US:
        raise ModelError(f"{name}: t goes up to {largest / 1e6:.3g} s, which no clock says in {unit or 'us'}", TELL)
    if times.dtype.kind == "f":
        scaled = np.rint(values * (1e6 / per_second)).astype(np.int64)
        return _counted_on(scaled) if per_second == 10**6 else scaled
    ticks = _counted_on(times)
    return ticks // (per_second // 10**6) if per_second >= 10**6 else ticks * (10**6 // per_second)


def seconds_as_microseconds(name: str, times: NDArray[np.generic], unit: TimeUnit | None) -> NDArray[np.int64]:
    """The same for a format whose times are seconds unless `unit` says otherwise.

    Raises ModelError for whole numbers and for recordings of many days: such times are in another unit.
    """
    _check_finite(name, times)
    if unit is None and times.dtype.kind != "f" and times.any():
        raise ModelError(f"{name}: its times are whole numbers, where seconds are expected", TELL)
    values = times.astype(np.float64)
    if unit is None and len(values) and np.ptp(values) > LIMIT_S:
        raise ModelError(f"{name}: it would last {np.ptp(values):.3g} s: its times are no seconds", TELL)
    return microseconds(name, times, unit or "s")


def unit_said(said: object) -> TimeUnit | None:
    """The unit that a file gives its times in words; None where it gives none, or one that is not known."""
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return UNITS_IN_WORDS.get(text.strip().lower()) if isinstance(text, str) else None


def unwrapped(ticks: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """Ticks of a clock of so many bits, in the order of the recording, counted on where the clock began again.

    A fall by more than half its range is a new beginning; a rise by as much after one is an event that came late.
    Recordings that are in no order are left as they are.
    """
    period = 1 << bits
    steps = np.diff(ticks)
    if not len(steps) or np.count_nonzero(steps < 0) > max(FEW, UNORDERED * len(steps)):
        return ticks
    jumps = np.where(np.abs(steps) > period // 2, -np.sign(steps), 0)
    walk = np.cumsum(jumps)
    rounds = walk - np.minimum.accumulate(np.minimum(walk, 0))
    ticks = ticks.copy()
    ticks[1:] += period * rounds
    return ticks


def _counted_on(times: NDArray[np.generic]) -> NDArray[np.int64]:
    """Whole ticks [n], with those of a 32-bit clock unwrapped, whatever type they are stored in.

    Of wider types, only those that fit 32 bits and never rise by half their range: others have a clock of their own.
    """
    ticks = times.astype(np.int64)
    if not len(ticks):
        return ticks
    low, high = int(ticks.min()), int(ticks.max())
    fits = (low >= 0 and high < 1 << 32) or (low >= -(1 << 31) and high < 1 << 31)
    rises = np.any(np.diff(ticks) > 1 << 31)
    return unwrapped(ticks, 32) if fits and (times.dtype.itemsize == 4 or not rises) else ticks


def _check_finite(name: str, times: NDArray[np.generic]) -> None:
    if times.dtype.kind not in "iuf":
        raise ModelError(f"{name}: t holds {times.dtype}, not numbers", "store times as whole microseconds")
    if count := int(times.size - np.count_nonzero(np.isfinite(times))):
        raise ModelError(f"{name}: t holds {count} values that are NaN or infinite", "leave these events out")
