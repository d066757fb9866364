"""Which part of a fixed-point graph is the chip's: what it reads, what it shows, and how many weights it reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from nmc.backends.loihi.host import Host, fed
from nmc.errors import Fault
from nmc.graph import Node, Ref
from nmc.model import FloatArray, Model
from nmc.nodes import FAMILIES
from nmc.nodes.fixed_point import WIRES, FixedConv2d, FixedDense, FixedPlasticDense, FixedSparse
from nmc.nodes.spiking import Delay
from nmc.nodes.tensor import Input
from nmc.reference.tensor import convolve


@dataclass(frozen=True, eq=False)
class Chip:
    """The fixed-point nodes of a model. Encoders and readouts, and delays next to them, are the host's."""

    model: Model

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes on the chip, in the graph's order."""
        return tuple(self.model.graph[name] for name in self.model.graph.order if self._has(name))

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The host's nodes that the chip reads: what is sent to it at every step."""
        return tuple(dict.fromkeys(
            origin.node for node in self.nodes for ref in node.inputs for origin in self.origins(ref)
            if not self._has(origin.node)
        ))  # fmt: skip

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """The chip's nodes that the host reads at every step."""
        shown = self._above(self.model.graph.outputs)
        return tuple(name for name in self.model.graph.order if name in shown and self._has(name))

    @cached_property
    def host(self) -> Host:
        """The rest of the model, which runs beside the chip."""
        return Host.of(self.model, self.inputs, (node.name for node in self.nodes))

    @cached_property
    def as_model(self) -> Model:
        """The chip's part as a model of its own: it takes what the host sends, and puts out what the host reads."""
        part = fed(replace(self.model.graph, outputs=self.outputs, lag=0), self.inputs)
        kept = tuple(node for node in part if not isinstance(node, Input) or node.name in self.inputs)
        return self.model.with_(replace(part, nodes=kept))

    def origins(self, ref: Ref) -> tuple[Ref, ...]:
        """The reads of neurons, synapses and inputs that a read amounts to, past any Flatten, Reshape or Delay."""
        node = self.model.graph[ref.node]
        if ref.node not in self._wires:
            return (ref,)
        late = ref.delay + (node.longest if isinstance(node, Delay) else 0)
        return tuple(
            replace(origin, delay=origin.delay + late) for read in node.inputs for origin in self.origins(read)
        )

    def check(self) -> None:
        """Raise ModelError where the host would have to answer the chip within the run, or sends it fractions."""
        faults = []
        for name in self.inputs:
            if any(self._has(above) for above in self._above([name])):
                faults.append(Fault(
                    "it lies between two parts of the chip, but runs on the host",
                    "put readouts after the network and encoders before it", name,
                ))
            elif self.model.graph.signals[name].dtype == "real":
                faults.append(Fault(
                    "it sends real numbers to the chip, which takes whole ones",
                    "quantize them first, as with QuantizeLinear, or use a spiking encoder", name,
                ))
        self.model.graph.raise_faults(faults)

    def _above(self, names: Iterable[str]) -> frozenset[str]:
        """The names and what they depend on, not looking beyond nodes on the chip."""
        return self.model.graph.upstream(names, lambda node, _: not self._has(node.name))

    def _has(self, name: str) -> bool:
        return isinstance(self.model.graph[name], FAMILIES["fixed-point"])

    @cached_property
    def _wires(self) -> frozenset[str]:
        """The nodes that carry what the chip puts out, through Flatten, Reshape and Delay alone."""
        chip = frozenset(node.name for node in self.nodes)
        return self.model.graph.downstream(chip, lambda _, reader: isinstance(reader, WIRES)) - chip


def weights_read(model: Model, node: Node, x: FloatArray) -> float:
    """How many weights other than 0 a synapse reads for x spikes of each of its inputs, [1, *shape]."""
    weights = model.weights
    match node:
        case FixedPlasticDense():
            return float(x.sum()) * node.features
        case FixedDense():
            return float((x @ (weights[node.weight] != 0).T).sum())
        case FixedSparse():
            read = weights[node.column][weights[node.weight] != 0]
            return float(x[0, read.astype(np.intp)].sum())
        case FixedConv2d():
            return float(convolve(node, x, (weights[node.weight] != 0).astype(np.float64)).sum())
    return 0.0
