"""Quantities for people: 3 significant digits and an SI prefix."""

from __future__ import annotations

from math import floor, log10

_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}


def si(value: float, unit: str) -> str:
    """A value with its unit, as in '48.1 uJ'."""
    if value == 0:
        return f"0 {unit}"
    power = min(12, max(-15, 3 * floor(log10(abs(value)) / 3)))
    mantissa = f"{value / 10**power:.3g}"
    if mantissa == "1e+03" and power < 12:
        mantissa, power = "1", power + 3
    return f"{mantissa} {_PREFIXES[power]}{unit}"


def percent(value: float | None, digits: int = 1) -> str:
    """A share as a percentage; a dash where there is none."""
    return "-" if value is None else f"{100 * value:.{digits}f} %"
