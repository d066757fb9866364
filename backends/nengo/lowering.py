"""From a model to a Nengo network: neurons are ensembles, linear nodes connections, all else Nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from math import isfinite, prod
from typing import Literal, get_args, get_type_hints

import numpy as np

from nmc.backends.nengo.network import (
    Connection,
    Ensemble,
    Input,
    Network,
    Node,
    Output,
    Part,
    Setting,
    Store,
    Stored,
    Transform,
)
from nmc.backends.nengo.own_types import NengoLIF, unfit
from nmc.backends.nengo.transforms import LAYERS, constant, transform
from nmc.errors import Fault
from nmc.graph import Node as GraphNode
from nmc.graph import Ref, Shape
from nmc.model import FloatArray, Model
from nmc.nodes import FAMILIES, coding, quantized, spiking, tensor
from nmc.nodes.plasticity import PlasticLinear
from nmc.passes.refusal import refuse

_MOVES = (tensor.Flatten, tensor.Reshape)
SPIKING = (spiking.LIF, spiking.CubaLIF, spiking.IF, spiking.Threshold)
_RATES = {
    tensor.Relu: Part("nengo.RectifiedLinear"),
    tensor.Sigmoid: Part("nengo.Sigmoid", {"tau_ref": 1.0}),
    tensor.Tanh: Part("nengo.Tanh", {"tau_ref": 1.0}),
}
"""Nengo's own rate neurons; with tau_ref 1 their largest rate is 1."""
_NEURONS = (*SPIKING, spiking.LI, spiking.I, spiking.SigmaDelta, *_RATES, tensor.LeakyRelu, tensor.Clip)
_OPERATIONS = (
    tensor.Softmax, tensor.Mul, tensor.MaxPool1d, tensor.MaxPool2d, quantized.QuantizeLinear,
    quantized.DequantizeLinear, coding.BernoulliEncode, coding.RateEncode, coding.LatencyEncode,
    PlasticLinear, coding.DeltaEncode, coding.Delta, coding.Sum, coding.Mean, coding.Max, spiking.Delay,
)  # fmt: skip
KINDS = frozenset({*_NEURONS, *_OPERATIONS, *LAYERS, tensor.Input, tensor.Constant, coding.Last})
"""Every kind of node that has a place in a Nengo network."""
_READOUTS = (coding.Sum, coding.Mean, coding.Max)
_MAX_POOLS = (tensor.MaxPool1d, tensor.MaxPool2d)
_DT_S = 0.001
"""The step of a network without time, which runs for one step: Nengo's default."""


NeuronTypes = Literal["exact", "nengo"]
"""Whose spiking neurons a network has: those of run.py, which compute what the model says, or Nengo's own."""


def lower(model: Model, neuron_types: NeuronTypes = "exact") -> Network:
    """The Nengo network of a model. Raises UnsupportedError with every node that Nengo cannot mean."""
    faults = [_foreign(node) for node in model.graph if type(node) not in KINDS]
    if neuron_types == "nengo":
        faults += [fault for node in model.graph if isinstance(node, SPIKING) and (fault := unfit(model, node))]
    refuse(model.graph, faults)
    return _Lowering(model, neuron_types).network()


def _bound(value: float) -> float | None:
    return value if isfinite(value) else None


def _foreign(node: GraphNode) -> Fault:
    if isinstance(node, FAMILIES["fixed-point"]):
        what = f"{node.kind} computes with the integers of a chip, which Nengo's neurons and connections do not have"
        return Fault(what, "compile the model that it was made from, or choose loihi-sim", node.name)
    return Fault(f"{node.kind} has no counterpart in a Nengo network", "choose another target", node.name)


