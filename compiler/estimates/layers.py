"""A network without weights as a spiking chip sees it: populations of neurons, and the synapses onto them.

Ordinary networks are taken as what they become on such a chip: rectifiers as neurons, pooling as synapses
onto relay neurons, and the largest of a window as its mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, prod
from typing import Literal

from nmc.errors import UnsupportedError
from nmc.graph import Graph, Node, Shape
from nmc.nodes import (
    coding,
    elementwise,
    fixed_point,
    plasticity,
    product,
    quantized,
    reduction,
    selection,
    spiking,
    tensor,
)
from nmc.nodes.fixed_point import FixedConv2d, FixedDense, FixedSparse
from nmc.nodes.plasticity import PlasticLinear, driving
from nmc.nodes.spiking import SumPool2d
from nmc.nodes.tensor import Conv1d, Conv2d, Linear, Window

Role = Literal["neurons", "synapses", "source", "passed", "host", "refused"]
"""What a kind of node becomes there: neurons, synapses, what feeds them, a way on, the host's, or nothing at all."""
_KINDS: Mapping[Role, tuple[type[Node], ...]] = {
    "neurons": (
        tensor.Relu, tensor.LeakyRelu, tensor.Clip, tensor.Sigmoid, tensor.Tanh,
        spiking.LIF, spiking.CubaLIF, spiking.IF, spiking.LI, spiking.I, spiking.Threshold, spiking.SigmaDelta,
        coding.Delta, fixed_point.FixedLIF, fixed_point.FixedTernaryLIF, fixed_point.FixedResonator,
        fixed_point.FixedDelta, fixed_point.FixedSigma, fixed_point.FixedSigmaDelta, fixed_point.FixedGraded,
        fixed_point.FixedProduct, fixed_point.FixedNormDelay, fixed_point.FixedCompartments,
    ),
    "synapses": (
        tensor.Linear, tensor.Conv1d, tensor.Conv2d, tensor.AvgPool1d, tensor.AvgPool2d, tensor.MaxPool1d,
        tensor.MaxPool2d, tensor.GlobalAvgPool, spiking.SumPool2d, plasticity.PlasticLinear, fixed_point.FixedDense,
        fixed_point.FixedPlasticDense, fixed_point.FixedSparse, fixed_point.FixedDelayDense,
        fixed_point.FixedDelaySparse, fixed_point.FixedConv2d,
    ),
    "source": (
        tensor.Input, coding.ConstantCurrent, coding.BernoulliEncode, coding.RateEncode, coding.LatencyEncode,
        coding.DeltaEncode,
    ),
    "passed": (
        tensor.Flatten, tensor.Reshape, tensor.Transpose, tensor.Pad, tensor.Concat, tensor.Add, tensor.BatchNorm,
        spiking.Delay, quantized.QuantizeLinear, quantized.DequantizeLinear,
    ),
    "host": (tensor.Softmax, coding.Sum, coding.Mean, coding.Last, coding.Max),
    "refused": (
        tensor.Constant, tensor.SparseLinear, tensor.Mul, quantized.BitPlanes, product.MatMul, product.ConvTranspose1d,
        product.ConvTranspose2d, elementwise.Affine, elementwise.Abs, elementwise.Exp, elementwise.Log,
        elementwise.Sqrt, elementwise.Erf, elementwise.Sin, elementwise.Cos, elementwise.Atan, elementwise.Floor,
        elementwise.Round, elementwise.Sign, elementwise.Sub, elementwise.Div, elementwise.Pow, elementwise.Maximum,
        elementwise.Minimum, elementwise.Equal, elementwise.Greater, elementwise.GreaterOrEqual, elementwise.Where,
        reduction.ReduceSum, reduction.ReduceMean, reduction.ReduceMax, reduction.ReduceProd, reduction.ArgMax,
        selection.Slice, selection.Gather, selection.Embedding, selection.Expand,
    ),
}
ROLES: Mapping[type[Node], Role] = {kind: role for role, kinds in _KINDS.items() for kind in kinds}


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
        if ROLES[type(node)] == "neurons":
            found.append(_population(graph, node, tuple(_reads(graph, node)), fires=True))
        elif _is_synapse(node) and (sums := _sums(graph, node)) is not None:
            found.append(_population(graph, node, (node,), fires=sums))
        elif ROLES[type(node)] == "refused":
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
    return False if all(ROLES[type(reader)] == "host" for reader in readers) else None


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
    return ROLES[type(node)] == "synapses"


def _reads(graph: Graph, node: Node) -> list[Node]:
    """What a node reads, nodes that pass values on skipped."""
    found: dict[str, Node] = {}
    for ref in driving(node):
        read = graph[ref.node]
        behind = _reads(graph, read) if ROLES[type(read)] == "passed" else [read]
        found.update((one.name, one) for one in behind)
    return list(found.values())


def _readers(graph: Graph, node: Node) -> list[Node]:
    found: list[Node] = []
    for reader in graph.consumers[node.name]:
        found += _readers(graph, reader) if ROLES[type(reader)] == "passed" else [reader]
    return found
