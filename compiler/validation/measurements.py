"""Published measurements: YAML files in `sets`, one for each publication or table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Literal

from nmc.estimates.estimate import Baseline
from nmc.estimates.weightless import Conditions
from nmc.units.quantity import UNITS, Facts

What = Literal["energy", "latency", "power", "energy of a synaptic operation"]
Basis = Literal["primary", "computed", "secondary", "remembered"]
"""Read at the source; worked out from numbers read there; read in a transcription; recalled."""
Use = Literal["calibration", "held-out"]
"""Whether constants of the chip may have been fitted to it."""

_MEASURES: Mapping[What, str] = {
    "energy": "energy", "latency": "time", "power": "power", "energy of a synaptic operation": "energy",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Measured(Facts):
    """One number somebody measured, of one inference: one sample, its share of a batch.

    Latency is that share too: the reciprocal of the throughput. `baseline` is what energy and power are
    counted above.
    """

    what: What
    value: float
    unit: str
    basis: Basis
    baseline: Baseline = "total"

    def __post_init__(self) -> None:
        if UNITS.get(self.unit, ("", 0.0))[0] != _MEASURES[self.what]:
            raise ValueError(f"{self.unit!r} is not a unit of {self.what}")
        if self.value <= 0:
            raise ValueError(f"{self.value} was not measured: give more than 0")

    @property
    def base(self) -> float:
        """The value in joules, seconds or watts."""
        return self.value * UNITS[self.unit][1]


@dataclass(frozen=True, kw_only=True)
class Run(Facts):
    """A network that ran on a device under some conditions, and what was measured of it."""

    name: str
    network: str
    chip: str
    measured: tuple[Measured, ...]
    conditions: Conditions = field(default_factory=Conditions)
    use: Use = "held-out"
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class MeasurementSet(Facts):
    """Runs that one publication reports; they share a rig, and count as one when errors are averaged."""

    name: str
    title: str
    source: str
    runs: tuple[Run, ...]


@cache
def measurement_sets() -> tuple[MeasurementSet, ...]:
    """Every set, by name. Raises UsageError with all faults of a file."""
    from nmc.chips.schema import parse_facts

    folder = files("nmc.validation.sets")
    return tuple(
        parse_facts(item.read_text(encoding="utf-8"), MeasurementSet, f"sets/{item.name}")
        for item in sorted(folder.iterdir(), key=lambda item: item.name)
        if item.name.endswith(".yaml")
    )
