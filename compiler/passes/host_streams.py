"""Which streams the host computes at every step beside a chip of neurons: before its network, and after it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from nmc.errors import Fault
from nmc.graph import Graph, Node
from nmc.nodes import coding, fixed_point, spiking, tensor
from nmc.nodes.plasticity import PlasticLinear
from nmc.passes.linear_paths import is_linear

POPULATIONS: tuple[type[Node], ...] = (
    spiking.Neuron, spiking.SigmaDelta, spiking.LI, spiking.I, spiking.Threshold
)
"""Kinds whose elements are neurons of a chip."""
READOUTS: tuple[type[Node], ...] = (coding.Last, coding.Sum, coding.Mean, coding.Max)
ENCODERS: tuple[type[Node], ...] = (
    coding.ConstantCurrent, coding.BernoulliEncode, coding.RateEncode, coding.LatencyEncode, coding.DeltaEncode,
    coding.Delta,
)
_WEIGHTED = (tensor.Linear, tensor.SparseLinear, tensor.Conv1d, tensor.Conv2d)


@dataclass(frozen=True, eq=False)
class HostStreams:
    """The nodes in time of a graph that are the host's. What lies between neurons never is."""

    graph: Graph

    @cached_property
    def before(self) -> frozenset[str]:
        """What depends on no neuron, and on no layer with weights but those that encoders alone lead on from."""
        weighted = self._from((node.name for node in self.graph if isinstance(node, _WEIGHTED)), encoders=False)
        encoded = self._to((node.name for node in self.graph if isinstance(node, ENCODERS)), encoders=True)
        free = self._streams - self._from(self._neurons, encoders=True)
        return (free - weighted) | (free & encoded) - self._to(self._neurons, encoders=False)

    @cached_property
    def after(self) -> frozenset[str]:
        """What works on streams, not linearly or on voltages, with no neuron behind it; and what depends on that."""
        last = self._streams - self.before - self._to(self._neurons, encoders=True)
        return self._from((name for name in last if self._is_hosts(self.graph[name])), encoders=True)

    def faults(self) -> list[Fault]:
        """A fault for every node in time that is neither a neuron, nor linear, nor the host's."""
        faults = self._loop_faults()
        for node in self.graph:
            if node.name not in self._streams or node.name in self.before | self.after or is_linear(node):
                continue
            if isinstance(node, spiking.Delay):
                faults.append(Fault(
                    "its delays differ from element to element", "give all elements one delay, as in 'steps: 3'",
                    node.name,
                ))
            elif isinstance(node, ENCODERS):
                faults.append(Fault(
                    f"{node.kind} encodes what neurons put out, which would go from the chip to the host and back",
                    "leave it out: the neurons' spikes can be read as they are", node.name,
                ))
            elif not isinstance(node, (*POPULATIONS, PlasticLinear)):
                faults.append(Fault(
                    f"{node.kind} works on currents at every time step, which a chip of spiking neurons cannot do",
                    "move it before the encoder or after the readout, or replace it by neurons", node.name,
                ))
        return faults

    def _loop_faults(self) -> list[Fault]:
        """A fault for every node of the host behind the chip that it reads late.

        The chip's values come late, so that a loop of the host would start before the first of them.
        """
        late = {ref.node for name in self.after for ref in self.graph[name].inputs if ref.delay}
        return [
            Fault(
                f"{node.kind} is read a step late beside the chip, which has no memory for what neurons cannot hold",
                "run the model on a processor, a GPU or a TPU", node.name,
            )
            for node in self.graph
            if node.name in late & self.after
        ]

    @cached_property
    def _streams(self) -> frozenset[str]:
        return frozenset(name for name, signal in self.graph.signals.items() if signal.timing == "stream")

    @cached_property
    def _neurons(self) -> tuple[str, ...]:
        return tuple(node.name for node in self.graph if isinstance(node, (*POPULATIONS, *fixed_point.KINDS)))

    def _is_hosts(self, node: Node) -> bool:
        """Whether a node makes of each step's values, and of nothing else, what neurons could not be sent."""
        if is_linear(node):
            return any(isinstance(self.graph[ref.node], spiking.LI | spiking.I) for ref in node.inputs)
        return not isinstance(
            node, (*POPULATIONS, *ENCODERS, *fixed_point.KINDS, PlasticLinear, tensor.Input, spiking.Delay)
        )

    def _from(self, names: Iterable[str], encoders: bool) -> frozenset[str]:
        """The nodes, and what depends on them; not beyond encoders, and not these either, unless `encoders`."""
        return self.graph.downstream(names, lambda _, reader: encoders or not isinstance(reader, ENCODERS))

    def _to(self, names: Iterable[str], encoders: bool) -> frozenset[str]:
        """The nodes, and what they depend on; not beyond encoders unless `encoders`."""
        return self.graph.upstream(names, lambda node, _: encoders or not isinstance(node, ENCODERS))
