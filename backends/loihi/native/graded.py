"""Neurons that send numbers, in 32-bit integers that wrap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi.native import neuron_kernels as kernels
from nmc.backends.loihi.native.layout import Layout
from nmc.backends.loihi.native.neurons import spread
from nmc.backends.loihi.native.runner import Runner
from nmc.backends.loihi.native.signals import Signals
from nmc.graph import Node
from nmc.machine_code import Call
from nmc.model import Array, Model
from nmc.nodes import fixed_point

Int32Array = NDArray[np.int32]
Encoder = fixed_point.FixedDelta | fixed_point.FixedSigmaDelta


def _summed(signals: Signals, node: Node, first: int, last: int) -> Int32Array:
    """What a node with a single operand reads, [B, T, N]."""
    x, row = signals.operand(node, first, last, None)
    return x[:, row : row + last - first].astype(np.int32)


def _beyond(x: Int32Array, vth: int) -> Int32Array:
    return np.where(np.abs(x) > vth, x, np.int32(0))


@dataclass(frozen=True, eq=False)
class GradedRunner:
    """FixedGraded: nothing is held."""

    node: fixed_point.FixedGraded
    exponent: int | None = None

    @classmethod
    def of(cls, node: fixed_point.FixedGraded, model: Model, layout: Layout) -> GradedRunner:
        """The neurons of a node."""
        return cls(node)

    def start(self, batch: int) -> Runner:
        return self

    def advance(self, signals: Signals, first: int, last: int) -> None:
        x, vth = _summed(signals, self.node, first, last), self.node.vth
        signals.send(self.node, first, np.where(x > vth, x, 0) if self.node.rectified else _beyond(x, vth))


@dataclass(frozen=True, eq=False)
class ProductRunner:
    """FixedProduct: nothing is held."""

    node: fixed_point.FixedProduct
    exponent: int | None = None

    @classmethod
    def of(cls, node: fixed_point.FixedProduct, model: Model, layout: Layout) -> ProductRunner:
        """The neurons of a node."""
        return cls(node)

    def start(self, batch: int) -> Runner:
        return self

    def advance(self, signals: Signals, first: int, last: int) -> None:
        a, b = signals.operands(self.node, first, last)
        signals.send(self.node, first, _beyond((a * b) >> self.node.exp, self.node.vth))


@dataclass(frozen=True, eq=False)
class PreparedGraded:
    """A kind of neuron that sends numbers and holds some, at first 0."""

    node: fixed_point.FixedSigma | fixed_point.FixedNormDelay | Encoder
    size: int
    bias: Int32Array
    exponent: int | None = None

    @classmethod
    def of(
        cls, node: fixed_point.FixedSigma | fixed_point.FixedNormDelay | Encoder, model: Model, layout: Layout
    ) -> PreparedGraded:
        """The neurons of a node."""
        bias = spread(node, node.bias if isinstance(node, fixed_point.FixedSigmaDelta) else 0, model, layout)
        return cls(node, layout.size(node.name), bias.astype(np.int32))

    def start(self, batch: int) -> Runner:
        def zeros() -> Int32Array:
            return np.zeros((batch, self.size), np.int32)

        match self.node:
            case fixed_point.FixedSigma():
                return SigmaRunner(self.node, zeros())
            case fixed_point.FixedNormDelay():
                return NormDelayRunner(self.node, zeros())
            case fixed_point.FixedSigmaDelta():
                scaled = self.bias << (self.node.spike_exp + self.node.state_exp)
                return SigmaDeltaRunner(self.node, zeros(), zeros(), zeros(), scaled, zeros())
            case fixed_point.FixedDelta():
                return DeltaRunner(self.node, zeros(), zeros(), zeros())


@dataclass(frozen=True, eq=False)
class SigmaRunner:
    """FixedSigma: the sum so far."""

    node: fixed_point.FixedSigma
    sigma: Int32Array

    def state(self) -> Mapping[str, Array]:
        return {"sigma": self.sigma}

    def advance(self, signals: Signals, first: int, last: int) -> None:
        signals.send(self.node, first, _accumulated(self.sigma, _summed(signals, self.node, first, last)))


@dataclass(frozen=True, eq=False)
class NormDelayRunner:
    """FixedNormDelay: the first input of the step before."""

    node: fixed_point.FixedNormDelay
    v: Int32Array

    def state(self) -> Mapping[str, Array]:
        return {"v": self.v}

    def advance(self, signals: Signals, first: int, last: int) -> None:
        a, b = signals.operands(self.node, first, last)
        before = np.concatenate([self.v[:, None], a[:, :-1]], axis=1)
        self.v[:] = a[:, -1]
        signals.send(self.node, first, _beyond(before * b, self.node.vth))


@dataclass(frozen=True, eq=False)
class DeltaRunner:
    """FixedDelta: the last activation of every neuron, and what of it was not sent."""

    node: Encoder
    act: Int32Array
    residue: Int32Array
    error: Int32Array
    send: Call[...] = field(default_factory=kernels.delta.prepared, kw_only=True)

    def state(self) -> Mapping[str, Array]:
        return {"act": self.act, "residue": self.residue, "error": self.error}

    def advance(self, signals: Signals, first: int, last: int) -> None:
        x = _summed(signals, self.node, first, last)
        self.encode(signals, first, x << (self.node.spike_exp + self.node.state_exp))

    def encode(self, signals: Signals, first: int, acts: Int32Array) -> None:
        """Send what changes in activations [B, T, N]."""
        node = self.node
        out, out_row = signals.target(node.name, first)
        self.send(
            acts, self.act, self.residue, self.error, node.vth << (node.spike_exp + node.state_exp),
            node.cumulative, node.state_exp, out, out_row, signals.spikes[node.name],
        )


@dataclass(frozen=True, eq=False)
class SigmaDeltaRunner(DeltaRunner):
    """FixedSigmaDelta: a FixedDelta that holds the sum of its input, too. `bias` [N] is scaled."""

    bias: Int32Array
    sigma: Int32Array

    def state(self) -> Mapping[str, Array]:
        return {"sigma": self.sigma, **super().state()}

    def advance(self, signals: Signals, first: int, last: int) -> None:
        acts = _accumulated(self.sigma, _summed(signals, self.node, first, last)) + self.bias
        rectified = isinstance(self.node, fixed_point.FixedSigmaDelta) and self.node.activation == "relu"
        self.encode(signals, first, np.maximum(acts, 0) if rectified else acts)


def _accumulated(sigma: Int32Array, x: Int32Array) -> Int32Array:
    """The sums of sigma [B, N] and x [B, T, N] up to each step; sigma moves on to the last."""
    sums: Int32Array = np.cumsum(x, axis=1, dtype=np.int32) + sigma[:, None]
    sigma[:] = sums[:, -1]
    return sums
