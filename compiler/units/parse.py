"""Quantities as people write them, a number and a unit: `10 ms`, `50 uJ`, `1 kHz`."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from nmc.errors import closest

UNITS: Mapping[str, Mapping[str, int]] = {
    "time": {"s": 0, "ms": -3, "us": -6, "µs": -6, "μs": -6, "ns": -9, "ps": -12},
    "frequency": {"Hz": 0, "kHz": 3, "MHz": 6, "GHz": 9},
    "energy": {"J": 0, "mJ": -3, "uJ": -6, "µJ": -6, "μJ": -6, "nJ": -9, "pJ": -12, "fJ": -15, "kJ": 3},
    "power": {"W": 0, "mW": -3, "uW": -6, "kW": 3},
    "voltage": {"V": 0, "mV": -3, "uV": -6},
    "current": {"A": 0, "mA": -3, "uA": -6, "nA": -9, "pA": -12},
    "resistance": {"Ohm": 0, "kOhm": 3, "MOhm": 6, "GOhm": 9},
}
"""Every unit that is understood, by dimension, with its power of ten of the SI unit."""

_SCALES = {unit: (dimension, power) for dimension, units in UNITS.items() for unit, power in units.items()}
_EXAMPLES = {"time": "10 ms", "frequency": "1 kHz", "energy": "50 uJ"}
_QUANTITY = re.compile(r"\s*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?)\s*([^\W\d_]+)\s*")


class UnitError(ValueError):
    """A value that is not a quantity of the dimension asked for."""

    def __init__(self, what: str, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(what)


@dataclass(frozen=True)
class Quantity:
    """A number of SI units of one dimension."""

    value: float
    dimension: str


def quantity(value: object) -> Quantity | None:
    """The quantity that a text says; None if it is not a number and a known unit."""
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) and len(value) <= 60 else None
    if match is None or match[2] not in _SCALES:
        return None
    dimension, power = _SCALES[match[2]]
    try:
        return Quantity(float(Decimal(match[1]).scaleb(power)), dimension)
    except (InvalidOperation, OverflowError):
        return None


def time_s(value: object, what: str = "this") -> float:
    """A positive time in seconds. Raises UnitError, naming `what` the value is of."""
    return _of("time", value, what).value


def energy_j(value: object, what: str = "this") -> float:
    """A positive energy in joules. Raises UnitError."""
    return _of("energy", value, what).value


def step_s(value: object, what: str = "dt") -> float:
    """A time step in seconds, from a time or from the rate of steps as a frequency. Raises UnitError."""
    read = quantity(value)
    if read is not None and read.dimension == "frequency":
        return 1.0 / _of("frequency", value, what).value
    return time_s(value, what)


def written(value: float, dimension: str) -> str:
    """The shortest text that reads back as exactly `value` SI units."""
    texts = [f"{value!r} {next(iter(UNITS[dimension]))}"]
    for unit, power in UNITS[dimension].items():
        text = f"{float(Decimal(repr(value)).scaleb(-power)):g} {unit}"
        if unit.isascii() and quantity(text) == Quantity(value, dimension):
            texts.append(text)
    return min(texts, key=len)


def _of(dimension: str, value: object, what: str) -> Quantity:
    example = _EXAMPLES[dimension]
    article = "an" if dimension == "energy" else "a"
    takes = f"{what} takes {article} {dimension}, got {reprlib.repr(value) if isinstance(value, str) else value}"
    read = quantity(value)
    if read is None:
        if isinstance(value, int | float):
            raise UnitError(f"{takes} without a unit", f"write the unit too, as in '{example}'")
        unit = value.strip().lstrip("+-.0123456789eE ") if isinstance(value, str) else ""
        hint = f"; {closest(unit, _SCALES)}" if unit.isalpha() and unit not in _SCALES else ""
        raise UnitError(takes, f"write a number and a unit, as in '{example}'{hint}")
    if read.dimension != dimension:
        raise UnitError(f"{takes}, which is a {read.dimension}", f"write it in units of {dimension}, as in '{example}'")
    if not 0 < read.value < float("inf"):
        raise UnitError(f"{takes}", "give a positive number")
    return read
