"""Quantities that are not known exactly: a best value between a low and a high one, and how sure it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from math import isfinite
from typing import Literal

Grade = Literal["silicon", "simulated", "datasheet", "extrapolated", "assumed"]
"""How a number was come by, from the surest: fitted to or read from measured hardware; simulated by the
chip's makers; stated by its vendor; carried over from another chip or setting; assumed."""

SPREAD: Mapping[Grade, float] = {
    "silicon": 1.25,
    "simulated": 1.6,
    "datasheet": 2.0,
    "extrapolated": 3.0,
    "assumed": 4.0,
}
"""The factor, down and up, that a number may be off by unless its own bounds are given.

1.25 for silicon is what models fitted to measured chips reach on other workloads (SANA-FE on Loihi: within
12 % in energy and 25 % in latency). The others are nmc's own judgement, each wider than the one before.
"""


def worst(*grades: Grade) -> Grade:
    """The least sure of some grades."""
    return max(grades, key=list(SPREAD).index)


@dataclass(frozen=True)
class Interval:
    """low <= best <= high, none of them negative.

    Intervals of one chip share their causes (voltage, process, temperature), so they are taken to err
    together: a sum adds lows to lows and highs to highs, and nothing averages out.
    """

    low: float
    best: float
    high: float

    def __post_init__(self) -> None:
        if not (0 <= self.low <= self.best <= self.high and isfinite(self.high)):
            raise ValueError(f"an interval needs 0 <= low <= best <= high, got {self.low}, {self.best}, {self.high}")

    @classmethod
    def exact(cls, value: float) -> Interval:
        """A value that is known."""
        return cls(value, value, value)

    @classmethod
    def graded(cls, value: float, grade: Grade) -> Interval:
        """A value with the spread of its grade."""
        return cls(value / SPREAD[grade], value, value * SPREAD[grade])

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.best + other.best, self.high + other.high)

    def __mul__(self, other: Interval | float) -> Interval:
        if isinstance(other, Interval):
            return Interval(self.low * other.low, self.best * other.best, self.high * other.high)
        return Interval(self.low * other, self.best * other, self.high * other)

    __rmul__ = __mul__

    def __truediv__(self, other: Interval | float) -> Interval:
        if isinstance(other, Interval):
            return Interval(self.low / other.high, self.best / other.best, self.high / other.low)
        return Interval(self.low / other, self.best / other, self.high / other)

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and self.low <= value <= self.high

    def above(self, other: Interval) -> Interval:
        """How far this lies above another that errs with it; 0 where it does not."""
        best = max(0.0, self.best - other.best)
        return Interval(
            min(best, max(0.0, self.low - other.low)), best, max(best, self.high - other.high)
        )


ZERO = Interval.exact(0.0)


def total(intervals: Iterable[Interval]) -> Interval:
    """The sum; 0 of none."""
    return reduce(Interval.__add__, intervals, ZERO)


def largest(first: Interval, *others: Interval) -> Interval:
    """The interval of the largest of some quantities that err together."""
    every = (first, *others)
    return Interval(max(i.low for i in every), max(i.best for i in every), max(i.high for i in every))
