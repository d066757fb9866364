"""Which values the options of passes, and of the targets that hand them on, may have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from math import inf
from typing import TYPE_CHECKING

from nmc.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_BOUNDS: Mapping[str, tuple[Callable[[float], bool], str]] = {
    "steps": (lambda value: value >= 1, "give 1 step or more"),
    "charge": (lambda value: 0 <= value < 1, "give a fraction from 0 to below 1, such as 0.5"),
    "threshold_scale": (lambda value: 0 < value < inf, "give a factor above 0"),
    "threshold": (lambda value: 0 <= value < 1, "give a fraction from 0 to below 1"),
    "dt_s": (lambda value: 0 < value < inf, "give the time step in seconds, such as 0.001"),
    "weight_bits": (lambda value: 4 <= value <= 8, "give 4 to 8"),
    "sensitive": (lambda value: value >= 0, "give the number of layers that keep fp32, or 0"),
}
"""What an option of this name may be, wherever there is one, and what to do about any other value."""


def require_bounds(options: DataclassInstance) -> None:
    """Raises UsageError for an option out of its bounds; None is in all of them."""
    for option in fields(options):
        value: float | None = getattr(options, option.name)
        if option.name in _BOUNDS and value is not None:
            within, remedy = _BOUNDS[option.name]
            if not within(value):
                raise UsageError(f"{option.name} is {value:g}", remedy)
