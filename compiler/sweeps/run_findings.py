"""What is to be known of a run on a target, before its score is believed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nmc.findings import Finding
from nmc.graph import Graph
from nmc.metrics import is_share, lower_is_better
from nmc.model import FloatArray, MetricName, Model
from nmc.nodes.fixed_point import FixedLIF, FixedTernaryLIF
from nmc.nodes.spiking import IF, LIF, CubaLIF
from nmc.reference import run
from nmc.report.scores import shown
from nmc.sweeps.result import LayerResult

NONE = 1.0
"""Fewer spikes than this in an inference, over all neurons, are none to speak of."""
FEW = 16
"""How many samples are enough to see whether the model's own neurons fire."""
ALWAYS = 0.95
"""A firing rate from which on neurons fire at every step."""
ABOVE = 0.05
"""How far a share may lie above the model's own by chance."""
HALF = 0.5
"""The part of the model's own error below which a target's is no luck."""
_NEURONS = (IF, LIF, CubaLIF, FixedLIF, FixedTernaryLIF)


@dataclass(frozen=True)
class Firing:
    """Spikes of all neurons of a layer in an inference, and for each neuron and step."""

    layer: str
    spikes: float
    rate: float


def own_findings(model: Model, x: FloatArray) -> tuple[Finding, ...]:
    """That the neurons of the model itself are silent, or always on, on its first samples."""
    layers = [node.name for node in model.graph if isinstance(node, _NEURONS)]
    if model.graph.dt_s is None or not layers:
        return ()
    streams = run(model, x[:FEW], record=layers)
    fired = [Firing(name, float((streams[name] != 0).sum() / len(streams[name])), float((streams[name] != 0).mean()))
             for name in layers]  # fmt: skip
    return tuple(_of_firing(fired, None))


def spiking_findings(graph: Graph, layers: Sequence[LayerResult], target: str) -> Iterator[Finding]:
    """That no neuron fires on a target, or all do at every step, in the network or in one of its layers."""
    fired = [
        Firing(layer.node, layer.spikes, layer.firing_rate) for layer in layers
        if layer.spikes is not None and layer.firing_rate is not None and isinstance(graph[layer.node], _NEURONS)
    ]  # fmt: skip
    yield from _of_firing(fired, target)


def _of_firing(fired: Sequence[Firing], target: str | None) -> Iterator[Finding]:
    if not fired:
        return
    rest = "check the range of the input, the thresholds, and the number of steps"
    if sum(layer.spikes for layer in fired) < NONE:
        yield Finding("silent-network", "no neuron spikes, or hardly one in an inference", rest, target)
    elif silent := [layer.layer for layer in fired if not layer.spikes]:
        yield Finding("silent-layer", f"no neuron of {_named(silent)} ever spikes", rest, target)
    full = [layer.layer for layer in fired if layer.rate >= ALWAYS]
    if len(full) == len(fired):
        yield Finding("saturated-network", "every neuron spikes at nearly every step", rest, target)
    elif full:
        yield Finding("saturated-layer", f"every neuron of {_named(full)} spikes at nearly every step", rest, target)


def score_findings(
    metric: MetricName, score: float, interval: tuple[float, float] | None, own: float, target: str
) -> Iterator[Finding]:
    """That a target scores far better than the model that it runs."""
    if lower_is_better(metric):
        above = score < HALF * own
    elif is_share(metric):
        above = score > own + ABOVE and interval is not None and interval[0] > own
    else:
        above = interval is not None and interval[0] > own and score > own + HALF * abs(own)
    if above:
        yield Finding(
            "score-above-float",
            f"{shown(metric, score)} is far better than the model's own {shown(metric, own)} in double precision:"
            " rounding does not make a model better",
            "check the labels and the data, and whether this target computes what the model means", target,
        )  # fmt: skip


def answer_findings(outputs: FloatArray, expected: FloatArray, target: str) -> Iterator[Finding]:
    """That a target puts out the same for every sample, where the model itself does not."""
    if len(outputs) > 1 and np.all(outputs == outputs[0]) and not np.all(expected == expected[0]):
        yield Finding("one-answer", "it puts out the same for every sample, and the model itself does not",
                      "see what layers lose: nmc inspect MODEL --target TARGET --quantization", target)  # fmt: skip


def _named(layers: Sequence[str]) -> str:
    return ", ".join(layers[:5]) + (f" and {len(layers) - 5} more" if len(layers) > 5 else "")

