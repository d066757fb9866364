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
from nmc.nodes.spiking import Delay
from nmc.nodes.tensor import Flatten, Input, Reshape
from nmc.reference.interpreter import Feed, as_feeds, run_length

_ON_CHIP = FAMILIES["fixed-point"]
_WIRES = (Flatten, Reshape, Delay)


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
        """The nodes that put out what `name` carries: itself, or those behind a Flatten, Reshape or Delay."""
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

    @cached_property
    def chip_model(self) -> Model:
        """The chip's part as a model of its own: it takes what the host sends, and puts out what the host reads."""
        graph = self.model.graph
        inside = {node.name for node in self.chip}
        wires = {node.name for node in graph if isinstance(node, _WIRES) and self._carries_chip(node.name)}
        return self._part(self.outputs, inside | wires | set(self.inputs), self.inputs)

    def steps(self, x: Feed, steps: int | None = None) -> int:
        """How many steps of the model a run on samples x lasts; the chip takes the graph's lag on top."""
        return run_length(self.model, as_feeds(self.model.graph, x), steps)

    def encode(self, x: Feed, steps: int) -> dict[str, FloatArray]:
        """What the host sends the chip for samples x: one [B, steps + lag, *shape] for each of `inputs`."""
        graph = self.model.graph
        length = steps + graph.lag
        encoders = self._part(self.inputs, self._above(self.inputs))
        read = {node.name: node.stream for node in encoders.graph if isinstance(node, Input)}
        feeds = as_feeds(graph, x)
        batch = len(next(iter(feeds.values())))
        padded = {name: _padded(feeds[name], length) if stream else feeds[name] for name, stream in read.items()}
        values = reference.run(encoders, padded, length)
        return {
            name: np.broadcast_to(
                value if graph.signals[name].timing == "stream" else value[:, None],
                (batch, length, *graph.signals[name].shape),
            )
            for name, value in values.items()
        }

    def decode(self, x: Feed, received: Mapping[str, FloatArray], steps: int) -> dict[str, FloatArray]:
        """The model's outputs, given samples x and what each of `outputs` put out, [B, steps + lag, *shape]."""
        graph = self.model.graph
        feeds = {**as_feeds(graph, x), **received}
        above = self._above(graph.outputs)
        shown = [name for name in above if self._on_chip(name)]
        readouts = self._part(graph.outputs, above, shown)
        readouts = replace(readouts, graph=replace(readouts.graph, lag=graph.lag))
        read = {node.name for node in readouts.graph if isinstance(node, Input)}
        return dict(reference.run(readouts, {name: feeds[name] for name in read}, steps))

    def _part(self, outputs: Iterable[str], names: Iterable[str], fed: Iterable[str] = ()) -> Model:
        """A model of some of the nodes, without lag; those in `fed` become inputs that stream."""
        graph = self.model.graph
        wanted, given = set(names), set(fed)
        nodes = tuple(
            Input(name=node.name, shape=graph.signals[node.name].shape, stream=True)
            if node.name in given else node
            for node in graph
            if node.name in wanted
        )  # fmt: skip
        read = {
            name for node in nodes if not isinstance(node, Input)
            for name in node.arrays(*graph.operand_shapes(node))
        }  # fmt: skip
        weights = {name: array for name, array in self.model.weights.items() if name in read}
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
        """Whether anything on the chip is behind this node, through Flatten, Reshape and Delay alone."""
        node = self.model.graph[name]
        if not isinstance(node, _WIRES):
            return self._on_chip(name)
        return any(self._carries_chip(ref.node) for ref in node.inputs)


def _padded(x: FloatArray, length: int) -> FloatArray:
    """A stream [B, T, *shape] with zeros after its end, up to `length` steps."""
    missing = max(0, length - x.shape[1])
    return np.pad(x, [(0, 0), (0, missing), *[(0, 0)] * (x.ndim - 2)])
