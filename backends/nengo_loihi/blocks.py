"""Ensembles cut into blocks, one to a core, as nengo-loihi 1.1.0 does in builder/split_blocks.py; and their limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nmc.backends.nengo_loihi.discretize import Compartments, Scale, discretized
from nmc.backends.nengo_loihi.memory import Synapses, axon_of, stored
from nmc.backends.nengo_loihi.network import ChipNetwork, Ensemble, IntArray
from nmc.errors import Fault, UnsupportedError
from nmc.mapping.slices import Resource, Use

LIMITS: Mapping[Resource, int] = {
    "neurons": 1024, "input axons": 4096, "output axons": 4096, "synapse memory words": 2**14,
}
"""Of a core, as NengoLoihi checks them; a word of synapse memory is 64 bits."""
_REMEDY: Mapping[Resource, str] = {
    "neurons": "make the layer smaller",
    "input axons": "let each neuron read fewer elements: narrow or pool the layer before it",
    "output axons": "let each element drive fewer cores: narrow the layer after it",
    "synapse memory words": "use fewer inputs, or a convolution whose padding NengoLoihi has",
}


@dataclass(frozen=True, eq=False)
class Block:
    """Some neurons of an ensemble on a core, its synapses by connection, and what it uses of the core.

    `largest` are the largest weights of each connection here.
    """

    ensemble: str
    neurons: range
    compartments: Compartments
    scale: Scale
    largest: Mapping[str, float]
    use: Mapping[Resource, Use]


@dataclass(frozen=True, eq=False)
class _Part:
    """A block's synapses by connection, and the input axons of the whole connection that they take."""

    neurons: range
    synapses: Mapping[str, tuple[Synapses, IntArray]]


def blocks_of(network: ChipNetwork) -> tuple[Block, ...]:
    """The blocks of a network, ensemble by ensemble. Raises UnsupportedError with all that exceed a core's limits."""
    connections = [(c, ensemble.name) for ensemble in network.ensembles for c in ensemble.connections]
    whole = {connection.name: stored(connection.transform, network.dt_s) for connection, _ in connections}
    axons = {connection.name: axon_of(connection.transform) for connection, _ in connections}
    driven = {e.name: [c.name for c, _ in connections if c.source == e.name] for e in network.ensembles}
    target = {connection.name: name for connection, name in connections}
    parts = {e.name: _parts(e, whole, [whole[name] for name in driven[e.name]]) for e in network.ensembles}
    found = []
    for ensemble in network.ensembles:
        for part in parts[ensemble.name]:
            sent = sum(
                _sent(part, axons[name], whole[name], parts[target[name]], name) for name in driven[ensemble.name]
            )
            largest = {name: synapses.largest for name, (synapses, _) in part.synapses.items()}
            compartments, scale = discretized(
                ensemble.neurons, ensemble.filter_s, ensemble.bias[part.neurons.start : part.neurons.stop],
                max(largest.values(), default=0.0), network.dt_s, ensemble.name,
            )
            found.append(Block(ensemble.name, part.neurons, compartments, scale, largest, _use(part, sent)))
    if faults := _misfits(found):
        raise UnsupportedError.of(faults)
    return tuple(found)


def _parts(ensemble: Ensemble, whole: Mapping[str, Synapses], driven: list[Synapses]) -> list[_Part]:
    """The ensemble in as many runs of neurons as the resource needs that it exceeds most."""
    synapses = {connection.name: whole[connection.name] for connection in ensemble.connections}
    needs = (
        (ensemble.size, LIMITS["neurons"]),
        (sum(s.axons for s in synapses.values()), LIMITS["input axons"]),
        (sum(s.slots * (s.axons if s.indexed else ensemble.size) for s in driven), LIMITS["output axons"]),
        (sum(s.bits for s in synapses.values()), LIMITS["synapse memory words"] * 64),
    )
    count = max(-(-need // limit) for need, limit in needs)
    size = -(-ensemble.size // max(count, 1))
    runs = [range(low, min(low + size, ensemble.size)) for low in range(0, ensemble.size, size)]
    if len(runs) == 1:
        return [_Part(runs[0], {name: (s, np.arange(s.axons)) for name, s in synapses.items()})]
    return [
        _Part(run, {name: part for name, s in synapses.items() if (part := s.on(run))[0].axons}) for run in runs
    ]


def _sent(part: _Part, axons: IntArray, synapses: Synapses, targets: list[_Part], name: str) -> int:
    """The output axons of a part for a connection: those of its neurons, at every core that has them."""
    mine = np.unique(axons[part.neurons.start : part.neurons.stop])
    reached = [np.isin(mine, t.synapses[name][1]).sum() for t in targets if name in t.synapses]
    return synapses.slots * int(sum(reached))


def _use(part: _Part, sent: int) -> Mapping[Resource, Use]:
    used: Mapping[Resource, int] = {
        "neurons": len(part.neurons),
        "input axons": sum(synapses.axons for synapses, _ in part.synapses.values()),
        "output axons": sent,
        "synapse memory words": sum(synapses.bits for synapses, _ in part.synapses.values()) // 64,
    }
    return {resource: Use(used[resource], limit) for resource, limit in LIMITS.items()}


def _misfits(blocks: list[Block]) -> list[Fault]:
    """A fault for every resource of an ensemble that some of its blocks exceed."""
    most: dict[tuple[str, Resource], int] = {}
    for block in blocks:
        for resource, use in block.use.items():
            most[block.ensemble, resource] = max(most.get((block.ensemble, resource), 0), use.used)
    return [
        Fault(
            f"its neurons need {need} {resource} on a core, which has {LIMITS[resource]}; NengoLoihi splits no further",
            _REMEDY[resource], name,
        )
        for (name, resource), need in most.items()
        if need > LIMITS[resource]
    ]
