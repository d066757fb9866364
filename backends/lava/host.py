"""Which part of a fixed-point graph runs on the chip, and which on the host beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from nmc import reference
from nmc.errors import Fault
from nmc.graph import Graph, Node
from nmc.model import FloatArray, Model
from nmc.nodes import FAMILIES
from nmc.nodes.tensor import Flatten, Input, Reshape
from nmc.reference.interpreter import as_feeds, run_length

_ON_CHIP = FAMILIES["fixed-point"]
_WIRES = (Flatten, Reshape)


@dataclass(frozen=True, eq=False)
class Split:
    """A model's graph divided: encoders and readouts on the host, fixed-point nodes on the chip."""

    model: Model

    @cached_property
    def chip(self) -> tuple[Node, ...]:
        """The nodes on the chip, in the graph's order."""
        return tuple(self.model.graph[name] for name in self.model.graph.order if self._on_chip(name))

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The host's nodes that the chip reads: what is sent to it at every step."""
        return tuple(dict.fromkeys(
            name for node in self.chip for ref in node.inputs for name in self.origins(ref.node)
            if not self._on_chip(name)
        ))  # fmt: skip

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """The chip's nodes that the host reads at every step."""
        graph = self.model.graph
        return tuple(name for name in self._above(graph.outputs) if self._on_chip(name))

    def origins(self, name: str) -> tuple[str, ...]:
        """The nodes that put out what `name` carries: itself, or those behind a Flatten or Reshape."""
        node = self.model.graph[name]
        if not isinstance(node, _WIRES) or not self._carries_chip(name):
            return (name,)
        return tuple(origin for ref in node.inputs for origin in self.origins(ref.node))

    def check(self) -> None:
        """Raise ModelError where the host would have to answer the chip within the run, or sends it fractions."""
        faults = []
        for name in self.inputs:
            if any(self._on_chip(above) for above in self._above([name])):
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

    def encode(self, x: FloatArray, steps: int | None = None) -> dict[str, FloatArray]:
        """What the host sends the chip for samples x: one [B, T, *shape] for each of `inputs`."""
        feeds = as_feeds(self.model.graph, x)
        length = run_length(self.model, feeds, steps)
        encoders = self._part(self.inputs, self._above(self.inputs))
        read = {node.name for node in encoders.graph if isinstance(node, Input)}
        values = reference.run(encoders, {name: feeds[name] for name in read}, length)
        batch = len(next(iter(feeds.values())))
        return {
            name: np.broadcast_to(
                value if self.model.graph.signals[name].timing == "stream" else value[:, None],
                (batch, length, *self.model.graph.signals[name].shape),
            )
            for name, value in values.items()
        }

    def decode(self, x: FloatArray, spikes: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        """The model's outputs, given samples x and what each of `outputs` put out, [B, T, *shape]."""
        feeds = {**as_feeds(self.model.graph, x), **spikes}
        readouts = self._part(self.model.graph.outputs, self._above(self.model.graph.outputs))
        read = {node.name for node in readouts.graph if isinstance(node, Input)}
        length = next(iter(spikes.values())).shape[1]
        return dict(reference.run(readouts, {name: feeds[name] for name in read}, length))

    def _part(self, outputs: Iterable[str], names: Iterable[str]) -> Model:
        """A model of some of the host's nodes; the chip's nodes among them become inputs that stream."""
        graph = self.model.graph
        wanted = set(names)
        nodes = tuple(
            Input(name=node.name, shape=graph.signals[node.name].shape, stream=True)
            if self._on_chip(node.name) else node
            for node in graph
            if node.name in wanted
        )  # fmt: skip
        weights = {
            name: self.model.weights[name]
            for node in nodes
            for name in (() if isinstance(node, Input) else node.arrays(*graph.operand_shapes(node)))
        }
        return replace(self.model, graph=Graph(nodes, tuple(outputs), graph.dt_s), weights=weights)

    def _above(self, names: Iterable[str]) -> tuple[str, ...]:
        """The names and what they depend on, not looking beyond nodes on the chip."""
        seen: dict[str, None] = {}
        waiting = list(names)
        while waiting:
            name = waiting.pop(0)
            if name in seen:
                continue
            seen[name] = None
            if not self._on_chip(name):
                waiting += [ref.node for ref in self.model.graph[name].inputs]
        return tuple(seen)

    def _on_chip(self, name: str) -> bool:
        return isinstance(self.model.graph[name], _ON_CHIP)

    def _carries_chip(self, name: str) -> bool:
        """Whether anything on the chip is behind this node, through Flatten and Reshape alone."""
        node = self.model.graph[name]
        if not isinstance(node, _WIRES):
            return self._on_chip(name)
        return any(self._carries_chip(ref.node) for ref in node.inputs)
