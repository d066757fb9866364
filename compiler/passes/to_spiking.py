"""An ordinary network becomes a spiking one that says with rates what the network says with numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from nmc.errors import ModelError
from nmc.graph import Node, Ref
from nmc.model import FloatArray, Model
from nmc.nodes import coding, spiking, tensor
from nmc.passes.conversion import Conversion, Parts
from nmc.passes.fuse_synapses import fresh
from nmc.passes.host_streams import HostStreams
from nmc.passes.rate_calibration import Activations, balance, encoded
from nmc.passes.refusal import refuse

STEPS = 32
"""How long a run lasts where nobody says."""


@dataclass(frozen=True, eq=False)
class ToSpiking:
    """Relu becomes IF with reset to zero; the input is encoded; what the last layer adds up is read out.

    A layer's threshold, and the activation that one spike stands for, are chosen on `calibration`
    samples [B, *shape], such that decoded spike counts come closest to the layer's activations with the
    spikes that really arrive. That makes up for the charge above threshold which a reset to zero loses.
    `threshold_scale` multiplies the thresholds: above 1 there are fewer spikes, which cost less and say less.
    `encoding`: the input as evenly spaced spikes ("rate"), or as a constant current ("current"). Values below 0
    have spikes of their own, which count as negative.
    What comes before the first and after the last layer with weights stays as it is, for the host. A
    network that works in time already only gets its number of steps, where `steps` says one.
    """

    steps: int | None = None
    encoding: Literal["rate", "current"] = "rate"
    calibration: FloatArray | None = None
    dt_s: float = 1e-3
    threshold_scale: float = 1.0

    name: ClassVar[str] = "to_spiking"
    stage: ClassVar[str] = "spiking"

    def __call__(self, model: Model) -> Model:
        """The spiking model. Raises UnsupportedError with every node that rates cannot do."""
        if model.graph.dt_s is not None:
            refuse(model.graph, HostStreams(model.graph).faults())
            return replace(model, steps=self.steps) if self.steps else model
        parts = Parts.of(model.graph)
        steps = self.steps or model.steps or STEPS
        activations = Activations.of(model, calibrated(self.calibration, "a spiking one"), steps)
        return _Rates(
            model, parts, 1 / steps, activations=activations, encoding=self.encoding, scale=self.threshold_scale
        ).written(self.dt_s, steps)


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
    scale: float

    result: ClassVar[str] = "mean"

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
            self.nodes.append(coding.RateEncode(name=spikes, inputs=(Ref(node.name),), gain=sign / peak))
            halves.append(self._decoded(node.name, spikes, sign * peak))
        if len(halves) > 1:
            whole = fresh(f"{name}_decoded", self.taken)
            self.nodes.append(tensor.Add(name=whole, inputs=tuple(map(Ref, halves))))
            halves = [whole]
        self.decoded[node.name] = halves[0]
        sent = encoded(np.abs(values) / peak, self.activations.steps)
        self.activations.streams[node.name] = sent * np.sign(values)[:, None] * peak

    def layer(self, node: Node, inputs: tuple[Ref, ...]) -> None:
        self.nodes.append(replace(node, inputs=inputs))
        self.activations.follow(node)

    def neurons(self, node: Node, inputs: tuple[Ref, ...]) -> None:
        chosen = balance(self.activations.current(node), self.activations.static[node.name], self.scale)
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
