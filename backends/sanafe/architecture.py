"""A chip of many cores as SANA-FE describes one, written from the chip's own file."""

from __future__ import annotations

from collections.abc import Mapping
from io import StringIO

from ruamel.yaml import YAML

from nmc.chips.chip import ManycoreChip, Price, PriceProfile

Described = Mapping[str, object]


def architecture(chip: ManycoreChip, profile: PriceProfile, inputs: int) -> str:
    """One chip of this kind that is sent `inputs` spike trains, in SANA-FE's YAML.

    Tiles count along columns first. Spikes of the host enter at one more core of the first tile, the last,
    on which nothing costs anything. What has no published energy or time is taken to have none.
    """
    limits = chip.limits
    core = _core(f"core[0..{limits.cores_per_tile.count - 1}]", profile, limits.neurons.count, _somas(profile))
    host = _core("host", None, inputs, (_soma(f"input[0..{inputs - 1}]", "input", None),))
    hops = {
        f"{what}_{way}_hop": value
        for ways, price in (
            (("east", "west"), profile.hop_east_west), (("north", "south"), profile.hop_north_south),
        )
        for way in ways
        for what, value in _cost(price).items()
    }  # fmt: skip
    tiles = [{"name": "entrance", "attributes": hops, "core": [core, host]}]
    if limits.tiles > 1:
        tiles.append({"name": f"tile[0..{limits.tiles - 2}]", "attributes": hops, "core": [core]})
    chip_facts = {
        "topology": "mesh", "width": limits.mesh_columns.count, "height": limits.mesh_rows.count,
        "link_buffer_size": 16, "sync_model": "table",
        "latency_sync": {tiles: time.base for tiles, time in sorted(profile.barrier.items())},
    }  # fmt: skip
    text = StringIO()
    yaml = YAML(typ="safe")
    yaml.representer.ignore_aliases = lambda data: True  # SANA-FE does not read YAML's references
    yaml.dump({"architecture": {"name": chip.name, "attributes": chip_facts, "tile": tiles}}, text)
    return text.getvalue()


def _core(name: str, profile: PriceProfile | None, neurons: int, somas: tuple[Described, ...]) -> Described:
    arrival = profile.arrival if profile else None
    message = profile.message if profile else None
    synapses = profile.synaptic_operation if profile else None
    kinds = {"dense": synapses.dense if synapses else None, "conv": synapses.conv if synapses else None}
    return {
        "name": name,
        "attributes": {"buffer_position": "soma", "max_neurons_supported": max(1, neurons)},
        "axon_in": [_unit("axon_in", None, message_in=arrival)],
        "synapse": [_unit(kind, "current_based", process_spike=price) for kind, price in kinds.items()],
        "dendrite": [_unit("dendrite", "accumulator", update=None)],
        "soma": list(somas),
        "axon_out": [_unit("axon_out", None, message_out=message)],
    }


def _somas(profile: PriceProfile) -> tuple[Described, ...]:
    return (_soma("lif", "leaky_integrate_fire", profile),)


def _soma(name: str, model: str, profile: PriceProfile | None) -> Described:
    access, change = (profile.neuron_access, profile.neuron_change) if profile else (None, None)
    return _unit(
        name, model, access_neuron=access, update_neuron=change, spike_out=profile.spike if profile else None
    )


def _unit(name: str, model: str | None, **prices: Price | None) -> Described:
    costs = {f"{what}_{event}": value for event, price in prices.items() for what, value in _cost(price).items()}
    return {"name": name, "attributes": {**({"model": model} if model else {}), **costs}}


def _cost(price: Price | None) -> Mapping[str, float]:
    """Joules and seconds of one event."""
    energy, time = (price.energy, price.time) if price else (None, None)
    return {"energy": energy.base if energy else 0.0, "latency": time.base if time else 0.0}
