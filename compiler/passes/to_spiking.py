"""An ordinary network becomes a spiking one that says with rates what the network says with numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from nmc.errors import ModelError
from nmc.graph import Node, Ref, fresh
from nmc.model import FloatArray, Model
from nmc.nodes import coding, spiking, tensor
from nmc.passes import Keeps, Samples, Stage
from nmc.passes.bounds import require_bounds
from nmc.passes.conversion import Conversion, Converted, Parts
from nmc.passes.host_streams import HostStreams
from nmc.passes.rate_calibration import Activations, ChargeReset, balance, encoded
from nmc.passes.refusal import refuse

STEPS = 32
"""How long a run lasts where nobody says."""


@dataclass(frozen=True)
class ToSpiking:
    """Relu becomes IF; the input is encoded; what the last layer adds up is read out.

    A layer's threshold, and the activation that one spike stands for, are chosen on samples
    [B, *shape], such that decoded spike counts come closest to the layer's activations with the
    spikes that really arrive. `reset`: what is left of a neuron's charge when it spikes, nothing ("zero"; the
    choice above makes up for the charge above threshold that is lost) or the part above the threshold ("subtract",
    Rueckauer et al. 2017, "Conversion of Continuous-Valued Deep Networks to Efficient Event-Driven Networks").
    `charge`: how full the encoder is at the start, as a fraction of what a spike takes, and neurons at most: each
    layer starts with nothing, half of it or all of it, whichever decodes best. A half makes spike counts
    round to the nearest in place of down (Bu et al. 2022, "Optimized Potential Initialization for Low-latency
    Spiking Neural Networks"). `threshold_scale` multiplies the thresholds: above 1 there are fewer spikes, which
    cost less and say less.
    `encoding`: the input as evenly spaced spikes ("rate"), or as a constant current ("current"). Values below 0
    have spikes of their own, which count as negative.
    What comes before the first and after the last layer with weights stays as it is, for the host. A
    network that works in time already only gets its number of steps, where `steps` says one.
    """

    steps: int | None = None
    encoding: Literal["rate", "current"] = "rate"
    reset: ChargeReset = "zero"
    charge: float = 0.0
    threshold_scale: float = 1.0
    dt_s: float = 1e-3

    name: ClassVar[str] = "to-spiking"
    stage: ClassVar[Stage] = "spiking"
    keeps: ClassVar[Keeps] = "converts"

    def __post_init__(self) -> None:
        require_bounds(self)

    def __call__(self, model: Model, samples: Samples) -> Model:
        """The spiking model. Raises UnsupportedError with every node that rates cannot do."""
        if model.graph.dt_s is not None:
            refuse(model.graph, HostStreams(model.graph).faults())
            return replace(model, steps=self.steps) if self.steps else model
        return self.converted(model, samples).model

    def converted(self, model: Model, samples: Samples) -> Converted:
        """A network without time, and its layers. Raises UnsupportedError as a call does."""
        parts = Parts.of(model.graph)
        steps = self.steps or model.steps or STEPS
        activations = Activations.of(model, calibrated(samples(), "a spiking one"), steps)
        rates = _Rates(
            model, parts, 1 / steps, activations=activations, encoding=self.encoding, reset=self.reset,
            charge=self.charge, scale=self.threshold_scale,
        )  # fmt: skip
        return rates.written(self.dt_s, steps)


def calibrated(samples: FloatArray | None, what: str) -> FloatArray:
    """The samples. Raises ModelError where there are none."""
    if samples is not None:
        return samples
    raise ModelError(
        f"to turn this network into {what} takes samples, to see how large activations get",
        "add calibration data to the model's task, as in 'data: {calibration: calibration.npz}'",
    )


@dataclass(kw_only=True)
class _Rates(Conversion):
    """The conversion to rates; simulates what it has so far."""

    activations: Activations
    encoding: Literal["rate", "current"]
    reset: ChargeReset
    charge: float
    scale: float

    result: ClassVar[Literal["mean", "sum"]] = "mean"

    def encode(self, node: Node) -> None:
        if isinstance(node, tensor.Constant):
            return
        values = self.activations.static[node.name]
        name = fresh("encode" if isinstance(node, tensor.Input) else f"{node.name}_encoded", self.taken)
        if self.encoding == "current":
            self.nodes.append(coding.ConstantCurrent(name=name, inputs=(Ref(node.name),)))
            self.decoded[node.name] = name
            self.activations.streams[node.name] = np.repeat(values[:, None], self.activations.steps, axis=1)
            return
        peak = max(1.0, float(np.abs(values).max()))
        signs = (1, -1) if values.min() < 0 else (1,)
        halves = []
        for sign in signs:
            spikes = name if sign > 0 else fresh(f"{name}_negative", self.taken)
            self.nodes.append(coding.RateEncode(
                name=spikes, inputs=(Ref(node.name),), gain=sign / peak, initial=self.charge
            ))
            halves.append(self._decoded(node.name, spikes, sign * peak))
        if len(halves) > 1:
            whole = fresh(f"{name}_decoded", self.taken)
            self.nodes.append(tensor.Add(name=whole, inputs=tuple(map(Ref, halves))))
            halves = [whole]
        self.decoded[node.name] = halves[0]
        sent = encoded(np.abs(values) / peak, self.activations.steps, self.charge)
        self.activations.streams[node.name] = sent * np.sign(values)[:, None] * peak

    def layer(self, node: Node, inputs: tuple[Ref, ...]) -> None:
        self.nodes.append(replace(node, inputs=inputs))
        self.activations.follow(node)

    def neurons(self, node: Node, inputs: tuple[Ref, ...]) -> None:
        chosen = balance(
            self.activations.current(node), self.activations.static[node.name], self.reset, self.charge, self.scale
        )
        self.nodes.append(spiking.IF(
            name=node.name, inputs=inputs, threshold=chosen.threshold, reset=self.reset, initial=chosen.initial
        ))
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