class _Lowering:
    """Collects a network's parts. Every node of the graph is an object of its own, unless connections can say it."""

    def __init__(self, model: Model, neuron_types: NeuronTypes) -> None:
        self.model = model
        self.graph = model.graph
        self.dt_s = _DT_S if model.graph.dt_s is None else model.graph.dt_s
        self.own_types = neuron_types == "nengo"
        self.store = Store()
        self.nodes: dict[str, Node] = {}
        self.ensembles: list[Ensemble] = []
        self.connections: list[Connection] = []
        self.biases: dict[str, FloatArray] = {}

    def network(self) -> Network:
        graph, signals = self.graph, self.graph.signals
        for name in graph.order:
            if not self._is_connection(name):
                self._object(graph[name], signals[name].shape)
        return Network(
            name=self.model.name,
            dt_s=self.dt_s,
            steps=1 if graph.dt_s is None else self.model.steps,
            lag=graph.lag,
            inputs=tuple(Input(node.name, node.shape, node.stream) for node in graph if isinstance(node, tensor.Input)),
            nodes=tuple(self.nodes.values()),
            ensembles=tuple(self.ensembles),
            connections=tuple(self.connections),
            outputs=tuple(
                Output(name, signals[name].shape, signals[name].dtype, signals[name].timing) for name in graph.outputs
            ),
            spiking=tuple(node.name for node in graph if isinstance(node, SPIKING)),
            arrays=self.store.arrays,
        )

    def _is_connection(self, name: str) -> bool:
        """Whether a node needs no object: it only moves elements, or is a layer that one other object reads."""
        node = self.graph[name]
        if name in self.graph.outputs or not isinstance(node, LAYERS):
            return False
        if isinstance(node, _MOVES):
            return not any(ref.delay for ref in node.inputs)  # so that following moves comes to an end in any loop
        readers = list(self._readers(name))
        return len(readers) == 1 and not isinstance(readers[0], LAYERS)

    def _readers(self, name: str) -> Iterator[GraphNode]:
        """The nodes that read this one, once for each read; what only moves elements is looked through."""
        for reader in self.graph.consumers[name]:
            for _ in range(sum(ref.node == name for ref in reader.inputs)):
                if isinstance(reader, _MOVES) and self._is_connection(reader.name):
                    yield from self._readers(reader.name)
                else:
                    yield reader

    def _object(self, node: GraphNode, shape: Shape) -> None:
        """The object that a node becomes, and the connections into it."""
        match node:
            case tensor.Input():
                pass
            case tensor.Constant():
                if node.name in self.graph.outputs:
                    self._constant(node.name, self.model.weights[node.value].astype(np.float64))
            case _ if isinstance(node, _NEURONS):
                self._connect_all(node)
                self.ensembles.append(self._ensemble(node, shape))
            case _ if isinstance(node, _OPERATIONS):
                size_in = sum(map(prod, self.graph.operand_shapes(node)))
                self.nodes[node.name] = Node(node.name, shape, size_in, self._operation(node))
                self._connect_all(node)
            case _:
                self.nodes[node.name] = Node(node.name, shape, prod(shape))
                if isinstance(node, LAYERS):
                    self._layer(node, 0, node.name, 0)
                else:
                    self._connect_all(node)

    def _ensemble(self, node: GraphNode, shape: Shape) -> Ensemble:
        bias = self.biases.get(node.name, np.zeros(()))
        if self.own_types and isinstance(node, spiking.LIF):
            lif = NengoLIF.of(self.model, node, self.dt_s)
            return Ensemble(
                node.name, shape, Part("nengo.LIF", lif.settings(self.dt_s)),
                gain=self._kept(f"{node.name}.gain", lif.gain),
                bias=self._kept(f"{node.name}.bias", lif.gain * bias + lif.bias),
                initial={"voltage": self._kept(f"{node.name}.voltage", lif.voltage)},
            )  # fmt: skip
        neurons = _RATES.get(type(node)) or Part(node.kind, self._settings(node, without="initial"))
        initial = getattr(node, "initial", None)
        return Ensemble(
            node.name, shape, neurons,
            bias=self._kept(f"{node.name}.bias", bias),
            initial={} if initial is None else {"voltage": self._setting(initial)},
        )  # fmt: skip

    def _kept(self, name: str, value: FloatArray) -> float | Stored:
        """A number, or an array under a name."""
        return float(value) if value.ndim == 0 else self.store.keep(name, value)

    def _operation(self, node: GraphNode) -> Part:
        if isinstance(node, PlasticLinear):
            return Part("Plastic", self._plastic(node))
        settings: dict[str, Setting] = {"shapes": self.graph.operand_shapes(node), **self._settings(node)}
        if isinstance(node, _READOUTS):
            settings["skip"] = self.graph.lag
        return Part("MaxPool" if isinstance(node, _MAX_POOLS) else node.kind, settings)

    def _plastic(self, node: PlasticLinear) -> dict[str, Setting]:
        """What run.py's Plastic takes: each rule as a list of numbers and factors."""
        rules = {
            target: tuple(
                (product.coefficient, tuple((f.variable, f.constant, f.sign) for f in product.factors))
                for product in rule
            )
            for target, rule in node.rules.items() if rule
        }
        return {
            "shapes": self.graph.operand_shapes(node), "weight": self._setting(node.weight), "rules": rules,
            "traces": tuple((trace.name, trace.decay, trace.impulse) for trace in node.traces),
            "low": _bound(node.w_min), "high": _bound(node.w_max),
        }  # fmt: skip

    def _settings(self, node: GraphNode, without: str = "") -> dict[str, Setting]:
        """The facts of a node but one, as settings."""
        hints = get_type_hints(type(node))
        facts = {f.name: getattr(node, f.name) for f in fields(node) if f.name not in ("name", "inputs", without)}
        # text in the place of a number names an array; other text is a choice
        return {
            name: self._setting(value) if str in get_args(hints[name]) else value for name, value in facts.items()
        }

    def _setting(self, value: Setting) -> Setting:
        """A fact as a setting: text names an array."""
        return self.store.keep(value, np.asarray(self.model.param(value))) if isinstance(value, str) else value

    def _connect_all(self, node: GraphNode) -> None:
        """The connections of an object that reads values: its operands lie one after another in its input."""
        start = 0
        for ref in node.inputs:
            self._connect(ref.node, ref.delay, node.name, start)
            start += 0 if node.sums else prod(self.graph.signals[ref.node].shape)

    def _connect(self, name: str, delay: int, target: str, start: int) -> None:
        """What brings a node's value, `delay` steps late, to a target's input."""
        node = self.graph[name]
        if not self._is_connection(name):
            self._wire(name, delay, target, start)
        elif isinstance(node, _MOVES):
            for ref in node.inputs:
                self._connect(ref.node, ref.delay + delay, target, start)
        else:
            self._layer(node, delay, target, start)

    def _layer(self, node: GraphNode, delay: int, target: str, start: int) -> None:
        """The connections that are a layer."""
        for index, ref in enumerate(node.inputs):
            found = transform(self.model, node, 0 if node.sums else index, self.store)
            for source, late in self._sources(ref):
                self._wire(source, late + delay, target, start, found)
        value = constant(self.model, node)
        if value is not None and not self._biased(value, delay, target):
            name = f"{node.name}.bias"
            self._constant(name, value)
            self._wire(name, delay, target, start)

    def _sources(self, ref: Ref) -> Iterator[tuple[str, int]]:
        """The objects behind a read, each with how late it is read."""
        node = self.graph[ref.node]
        if not self._is_connection(ref.node):
            yield ref.node, ref.delay
            return
        for inner in node.inputs:
            yield from self._sources(Ref(inner.node, inner.delay + ref.delay))

    def _wire(self, source: str, delay: int, target: str, start: int, through: Transform | None = None) -> None:
        """One connection, through a Node that holds the values of earlier steps where `delay` is more than one."""
        node = self.graph.by_name.get(source)
        if isinstance(node, tensor.Constant):
            value = self.model.weights[node.value].astype(np.float64)
            if through is None and self._biased(value, delay, target):
                return
            self._constant(source, value)
        synapse = 0.0 if delay else None
        self.connections.append(Connection(self._late(source, delay - 1), target, through, synapse, start))

    def _late(self, source: str, steps: int) -> str:
        """The object that puts out what `source` did some steps ago."""
        if steps < 1:
            return source
        name = f"{source}@{steps}"
        if name not in self.nodes:
            shape = self._shape(source)
            held = Part("Delay", {"shapes": (shape,), "steps": steps})
            self.nodes[name] = Node(name, shape, prod(shape), held)
            self.connections.append(Connection(source, name))
        return name

    def _biased(self, value: FloatArray, delay: int, target: str) -> bool:
        """Whether a constant could be added to the bias of a target, which takes neurons that read it in time."""
        node = self.graph.by_name.get(target)
        if delay or not isinstance(node, _NEURONS):
            return False
        shape = self.graph.signals[target].shape
        self.biases[target] = self.biases.get(target, np.zeros(shape)) + value.reshape(shape)
        return True

    def _constant(self, name: str, value: FloatArray) -> None:
        self.nodes[name] = Node(name, value.shape, 0, constant=self.store.keep(f"{name}.value", value))

    def _shape(self, name: str) -> Shape:
        return self.nodes[name].shape if name in self.nodes else self.graph.signals[name].shape
