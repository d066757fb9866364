"""What one inference costs: energy and time, taken apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Literal, get_args

from nmc.errors import UsageError
from nmc.units.interval import Grade, Interval, total, worst

Baseline = Literal["total", "active", "dynamic"]
"""What the energy is counted above: nothing; the chip idle after it has run; the chip idle after boot."""

Kind = Literal["idle", "awake", "compute", "memory", "communication", "overhead", "io"]
"""What a component belongs to. "idle" is drawn from boot on, "awake" from the first run on; both by an
idle chip too. All others come with the work."""

_COUNTED: Mapping[Baseline, frozenset[Kind]] = {
    "total": frozenset(),
    "dynamic": frozenset({"idle"}),
    "active": frozenset({"idle", "awake"}),
}


def baseline_named(name: str) -> Baseline:
    """The baseline of this name. Raises UsageError with those there are."""
    for known in get_args(Baseline):
        if name == known:
            baseline: Baseline = known
            return baseline
    raise UsageError(f"{name!r} is not a baseline", f"the baselines are: {', '.join(get_args(Baseline))}")


@dataclass(frozen=True)
class Component:
    """One part of an estimate. Energy in joules and latency in seconds for one inference; None: no part of it."""

    name: str
    kind: Kind
    energy_j: Interval | None
    latency_s: Interval | None
    grade: Grade
    source: str

    def share(self, batch: int) -> Component:
        """One sample's share of a component of a call for `batch` samples."""
        return replace(
            self,
            energy_j=None if self.energy_j is None else self.energy_j / batch,
            latency_s=None if self.latency_s is None else self.latency_s / batch,
        )


@dataclass(frozen=True)
class Measurement:
    """What one inference took on hardware of this kind that ran it: `energy_j` is None where no meter said."""

    device: str
    latency_s: float
    energy_j: float | None = None


@dataclass(frozen=True)
class Estimate:
    """Energy and latency of one inference: one sample, its share of a batch.

    `missing` names the prices that were never published; where there are any, the energy reads "at least".
    `by_node` is the energy of the events and kernels of each node; what belongs to no node is not in it.
    `synaptic_operations` are those of a spiking chip. `measured` is what hardware took for the same run,
    beside the estimate and no part of it. What follows is computed: `energy_j` in joules and
    `latency_s` in seconds are the sums over the components, `grade` is the worst among the components that
    make up a tenth or more of either.
    """

    components: tuple[Component, ...]
    baseline: Baseline = "total"
    missing: tuple[str, ...] = ()
    by_node: Mapping[str, Interval] = field(default_factory=dict)
    synaptic_operations: float = 0.0
    measured: Measurement | None = None
    energy_j: Interval = field(init=False)
    latency_s: Interval = field(init=False)
    grade: Grade = field(init=False)

    def __post_init__(self) -> None:
        energies = [(c.grade, c.energy_j) for c in self.components if c.energy_j is not None]
        latencies = [(c.grade, c.latency_s) for c in self.components if c.latency_s is not None]
        object.__setattr__(self, "energy_j", total(part for _, part in energies))
        object.__setattr__(self, "latency_s", total(part for _, part in latencies))
        grades = (*_that_matter(energies), *_that_matter(latencies))
        object.__setattr__(self, "grade", worst(*grades) if grades else "assumed")

    @property
    def at_least(self) -> bool:
        """Whether the energy is a lower bound, because a price it needs was never published."""
        return bool(self.missing)

    def above(self, baseline: Baseline) -> Estimate:
        """This estimate with only the energy above another baseline. Raises ValueError for a lower one."""
        if not _COUNTED[self.baseline] <= _COUNTED[baseline]:
            raise ValueError(f"an estimate above {self.baseline!r} does not know what is above {baseline!r}")
        gone = _COUNTED[baseline]
        kept = (replace(c, energy_j=None) if c.kind in gone else c for c in self.components)
        return replace(
            self, components=tuple(c for c in kept if c.energy_j or c.latency_s), baseline=baseline
        )

    def to_json(self) -> dict[str, object]:
        """Plain types for JSON; intervals as {low, best, high}."""
        return asdict(self)


def _that_matter(parts: list[tuple[Grade, Interval]]) -> list[Grade]:
    """The grades of the parts that make up a tenth or more of their sum."""
    whole = sum(part.best for _, part in parts)
    return [grade for grade, part in parts if part.best and part.best >= 0.1 * whole]
