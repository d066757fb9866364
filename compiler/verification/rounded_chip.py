"""Whether the integers of a Loihi chip are a model's numbers, rounded: one scale must explain each population.

Every weight, bias, threshold and unit of a readout, rounded to the nearest integer, says between which bounds the scale
of its population lies. Where these bounds leave none, or where the way from one population to another takes another
time than in the model, it was not rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nmc.graph import Node, Ref
from nmc.model import FloatArray, Model
from nmc.nodes import fixed_point, quantized, spiking, tensor
from nmc.nodes.plasticity import PlasticLinear
from nmc.passes.integer_scale import BIAS_BITS, Grid
from nmc.passes.populations import Population, Synapse, populations
from nmc.verification.difference import Difference, first_difference

_ROOM = 1e-6
"""What double precision may take, of a bound."""


@dataclass
class _Bounds:
    """Between which two numbers a scale lies, and what said so last."""

    low: float = 0.0
    high: float = float("inf")

    def narrow(self, low: FloatArray, high: FloatArray) -> int | None:
        """Narrow the bounds by others; the first of those that leave nothing, or None."""
        wrong = (low > self.high * (1 + _ROOM)) | (high < self.low * (1 - _ROOM))
        if wrong.any():
            return int(np.argmax(wrong))
        new_low, new_high = max(self.low, float(low.max(initial=0.0))), min(self.high, float(high.min(initial=np.inf)))
        if new_low > new_high * (1 + _ROOM):
            return int(np.argmax(low))
        self.low, self.high = new_low, new_high
        return None


def rounded_chip(fused: Model, fixed: Model, weight_bits: int) -> Difference | None:
    """Where integers are no rounding of what `fused` says (after bias axons), or time is lost; None if nowhere."""
    for population in populations(fused):
        found = _rounded(population, fused, fixed, weight_bits)
        if found is not None:
            return found
    return _timing(fused, fixed)


def _neuron(fixed: Model, name: str) -> tuple[Node | None, float | None]:
    """The chip's neurons of a population and, where the host reads their voltage, what one unit of it means."""
    node, unit = fixed.graph.by_name.get(name), None
    while node is not None and not isinstance(node, fixed_point.KINDS):
        if isinstance(node, quantized.DequantizeLinear):
            unit = node.scale
        if not node.inputs:
            return None, None
        node = fixed.graph[node.inputs[0].node]
    return node, unit


def _rounded(population: Population, fused: Model, fixed: Model, weight_bits: int) -> Difference | None:
    neuron, unit = _neuron(fixed, population.name)
    if not isinstance(neuron, fixed_point.FixedLIF) or any(_sums(fixed, s.source) for s in population.synapses):
        return None
    bounds = _Bounds()
    for synapse in population.synapses:
        if not isinstance(synapse.node, PlasticLinear):
            found = _weights(synapse, fused, fixed, bounds, weight_bits)
            if found is not None:
                return found
    if population.spikes:
        threshold = float(getattr(population.node, "threshold"))  # noqa: B009 - not every population's node has one
        if threshold > 0:
            low, high = (np.array([(neuron.vth + by) / threshold]) for by in (-0.5, 1.0))
            if bounds.narrow(low, high) is not None:
                return Difference(population.name, None, None, (), threshold, neuron.vth, "the threshold (vth)")
    elif unit is not None and bounds.narrow(*(np.array([1 / (64 * unit)]) for _ in range(2))) is not None:
        return Difference(population.name, None, None, (), bounds.low, 1 / (64 * unit), "the unit of the voltage")
    return _bias(population, fused, fixed, neuron, bounds) or _decays(population, neuron)


