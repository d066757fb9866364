"""An ordinary network becomes a spiking one that says with rates what the network says with numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import numpy as np

from nmc.errors import Fault, ModelError, UnsupportedError
from nmc.graph import Graph, Node, Ref
from nmc.model import Array, FloatArray, Model
from nmc.nodes import coding, elementwise, product, reduction, selection, spiking, tensor
from nmc.passes.fuse_synapses import fresh, unfit_streams
from nmc.passes.linear_paths import LINEAR
from nmc.passes.rate_calibration import Activations, balance, encoded, has_weights
from nmc.passes.refusal import refuse

STEPS = 32
"""How long a run lasts where nobody says."""
_RELU = (tensor.Relu, tensor.Clip)
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
    tensor.Softmax, tensor.Sigmoid, tensor.Tanh, tensor.LeakyRelu, *_RELU,
    tensor.Flatten, tensor.Reshape, tensor.Transpose,
)


@dataclass(frozen=True, eq=False)
class ToSpiking:
    """Relu becomes IF with reset to zero; the input is encoded; what the last layer adds up is read out.

    A layer's threshold, and the activation that one spike stands for, are chosen on `calibration`
    samples [B, *shape], such that decoded spike counts come closest to the layer's activations with the
    spikes that really arrive. That makes up for the charge above threshold which a reset to zero loses.
    `encoding`: the input as evenly spaced spikes ("rate"), or as a constant current ("current").
    What comes before the first and after the last layer with weights stays as it is, for the host. A
    network that works in time already only gets its number of steps, where `steps` says one.
    """

    steps: int | None = None
    encoding: Literal["rate", "current"] = "rate"
    calibration: FloatArray | None = None
    dt_s: float = 1e-3

    name: ClassVar[str] = "to_spiking"
    stage: ClassVar[str] = "spiking"

    def __call__(self, model: Model) -> Model:
        """The spiking model. Raises UnsupportedError with every node that rates cannot do."""
        if model.graph.dt_s is not None:
            refuse(model.graph, unfit_streams(model.graph))
            return replace(model, steps=self.steps) if self.steps else model
        parts = Parts.of(model.graph)
        if self.calibration is None:
            raise ModelError(
                "to turn this network into a spiking one takes samples, to see how large activations get",
                "add calibration data to the model's task, as in 'data: {calibration: calibration.npz}'",
            )
        steps = self.steps or model.steps or STEPS
        writer = _Writer(model, parts, steps, Activations.of(model, self.calibration, steps))
        for name in model.graph.order:
            writer.add(model.graph[name], self.encoding)
        return writer.written(self.dt_s)


@dataclass(frozen=True)
class Parts:
    """Names of the nodes before the first layer with weights, and of those that finish off after the last."""

    head: frozenset[str]
    tail: frozenset[str]

    @classmethod
    def of(cls, graph: Graph) -> Parts:
        """The parts of a graph. Raises UnsupportedError with every node between them that rates cannot do."""
        head: set[str] = set()
        for name in graph.order:
            node = graph[name]
            if not has_weights(node) and all(ref.node in head for ref in node.inputs):
                head.add(name)
        tail: set[str] = set()
        for name in reversed(graph.order):
            readers = graph.consumers[name]
            finishes = isinstance(graph[name], _FINISH) and len(graph[name].inputs) == 1
            if name not in head and finishes and all(reader.name in tail for reader in readers):
                tail.add(name)
        refuse(graph, (_refusal(n) for n in graph if n.name not in head | tail and not _is_possible(n)))
        return cls(frozenset(head), frozenset(tail))


def _is_possible(node: Node) -> bool:
    if isinstance(node, tensor.Clip):
        return node.minimum == 0
    return isinstance(node, (*LINEAR, tensor.Relu, tensor.Constant))


def _refusal(node: Node) -> Fault:
    if isinstance(node, tensor.MaxPool1d | tensor.MaxPool2d):
        remedy = f"train the network with AvgPool{node.rank}d, or with a stride in the layer before"
        return Fault(f"{node.kind} takes the larger of rates, which spikes do not tell", remedy, node.name)
    remedy = _REMEDIES.get(type(node), "train the network with Relu there")
    return Fault(f"{node.kind} stands between layers, where spiking neurons can do Relu only", remedy, node.name)


@dataclass
class _Writer:
    """Collects the spiking graph, layer after layer, and simulates what it has so far."""

    model: Model
    parts: Parts
    steps: int
    activations: Activations
    nodes: list[Node] = field(default_factory=list)
    arrays: dict[str, Array] = field(default_factory=dict)
    decoded: dict[str, str] = field(default_factory=dict)
    taken: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.taken = set(self.model.graph.by_name)

    def add(self, node: Node, encoding: Literal["rate", "current"]) -> None:
        """The node's spiking counterpart."""
        graph = self.model.graph
        if node.name in self.parts.tail:
            self.nodes.append(replace(node, inputs=tuple(Ref(self._read_out(ref.node)) for ref in node.inputs)))
            return
        if node.name in self.parts.head:
            self.nodes.append(node)
            inner = any(reader.name not in self.parts.head for reader in graph.consumers[node.name])
            if inner and not isinstance(node, tensor.Constant):
                self._encode(node, encoding)
            return
        inputs = tuple(Ref(self.decoded.get(ref.node, ref.node)) for ref in node.inputs)
        if isinstance(node, _RELU):
            self._neurons(node, inputs)
        else:
            self.nodes.append(replace(node, inputs=inputs))
            self.activations.follow(node)

    def _encode(self, node: Node, encoding: Literal["rate", "current"]) -> None:
        values = self.activations.static[node.name]
        name = fresh("encode" if isinstance(node, tensor.Input) else f"{node.name}_encoded", self.taken)
        if encoding == "current":
            self.nodes.append(coding.ConstantCurrent(name=name, inputs=(Ref(node.name),)))
            self.decoded[node.name] = name
            self.activations.streams[node.name] = np.repeat(values[:, None], self.steps, axis=1)
            return
        if values.min() < 0:
            raise UnsupportedError(
                f"its values go down to {values.min():.3g} on the calibration data, and there are no negative rates",
                "choose the option encoding=current, or move the data into 0..1", node=node.name,
                where=self.model.graph.sources.get(node.name),
            )
        peak = max(1.0, float(values.max()))
        self.nodes.append(coding.RateEncode(name=name, inputs=(Ref(node.name),), gain=1 / peak))
        self.activations.streams[node.name] = encoded(values / peak, self.steps) * peak
        self._decode(node.name, name, peak)

    def _neurons(self, node: Node, inputs: tuple[Ref, ...]) -> None:
        chosen = balance(self.activations.current(node), self.activations.static[node.name])
        self.nodes.append(spiking.IF(name=node.name, inputs=inputs, threshold=chosen.threshold))
        self.activations.streams[node.name] = chosen.spikes * chosen.amplitude
        self._decode(node.name, node.name, chosen.amplitude)

    def _decode(self, name: str, spikes: str, amplitude: float) -> None:
        """After the node `spikes`, what its spikes stand for in the network, to be read in place of `name`."""
        if amplitude == 1.0:
            self.decoded[name] = spikes
            return
        decoded = fresh(f"{name}_decoded", self.taken)
        channels = self.model.graph.signals[name].shape[:1]
        facts = {"scale": amplitude, "bias": 0.0, "mean": 0.0, "variance": 1.0}
        arrays = {fact: f"{decoded}.{fact}" for fact in facts}
        self.arrays.update({arrays[fact]: np.full(channels, value) for fact, value in facts.items()})
        self.nodes.append(tensor.BatchNorm(
            name=decoded, inputs=(Ref(spikes),), epsilon=0.0, scale=arrays["scale"], bias=arrays["bias"],
            mean=arrays["mean"], variance=arrays["variance"],
        ))
        self.decoded[name] = decoded

    def _read_out(self, name: str) -> str:
        """The mean of a current over the run, known after it, as a node to read."""
        if name in self.parts.tail | self.parts.head:
            return name
        key = f"read {name}"
        if key not in self.decoded:
            self.decoded[key] = fresh(f"{name}_mean", self.taken)
            self._integrate(self.decoded.get(name, name), self.decoded[key])
        return self.decoded[key]

    def _integrate(self, current: str, result: str) -> None:
        integral = fresh(f"{result}_integral", self.taken)
        self.nodes.append(spiking.I(name=integral, inputs=(Ref(current),), gain=1 / self.steps))
        self.nodes.append(coding.Last(name=result, inputs=(Ref(integral),)))

    def written(self, dt_s: float) -> Model:
        """The whole model, its outputs under their old names."""
        renamed = {}
        for name in self.model.graph.outputs:
            if name not in self.parts.tail | self.parts.head:
                renamed[name] = fresh(f"{name}_current", self.taken)
        nodes = tuple(replace(node, name=renamed.get(node.name, node.name)) for node in self.nodes)
        self.nodes = list(Graph(nodes, ()).rewire(renamed).nodes)
        for name, current in renamed.items():
            self._integrate(renamed.get(self.decoded.get(name, name), self.decoded.get(name, current)), name)
        graph = replace(self.model.graph, nodes=tuple(self.nodes), dt_s=dt_s)
        return replace(self.model.with_(graph, self.arrays), steps=self.steps)
