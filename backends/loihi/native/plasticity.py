"""Synapses that learn: one step after another, with random numbers drawn ahead as Lava draws them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nmc.backends.loihi.native import plasticity_kernels as kernels
from nmc.backends.loihi.native.layout import Layout
from nmc.backends.loihi.native.runner import Runner
from nmc.backends.loihi.native.signals import Signals
from nmc.machine_code import Call
from nmc.model import Array, Model
from nmc.nodes.fixed_point import FixedPlasticDense
from nmc.nodes.fixed_point.plasticity import WIDTHS
from nmc.nodes.learning_rule import SYNAPTIC, TRACES
from nmc.reference.fixed_point_plasticity import (
    ROUNDING_SEED,
    at_least,
    decay_of,
    impulse_parts,
    limits,
    uniform,
    whole,
)

Int32Array = NDArray[np.int32]
_CODES = {name: code for code, name in enumerate(("x0", "y0", *TRACES, *SYNAPTIC))}
_DEPENDENCIES = {"x0": 0, "y0": 1, "u": 2}


def tables(node: FixedPlasticDense) -> tuple[Int32Array, Int32Array]:
    """A node's rules in numbers.

    Products [P, 7]: variable, dependency, first factor, end of factors, mantissa, shift to the right, then to the
    left. Factors [F, 4]: variable, constant, whether its sign counts, and width.
    """
    products: list[tuple[int, ...]] = []
    factors: list[tuple[int, ...]] = []
    for target, variable in enumerate(SYNAPTIC):
        for product in node.products[variable]:
            first = len(factors)
            factors += [
                (_CODES[factor.variable], int(factor.constant), factor.sign, WIDTHS[factor.variable])
                for factor in product.factors
            ]
            products.append((
                target, _DEPENDENCIES[product.dependency], first, len(factors), product.mantissa, product.shift,
                product.exponent + 7,
            ))
    return np.array(products, np.int32).reshape(-1, 7), np.array(factors, np.int32).reshape(-1, 4)


@dataclass(frozen=True, eq=False)
class PreparedPlastic:
    """FixedPlasticDense: its first weights [inputs, targets], and its rules in numbers."""

    node: FixedPlasticDense
    weight: Int32Array
    products: Int32Array
    factors: Int32Array
    impulses: Int32Array
    keeps: NDArray[np.float64]
    limits: Int32Array
    exponent: int | None = None

    @classmethod
    def of(cls, node: FixedPlasticDense, model: Model, layout: Layout) -> PreparedPlastic:
        """The synapses of a node."""
        weight = np.ascontiguousarray(model.weights[node.weight].T, dtype=np.int32)
        impulses = [impulse_parts(getattr(node, f"{trace}_impulse")) for trace in TRACES]
        keeps = [decay_of(getattr(node, f"{trace}_tau")) for trace in TRACES]
        bounds = [limits(node, variable) for variable in SYNAPTIC]
        return cls(
            node, weight, *tables(node), np.array(impulses, np.int32), np.array(keeps), np.array(bounds, np.int32)
        )

    @property
    def bytes_per_sample(self) -> int:
        """What the variables of its synapses take."""
        return 3 * self.weight.nbytes

    def start(self, batch: int) -> Runner:
        w = np.tile(self.weight, (batch, 1, 1))
        return PlasticRunner(self, w, np.zeros_like(w), np.zeros_like(w))


@dataclass(eq=False)
class PlasticRunner:
    """FixedPlasticDense: the variables of its synapses [B, inputs, targets], traces, and the steps so far."""

    prepared: PreparedPlastic
    w: Int32Array
    t: Int32Array
    d: Int32Array
    n: int = 0
    sum_up: Call[...] = field(default_factory=kernels.spiking_phase.prepared, kw_only=True)
    learn: Call[...] = field(default_factory=kernels.learning_phase.prepared, kw_only=True)

    def __post_init__(self) -> None:
        batch, inputs, targets = self.w.shape
        epoch = self.prepared.node.epoch
        self.xs, self.tx = np.zeros((batch, 2, inputs), np.int32), np.zeros((batch, inputs), np.int32)
        self.ys, self.ty = np.zeros((batch, 3, targets), np.int32), np.zeros((batch, targets), np.int32)
        self.past_x = np.zeros((epoch + 1, 2, inputs), np.int32)
        self.past_y = np.zeros((epoch + 1, 3, targets), np.int32)
        self.total = np.zeros(targets, np.int64)
        self.fades, self.jumps, self.draws = np.zeros(3), np.zeros(2, np.int64), np.zeros(2, np.int64)

    def state(self) -> Mapping[str, Array]:
        by_target = (value.transpose(0, 2, 1) for value in (self.w, self.t, self.d))
        rows = zip(TRACES, (*self.xs.transpose(1, 0, 2), *self.ys.transpose(1, 0, 2)), strict=True)
        synaptic = zip(SYNAPTIC, by_target, strict=True)
        return {**dict(synaptic), **dict(rows), "tx": self.tx, "ty": self.ty, "n": np.full(len(self.w), self.n)}

    def after_sample(self) -> PlasticRunner:
        """The same weights and clock, and nothing else that the samples so far left."""
        return PlasticRunner(self.prepared, self.w, np.zeros_like(self.t), np.zeros_like(self.d), self.n)

    def advance(self, signals: Signals, first: int, last: int) -> None:
        node, facts = self.prepared.node, self.prepared
        x, sent = signals.operands(node, first, last)
        out, out_row = signals.target(node.name, first)
        for step in range(last - first):
            self.n += 1
            self._draw()
            self.sum_up(
                x, step, sent, step, self.w, self.xs, self.ys, self.tx, self.ty, facts.impulses, self.draws,
                (self.n - 1) % node.epoch + 1, self.total, node.weight_exp, out, out_row + step,
                signals.operations[node.name],
            )
            if self.n % node.epoch == 0:
                due = node.decimation is not None and (self.n // node.epoch) % 2**node.decimation == 0
                tagged = bool(node.products["t"] or node.products["d"])
                self.learn(
                    self.w, self.t, self.d, self.xs, self.ys, self.tx, self.ty, facts.keeps, facts.impulses,
                    self.fades, self.jumps, self.past_x, self.past_y, facts.products, facts.factors, facts.limits,
                    due, tagged, signals.weight_updates[node.name],
                )

    def _draw(self) -> None:
        """The random numbers of this step: Lava draws two for traces in each, and uses the first for late spikes."""
        node, n = self.prepared.node, self.n
        count = at_least(2 * n)
        self.draws[1] = whole(node.seed + 3, count)[2 * n - 1]
        if n % node.epoch == 0:
            epochs = n // node.epoch
            self.fades[:] = (
                uniform(node.seed, count)[2 * n], uniform(node.seed + 2, count)[2 * n],
                uniform(ROUNDING_SEED, at_least(epochs))[epochs],
            )
            self.jumps[:] = whole(node.seed + 1, count)[2 * n], whole(node.seed + 3, count)[2 * n]
