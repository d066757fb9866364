"""What rounding to a chip's integers did to a model, as numbers for a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from nmc.graph import Node, Ref
from nmc.model import FloatArray, Model
from nmc.nodes import fixed_point, quantized, tensor
from nmc.nodes.plasticity import PlasticLinear
from nmc.passes.integer_threshold import threshold_error
from nmc.passes.populations import Population, populations
from nmc.reference import each_step, run

IntArray = NDArray[np.int64]
_SYNAPSES = (fixed_point.FixedDense, fixed_point.FixedSparse, fixed_point.FixedConv2d)


@dataclass(frozen=True)
class SynapseError:
    """How far the weights of a synapse are off, in units of the model.

    `relative_rms`: root mean square of the differences over that of the weights; `largest`: the largest
    difference, over the largest weight.
    """

    synapse: str
    population: str
    weights: int
    relative_rms: float
    largest: float


@dataclass(frozen=True)
class ActivityError:
    """How far the activity of a population is off on samples: spikes of each neuron, or its voltage at each step.

    `relative_rms`: root mean square of the differences over that of the model's own activity.
    """

    population: str
    relative_rms: float


@dataclass(frozen=True)
class ThresholdError:
    """Where the neurons of a population begin to spike on the chip, over where the model's do, less 1."""

    population: str
    relative: float


@dataclass(frozen=True)
class QuantizationErrors:
    """The errors of every synapse and threshold and, where samples were given, of every population."""

    synapses: tuple[SynapseError, ...]
    activity: tuple[ActivityError, ...] = ()
    thresholds: tuple[ThresholdError, ...] = ()

    def as_facts(self) -> Mapping[str, list[Mapping[str, str | int | float]]]:
        """The same in lists and dictionaries, as JSON takes it."""
        facts: Mapping[str, list[Mapping[str, str | int | float]]] = {
            "synapses": [asdict(error) for error in self.synapses],
            "activity": [asdict(error) for error in self.activity],
            "thresholds": [asdict(error) for error in self.thresholds],
        }
        return facts


def quantization_errors(fused: Model, fixed: Model, samples: FloatArray | None = None) -> QuantizationErrors:
    """Compare a model just before its populations became integers with that in integers.

    `samples` are [B, ...] as the model takes them; both models run on them in the reference. Synapses that are kept in
    another form than in the model, and populations of the host, have no errors of their own.
    """
    found = populations(fused)
    weights = tuple(error for population in found for error in _weight_errors(fixed, population))
    thresholds = tuple(error for population in found for error in _threshold_errors(fixed, population))
    activity = () if samples is None else tuple(_activity_errors(fused, fixed, found, samples))
    return QuantizationErrors(weights, activity, thresholds)


def _weight_errors(fixed: Model, population: Population) -> Iterator[SynapseError]:
    for name, want, have in _in_units(fixed, population):
        size = float(np.sqrt(np.mean(want**2))) or 1.0
        off = have - want
        yield SynapseError(
            name, population.name, want.size, float(np.sqrt(np.mean(off**2))) / size,
            float(np.max(np.abs(off))) / (float(np.max(np.abs(want))) or 1.0),
        )


def _threshold_errors(fixed: Model, population: Population) -> Iterator[ThresholdError]:
    """Of neurons that read weights which stay what they were."""
    neuron, pairs = _neurons(fixed, population), _weight_pairs(fixed, population)
    unit = _unit(pairs)
    if not population.spikes or not unit:
        return
    threshold = float(getattr(population.node, "threshold"))  # noqa: B009 - any kind that spikes has one
    if isinstance(neuron, fixed_point.FixedLIF):
        mantissa, initial = (np.asarray(fixed.param(fact)) for fact in (neuron.bias_mant, neuron.initial))
        yield ThresholdError(population.name, threshold_error(threshold / unit, neuron, mantissa, initial))
    elif isinstance(neuron, fixed_point.FixedCompartments) and threshold:
        blocks, units = _blocks(fixed, population), _units(fixed, population, pairs)
        vth = np.broadcast_to(fixed.param(neuron.vth), fixed.graph.signals[neuron.name].shape).reshape(-1)
        errors = [float(vth[blocks == block].max()) * unit / threshold - 1 for block, unit in units.items() if unit]
        yield ThresholdError(population.name, max(errors, key=abs))


def _weight_pairs(fixed: Model, population: Population) -> list[tuple[str, FloatArray, FloatArray]]:
    """The weights of each synapse, in the model and in integers.

    Weights that learn are left out: they do not stay what they were.
    """
    pairs = [
        (synapse.node.name, synapse.weight, _integers(fixed, synapse.node.name)) for synapse in population.synapses
        if not isinstance(synapse.node, PlasticLinear)
        and isinstance(fixed.graph.by_name.get(synapse.node.name), _SYNAPSES)
    ]
    return [(name, want, have) for name, want, have in pairs if want.shape == have.shape]


def _in_units(fixed: Model, population: Population) -> Iterator[tuple[str, FloatArray, FloatArray]]:
    """The same with the integers in the model's units: those of least squares, of each block of neurons by itself."""
    pairs, blocks = _weight_pairs(fixed, population), _blocks(fixed, population)
    units = _units(fixed, population, pairs)
    for name, want, have in pairs:
        each = np.array([units[block] for block in _rows(fixed, name, want, blocks).tolist()])
        yield name, want, have * each.reshape(-1, *(1,) * (have.ndim - 1))


