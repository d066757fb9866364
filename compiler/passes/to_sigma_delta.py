"""An ordinary network becomes one of sigma-delta neurons, which send numbers, and only when they change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from nmc.graph import Node, Ref, fresh
from nmc.model import FloatArray, Model
from nmc.nodes import coding, elementwise, spiking, tensor
from nmc.passes import Keeps, Samples, Stage
from nmc.passes.bounds import require_bounds
from nmc.passes.conversion import Conversion, Converted, Parts
from nmc.passes.host_streams import HostStreams
from nmc.passes.linear_paths import constant, without_constant
from nmc.passes.rate_calibration import Activations
from nmc.passes.refusal import refuse
from nmc.passes.to_spiking import calibrated

STEPS = 8
"""How long a run lasts where nobody says. One step would do for an input that is held; changes below
a threshold, and rounding, settle in the others."""


@dataclass(frozen=True)
class ToSigmaDelta:
    """Relu becomes SigmaDelta (O'Connor and Welling 2017, "Sigma Delta Quantized Networks"); the input is sent once.
    A Clip from 0 to a maximum becomes two, of which one takes away what the other has above the maximum.

    Layers lose their biases, which go into the neurons: what travels are changes. A neuron keeps back changes
    below `threshold`, a fraction of the largest activation of its layer on samples [B, *shape]. What comes
    before the first and after the last layer with weights stays as it is, for the host. A network that works
    in time already only gets its number of steps, where `steps` says one.
    """

    steps: int | None = None
    threshold: float = 0.0
    dt_s: float = 1e-3

    name: ClassVar[str] = "to-sigma-delta"
    stage: ClassVar[Stage] = "spiking"
    keeps: ClassVar[Keeps] = "converts"

    def __post_init__(self) -> None:
        require_bounds(self)

    def __call__(self, model: Model, samples: Samples) -> Model:
        """The model of sigma-delta neurons. Raises UnsupportedError with every node that they cannot do."""
        if model.graph.dt_s is not None:
            refuse(model.graph, HostStreams(model.graph).faults())
            return replace(model, steps=self.steps) if self.steps else model
        return self.converted(model, samples).model

    def converted(self, model: Model, samples: Samples) -> Converted:
        """A network without time, and its layers. Raises UnsupportedError as a call does."""
        parts = Parts.of(model.graph)
        steps = self.steps or model.steps or STEPS
        peaks: dict[str, float] = {}
        if self.threshold:
            static = Activations.of(model, calibrated(samples(), "a sigma-delta one"), 1).static
            peaks = {name: self.threshold * float(np.max(np.abs(values))) for name, values in static.items()}
        return _Changes(model, parts, 1.0, thresholds=peaks, silent=_silent(model, parts)).written(self.dt_s, steps)


def _silent(model: Model, parts: Parts) -> Model:
    """The model with an input in place of whatever the host knows: its other constants are biases."""
    graph = model.graph
    known = [graph[name] for name in parts.head if not isinstance(graph[name], tensor.Constant)]
    return model.with_(
        graph.replace(*(tensor.Input(name=n.name, shape=graph.signals[n.name].shape) for n in known))
    )


@dataclass(kw_only=True)
class _Changes(Conversion):
    """The conversion to changes."""

    thresholds: dict[str, float]
    silent: Model

    result: ClassVar[Literal["mean", "sum"]] = "sum"

    def encode(self, node: Node) -> None:
        if isinstance(node, tensor.Constant):
            self._silence(node)
            return
        name = fresh("changes" if isinstance(node, tensor.Input) else f"{node.name}_changes", self.taken)
        self.nodes.append(coding.Delta(
            name=name, inputs=(Ref(node.name),), threshold=self.thresholds.get(node.name, 0.0)
        ))
        self.decoded[node.name] = name

    def _silence(self, node: tensor.Constant) -> None:
        """A constant never changes: the streams read zeros."""
        name = fresh(f"{node.name}_changes", self.taken)
        self.arrays[name] = np.zeros(node.shape)
        self.nodes.append(replace(node, name=name, value=name))
        self.decoded[node.name] = name

    def layer(self, node: Node, inputs: tuple[Ref, ...]) -> None:
        plain = without_constant(replace(node, inputs=inputs))
        if isinstance(plain, tensor.BatchNorm):
            zeros = f"{node.name}.no_bias"
            self.arrays[zeros] = np.zeros(self.model.graph.signals[node.name].shape[:1])
            plain = replace(plain, bias=zeros, mean=zeros)
        self.nodes.append(plain)

    def neurons(self, node: Node, inputs: tuple[Ref, ...]) -> None:
        bias = sum(self._bias(ref) for ref in node.inputs)
        self._population(node, node.name, inputs, bias)
        if isinstance(node, tensor.Clip) and node.maximum < np.inf:
            above, clipped = (fresh(f"{node.name}_{what}", self.taken) for what in ("above", "clipped"))
            self._population(node, above, inputs, bias - node.maximum)
            self.nodes.append(elementwise.Sub(name=clipped, inputs=(Ref(node.name), Ref(above))))
            self.decoded[node.name] = clipped

    def _population(self, node: Node, name: str, inputs: tuple[Ref, ...], bias: FloatArray | float) -> None:
        """Neurons for a Relu of what the node reads, plus a bias."""
        fact: float | str = 0.0
        if np.any(bias):
            fact = f"{name}.bias"
            self.arrays[fact] = _narrowed(np.broadcast_to(bias, self.model.graph.signals[node.name].shape))
        self.nodes.append(spiking.SigmaDelta(
            name=name, inputs=inputs, threshold=self.thresholds.get(node.name, 0.0), bias=fact
        ))

    def finished(self, name: str, result: str) -> None:
        bias = self._bias(Ref(name))
        if not np.any(bias):
            super().finished(name, result)
            return
        changes, constant_name = (fresh(f"{result}_{what}", self.taken) for what in ("changes", "bias"))
        super().finished(name, changes)
        self.arrays[constant_name] = np.asarray(bias)
        shape = self.model.graph.signals[name].shape
        self.nodes.append(tensor.Constant(name=constant_name, value=constant_name, shape=shape))
        self.nodes.append(tensor.Add(name=result, inputs=(Ref(changes), Ref(constant_name))))

    def _bias(self, ref: Ref) -> FloatArray:
        """What arrives at a read while every neuron and every input is at 0: [*shape]."""
        found = constant(self.silent, ref).values()
        return sum(found, start=np.zeros(self.model.graph.signals[ref.node].shape))


def _narrowed(values: FloatArray) -> FloatArray:
    """One value a channel [C, 1, ...], where the elements of a channel share it."""
    first: FloatArray = values[(slice(None), *(slice(0, 1) for _ in values.shape[1:]))]
    return np.ascontiguousarray(first if np.all(values == first) else values)
