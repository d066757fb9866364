"""Energy and latency on the machine at hand: time is measured, energy metered where the machine can."""

from __future__ import annotations

from nmc.chips.chip import CpuChip
from nmc.estimates.estimate import Component, Estimate
from nmc.units.interval import Interval

TIMING = Interval(0.9, 1.0, 1.25)
"""How far a time measured once is from what the next run takes: other work slows it more than luck speeds it."""


def price_cpu(chip: CpuChip, seconds: float, energy_j: float | None = None) -> Estimate:
    """One inference that took `seconds`, and `energy_j` by the processor's own counters, if they were read."""
    latency = TIMING * seconds
    if energy_j is not None:
        metered = Component(
            "processor", "compute", TIMING * energy_j, latency, "silicon", "measured: RAPL counters of this machine"
        )
        return Estimate((metered,))
    power = chip.busy_power
    return Estimate((
        Component("running", "compute", None, latency, "silicon", "measured on this machine"),
        Component("power of the package", "compute", power.interval * latency, None, power.grade, power.source),
    ))
