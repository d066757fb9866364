"""Energy and latency on a chip of many neuron cores: events times prices, static power times time, and I/O.

latency = steps x (I/O step + barrier + longest way) + the slowest core's work
energy  = (idle + awake power) x latency + sum over events of count x price

Counts are means over steps and samples. The slowest core of the mean step is at most as slow as the
mean of the slowest cores, so that unevenness from step to step is not in the latency.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar, cast, get_args

from nmc.chips import chip_of
from nmc.chips.chip import ManycoreChip, Price, PriceProfile
from nmc.errors import UsageError
from nmc.estimates.estimate import Baseline, Component, Estimate, Kind
from nmc.estimates.events import Events
from nmc.estimates.interval import ZERO, Interval, largest, total, worst
from nmc.estimates.traffic import Traffic, traffic
from nmc.graph import Graph
from nmc.mapping.partition import partition
from nmc.mapping.place import Placement, place
from nmc.mapping.route import routes
from nmc.nodes.fixed_point import FixedConv2d

if TYPE_CHECKING:
    from nmc.backends.target import RunResult
    from nmc.program import Program

Choice = TypeVar("Choice")


def estimate_manycore(program: Program, result: RunResult) -> Estimate:
    """What one inference of a run costs on the program's chip.

    The options "prices" and "io" choose by name among the chip's profiles and ways of feeding it, else
    its first ones; "baseline" is what the energy is counted above (total).
    """
    prices, io, baseline = (program.options.get(name) for name in ("prices", "io", "baseline"))
    if baseline is not None and baseline not in get_args(Baseline):
        raise UsageError(f"{baseline!r} is not a baseline", f"the baselines are: {', '.join(get_args(Baseline))}")
    estimate = price_manycore(
        chip_of(program.chip, ManycoreChip),
        program.model.graph,
        result.events,
        prices=None if prices is None else str(prices),
        io=None if io is None else str(io),
    )
    return estimate.above(cast(Baseline, baseline)) if baseline is not None else estimate


def price_manycore(
    chip: ManycoreChip, graph: Graph, events: Events, *, prices: str | None = None, io: str | None = None
) -> Estimate:
    """What one inference with these events costs.

    Raises UnsupportedError where the network does not fit the chip, UsageError for an unknown choice.
    """
    profile = _choose(chip.prices, prices, "price profile", chip.title)
    feeding = _choose(chip.io, io, "way of I/O", chip.title)
    placement = place(partition(graph, chip.limits), chip.limits)
    happened = traffic(placement, routes(placement), events)
    work = _event_components(profile, happened)
    times = (
        _slowest_core(profile, happened),
        _barrier(profile, placement, events.steps),
        _longest_way(profile, happened, events.steps),
        Component(
            f"I/O: {feeding.title}", "io", None, feeding.step.interval * events.steps,
            feeding.step.grade, feeding.step.source,
        ),
    )  # fmt: skip
    duration = total(part.latency_s for part in times if part.latency_s is not None)
    static = (
        Component("chip, idle after boot", "idle", chip.idle_power.interval * duration, None,
                  chip.idle_power.grade, chip.idle_power.source),
        Component("x86 cores and mesh, awake", "awake", chip.awake_power.interval * duration, None,
                  chip.awake_power.grade, chip.awake_power.source),
    )  # fmt: skip
    uncounted = tuple(f"spikes of {name}, which the engine did not count" for name in happened.uncounted)
    return Estimate(
        (*work, *times, *static),
        missing=(*profile.unpublished, *uncounted),
        by_node=_by_node(profile, happened, events),
    )


Count = tuple[Price, float]


def _event_components(profile: PriceProfile, happened: Traffic) -> tuple[Component, ...]:
    synapse, updates = profile.synaptic_operation, float(happened.updates.sum())
    return (
        _priced("synaptic operations", "compute", [
            (synapse.dense, float(happened.dense_operations.sum())),
            (synapse.conv, float(happened.conv_operations.sum())),
        ]),
        _priced("neuron updates", "compute", [(profile.neuron_access, updates), (profile.neuron_change, updates)]),
        _priced("spikes and messages", "communication", [
            (profile.spike, float(happened.spikes.sum())),
            (profile.message, float(happened.sent.sum())),
            (profile.arrival, float(happened.arrived.sum())),
        ]),
        _priced("hops", "communication", [
            (profile.hop_east_west, sum(r.hops_east_west * n for r, n in happened.ways)),
            (profile.hop_north_south, sum(r.hops_north_south * n for r, n in happened.ways)),
        ]),
    )  # fmt: skip


def _priced(name: str, kind: Kind, counts: list[Count]) -> Component:
    used = [price.energy for price, count in counts if price.energy is not None and count]
    sources = "; ".join(dict.fromkeys(quantity.source for quantity in used))
    energy = total(_energy(price, count) for price, count in counts)
    return Component(name, kind, energy, None, worst("silicon", *(q.grade for q in used)), sources or "no such event")


def _slowest_core(profile: PriceProfile, happened: Traffic) -> Component:
    """The work of the core that takes longest, over the whole run."""
    synapse = profile.synaptic_operation
    counts = (
        (synapse.dense, happened.dense_operations),
        (synapse.conv, happened.conv_operations),
        (profile.neuron_access, happened.updates),
        (profile.neuron_change, happened.updates),
        (profile.spike, happened.spikes),
        (profile.message, happened.sent),
        (profile.arrival, happened.arrived),
    )
    cores = (total(_time(price, float(per_core[i])) for price, per_core in counts) for i in range(len(happened.spikes)))
    used = [price.time for price, per_core in counts if price.time is not None and per_core.any()]
    sources = "; ".join(dict.fromkeys(quantity.source for quantity in used))
    return Component(
        "slowest core", "compute", None, largest(ZERO, *cores), worst("silicon", *(q.grade for q in used)),
        sources or "no event",
    )  # fmt: skip


def _longest_way(profile: PriceProfile, happened: Traffic, steps: int) -> Component:
    """The longest way that a spike takes, once a step; spikes are taken not to hold up one another."""
    east_west, north_south = profile.hop_east_west, profile.hop_north_south
    ways = (
        _time(east_west, route.hops_east_west) + _time(north_south, route.hops_north_south)
        for route, count in happened.ways
        if count
    )
    quantity = east_west.time or north_south.time
    return Component(
        "longest way through the mesh", "communication", None, largest(ZERO, *ways) * steps,
        quantity.grade if quantity else "assumed", quantity.source if quantity else "not published",
    )  # fmt: skip


def _barrier(profile: PriceProfile, placement: Placement, steps: int) -> Component:
    """The barrier that ends each step, between the published numbers of tiles by straight lines."""
    tiles, known = placement.tiles.used, sorted(profile.barrier)
    above = next((n for n in known if n >= tiles), known[-1])
    below = next((n for n in reversed(known) if n <= tiles), known[0])
    low, high = profile.barrier[below].interval, profile.barrier[above].interval
    part = (tiles - below) / (above - below) if above > below else 0.0
    quantity = profile.barrier[above]
    return Component(
        "barrier", "overhead", None, (low * (1 - part) + high * part) * steps, quantity.grade, quantity.source
    )


def _by_node(profile: PriceProfile, happened: Traffic, events: Events) -> Mapping[str, Interval]:
    """The energy of each node's events: at synapses their operations, at the senders of spikes all that these cost."""
    prices = profile.synaptic_operation
    found: dict[str, Interval] = {}
    convs = {r.projection.synapse.name for r in happened.routes if isinstance(r.projection.synapse, FixedConv2d)}
    for name, node in events.nodes.items():
        parts = [(prices.conv if name in convs else prices.dense, node.synaptic_operations)]
        parts += [(profile.neuron_access, node.neuron_updates), (profile.neuron_change, node.neuron_updates)]
        found[name] = total(_energy(price, count) for price, count in parts)
    for part, spikes in zip(happened.slices, happened.spikes, strict=True):
        found[part.population] = found.get(part.population, ZERO) + _energy(profile.spike, float(spikes))
    for route, count in happened.ways:
        name = route.projection.source
        costs = [(profile.arrival, 1), (profile.hop_east_west, route.hops_east_west)]
        costs += [(profile.hop_north_south, route.hops_north_south), (profile.message, int(route.source is not None))]
        found[name] = found.get(name, ZERO) + total(_energy(price, count * times) for price, times in costs)
    return {name: energy for name, energy in found.items() if energy.high}


def _energy(price: Price, count: float) -> Interval:
    return price.energy.interval * count if price.energy is not None else ZERO


def _time(price: Price, count: float) -> Interval:
    return price.time.interval * count if price.time is not None else ZERO


def _choose(choices: Mapping[str, Choice], name: str | None, what: str, chip: str) -> Choice:
    name = name or next(iter(choices))
    if name not in choices:
        raise UsageError(f"{chip} has no {what} {name!r}", f"there are: {', '.join(choices)}")
    return choices[name]
