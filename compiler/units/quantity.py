"""A number with its unit, its source, and how sure it is: what chips are described in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Annotated, ClassVar

from nmc.units.interval import SPREAD, Grade, Interval

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

UNITS: Mapping[str, tuple[str, float]] = {
    "J": ("energy", 1.0), "mJ": ("energy", 1e-3), "uJ": ("energy", 1e-6), "nJ": ("energy", 1e-9),
    "pJ": ("energy", 1e-12), "fJ": ("energy", 1e-15),
    "s": ("time", 1.0), "ms": ("time", 1e-3), "us": ("time", 1e-6), "ns": ("time", 1e-9),
    "W": ("power", 1.0), "mW": ("power", 1e-3), "uW": ("power", 1e-6),
    "Hz": ("frequency", 1.0), "MHz": ("frequency", 1e6), "GHz": ("frequency", 1e9),
    "B": ("size", 1.0), "KiB": ("size", 2.0**10), "MiB": ("size", 2.0**20), "MB": ("size", 1e6),
    "MB/s": ("bandwidth", 1e6), "GB/s": ("bandwidth", 1e9), "TB/s": ("bandwidth", 1e12),
    "GOP/s": ("throughput", 1e9), "TOP/s": ("throughput", 1e12),
    "GFLOP/s": ("throughput", 1e9), "TFLOP/s": ("throughput", 1e12),
    "bit": ("width", 1.0),
    "1": ("number", 1.0),
}  # fmt: skip
"""What each unit measures, and how many of the base unit it is: J, s, W, Hz, B, B/s, operations/s, bit, 1.

A multiply-accumulate counts as two operations.
"""


class Facts:
    """Base of what a chip file holds: facts that are not known are refused."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = {"extra": "forbid", "strict": True}


@dataclass(frozen=True)
class Quantity(Facts):
    """A number as its source gives it. Without `low` and `high` its bounds follow from its grade."""

    value: float
    unit: str
    source: str
    grade: Grade
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"{self.unit!r} is not a unit; the units are {', '.join(UNITS)}")
        if not self.source.strip():
            raise ValueError("the source is empty: say where the number comes from")
        low, high = self.bounds
        if not 0 <= low <= self.value <= high < inf:
            raise ValueError(f"needs 0 <= low <= value <= high, all finite, got {low}, {self.value}, {high}")

    @property
    def bounds(self) -> tuple[float, float]:
        """Low and high, in the number's own unit."""
        low = self.value / SPREAD[self.grade] if self.low is None else self.low
        return low, self.value * SPREAD[self.grade] if self.high is None else self.high

    @property
    def measures(self) -> str:
        """What the unit measures."""
        return UNITS[self.unit][0]

    @property
    def base(self) -> float:
        """The value in the base unit."""
        return self.value * UNITS[self.unit][1]

    @property
    def count(self) -> int:
        """The value as a whole number of its base unit."""
        return round(self.base)

    @property
    def interval(self) -> Interval:
        """Bounds and value in the base unit."""
        low, high = self.bounds
        return Interval(low, self.value, high) * UNITS[self.unit][1]

    def __str__(self) -> str:
        unit = "" if self.unit == "1" else f" {self.unit}"
        return f"{self.value:g}{unit}"


@dataclass(frozen=True)
class Measures:
    """Annotation of a quantity: what it must measure."""

    what: str

    def __get_pydantic_core_schema__(self, source: type, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def check(self, quantity: Quantity) -> Quantity:
        """The quantity. Raises ValueError where it measures something else."""
        if quantity.measures != self.what:
            fitting = ", ".join(unit for unit, (what, _) in UNITS.items() if what == self.what)
            raise ValueError(f"takes a {self.what}, in {fitting}, got the unit {quantity.unit!r}")
        return quantity


Energy = Annotated[Quantity, Measures("energy")]
Time = Annotated[Quantity, Measures("time")]
Power = Annotated[Quantity, Measures("power")]
Frequency = Annotated[Quantity, Measures("frequency")]
Size = Annotated[Quantity, Measures("size")]
Bandwidth = Annotated[Quantity, Measures("bandwidth")]
Throughput = Annotated[Quantity, Measures("throughput")]
Width = Annotated[Quantity, Measures("width")]
Number = Annotated[Quantity, Measures("number")]
