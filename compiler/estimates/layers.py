"""A network without weights as a spiking chip sees it: populations of neurons, and the synapses onto them.

Ordinary networks are taken as what they become on such a chip: rectifiers as neurons, pooling as synapses
onto relay neurons, and the largest of a window as its mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod
from typing import Literal

from nmc.errors import UnsupportedError
from nmc.graph import Graph, Node, Shape
from nmc.nodes import fixed_point
from nmc.nodes.fixed_point import FixedConv2d, FixedDense, FixedSparse
from nmc.nodes.plasticity import PlasticLinear, driving
from nmc.nodes.spiking import SumPool2d
from nmc.nodes.tensor import Conv1d, Conv2d, Linear, Window

_FIXED_SYNAPSES = (FixedDense, FixedSparse, FixedConv2d)
_RECTIFIERS = frozenset({"Relu", "LeakyRelu", "Clip", "Sigmoid", "Tanh"})
_FIXED_NEURONS = frozenset(kind.__name__ for kind in fixed_point.KINDS if not issubclass(kind, _FIXED_SYNAPSES))
_NEURONS = _RECTIFIERS | _FIXED_NEURONS | {"LIF", "CubaLIF", "IF", "LI", "I", "Threshold", "SigmaDelta", "Delta"}
_SOURCES = frozenset({"Input", "ConstantCurrent", "BernoulliEncode", "RateEncode", "LatencyEncode", "DeltaEncode"})
_PASSED = frozenset({
    "Flatten", "Reshape", "Transpose", "Pad", "Delay", "Concat", "Add", "BatchNorm", "QuantizeLinear",
    "DequantizeLinear",
})  # fmt: skip
_HOST = frozenset({"Softmax", "Sum", "Mean", "Last", "Max"})


Form = Literal["dense", "sparse", "shared", "one-to-one"]


@dataclass(frozen=True)
class Layer:
    """Synapses from one source onto a population: for each spike, `fan_out` operations on average.

    Each of the `elements` of the source may reach all neurons ("dense"), some ("sparse"), those of a window
    ("shared": every position has the same weights), or its own one ("one-to-one"). `reach` are the positions
    that a spike reaches along each axis of a window.
    """

    source: str
    elements: int
    fan_out: float
    weights: int
    form: Form
    reach: tuple[int, ...] = ()


@dataclass(frozen=True)
class Population:
    """Neurons, or sums that nothing fires on, of one node; and the synapses onto them."""

    name: str
    shape: Shape
    fires: bool
    layers: tuple[Layer, ...]

    @property
    def neurons(self) -> int:
        """How many neurons there are."""
        return prod(self.shape)

    @property
    def positions(self) -> Shape:
        """The axes along which weights are shared; none where they are not."""
        return self.shape[1:] if any(layer.form == "shared" for layer in self.layers) else ()


def populations(graph: Graph) -> tuple[Population, ...]:
    """What runs on the chip, in the order of the graph. Raises UnsupportedError for a node that cannot."""
    found = []
    for name in graph.order:
        node = graph[name]
        if node.kind in _NEURONS:
            found.append(_population(graph, node, tuple(_reads(graph, node)), fires=True))
        elif _is_synapse(node) and (sums := _sums(graph, node)) is not None:
            found.append(_population(graph, node, (node,), fires=sums))
        elif not (_is_synapse(node) or node.kind in _SOURCES | _PASSED | _HOST):
            raise UnsupportedError(
                f"a {node.kind} has no price on a chip of spiking neurons", "leave it out, or choose a GPU or a TPU",
                node=name, where=graph.sources.get(name),
            )  # fmt: skip
    if not found:
        raise UnsupportedError("there are no synapses that a spiking chip could run", "give a network with layers")
    return tuple(found)


def _sums(graph: Graph, synapse: Node) -> bool | None:
    """Whether the sums of a synapse node are sent on as spikes; None where neurons take them."""
    readers = {reader.name: reader for reader in _readers(graph, synapse)}.values()
    if any(_is_synapse(reader) for reader in readers):
        return True
    return False if all(reader.kind in _HOST for reader in readers) else None


def _population(graph: Graph, node: Node, onto: tuple[Node, ...], *, fires: bool) -> Population:
    layers: list[Layer] = []
    for read in onto:
        if _is_synapse(read):
            layers += (_layer(graph, read, source) for source in _reads(graph, read))
        else:
            elements = prod(graph.signals[read.name].shape)
            layers.append(Layer(read.name, elements, 1.0, elements, "one-to-one"))
    return Population(node.name, graph.signals[node.name].shape, fires, tuple(layers))


def _layer(graph: Graph, synapse: Node, source: Node) -> Layer:
    inputs = prod(graph.operand_shapes(synapse)[0])
    outputs = prod(graph.signals[synapse.name].shape)
    elements = prod(graph.signals[source.name].shape)
    kernel, stride, weights, fan_in = _filter(graph, synapse)
    reach = tuple(ceil(size / step) for size, step in zip(kernel, stride, strict=True))
    form: Form = "sparse" if isinstance(synapse, FixedSparse) else "shared" if kernel else "dense"
    return Layer(source.name, elements, outputs * fan_in / inputs, weights, form, reach)


def _filter(graph: Graph, synapse: Node) -> tuple[tuple[int, ...], tuple[int, ...], int, float]:
    """Kernel and stride (none where all reads all), weights, and synapses onto each neuron."""
    shape = graph.operand_shapes(synapse)[0]
    if isinstance(synapse, Linear | PlasticLinear | FixedDense):
        inputs = shape[-1] if isinstance(synapse, Linear) else prod(shape)
        return (), (), synapse.features * inputs, inputs
    if isinstance(synapse, FixedSparse):
        return (), (), synapse.synapses, synapse.synapses / synapse.features
    if isinstance(synapse, Conv1d | Conv2d | FixedConv2d):
        fan_in = shape[0] // synapse.groups * prod(synapse.kernel)
        return synapse.kernel, synapse.stride, synapse.channels * fan_in, fan_in
    if isinstance(synapse, Window | SumPool2d):
        return synapse.kernel, synapse.stride, shape[0] * prod(synapse.kernel), prod(synapse.kernel)
    return shape[1:], shape[1:], prod(shape), prod(shape[1:])


def _is_synapse(node: Node) -> bool:
    kinds = (Linear, PlasticLinear, Conv1d, Conv2d, Window, SumPool2d, *_FIXED_SYNAPSES)
    return isinstance(node, kinds) or node.kind == "GlobalAvgPool"


def _reads(graph: Graph, node: Node) -> list[Node]:
    """What a node reads, nodes that pass values on skipped."""
    found: dict[str, Node] = {}
    for ref in driving(node):
        read = graph[ref.node]
        behind = _reads(graph, read) if read.kind in _PASSED else [read]
        found.update((one.name, one) for one in behind)
    return list(found.values())


def _readers(graph: Graph, node: Node) -> list[Node]:
    found: list[Node] = []
    for reader in graph.consumers[node.name]:
        found += _readers(graph, reader) if reader.kind in _PASSED else [reader]
    return found
