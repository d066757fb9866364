"""What every way to turn an ordinary network into one of neurons has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

from nmc.errors import Fault
from nmc.graph import Graph, Node, Ref, fresh
from nmc.model import Array, Model
from nmc.nodes import coding, elementwise, product, reduction, selection, spiking, tensor
from nmc.passes.linear_paths import LINEAR
from nmc.passes.rate_calibration import has_weights
from nmc.passes.refusal import refuse

RELU = (tensor.Relu, tensor.Clip)
MAX_POOLS = (tensor.MaxPool1d, tensor.MaxPool2d)
_REMEDIES: Mapping[type[Node], str] = {
    **dict.fromkeys(
        (tensor.Mul, elementwise.Div, elementwise.Pow, product.MatMul),
        "rates do not multiply: give the network fixed weights there, in place of gates, attention or normalization",
    ),
    **dict.fromkeys(
        (reduction.ReduceMax, reduction.ReduceProd, reduction.ArgMax, elementwise.Maximum, elementwise.Minimum),
        "rates only add up: train the network with sums or means there, or do this after the last layer",
    ),
    **dict.fromkeys(
        (elementwise.Equal, elementwise.Greater, elementwise.GreaterOrEqual, elementwise.Where, selection.Embedding),
        "spikes do not branch: choose before the first layer, which the host computes",
    ),
}
"""What would help, by kind of node; another activation instead of Relu for all others."""
_FINISH = (
    tensor.Softmax, tensor.Sigmoid, tensor.Tanh, tensor.LeakyRelu, *RELU,
    tensor.Flatten, tensor.Reshape, tensor.Transpose,
)
_COMBINE = (
    tensor.Mul, tensor.MaxPool1d, tensor.MaxPool2d, reduction.ReduceMax, reduction.ReduceProd, reduction.ArgMax,
    elementwise.Abs, elementwise.Sqrt, elementwise.Exp, elementwise.Log, elementwise.Div, elementwise.Pow,
    elementwise.Maximum, elementwise.Minimum,
)
"""What else the host does after the last layer; and, after one of these, whatever is linear and has no weights."""


@dataclass(frozen=True)
class Parts:
    """Names of the nodes before the first layer with weights, and of those that finish off after the last."""

    head: frozenset[str]
    tail: frozenset[str]

    @classmethod
    def of(cls, graph: Graph) -> Parts:
        """The parts of a graph. Raises UnsupportedError with every node between them that neurons cannot do."""
        parts = cls.around(graph)
        refuse(graph, (_refusal(n) for n in graph if n.name not in parts.hosted and not _is_possible(n)))
        return parts

    @classmethod
    def around(cls, graph: Graph) -> Parts:
        """The same, whatever lies between them."""
        head = before_layers(graph)
        tail: set[str] = set()
        for name in reversed(graph.order):
            readers = graph.consumers[name]
            if name not in head and _may_finish(graph[name]) and all(reader.name in tail for reader in readers):
                tail.add(name)
        for name in graph.order:
            node = graph[name]
            if not isinstance(node, _FINISH + _COMBINE) and not any(ref.node in tail for ref in node.inputs):
                tail.discard(name)
        return cls(head, frozenset(tail))

    @property
    def hosted(self) -> frozenset[str]:
        """Both together: what stays as it is, for the host."""
        return self.head | self.tail


def before_layers(graph: Graph) -> frozenset[str]:
    """The nodes that depend on no layer with weights."""
    return frozenset(graph.by_name) - graph.downstream(node.name for node in graph if has_weights(node))


def _may_finish(node: Node) -> bool:
    """Whether the host could compute this once the last layer is done."""
    if isinstance(node, _FINISH):
        return len(node.inputs) == 1
    return isinstance(node, _COMBINE) or (isinstance(node, LINEAR) and not has_weights(node))


def _is_possible(node: Node) -> bool:
    if isinstance(node, tensor.Clip):
        return node.minimum == 0
    return isinstance(node, (*LINEAR, tensor.Relu, tensor.Constant))


def _refusal(node: Node) -> Fault:
    if isinstance(node, MAX_POOLS):
        remedy = (
            f"choose the option max_pool=average or max_pool=pairwise, or train the network with AvgPool{node.rank}d"
        )
        return Fault(f"{node.kind} takes the larger of rates, which spikes do not tell", remedy, node.name)
    remedy = _REMEDIES.get(type(node), "train the network with Relu there")
    return Fault(f"{node.kind} stands between layers, where spiking neurons can do Relu only", remedy, node.name)


@dataclass(frozen=True)
class Layer:
    """A node of the network, the neurons that it became, and the node that says in their place what it said.

    What `decoded` puts out is the node's value, as its mean or its sum over the run. Without `neurons` it
    is a result of the run, and the value itself.
    """

    name: str
    neurons: str | None
    decoded: str


@dataclass(frozen=True)
class Converted:
    """The model of neurons, and where it holds which value of the network, in the order of the flow.

    `reading`: whether a value is the mean or the sum of what its layer's neurons say at each step.
    """

    model: Model
    layers: tuple[Layer, ...]
    reading: Literal["mean", "sum"]


@dataclass
class Conversion(ABC):
    """Collects the converted graph, layer after layer.

    Results are what a last layer's current adds up to, times `gain`. `decoded` says what is read in
    place of a node of the network; `results` which node of the network each result of the run is.
    """

    model: Model
    parts: Parts
    gain: float
    nodes: list[Node] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)
    decoded: dict[str, str] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)
    taken: set[str] = field(init=False)

    result: ClassVar[Literal["mean", "sum"]]
    """What a current that was read out is called after."""

    def __post_init__(self) -> None:
        self.taken = set(self.model.graph.by_name)

    @abstractmethod
    def encode(self, node: Node) -> None:
        """Put what the host knows before the run, constants included, into the form that the network reads."""

    @abstractmethod
    def neurons(self, node: Node, inputs: tuple[Ref, ...]) -> None:
        """A Relu as a population."""

    @abstractmethod
    def layer(self, node: Node, inputs: tuple[Ref, ...]) -> None:
        """A linear node in the stream."""

    def finished(self, name: str, result: str) -> None:
        """Turn the integrated current `name` into the node `result`."""
        self.nodes.append(coding.Last(name=result, inputs=(Ref(self._integral(name, result)),)))

    def add(self, node: Node) -> None:
        """The node's counterpart."""
        graph = self.model.graph
        if node.name in self.parts.tail:
            self.nodes.append(replace(node, inputs=tuple(Ref(self._read_out(ref.node)) for ref in node.inputs)))
            return
        if node.name in self.parts.head:
            self.nodes.append(node)
            inner = any(reader.name not in self.parts.hosted for reader in graph.consumers[node.name])
            if inner:
                self.encode(node)
            return
        inputs = tuple(Ref(self.decoded.get(ref.node, ref.node)) for ref in node.inputs)
        if isinstance(node, RELU):
            self.neurons(node, inputs)
        else:
            self.layer(node, inputs)

    def written(self, dt_s: float, steps: int) -> Converted:
        """The whole model, its outputs under their old names."""
        for name in self.model.graph.order:
            self.add(self.model.graph[name])
        renamed = {}
        for name in self.model.graph.outputs:
            if name not in self.parts.hosted:
                renamed[name] = fresh(f"{name}_current", self.taken)
        nodes = tuple(replace(node, name=renamed.get(node.name, node.name)) for node in self.nodes)
        self.nodes = list(Graph(nodes, ()).rewire(renamed).nodes)
        for name, current in renamed.items():
            self.decoded[name] = renamed.get(self.decoded.get(name, name), self.decoded.get(name, current))
            self._finish(name, name)
        graph = replace(self.model.graph, nodes=tuple(self.nodes), dt_s=dt_s)
        model = replace(self.model.with_(graph, self.arrays), steps=steps)
        return Converted(model, tuple(self._layers(renamed)), self.result)

    def _layers(self, renamed: Mapping[str, str]) -> Iterator[Layer]:
        for name in self.model.graph.order:
            if isinstance(self.model.graph[name], RELU) and name not in self.parts.hosted:
                yield Layer(name, renamed.get(name, name), self.decoded.get(name, name))
            if name in self.results:
                yield Layer(name, None, self.results[name])

    def _read_out(self, name: str) -> str:
        """The result of a current, known after the run, as a node to read."""
        if name in self.parts.hosted:
            return name
        key = f"read {name}"
        if key not in self.decoded:
            self.decoded[key] = fresh(f"{name}_{self.result}", self.taken)
            self._finish(name, self.decoded[key])
        return self.decoded[key]

    def _finish(self, name: str, result: str) -> None:
        self.results[name] = result
        self.finished(name, result)

    def _integral(self, name: str, result: str) -> str:
        integral = fresh(f"{result}_integral", self.taken)
        self.nodes.append(spiking.I(name=integral, inputs=(Ref(self.decoded.get(name, name)),), gain=self.gain))
        return integral
