"""An ordinary network becomes a spiking one that says with rates what the network says with numbers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import numpy as np

from nmc.errors import Fault, ModelError
from nmc.graph import Graph, Node, Ref
from nmc.model import Array, FloatArray, Model
from nmc.nodes import coding, spiking, tensor
from nmc.passes.fuse_synapses import fresh
from nmc.passes.host_streams import HostStreams
from nmc.passes.linear_paths import LINEAR
from nmc.passes.rate_calibration import Activations, balance, encoded, has_weights
from nmc.passes.refusal import refuse

STEPS = 32
"""How long a run lasts where nobody says."""
_RELU = (tensor.Relu, tensor.Clip)
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
    `encoding`: the input as evenly spaced spikes ("rate"), or as a constant current ("current"). Values below 0
    have spikes of their own, which count as negative.
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
            refuse(model.graph, HostStreams(model.graph).faults())
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
    return Fault(
        f"{node.kind} stands between layers, where spiking neurons can do Relu only",
        "train the network with Relu there", node.name,
    )


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
        peak = max(1.0, float(np.abs(values).max()))
        signs = (1, -1) if values.min() < 0 else (1,)
        halves = []
        for sign in signs:
            spikes = name if sign > 0 else fresh(f"{name}_negative", self.taken)
            self.nodes.append(coding.RateEncode(name=spikes, inputs=(Ref(node.name),), gain=sign / peak))
            halves.append(self._decoded(node.name, spikes, sign * peak))
        if len(halves) > 1:
            whole = fresh(f"{name}_decoded", self.taken)
            self.nodes.append(tensor.Add(name=whole, inputs=tuple(map(Ref, halves))))
            halves = [whole]
        self.decoded[node.name] = halves[0]
        sent = encoded(np.abs(values) / peak, self.steps)
        self.activations.streams[node.name] = sent * np.sign(values)[:, None] * peak

    def _neurons(self, node: Node, inputs: tuple[Ref, ...]) -> None:
        chosen = balance(self.activations.current(node), self.activations.static[node.name])
        self.nodes.append(spiking.IF(name=node.name, inputs=inputs, threshold=chosen.threshold))
        self.activations.streams[node.name] = chosen.spikes * chosen.amplitude
        self.decoded[node.name] = self._decoded(node.name, node.name, chosen.amplitude)

    def _decoded(self, name: str, spikes: str, amplitude: float) -> str:
        """The node that puts out what the spikes of a node stand for in the network, to be read in place of `name`."""
        if amplitude == 1.0:
            return spikes
        decoded = fresh(f"{name}_decoded", self.taken)
        channels = self.model.graph.signals[name].shape[:1]
        facts = {"scale": amplitude, "bias": 0.0, "mean": 0.0, "variance": 1.0}
        arrays = {fact: f"{decoded}.{fact}" for fact in facts}
        self.arrays.update({arrays[fact]: np.full(channels, value) for fact, value in facts.items()})
        self.nodes.append(tensor.BatchNorm(
            name=decoded, inputs=(Ref(spikes),), epsilon=0.0, scale=arrays["scale"], bias=arrays["bias"],
            mean=arrays["mean"], variance=arrays["variance"],
        ))
        return decoded

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