def _weights(
    synapse: Synapse, fused: Model, fixed: Model, bounds: _Bounds, weight_bits: int
) -> Difference | None:
    node = fixed.graph.by_name.get(synapse.node.name)
    if not isinstance(node, fixed_point.FixedDense | fixed_point.FixedSparse | fixed_point.FixedConv2d):
        return Difference(synapse.node.name, None, None, (), 1, 0, "the synapse itself")
    exponent = 0 if isinstance(node, fixed_point.FixedConv2d) else node.weight_exp
    have = fixed.weights[node.weight].astype(np.float64)
    want = synapse.weight * _unit(fixed, node.inputs[0])
    if have.shape != want.shape:
        return Difference(node.name, None, None, (), want.size, have.size, "the number of weights")
    if isinstance(node, fixed_point.FixedSparse) and isinstance(synapse.node, tensor.SparseLinear):
        order, moved = _places(synapse.node, fused, node, fixed)
        if moved is not None:
            return moved
        want = want[order]
    grid = Grid.of(want, weight_bits)
    half = grid.step / 2 * (1 + _ROOM)
    size = 2.0**exponent
    at_zero = (want == 0) & (have != 0)
    if at_zero.any():
        place = tuple(int(i) for i in np.argwhere(at_zero)[0])
        return Difference(node.name, None, None, place, 0.0, float(have[place]), "the weight")
    low, high = _interval(have, want, half, (have <= grid.lowest, have >= grid.highest))
    wrong = bounds.narrow(low * size, high * size)
    if wrong is None:
        return None
    place = tuple(int(i) for i in np.argwhere(want != 0)[wrong])
    return Difference(node.name, None, None, place, float(want[place]), float(have[place] * size), "the weight")


def _places(
    node: tensor.SparseLinear, fused: Model, chip: fixed_point.FixedSparse, fixed: Model
) -> tuple[NDArray[np.intp], Difference | None]:
    """The order of the entries on the chip, and the first that is at another place there."""
    row, column = (fused.weights[name].astype(np.int64) for name in (node.row, node.column))
    order = np.lexsort((column, row))
    starts = fixed.weights[chip.row_start].astype(np.intp)
    counts: NDArray[np.intp] = starts[1:] - starts[:-1]
    rows = np.repeat(np.arange(len(counts)), counts)
    for what, want, have in (("row", row, rows), ("column", column, fixed.weights[chip.column])):
        found = first_difference(node.name, want[order], have, False, signal=f"the {what} of a weight")
        if found is not None:
            return order, replace(found, sample=None, element=(found.sample or 0,))
    return order, None


def _interval(
    have: FloatArray, want: FloatArray, half: float, at_limit: tuple[NDArray[np.bool_], NDArray[np.bool_]]
) -> tuple[FloatArray, FloatArray]:
    """Between which numbers the scale lies of each value that is not 0: have = want scale to the nearest integer."""
    used = want != 0
    q, w = have[used], want[used]
    least = np.where(at_limit[0][used], -np.inf, q - half)
    most = np.where(at_limit[1][used], np.inf, q + half)
    ends = np.stack([least / w, most / w])
    return np.maximum(ends.min(axis=0), 0.0), ends.max(axis=0)


def _bias(
    population: Population, fused: Model, fixed: Model, neuron: fixed_point.FixedLIF, bounds: _Bounds
) -> Difference | None:
    bias = sum(population.biases.values()) + np.zeros(population.shape)
    node = population.node
    if isinstance(node, spiking.CubaLIF):
        bias = bias + (1 - float(node.decay)) * fused.param(node.leak)
    have = np.broadcast_to(fixed.param(neuron.bias_mant), population.shape).astype(np.float64)
    more = float(getattr(node, "compare", ">") == ">=")  # what says "at the threshold", added to every mantissa
    made_up = (bias == 0) & (have != 0) & (have != more)
    if made_up.any():
        place = tuple(int(i) for i in np.argwhere(made_up)[0])
        return Difference(population.name, None, None, place, 0.0, float(have[place]), "the bias")
    limit = 2**BIAS_BITS
    half = 0.5 * (1 + _ROOM)
    low, high = _interval(have - more / 2, bias, half + more / 2, (have <= -limit, have >= limit - 1))
    wrong = bounds.narrow(low * 2.0**neuron.bias_exp / 64, high * 2.0**neuron.bias_exp / 64)
    if wrong is None:
        return None
    place = tuple(int(i) for i in np.argwhere(bias != 0)[wrong])
    return Difference(population.name, None, None, place, float(bias[place]), float(have[place]), "the bias")


def _decays(population: Population, neuron: fixed_point.FixedLIF) -> Difference | None:
    node = population.node
    voltage = 0.0 if isinstance(node, spiking.Threshold) else float(getattr(node, "decay", 1.0))
    pairs = [("the decay (dv)", voltage, (4096 - neuron.dv) / 4096)]
    if isinstance(node, spiking.CubaLIF):
        pairs.append(("the current's decay (du)", float(node.current_decay), (4095 - neuron.du) / 4096))
    elif neuron.du != 4095:
        pairs.append(("the current's decay (du)", 0.0, (4095 - neuron.du) / 4096))
    for what, want, have in pairs:
        if abs(want - have) > 1.01 / 4096:
            return Difference(population.name, None, None, (), want, have, what)
    return None


