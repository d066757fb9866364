"""How large signals get: bounds from the weights, and peaks on calibration data where bounds are too wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf

import numpy as np

from nmc.datasets.fitting import stream_steps
from nmc.errors import ModelError
from nmc.model import FloatArray, Model
from nmc.nodes import coding, spiking, tensor
from nmc.passes import Samples
from nmc.passes.integer_scale import (
    ACTIVATION_LIMIT,
    DECLARED_LIMIT,
    SUM_LIMIT,
    Weights,
    largest_bias_scale,
    message_scale,
)
from nmc.passes.populations import Population, populations
from nmc.reference import each_step, run

MARGIN = 2.0
"""How far beyond the peak on calibration data a signal may go before it overflows."""
SAMPLES = 16
MEASURED_STEPS = 512
"""How many steps are measured; what sums up over a longer run is taken to go on growing as it did."""


@dataclass(frozen=True)
class Message:
    """What travels from a source: what one unit of it means in the model, and its bits, 0 for spikes."""

    unit: float = 1.0
    bits: int = 0

    @property
    def largest(self) -> float:
        """The size of the largest one, in units."""
        return 2.0 ** (self.bits - 1) if self.bits else 1.0


SPIKE = Message()


@dataclass(frozen=True, eq=False)
class Ranges:
    """Ranges of what is on the host and on the chip, for a model after `fuse-synapses`."""

    model: Model
    samples: Samples

    @cached_property
    def calibration(self) -> FloatArray | None:
        """The samples that show how large signals get, if there are any."""
        return self.samples()

    @cached_property
    def sources(self) -> frozenset[str]:
        """The host nodes that feed synapses."""
        found = populations(self.model)
        return frozenset(s.source for p in found for s in p.synapses) - {p.name for p in found}

    def is_real(self, source: str) -> bool:
        """Whether a source of the host holds real numbers, which it must round first."""
        return source in self.sources and self.model.graph.signals[source].dtype == "real"

    def message(self, source: str) -> Message:
        """What a host source, or a population of spiking neurons, sends."""
        if source in self._messages:
            return self._messages[source]
        return SPIKE if self.model.graph.signals[source].dtype == "spike" else Message(bits=8)

    def highest_graded_scale(self, population: Population) -> float:
        """The same for sigma-delta neurons, whose sums are the chip's largest integers."""
        return SUM_LIMIT / (MARGIN * max(self._largest_sum(population), self.largest(population), 1e-30))

    def largest(self, population: Population) -> float:
        """The largest size of what a population puts out on calibration data, if it is not spikes."""
        return float(np.max(self._measured(population)[population.name]))

    def _largest_sum(self, population: Population) -> float:
        return float(np.max(self._measured(population)[_sum_of(population.name)]))

    def _measured(self, population: Population) -> Mapping[str, FloatArray]:
        """The peaks. Raises ModelError where there is no data to measure them on."""
        if self.calibration is None:
            raise ModelError(
                "it sends numbers, and nothing says how large they get",
                "add calibration data to the model's task", node=population.name,
                where=self.model.graph.sources.get(population.name),
            )
        return self._peaks

    def highest_scale(self, population: Population, weights: Sequence[Weights]) -> float:
        """The largest scale, in activation units per model unit, at which nothing overflows."""
        bias = np.sum([*population.biases.values(), np.zeros(population.shape)], axis=0)
        threshold = float(getattr(population.node, "threshold", 0.0)) if population.spikes else 0.0
        initial = float(np.max(np.abs(self.model.param(getattr(population.node, "initial", 0.0)))))
        held = max(threshold, initial)
        limit = min(largest_bias_scale(bias), ACTIVATION_LIMIT / held if held else inf)
        arriving = self._bound(population, weights)
        loudest = max(arriving * self._memory(population), 1e-30)
        enough = min(limit, ACTIVATION_LIMIT / loudest)
        factors = [w.grid.largest_factor(w.value) for w in weights]
        if enough >= max((f for f in factors if f < inf), default=0.0) or self.calibration is None:
            return enough
        reads = sum(self._peaks[synapse.read] for synapse in population.synapses)
        peak = float(np.max(reads)) * self._memory(population, through_current_only=True)
        if not population.spikes:
            peak = max(peak, float(np.max(self._peaks[population.name])))
        return min(limit, max(enough, ACTIVATION_LIMIT / max(MARGIN * peak, 1e-30)))

    def comfortable_scale(self, population: Population, weights: Sequence[Weights]) -> float:
        """The largest scale at which nothing leaves the range where Lava and the chip are sure to agree.

        On calibration data, with a margin: inputs stay in the 16 bits that Lava declares for them, and voltages do
        not saturate. Without such data, and where weights without exponent say the scale, any is.
        """
        if self.calibration is None or not all(w.has_exponent for w in weights):
            return inf
        arriving = float(np.max(np.abs(sum(self._peaks[synapse.read] for synapse in population.synapses))))
        voltage = float(np.max(self._peaks[population.name]))
        return min(DECLARED_LIMIT / max(MARGIN * arriving, 1e-30), ACTIVATION_LIMIT / max(MARGIN * voltage, 1e-30))

    def _bound(self, population: Population, weights: Sequence[Weights]) -> float:
        """The most that can arrive at a neuron in one step, in the model's units."""
        sides = []
        for positive in (True, False):
            total = np.zeros(population.shape)
            for synapse, w in zip(population.synapses, weights, strict=True):
                graded = w.largest_message != 1.0
                value = np.abs(w.value) * w.largest_message if graded else w.value
                sums = synapse.row_sums(value, positive or graded)
                conv = isinstance(synapse.node, tensor.Conv2d)
                total = total + (sums[:, None, None] if conv else sums.reshape(population.shape))
            sides.append(float(np.max(total)))
        return max(sides)

    def _memory(self, population: Population, through_current_only: bool = False) -> float:
        """How much larger than one step's input the current, or a shown voltage, can grow."""
        node = population.node
        decay = 0.0
        if isinstance(node, spiking.CubaLIF):
            decay = float(node.current_decay)
        elif not through_current_only and isinstance(node, spiking.LI):
            decay = float(node.decay)
        elif not through_current_only and isinstance(node, spiking.I):
            decay = 1.0
        return float(min(self._steps, 1 / (1 - decay) if decay < 1 else inf))

    @cached_property
    def _steps(self) -> int:
        streamed = None if self.calibration is None else stream_steps(self.model, self.calibration)
        return streamed or self.model.steps or 64

    @cached_property
    def _messages(self) -> Mapping[str, Message]:
        """Of each host source with real numbers."""
        real = sorted(name for name in self.sources if self.is_real(name))
        graph = self.model.graph
        fixed = [name for name in real if _is_constant(self.model, name)]
        known = dict.fromkeys(fixed, SPIKE)
        measured = [name for name in real if name not in fixed]
        if not measured:
            return known
        if self.calibration is None:
            raise ModelError(
                f"{measured[0]} feeds real numbers to the chip, and nothing says how large they get",
                "add calibration data to the model's task, or encode the input as spikes", node=measured[0],
                where=graph.sources.get(measured[0]),
            )
        part = self.model.with_(replace(graph, outputs=tuple(measured)).pruned())
        values = run(part, self.calibration, self._steps)
        for name in measured:
            spikes = bool(np.all((values[name] == 0) | (values[name] == 1)))
            known[name] = SPIKE if spikes else Message(message_scale(values[name]), 8)
        return known

    @cached_property
    def _peaks(self) -> Mapping[str, FloatArray]:
        """The largest size of what each synapse delivers, and of each population's voltage or sent number: [*shape].

        Of sigma-delta neurons also that of their sums.
        """
        found = populations(self.model)
        wanted = [s.read for p in found for s in p.synapses] + [p.name for p in found]
        assert self.calibration is not None
        steps = min(self._steps, MEASURED_STEPS)
        peaks = {name: np.zeros(self.model.graph.signals[name].shape) for name in wanted}
        graded = [p for p in found if p.graded]
        peaks |= {_sum_of(p.name): np.zeros(p.shape) for p in graded}
        for values, state in each_step(self.model, self.calibration[:SAMPLES], steps):
            sizes = {name: state[name].get("v", values[name]) for name in wanted}
            sizes |= {_sum_of(p.name): state[p.name]["s"] for p in graded}
            for name, peak in peaks.items():
                np.maximum(peak, np.abs(sizes[name]).max(axis=0), out=peak)
        for p in found:
            if isinstance(p.node, spiking.I):
                peaks[p.name] *= self._steps / steps
        return peaks


def _sum_of(population: str) -> str:
    return f"sum of {population}"


def _is_constant(model: Model, name: str) -> bool:
    """Whether a source is an input that is always on."""
    node = model.graph[name]
    if not isinstance(node, coding.ConstantCurrent):
        return False
    before = model.graph[node.inputs[0].node]
    return isinstance(before, tensor.Constant) and bool(np.all(model.weights[before.value] == 1.0))
