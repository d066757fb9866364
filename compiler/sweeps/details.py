"""What lies behind a point's numbers: its layers, its cores, and the spikes of one sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from nmc.estimates.events import NodeEvents
from nmc.sweeps.result import CoreResult, LayerResult, Raster

if TYPE_CHECKING:
    from nmc.estimates.estimate import Estimate
    from nmc.estimates.events import Events
    from nmc.model import FloatArray, Model
    from nmc.passes import Translated
    from nmc.program import Program

SHOWN_CORES = 1024
SHOWN_NEURONS = 64
SHOWN_STEPS = 128
"""How much is kept of many cores and of long rasters: so many from the first on."""
_SAMPLES = 4
_WORK = 1e9


def layer_results(
    program: Program, events: Events, estimate: Estimate | None, errors: Mapping[str, float]
) -> tuple[LayerResult, ...]:
    """Every node of the compiled graph, in the order in which they run; `errors` are those of rounding, by node."""
    graph = program.model.graph
    energies = {} if estimate is None else estimate.by_node
    found = []
    for name in graph.order:
        happened, shape = events.nodes.get(name, NodeEvents()), graph.signals[name].shape
        spikes = None if happened.spikes is None else happened.total_spikes
        found.append(LayerResult(
            name, graph[name].kind, shape, energies.get(name), spikes,
            None if spikes is None else spikes / (prod(shape) * events.steps),
            happened.synaptic_operations, happened.neuron_updates, errors.get(name),
        ))  # fmt: skip
    return tuple(found)


def rounding_errors(steps: Sequence[Translated]) -> Mapping[str, float]:
    """What rounding to integers did to each node, by the passes of a compile; nothing where none rounds.

    Of neurons and of 8-bit layers it is the error of what they put out on a few calibration samples, of synapses
    that of their weights; a layer that puts out what is no number has none. Of networks so large that the reference
    would take long, it is that of weights alone.
    """
    from nmc.datasets import calibration
    from nmc.passes import on_chip, rounding
    from nmc.passes.int8_errors import layer_errors
    from nmc.passes.quantization_errors import quantization_errors

    rounded = rounding(steps)
    if rounded is None:
        return {}
    before, after = rounded.before, rounded.after
    samples = _few(calibration(steps[0].before), after)
    if on_chip(after):
        found = quantization_errors(before, after, samples)
        weights = {error.synapse: error.relative_rms for error in found.synapses}
        return {**weights, **{error.population: error.relative_rms for error in found.activity}}
    errors = {
        layer.layer: layer.weight_error if layer.activation_error is None else layer.activation_error
        for layer in layer_errors(before, after, samples) if layer.rounded
    }  # fmt: skip
    return {name: error for name, error in errors.items() if isfinite(error)}


def _few(samples: FloatArray | None, model: Model) -> FloatArray | None:
    """As many samples as the reference runs in no time; none where that is not even one."""
    places = (prod(signal.shape) for signal in model.graph.signals.values())
    weights = sum(array.size for array in model.weights.values())
    work = (model.steps or 1) * (weights + max(places, default=0) * 9)
    return None if samples is None or work > _WORK else samples[:_SAMPLES]


def core_results(program: Program, events: Events) -> tuple[CoreResult, ...]:
    """The cores in use of a many-core chip, in the order of the mapping; none of any other."""
    from nmc.estimates.traffic import traffic
    from nmc.mapping.file import MAPPING, mapping_of, read_facts
    from nmc.mapping.route import routes

    placement = mapping_of(program)
    if placement is None:
        return ()
    facts = read_facts(program.file(MAPPING))
    happened = traffic(placement, routes(placement), events)
    found = []
    for part, sent, arrived in zip(facts.slices[:SHOWN_CORES], happened.sent, happened.arrived, strict=False):
        x, y = facts.square(part.place)
        found.append(CoreResult(
            part.place.chip, part.place.core, x, y, part.population, part.use, float(sent), float(arrived)
        ))  # fmt: skip
    return tuple(found)


def first_raster(program: Program, x: FloatArray) -> Raster | None:
    """The spikes of the first sample, where the target's engine can record them."""
    from nmc.backends import ability_of, target_of
    from nmc.backends.target import OBSERVE
    from nmc.pipeline import run_program
    from nmc.recording import Recording

    if ability_of(target_of(program), OBSERVE) is None:
        return None
    with TemporaryDirectory(prefix="nmc-") as scratch:
        place = Path(scratch) / "recording"
        run_program(program, x[:1], record=place)
        recording = Recording.load(place)
        shown = [population for population in recording.populations if "spikes" in population.signals]
        spikes = {
            p.name: np.asarray(recording.read(p.name, "spikes")[0, :SHOWN_STEPS]).reshape(
                min(recording.steps, SHOWN_STEPS), -1
            )[:, :SHOWN_NEURONS]
            for p in shown
        }
    pairs = {name: tuple((t, neuron) for t, neuron in np.argwhere(array).tolist()) for name, array in spikes.items()}
    return Raster(min(recording.steps, SHOWN_STEPS), pairs, {p.name: prod(p.shape) for p in shown})