def _sums(fixed: Model, source: str) -> bool:
    """Whether a source sends changes, in a unit that is its own."""
    return isinstance(_neuron(fixed, source)[0], fixed_point.FixedSigmaDelta)


def _unit(fixed: Model, ref: Ref) -> float:
    """What one unit of the synapse's input means in the model."""
    node = fixed.graph[ref.node]
    if isinstance(node, quantized.QuantizeLinear):
        return node.scale
    if isinstance(node, spiking.Delay | tensor.Flatten | tensor.Reshape) and node.inputs:
        return _unit(fixed, node.inputs[0])
    return 1.0


def _timing(fused: Model, fixed: Model) -> Difference | None:
    """A synapse on which a spike takes another time than all others say; the lag of the outputs last."""
    names = {population.name for population in populations(fused)}
    edges = [
        (edge.source, population.name, edge.delay, synapse)
        for population in populations(fused)
        for edge, synapse in zip(population.edges(), population.synapses, strict=True)
    ]
    taken = [
        (source, target, _time_taken(fixed, synapse, target) - delay, synapse)
        for source, target, delay, synapse in edges
    ]  # fmt: skip
    lag = dict.fromkeys((source for source, *_ in edges if source not in names), 0) or {edges[0][1]: 0}
    while reached := {
        (target if source in lag else source): lag[source] + more if source in lag else lag[target] - more
        for source, target, more, _ in taken if (source in lag) != (target in lag)
    }:  # fmt: skip
        lag |= reached
    for source, target, more, synapse in taken:
        if source in lag and lag[target] - lag[source] != more:
            return Difference(
                synapse.node.name, None, None, (), lag[target] - lag[source], more,
                f"the steps that spikes take from {source!r} to {target!r}, beyond the model's own,",
            )  # fmt: skip
    return _shown(fused, fixed, {name: lag[name] for name in names if name in lag})


def _time_taken(fixed: Model, synapse: Synapse, target: str) -> int:
    """Steps from what a synapse reads to the neurons, on the chip."""
    neuron, _ = _neuron(fixed, target)
    assert neuron is not None
    steps = next((ref.delay for ref in neuron.inputs if _behind(fixed, ref.node) == synapse.node.name), 0)
    node = fixed.graph[synapse.node.name]
    while node.inputs and node.name != synapse.source:
        ref = node.inputs[0]
        node, steps = fixed.graph[ref.node], steps + ref.delay
        if isinstance(node, fixed_point.KINDS):
            break
        if isinstance(node, spiking.Delay):
            steps += node.longest
    return steps


def _behind(fixed: Model, name: str) -> str:
    """The synapse behind what neurons read."""
    node = fixed.graph[name]
    return node.inputs[0].node if isinstance(node, tensor.Reshape) else name


def _shown(fused: Model, fixed: Model, lag: Mapping[str, int]) -> Difference | None:
    """An output or what a readout reads that comes sooner or later than the graph's lag says."""
    for name, expected in lag.items():
        for held, late in _held(fused, fixed, name):
            if late + expected != fixed.graph.lag:
                return Difference(held, None, None, (), fixed.graph.lag, late + expected, "the steps it is late by")
    return None


def _held(fused: Model, fixed: Model, name: str) -> Iterator[tuple[str, int]]:
    """What the host reads of a population, and how long it was held back."""
    neuron, _ = _neuron(fixed, name)
    if neuron is None:
        return
    inner = (*fixed_point.KINDS, tensor.Flatten, tensor.Reshape)
    if neuron.name in fixed.graph.outputs:
        yield neuron.name, 0
    for reader in fixed.graph.consumers[neuron.name]:
        if isinstance(reader, inner):
            continue
        if isinstance(reader, spiking.Delay) and not isinstance(fused.graph.by_name.get(reader.name), spiking.Delay):
            readers = fixed.graph.consumers[reader.name]
            if reader.name in fixed.graph.outputs or any(not isinstance(r, inner) for r in readers):
                yield reader.name, reader.longest
        else:
            yield neuron.name, 0
