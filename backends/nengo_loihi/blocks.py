"""Ensembles cut into blocks, one to a core, as nengo-loihi 1.1.0 does in builder/split_blocks.py; and their limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nmc.backends.nengo_loihi.discretize import Compartments, Scale, discretized
from nmc.backends.nengo_loihi.memory import WORD_BITS, Synapses, axon_of, stored
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
FINER = 8
"""How many times as many blocks as NengoLoihi would make are tried before an ensemble is refused."""


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
    """The blocks of a network, ensemble by ensemble. Raises UnsupportedError with all that fit no core.

    NengoLoihi cuts an ensemble into as many blocks as its total need takes, and refuses it where some of them do
    not fit after all. It may be told to cut finer, and that is what an ensemble here is then.
    """
    cutter = _Cutter(network)
    counts = {ensemble.name: cutter.least(ensemble) for ensemble in network.ensembles}
    finest = {name: min(FINER * count, cutter.size[name]) for name, count in counts.items()}
    while True:
        parts = {ensemble.name: cutter.parts(ensemble, counts[ensemble.name]) for ensemble in network.ensembles}
        uses = {name: [cutter.use(name, part, parts) for part in found] for name, found in parts.items()}
        short = {name: shortage for name, found in uses.items() if (shortage := _shortage(found)) > 1}
        if not short:
            return tuple(_block(network, e, part, use) for e in network.ensembles
                         for part, use in zip(parts[e.name], uses[e.name], strict=True))
        if stuck := [name for name in short if counts[name] >= finest[name]]:
            raise UnsupportedError.of(fault for name in stuck for fault in _misfits(name, uses[name]))
        counts |= {n: min(max(counts[n] + 1, int(counts[n] * s)), finest[n]) for n, s in short.items()}


def _block(network: ChipNetwork, ensemble: Ensemble, part: _Part, use: Mapping[Resource, Use]) -> Block:
    largest = {name: synapses.largest for name, (synapses, _) in part.synapses.items()}
    compartments, scale = discretized(
        ensemble.neurons, ensemble.filter_s, ensemble.bias[part.neurons.start : part.neurons.stop],
        max(largest.values(), default=0.0), network.dt_s, ensemble.name,
    )
    return Block(ensemble.name, part.neurons, compartments, scale, largest, use)


class _Cutter:
    """Cuts ensembles, and says what the parts use. Connections are laid out once."""

    def __init__(self, network: ChipNetwork) -> None:
        connections = [(c, ensemble.name) for ensemble in network.ensembles for c in ensemble.connections]
        self.whole = {connection.name: stored(connection.transform, network.dt_s) for connection, _ in connections}
        self.axons = {connection.name: axon_of(connection.transform) for connection, _ in connections}
        self.target = {connection.name: name for connection, name in connections}
        self.driven = {e.name: [c.name for c, _ in connections if c.source == e.name] for e in network.ensembles}
        self.size = {ensemble.name: ensemble.size for ensemble in network.ensembles}
        self.known: dict[tuple[str, int], list[_Part]] = {}

    def least(self, ensemble: Ensemble) -> int:
        """As many blocks as the resource takes that the whole ensemble exceeds most."""
        synapses = [self.whole[connection.name] for connection in ensemble.connections]
        driven = [self.whole[name] for name in self.driven[ensemble.name]]
        needs: Mapping[Resource, int] = {
            "neurons": ensemble.size,
            "input axons": sum(s.axons for s in synapses),
            "output axons": sum(s.slots * (s.axons if s.indexed else ensemble.size) for s in driven),
            "synapse memory words": -(-sum(s.bits for s in synapses) // WORD_BITS),
        }
        return max(-(-need // LIMITS[resource]) for resource, need in needs.items())

    def parts(self, ensemble: Ensemble, count: int) -> list[_Part]:
        """The ensemble in so many runs of neurons, or fewer where they come out even."""
        if (ensemble.name, count) not in self.known:
            synapses = {connection.name: self.whole[connection.name] for connection in ensemble.connections}
            length = -(-ensemble.size // count)
            runs = [range(low, min(low + length, ensemble.size)) for low in range(0, ensemble.size, length)]
            self.known[ensemble.name, count] = [
                _Part(run, {name: part for name, s in synapses.items() if (part := s.on(run))[0].axons})
                for run in runs
            ] if len(runs) > 1 else [
                _Part(runs[0], {name: (s, np.arange(s.axons)) for name, s in synapses.items()})
            ]  # fmt: skip
        return self.known[ensemble.name, count]

    def use(self, name: str, part: _Part, parts: Mapping[str, list[_Part]]) -> Mapping[Resource, Use]:
        """What a part uses of its core, given all that it may drive."""
        synapses = [found for found, _ in part.synapses.values()]
        used: Mapping[Resource, int] = {
            "neurons": len(part.neurons),
            "input axons": sum(s.axons for s in synapses),
            "output axons": sum(self._sent(part, c, parts[self.target[c]]) for c in self.driven[name]),
            "synapse memory words": sum(s.bits for s in synapses) // WORD_BITS,
        }
        return {resource: Use(used[resource], limit) for resource, limit in LIMITS.items()}

    def _sent(self, part: _Part, connection: str, targets: list[_Part]) -> int:
        """The output axons of a part for a connection: those of its neurons, at every core that has them."""
        mine = np.unique(self.axons[connection][part.neurons.start : part.neurons.stop])
        reached = [np.isin(mine, t.synapses[connection][1]).sum() for t in targets if connection in t.synapses]
        return self.whole[connection].slots * int(sum(reached))


def _shortage(uses: list[Mapping[Resource, Use]]) -> float:
    """How much more than a core has is needed of something, at most; 1 or less where all fit."""
    return max(use.share for part in uses for use in part.values())


def _misfits(name: str, uses: list[Mapping[Resource, Use]]) -> list[Fault]:
    """A fault for every resource that some block of an ensemble exceeds."""
    most = {resource: max(part[resource].used for part in uses) for resource in LIMITS}
    return [
        Fault(f"its neurons need {need} {resource} on a core, which has {LIMITS[resource]}", _REMEDY[resource], name)
        for resource, need in most.items()
        if need > LIMITS[resource]
    ]
