"""What a host makes of the chip's outputs, found for all steps at once where its graph allows it.

Results are those of the reference, which goes step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from nmc.backends.loihi import decoding_kernels as kernels
from nmc.backends.loihi.encoding import with_zeros
from nmc.graph import Graph, Node, Ref, Shape
from nmc.model import Array, FloatArray, Model
from nmc.nodes import coding, quantized, spiking, tensor
from nmc.reference import run
from nmc.reference.interpreter import MEANINGS
from nmc.reference.meaning import Step, stateless

Given = Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class Decoder:
    """A graph whose streams are the inputs' or come of these element by element, and end in readouts.

    `rest` is what follows on those, a graph that the readouts enter as inputs.
    """

    model: Model
    readouts: tuple[str, ...]
    rest: Model

    def outputs(self, x: Given, steps: int) -> Mapping[str, FloatArray]:
        """The graph's outputs [B, *shape] after so many steps; x by input's name, [B, T, *shape] or [B, *shape]."""
        streams = _Streams(self.model, x, steps + self.model.graph.lag)
        found = {name: streams.read_out(name) for name in self.readouts}
        if all(name in found for name in self.rest.graph.outputs):
            return {name: found[name] for name in self.rest.graph.outputs}
        inputs = {node.name for node in self.rest.graph if isinstance(node, tensor.Input)}
        return run(self.rest, {name: value for name, value in {**x, **found}.items() if name in inputs}, 1)


def decoder(model: Model) -> Decoder | None:
    """How a model's outputs are found for all steps at once; None where it takes going step by step."""
    graph = model.graph
    streams = [node for node in graph if graph.signals[node.name].timing == "stream"]
    readouts = tuple(node for node in graph if node.produces == "final")
    read = {ref.node for node in (*streams, *readouts) for ref in node.inputs}
    static = [graph[name] for name in read if graph.signals[name].timing != "stream"]
    if (
        all(isinstance(node, tensor.Input) or type(node) in STREAMS for node in streams)
        and all(type(node) in READOUTS for node in readouts)
        and all(isinstance(node, tensor.Input | tensor.Constant) for node in static)
        and not any(graph.signals[name].timing == "stream" for name in graph.outputs)
    ):
        names = tuple(node.name for node in readouts)
        return Decoder(model, names, model.with_(_after(graph, names)))
    return None


def _after(graph: Graph, readouts: tuple[str, ...]) -> Graph:
    """What follows on readouts, which enter as inputs."""
    nodes = tuple(
        tensor.Input(name=node.name, shape=graph.signals[node.name].shape) if node.name in readouts else node
        for node in graph
    )
    return replace(graph, nodes=nodes, lag=0).pruned()


class _Streams:
    """The values of a graph's nodes at all steps of a run, [B or 1, steps, *shape]."""

    def __init__(self, model: Model, x: Given, steps: int) -> None:
        self.model, self.steps = model, steps
        self._x, self._found = x, dict[str, FloatArray]()
        self._batch = len(next(iter(x.values())))

    def read_out(self, name: str) -> FloatArray:
        """The value of a readout after the last step, [B, *shape]."""
        graph = self.model.graph
        node, shape = graph[name], graph.signals[name].shape
        value = READOUTS[type(node)](self._operand(node), graph.lag)
        return np.broadcast_to(value.reshape(-1, *shape), (self._batch, *shape))

    def _operand(self, node: Node) -> FloatArray:
        """What a node reads at all steps, its inputs added up: [B or 1, steps, N]."""
        first, *others = (self._read(ref) for ref in node.inputs)
        total = sum(others, start=first)
        return np.ascontiguousarray(total).reshape(*total.shape[:2], -1)

    def _read(self, ref: Ref) -> FloatArray:
        value = self._value(ref.node)
        if not ref.delay:
            return value
        late = np.zeros_like(value)
        late[:, ref.delay :] = value[:, : self.steps - min(ref.delay, self.steps)]
        return late

    def _value(self, name: str) -> FloatArray:
        if name not in self._found:
            graph = self.model.graph
            node, shape = graph[name], graph.signals[name].shape
            if isinstance(node, tensor.Input):
                value = self._fed(node)
            elif isinstance(node, tensor.Constant):
                array = np.asarray(self.model.weights[node.value], np.float64)
                value = np.broadcast_to(array, (1, self.steps, *shape))
            else:
                flat = STREAMS[type(node)](node, self._operand(node), self.model, shape)
                value = flat.reshape(*flat.shape[:2], *shape)
            self._found[name] = value
        return self._found[name]

    def _fed(self, node: tensor.Input) -> FloatArray:
        value = np.asarray(self._x[node.name], np.float64)
        if not node.stream:
            return np.broadcast_to(value[:, None], (len(value), self.steps, *node.shape))
        return with_zeros(value, self.steps)


def _leaky(node: spiking.LI, x: FloatArray, model: Model, shape: Shape) -> FloatArray:
    decay, gain, leak = (_spread(value, model, shape) for value in (node.decay, node.gain, node.leak))
    v = _begun(node, x, model, shape)
    kernels.leaky(x, decay, gain, leak, v)
    return v[:, 1:]


def _integrated(node: spiking.I, x: FloatArray, model: Model, shape: Shape) -> FloatArray:
    v = _begun(node, x, model, shape)
    kernels.integrated(x, _spread(node.gain, model, shape), v)
    return v[:, 1:]


def _begun(node: spiking.LI | spiking.I, x: FloatArray, model: Model, shape: Shape) -> FloatArray:
    """Room for the voltage at all steps and before the first, that one filled in."""
    v = np.empty((x.shape[0], x.shape[1] + 1, x.shape[2]))
    v[:, 0] = _spread(node.initial, model, shape)
    return v


def _spread(value: float | str, model: Model, shape: Shape) -> FloatArray:
    """A parameter of every element, [N]."""
    array = np.asarray(model.weights[value] if isinstance(value, str) else value, np.float64)
    return np.ascontiguousarray(np.broadcast_to(array, shape)).reshape(-1)


def _each(node: Node, x: FloatArray, model: Model, shape: Shape) -> FloatArray:
    """What a node without state that works element by element puts out, by the reference."""
    return stateless(MEANINGS[type(node)](node, Step((x,), {}, {}))).y


def _sum(x: FloatArray, lag: int) -> FloatArray:
    total = np.zeros((x.shape[0], x.shape[2]))
    kernels.added_up(x, lag, total)
    return total


STREAMS: Mapping[type[Node], Callable[..., FloatArray]] = {
    spiking.LI: _leaky, spiking.I: _integrated, quantized.DequantizeLinear: _each,
}  # fmt: skip
"""What a node puts out at all steps, [B, T, N], given what it reads, likewise, the model, and its shape."""

READOUTS: Mapping[type[Node], Callable[[FloatArray, int], FloatArray]] = {
    coding.Last: lambda x, lag: x[:, -1],
    coding.Sum: _sum,
    coding.Mean: lambda x, lag: _sum(x, lag) / (x.shape[1] - lag),
    coding.Max: lambda x, lag: np.max(x[:, lag:], axis=1),
}
"""What a readout gives in the end, [B, N], of what it reads at all steps and the number of those to leave out."""
