"""How far the neurons of a converted network are from the activations that they stand for, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from nmc.graph import Node
from nmc.model import FloatArray, Model
from nmc.nodes.tensor import Input
from nmc.passes.conversion import Converted
from nmc.reference import each_step, run


@dataclass(frozen=True)
class LayerError:
    """How far a layer is off on samples, in place of the activations of the network it comes from.

    `relative_rms`: root mean square of the differences over that of the activations; `bias`: their mean, over the same.
    `saturated`: the share of neurons that spike at every step, and so can say no more. `rate`: spikes, or changes
    sent, of a neuron in a step; `spikes`: those of all neurons in a run. A result of the run has no neurons.
    """

    layer: str
    neurons: int
    relative_rms: float
    bias: float
    saturated: float | None = None
    rate: float | None = None
    spikes: float | None = None


@dataclass(frozen=True, eq=False)
class Activity:
    """A run: the value [B, *shape] of each layer, by its name in the network, and how often its neurons sent."""

    values: Mapping[str, FloatArray]
    sent: Mapping[str, FloatArray]
    steps: int

    @classmethod
    def of(cls, converted: Converted, x: FloatArray) -> Activity:
        """The activity on samples [B, *shape]. Raises UsageError where they do not fit."""
        values: dict[str, FloatArray] = {}
        sent: dict[str, FloatArray] = {}
        steps = 0
        for output, _ in each_step(converted.model, x):
            steps += 1
            for layer in converted.layers:
                said = output[layer.decoded]
                if layer.neurons is None:
                    values[layer.name] = said
                    continue
                values[layer.name] = values.get(layer.name, 0.0) + said
                sent[layer.name] = sent.get(layer.name, 0.0) + (output[layer.neurons] != 0)
        if converted.reading == "mean":
            values = {name: value / steps if name in sent else value for name, value in values.items()}
        return cls(values, sent, steps)


def relative_rms(have: FloatArray, want: FloatArray) -> float:
    """Root mean square of the differences, over that of what is wanted."""
    return _size(have - want, 0.0) / _size(want)


def _size(values: FloatArray, least: float = 1.0) -> float:
    """The root mean square; `least` where all values are 0."""
    return float(np.sqrt(np.mean(values**2))) or least


def layer_errors(network: Mapping[str, FloatArray], converted: Converted, activity: Activity) -> Iterator[LayerError]:
    """The error of each layer; `network` has the activations [B, *shape] that the layers stand for, by name."""
    for layer in converted.layers:
        have, want = activity.values[layer.name], network[layer.name]
        error = LayerError(layer.name, 0, relative_rms(have, want), float(np.mean(have - want)) / _size(want))
        if layer.neurons is not None:
            sent = activity.sent[layer.name]
            error = replace(
                error, neurons=sent[0].size, rate=float(np.mean(sent)) / activity.steps,
                spikes=float(np.sum(sent)) / len(sent),
                saturated=float(np.mean(sent == activity.steps)) if converted.reading == "mean" else None,
            )
        yield error


def scored_so_far(ordinary: Model, converted: Converted, activity: Activity, x: FloatArray) -> Iterator[FloatArray]:
    """What the network puts out when its first layers say what their neurons do: one layer, two, up to all of them.

    Each of them is the first output [B, ...]. `activity` is that on x [B, *shape].
    """
    (given,) = (node.name for node in ordinary.graph if isinstance(node, Input))
    feeds = {given: x}
    graph = ordinary.graph
    for layer in converted.layers:
        known: Node = Input(name=layer.name, shape=graph.signals[layer.name].shape)
        graph = graph.replace(known)
        feeds[layer.name] = activity.values[layer.name]
        outputs = run(ordinary.with_(graph), feeds)
        yield outputs[graph.outputs[0]]
