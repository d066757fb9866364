"""What a network would cost of which only the layers are known, and for spiking chips how often it spikes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nmc.chips.chip import Chip, CpuChip, GpuChip, ManycoreChip, Precision, SystolicChip, precision_named
from nmc.errors import UsageError, closest
from nmc.estimates.estimate import Component, Estimate
from nmc.graph import Graph
from nmc.units.interval import Grade, Interval, worst
from nmc.units.quantity import Facts, Number, Quantity

if TYPE_CHECKING:
    from nmc.program import Program

UNKNOWN_RATE = Quantity(0.1, "1", "assumed: from sparse to dense activity; not measured", "assumed", 0.02, 0.5)
"""Spikes of a neuron in a step where nothing is said of them."""


@dataclass(frozen=True, kw_only=True)
class Conditions(Facts):
    """How a network is run. What a chip's family does not know is left out of account.

    `rate`: spikes of a neuron in a step; `rates`: those of single sources and populations by name, which go
    before it. `cores`: how many cores a population was cut into, where that is known. `mode`, `io` and
    `prices` are those of the chip file; None: its first.
    """

    steps: int = 1
    batch: int = 1
    precision: Precision | None = None
    mode: str | None = None
    io: str | None = None
    prices: str | None = None
    rate: Number = UNKNOWN_RATE
    rates: Mapping[str, Number] = field(default_factory=dict)
    cores: Mapping[str, int] = field(default_factory=dict)
    weight_bits: int = 8


def conditions_of(
    *, steps: int | None = None, batch: int | None = None, precision: str | None = None, mode: str | None = None,
    io: str | None = None, prices: str | None = None, rate: float | None = None, base: Conditions = Conditions(),
) -> Conditions:  # fmt: skip
    """Conditions as a user gives them, in plain values; None: those of `base`. Raises UsageError for what is none."""
    said = base.rate if rate is None else Quantity(rate, "1", "given by the user", "assumed", rate, rate)
    return replace(
        base, steps=steps or base.steps, batch=batch or base.batch,
        precision=base.precision if precision is None else precision_named(precision),
        mode=mode or base.mode, io=io or base.io, prices=prices or base.prices, rate=said,
    )  # fmt: skip


def conditions_of_program(program: Program, *, elsewhere: bool = False) -> Conditions:
    """How a program runs; on another chip than its own, without what it chose of that."""
    own, steps = program.options.pricing, program.steps or 1
    if elsewhere:
        return Conditions(steps=steps, batch=own.batch, precision=own.precision)
    return Conditions(
        steps=steps, batch=own.batch, precision=own.precision, mode=own.mode, io=own.io, prices=own.prices
    )


def estimate_network(graph: Graph, chip: Chip, conditions: Conditions) -> Estimate:
    """What one inference costs. Of the graph's arrays, only the names are needed.

    On a chip of many cores the interval spans that of the spike rates. Raises UsageError for conditions that
    the chip does not know, UnsupportedError where the network does not fit, ModelError for an unsound graph.
    """
    match chip:
        case ManycoreChip():
            return _manycore(graph, chip, conditions)
        case GpuChip():
            from nmc.estimates.gpu import price_gpu
            from nmc.estimates.workload import workload

            work = workload(graph, steps=conditions.steps, batch=conditions.batch)
            return price_gpu(chip, work, conditions.precision or chip.default_precision, conditions.mode)
        case SystolicChip():
            from nmc.estimates.systolic import price_systolic
            from nmc.estimates.workload import workload

            work = workload(graph, steps=conditions.steps, batch=conditions.batch)
            return price_systolic(chip, work, conditions.precision)
        case CpuChip():
            raise UsageError(
                "on the machine at hand time is measured, and a network without weights cannot run",
                "choose another chip, or give a model with weights",
            )


def _manycore(graph: Graph, chip: ManycoreChip, conditions: Conditions) -> Estimate:
    from nmc.estimates.layers import populations
    from nmc.estimates.manycore import price_load
    from nmc.estimates.sketch import load, sketched

    sketch = sketched(populations(graph), chip.limits, conditions.weight_bits, conditions.cores)
    known = dict.fromkeys(sketch.senders, conditions.rate)
    for name, rate in conditions.rates.items():
        if name not in known:
            raise UsageError(f"a rate is given for {name!r}, which sends no spikes", closest(name, known))
        known[name] = rate
    rates = {name: quantity.interval for name, quantity in known.items()}

    def at(spikes: Mapping[str, float]) -> Estimate:
        happened = load(sketch, steps=conditions.steps, spikes={n: s * conditions.steps for n, s in spikes.items()})
        return price_load(chip, happened, prices=conditions.prices, io=conditions.io)

    low, best, high = (
        at({name: getattr(rate, bound) for name, rate in rates.items()}) for bound in ("low", "best", "high")
    )
    sure = worst(*(quantity.grade for quantity in known.values()))
    parts = zip(low.components, best.components, high.components, strict=True)
    return replace(best, components=tuple(_spanned(*part, sure) for part in parts))


def _spanned(low: Component, best: Component, high: Component, rates: Grade) -> Component:
    """A component at its lowest, best and highest rate as one; as sure as the rates where these matter to it."""
    energies, latencies = ([getattr(c, what) for c in (low, best, high)] for what in ("energy_j", "latency_s"))
    differs = _spreads(energies) or _spreads(latencies)
    return replace(
        best,
        energy_j=_hull(energies),
        latency_s=_hull(latencies),
        grade=worst(best.grade, rates) if differs else best.grade,
    )


def _hull(parts: list[Interval | None]) -> Interval | None:
    low, best, high = parts
    if low is None or best is None or high is None:
        return None
    return Interval(min(low.low, best.low, high.low), best.best, max(low.high, best.high, high.high))


def _spreads(parts: list[Interval | None]) -> bool:
    """Whether the best values differ by more than a tenth."""
    known = [part.best for part in parts if part is not None]
    return bool(known) and max(known) > 1.1 * min(known)