def _units(
    fixed: Model, population: Population, pairs: Sequence[tuple[str, FloatArray, FloatArray]]
) -> Mapping[int, float]:
    """What an integer means onto each block of neurons."""
    blocks = _blocks(fixed, population)
    rows = [_rows(fixed, name, want, blocks) for name, want, _ in pairs]
    return {
        block: _unit([(name, want[row == block], have[row == block])
                      for (name, want, have), row in zip(pairs, rows, strict=True)])
        for block in np.unique(blocks).tolist()
    }  # fmt: skip


def _blocks(fixed: Model, population: Population) -> IntArray:
    """A number for each neuron; those with one number have one scale.

    NengoLoihi scales each of its blocks by itself, and their thresholds with them.
    """
    neurons = _neurons(fixed, population)
    shared = np.zeros(population.size, np.int64)
    if not isinstance(neurons, fixed_point.FixedCompartments):
        return shared
    thresholds = np.broadcast_to(fixed.param(neurons.vth), fixed.graph.signals[neurons.name].shape)
    found: IntArray = np.unique(thresholds, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return found


def _rows(fixed: Model, name: str, weight: FloatArray, blocks: IntArray) -> IntArray:
    """The block of each row of weights: of a neuron, of a channel, or of a single weight of a sparse synapse."""
    node = fixed.graph[name]
    if isinstance(node, fixed_point.FixedSparse):
        starts = fixed.weights[node.row_start].astype(np.int64)
        return np.repeat(blocks, starts[1:] - starts[:-1])
    return blocks.reshape(len(weight), -1)[:, 0]


def _neurons(fixed: Model, population: Population) -> Node | None:
    """The population's neurons in integers, which may lie in one row."""
    node = fixed.graph.by_name.get(population.name)
    while isinstance(node, tensor.Reshape):
        node = fixed.graph[node.inputs[0].node]
    return node


def _unit(pairs: list[tuple[str, FloatArray, FloatArray]]) -> float:
    """What an integer means in the model's units: that of least squares."""
    along = sum(float(np.sum(have * want)) for _, want, have in pairs)
    return along / max(sum(float(np.sum(have * have)) for _, _, have in pairs), 1e-300)


def _integers(fixed: Model, name: str) -> FloatArray:
    """The weights of a fixed-point synapse with its exponent, for one unit of the model's own input."""
    node = fixed.graph[name]
    assert isinstance(node, _SYNAPSES)
    exponent = 0 if isinstance(node, fixed_point.FixedConv2d) else node.weight_exp
    return fixed.weights[node.weight].astype(np.float64) * 2.0**exponent / _message_unit(fixed, node.inputs[0])


def _message_unit(fixed: Model, ref: Ref) -> float:
    """What one unit of the synapse's input means."""
    node = fixed.graph[ref.node]
    if isinstance(node, quantized.QuantizeLinear):
        return node.scale
    if isinstance(node, fixed_point.WIRES):
        return _message_unit(fixed, node.inputs[0])
    return 1.0


def _activity_errors(
    fused: Model, fixed: Model, found: tuple[Population, ...], samples: FloatArray
) -> Iterator[ActivityError]:
    """What is shown on the host is compared step by step; spikes by their number, each population at its own lag."""
    yield from _sent_errors(fused, fixed, [p.name for p in found if p.graded], samples)
    names = [population.name for population in found if population.name in fixed.graph]
    want, have = run(fused, samples, record=names), _every_step(fixed, samples, names)
    for population in found:
        if population.name not in have or population.graded:
            continue
        one, other = want[population.name], have[population.name]
        if population.spikes:
            one, other = one.sum(axis=1), _in_time(one, other).sum(axis=1)
        else:
            other = other[:, fixed.graph.lag :]
        size = float(np.sqrt(np.mean(one**2))) or 1.0
        yield ActivityError(population.name, float(np.sqrt(np.mean((other - one) ** 2))) / size)


def _every_step(model: Model, samples: FloatArray, names: list[str]) -> dict[str, FloatArray]:
    """What nodes put out at all steps, those of the lag included: [B, T + lag, *shape]."""
    kept: dict[str, list[FloatArray]] = {name: [] for name in names}
    for values, _ in each_step(model, samples):
        for name, arrays in kept.items():
            arrays.append(values[name])
    return {name: np.stack(arrays, axis=1) for name, arrays in kept.items()}


def _in_time(spikes: FloatArray, late: FloatArray) -> FloatArray:
    """The steps of a late raster [B, T + lag, ...] that a raster [B, T, ...] is likest to: how late it is by itself."""
    steps = spikes.shape[1]
    windows = [late[:, first : first + steps] for first in range(late.shape[1] - steps + 1)]
    return min(windows, key=lambda window: float(np.abs(window - spikes).sum()))


def _sent_errors(fused: Model, fixed: Model, names: list[str], samples: FloatArray) -> Iterator[ActivityError]:
    """Of neurons that send changes: what all of them add up to, in the unit that fits the integers best."""
    want, have = (_totals(model, names, samples) for model in (fused, fixed))
    for name in names:
        one, other = want[name], have[name]
        unit = float(np.sum(one * other)) / max(float(np.sum(other * other)), 1e-300)
        size = float(np.sqrt(np.mean(one**2))) or 1.0
        yield ActivityError(name, float(np.sqrt(np.mean((other * unit - one) ** 2))) / size)


def _totals(model: Model, names: list[str], samples: FloatArray) -> dict[str, FloatArray]:
    """The sum over all steps, those of the lag included, of what each node puts out: [B, *shape]."""
    totals = {name: np.zeros((len(samples), *model.graph.signals[name].shape)) for name in names}
    for values, _ in each_step(model, samples) if names else ():
        for name, total in totals.items():
            total += values[name]
    return totals
