"""Energy and latency on a chip of many neuron cores: events times prices, static power times time, and I/O.

latency = steps x (barrier + longest way) + the slowest core's work, and what the chip waits for its host
energy  = (idle + awake power) x latency + sum over events of count x price

Counts are means over steps and samples. The slowest core of the mean step is at most as slow as the
mean of the slowest cores, so that unevenness from step to step is not in the latency.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from nmc.chips.chip import IoMode, ManycoreChip, Price, PriceProfile, choice
from nmc.estimates.estimate import Component, Estimate, Kind
from nmc.estimates.events import Events
from nmc.estimates.load import Load, load_of
from nmc.estimates.traffic import Traffic, traffic
from nmc.graph import Graph
from nmc.mapping.partition import partition
from nmc.mapping.place import Placement, place
from nmc.mapping.route import routes
from nmc.nodes.fixed_point import FixedConv2d
from nmc.units.interval import ZERO, Interval, largest, total, worst

_BETWEEN_CHIPS = ("energy and time of spikes between chips", "time of a barrier over several chips")
"""What was never published, and counts only where a network takes more than one chip."""
_WEIGHT_UPDATES = ("energy and time of weight updates",)
"""The same, where synapses learn."""


def price_manycore(
    chip: ManycoreChip,
    graph: Graph,
    events: Events,
    *,
    placement: Placement | None = None,
    prices: str | None = None,
    io: str | None = None,
) -> Estimate:
    """What one inference with these events costs; without a placement, the graph is mapped first.

    Raises UnsupportedError where the network does not fit the chip, UsageError for an unknown choice.
    """
    profile = choice(chip.prices, prices, "price profile", chip.title)
    if placement is None:
        placement = place(partition(graph, chip.limits), chip.limits)
    happened = traffic(placement, routes(placement), events)
    uncounted = (
        *(f"spikes of {name}, which the engine did not count" for name in happened.uncounted),
        *(f"weight updates of {name}, which the engine did not count" for name in happened.unlearned),
    )
    estimate = price_load(chip, load_of(happened, events.steps), prices=prices, io=io)
    return replace(
        estimate, missing=(*estimate.missing, *uncounted), by_node=energy_by_node(profile, happened, events)
    )


def price_load(chip: ManycoreChip, load: Load, *, prices: str | None = None, io: str | None = None) -> Estimate:
    """What one inference costs that loads the cores so. Raises UsageError for an unknown choice."""
    profile = choice(chip.prices, prices, "price profile", chip.title)
    feeding = choice(chip.io, io, "way of I/O", chip.title)
    times = (_slowest_core(profile, load), _barrier(profile, load), _longest_way(profile, load))
    on_chip = total(part.latency_s for part in times if part.latency_s is not None)
    fed = _feeding(feeding, load, on_chip)
    duration = on_chip + (fed.latency_s or ZERO)
    static = (
        Component("chip, idle after boot", "idle", chip.idle_power.interval * duration * load.chips, None,
                  chip.idle_power.grade, chip.idle_power.source),
        Component("awake after the first run", "awake", chip.awake_power.interval * duration * load.chips, None,
                  chip.awake_power.grade, chip.awake_power.source),
    )  # fmt: skip
    return Estimate(
        (*_event_components(profile, load), *times, fed, *static),
        missing=(*profile.unpublished, *_unpriced(profile, load)),
        synaptic_operations=load.synaptic_operations,
    )


def _feeding(mode: IoMode, load: Load, on_chip: Interval) -> Component:
    """The time that the chip waits for its host, or for the clock."""
    step = mode.step.interval + (mode.core.interval * load.input_cores if mode.core else ZERO)
    waiting = step * load.steps
    return Component(
        f"I/O: {mode.title}", "io", None, waiting.above(on_chip) if mode.overlaps else waiting,
        mode.step.grade, mode.step.source,
    )  # fmt: skip


def _unpriced(profile: PriceProfile, load: Load) -> tuple[str, ...]:
    """What a load has that few networks have, and that was never published."""
    learning = _WEIGHT_UPDATES if load.weight_updates.any() and profile.weight_update == Price() else ()
    return (*(_BETWEEN_CHIPS if load.chips > 1 else ()), *learning)


Count = tuple[Price, float]


def _event_components(profile: PriceProfile, load: Load) -> tuple[Component, ...]:
    synapse, updates = profile.synaptic_operation, float(load.updates.sum())
    return (
        _priced("synaptic operations", "compute", [
            (synapse.dense, float(load.dense_operations.sum())),
            (synapse.conv, float(load.conv_operations.sum())),
        ]),
        _priced("neuron updates", "compute", [(profile.neuron_access, updates), (profile.neuron_change, updates)]),
        *_learning(profile, load),
        _priced("spikes and messages", "communication", [
            (profile.spike, float(load.spikes.sum())),
            (profile.message, float(load.sent.sum())),
            (profile.arrival, float(load.arrived.sum())),
        ]),
        _priced("hops", "communication", [
            (profile.hop_east_west, load.hops_east_west),
            (profile.hop_north_south, load.hops_north_south),
        ]),
    )  # fmt: skip


def _learning(profile: PriceProfile, load: Load) -> tuple[Component, ...]:
    """Weight updates, where there are any."""
    updates = float(load.weight_updates.sum())
    return (_priced("weight updates", "compute", [(profile.weight_update, updates)]),) if updates else ()


def _priced(name: str, kind: Kind, counts: list[Count]) -> Component:
    used = [price.energy for price, count in counts if price.energy is not None and count]
    sources = "; ".join(dict.fromkeys(quantity.source for quantity in used))
    energy = total(_energy(price, count) for price, count in counts)
    return Component(name, kind, energy, None, worst("silicon", *(q.grade for q in used)), sources or "no such event")


def _slowest_core(profile: PriceProfile, load: Load) -> Component:
    """The work of the core that takes longest, over the whole run."""
    synapse = profile.synaptic_operation
    counts = (
        (synapse.dense, load.dense_operations),
        (synapse.conv, load.conv_operations),
        (profile.neuron_access, load.updates),
        (profile.neuron_change, load.updates),
        (profile.weight_update, load.weight_updates),
        (profile.spike, load.spikes),
        (profile.message, load.sent),
        (profile.arrival, load.arrived),
    )
    cores = (
        total(_time(price, float(counted[i] / load.cores[i])) for price, counted in counts)
        for i in range(len(load.cores))
    )
    used = [price.time for price, counted in counts if price.time is not None and counted.any()]
    sources = "; ".join(dict.fromkeys(quantity.source for quantity in used))
    return Component(
        "slowest core", "compute", None, largest(ZERO, *cores), worst("silicon", *(q.grade for q in used)),
        sources or "no event, or none with a time",
    )  # fmt: skip


def _longest_way(profile: PriceProfile, load: Load) -> Component:
    """The longest way that a spike takes, once a step; spikes are taken not to hold up one another."""
    east_west, north_south = profile.hop_east_west, profile.hop_north_south
    ways = (_time(east_west, across) + _time(north_south, down) for across, down in load.ways)
    quantity = east_west.time or north_south.time
    return Component(
        "longest way through the mesh", "communication", None, largest(ZERO, *ways) * load.steps,
        quantity.grade if quantity else "assumed", quantity.source if quantity else "not published",
    )  # fmt: skip


def _barrier(profile: PriceProfile, load: Load) -> Component:
    """The barrier that ends each step, between the published numbers of tiles by straight lines."""
    if not profile.barrier:
        return Component("barrier", "overhead", None, ZERO, "silicon", "the chip has none apart from its clock")
    known = sorted(profile.barrier)
    above = next((n for n in known if n >= load.tiles), known[-1])
    below = next((n for n in reversed(known) if n <= load.tiles), known[0])
    low, high = profile.barrier[below].interval, profile.barrier[above].interval
    part = (load.tiles - below) / (above - below) if above > below else 0.0
    quantity = profile.barrier[above]
    return Component(
        "barrier", "overhead", None, (low * (1 - part) + high * part) * load.steps, quantity.grade, quantity.source
    )


def energy_by_node(profile: PriceProfile, happened: Traffic, events: Events) -> Mapping[str, Interval]:
    """The energy of each node's events: at synapses their operations, at the senders of spikes all that these cost."""
    prices = profile.synaptic_operation
    found: dict[str, Interval] = {}
    convs = {r.projection.synapse.name for r in happened.routes if isinstance(r.projection.synapse, FixedConv2d)}
    for name, node in events.nodes.items():
        parts = [(prices.conv if name in convs else prices.dense, node.synaptic_operations)]
        parts += [(profile.neuron_access, node.neuron_updates), (profile.neuron_change, node.neuron_updates)]
        parts += [(profile.weight_update, node.weight_updates or 0.0)]
        found[name] = total(_energy(price, count) for price, count in parts)
    for part, spikes in zip(happened.placement.partition.slices, happened.spikes, strict=True):
        found[part.population] = found.get(part.population, ZERO) + _energy(profile.spike, float(spikes))
    for route, counts in happened.ways:
        name, messages = route.projection.source, float(counts.sum())
        costs = (
            (profile.arrival, messages),
            (profile.hop_east_west, float(route.hops_east_west @ counts)),
            (profile.hop_north_south, float(route.hops_north_south @ counts)),
            (profile.message, messages if route.projection.on_chip else 0.0),
        )
        found[name] = found.get(name, ZERO) + total(_energy(price, count) for price, count in costs)
    return {name: energy for name, energy in found.items() if energy.high}


def _energy(price: Price, count: float) -> Interval:
    return price.energy.interval * count if price.energy is not None else ZERO


def _time(price: Price, count: float) -> Interval:
    return price.time.interval * count if price.time is not None else ZERO
