"""How far off estimates may be: rules that hold of every device, and the exceptions to them that are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nmc.validation.comparison import Row, summaries
from nmc.validation.measurements import Use

WORST: Mapping[tuple[Use, str], float] = {
    ("calibration", "energy"): 2.0,
    ("calibration", "latency"): 1.5,
    ("held-out", "energy"): 3.0,
    ("held-out", "latency"): 2.0,
}
"""The factor that the estimate of a measured number may be off by, either way."""

COVERAGE = 0.9
"""The share of a device's calibration numbers that lie in their intervals, at least."""

WIDEST = 10.0
"""High over low of an interval of grade silicon, at most."""


@dataclass(frozen=True)
class Exempt:
    """A held-out number that is off by more than the rule: by how much at most, and why."""

    run: str
    what: str
    worst: float
    why: str


EXEMPT = (
    Exempt("olfactory bulb", "energy", 3.5, "the size of the network was not read, and its steps are longer"),
    Exempt("olfactory bulb", "latency", 3.0, "13.8 us a step, of which barrier and cores explain a third"),
    Exempt("spoken digits with delays", "latency", 5.5, "no time of an event on Loihi 2 was ever published"),
    Exempt("deep belief network, MNIST", "energy", 3.6, "spike rates and the idle power of one chip alone are assumed"),
    Exempt("gestures, unmasked", "energy", 15.0, "no price of an event on Speck was ever published: at least"),
    Exempt("DenseNet, USB", "latency", 2.5, "which DenseNet it is was not published; the smallest is taken"),
    Exempt("DenseNet, Dev Board", "latency", 3.3, "which DenseNet it is was not published; the smallest is taken"),
    Exempt("Inception-ResNet v2, USB", "latency", 2.3, "faster than its weights stream on every other network"),
)


def broken(rows: Iterable[Row]) -> tuple[str, ...]:
    """Every rule that some rows break, in words."""
    rows = tuple(rows)
    exempt = {(one.run, one.what): one.worst for one in EXEMPT}
    found = []
    for row in rows:
        worst = exempt.get((row.run.name, row.quantity), WORST[row.run.use, row.quantity])
        if row.error > worst:
            found.append(f"{row.set}, {row.run.name}: {row.measured.what} is off by x{row.error:.2f}, above x{worst:g}")
        wide = row.predicted.high / row.predicted.low if row.predicted.low else float("inf")
        if row.grade == "silicon" and wide > WIDEST:
            found.append(f"{row.set}, {row.run.name}: an interval of grade silicon spans x{wide:.1f}")
    for one in summaries(rows):
        if one.use == "calibration" and one.coverage < COVERAGE:
            found.append(f"{one.chip}: {one.coverage:.0%} of its calibration {one.what} lies in the intervals")
    return tuple(found)
