"""How well rates stand for activations: a network simulated layer by layer on calibration samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Literal

import numpy as np

from nmc.graph import Node, Shape
from nmc.model import FloatArray, Model
from nmc.nodes import tensor
from nmc.passes.linear_paths import apply_linear
from nmc.reference.interpreter import Interpreter, as_feeds

MOST_SAMPLES = 32
_WORK = 4e9
_CHUNK = 1 << 21
_PERCENTILE = 99.9
_FACTORS = (0.4, 0.55, 0.7, 0.85, 1.0, 1.2, 1.45, 1.75)

ChargeReset = Literal["zero", "subtract"]
"""What a spike leaves of a neuron's charge: nothing, or what was above the threshold."""


@dataclass(frozen=True, eq=False)
class Balanced:
    """A layer's threshold and first voltage, what one of its spikes stands for, and the spikes [B, T, *shape]."""

    threshold: float
    initial: float
    amplitude: float
    spikes: FloatArray


@dataclass(eq=False)
class Activations:
    """What each node of an ordinary network holds: `static` [B, *shape], and as a stream [B, T, *shape].

    Streams hold what spikes stand for, in the network's units.
    """

    model: Model
    steps: int
    static: Mapping[str, FloatArray]
    streams: dict[str, FloatArray] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Model, samples: FloatArray, steps: int) -> Activations:
        """The activations on as many of the samples as can be simulated in about a second."""
        work = steps * sum(multiplications(node, model) for node in model.graph)
        kept = samples[: int(min(MOST_SAMPLES, max(4, _WORK // max(work, 1))))]
        feeds = as_feeds(model.graph, kept)
        values = Interpreter(model, len(kept)).step(feeds)
        shapes = {name: (len(kept), *model.graph.signals[name].shape) for name in values}
        return cls(model, steps, {name: np.broadcast_to(value, shapes[name]) for name, value in values.items()})

    def follow(self, node: Node) -> None:
        """Compute the stream of a linear node from those it reads."""
        reads = [self._stream(ref.node) for ref in node.inputs]
        operands = (sum(reads[1:], start=reads[0]),) if node.sums else tuple(reads)
        batch = len(operands[0])
        folded = [x.reshape(batch * self.steps, *x.shape[2:]) for x in operands]
        rows = max(1, _CHUNK // max(prod(x.shape[1:]) for x in folded))
        parts = [
            apply_linear(self.model, node, tuple(x[first : first + rows] for x in folded), constant=True)
            for first in range(0, batch * self.steps, rows)
        ]
        whole = np.concatenate(parts)
        self.streams[node.name] = whole.reshape(batch, self.steps, *whole.shape[1:])

    def current(self, node: Node) -> FloatArray:
        """What a layer of neurons receives at every step."""
        reads = [self._stream(ref.node) for ref in node.inputs]
        return sum(reads[1:], start=reads[0])

    def _stream(self, name: str) -> FloatArray:
        if name in self.streams:
            return self.streams[name]
        value = self.static[name][:, None]
        return np.broadcast_to(value, (len(value), self.steps, *value.shape[2:]))


def has_weights(node: Node) -> bool:
    """Whether a node is a layer with weights."""
    return isinstance(node, tensor.Linear | tensor.SparseLinear | tensor.Conv1d | tensor.Conv2d)


def multiplications(node: Node, model: Model) -> int:
    """Multiplications of a layer for one sample; 0 for nodes without weights."""
    if not isinstance(node, tensor.Linear | tensor.Conv1d | tensor.Conv2d):
        return 0
    out: Shape = model.graph.signals[node.name].shape
    places = prod(out[:-1]) if isinstance(node, tensor.Linear) else prod(out[1:])
    return places * int(model.weights[node.weight].size)


def encoded(values: FloatArray, steps: int, initial: float = 0.0) -> FloatArray:
    """The spikes of RateEncode for values in 0..1, held for the run: [B, T, ...]."""
    charge = np.full_like(values, initial)
    spikes = np.empty((len(values), steps, *values.shape[1:]))
    for t in range(steps):
        charge = charge + values
        spikes[:, t] = charge >= 1.0
        charge -= spikes[:, t]
    return spikes


def fired(current: FloatArray, threshold: float, reset: ChargeReset = "zero", initial: float = 0.0) -> FloatArray:
    """The spikes of IF, which starts at the voltage `initial`: [B, T, ...]."""
    v = np.full_like(current[:, 0], initial)
    spikes = np.empty_like(current)
    for t in range(current.shape[1]):
        v = v + current[:, t]
        spike = v > threshold
        v[spike] = v[spike] - threshold if reset == "subtract" else 0.0
        spikes[:, t] = spike
    return spikes


def balance(
    current: FloatArray,
    activation: FloatArray,
    reset: ChargeReset = "zero",
    charge: float = 0.0,
    scale: float = 1.0,
) -> Balanced:
    """The threshold, first voltage and amplitude whose decoded rates come closest to the activations, by least squares.

    Thresholds around a high percentile of the activations are tried, and first voltages of 0, half of `charge` and
    all of it, a fraction of the threshold; for each the best amplitude is that of linear regression through zero.
    `scale` multiplies the best threshold and first voltage, for other than the closest rates.
    """
    base = float(np.percentile(activation, _PERCENTILE)) or float(activation.max()) or 1.0
    tried = product(_FACTORS, (0.0, 0.5, 1.0) if charge else (0.0,))
    fits = (_fitted(current, activation, reset, base * factor, part * charge) for factor, part in tried)
    best, _, filled = min(fits, key=lambda fit: fit[1])
    return best if scale == 1.0 else _fitted(current, activation, reset, best.threshold * scale, filled)[0]


def _fitted(
    current: FloatArray, activation: FloatArray, reset: ChargeReset, threshold: float, filled: float
) -> tuple[Balanced, float, float]:
    """A threshold with its best amplitude, the squared error that is left, and how full neurons are at first."""
    spikes = fired(current, threshold, reset, filled * threshold)
    rate = spikes.mean(axis=1)
    power = float(np.sum(rate * rate))
    amplitude = float(np.sum(rate * activation)) / power if power else threshold
    error = float(np.sum((amplitude * rate - activation) ** 2))
    return Balanced(threshold, filled * threshold, amplitude or threshold, spikes), error, filled
