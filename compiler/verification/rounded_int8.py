"""Whether a model in 8-bit integers is the one it was made from, rounded: without the rounding they must be equal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nmc.model import Array, Model
from nmc.nodes.quantized import DequantizeLinear, QuantizeLinear
from nmc.nodes.tensor import Conv1d, Conv2d, Linear
from nmc.passes.int8_grid import per_channel
from nmc.reference import run
from nmc.verification.difference import Difference, earliest, first_difference
from nmc.verification.trial import Trial

_Layer = Linear | Conv1d | Conv2d
_ROOM = 1e-5
"""What 32-bit scales may take, of half a step."""


def rounded_weights(before: Model, after: Model) -> Difference | None:
    """The first weight that is further from what it was than half a step of its channel's scale."""
    for layer, rounded in _pairs(before, after):
        if rounded.weight_scale is None or layer.weight_scale is not None:
            continue
        want = before.weights[layer.weight].astype(np.float64)
        scale = per_channel(after.weights[rounded.weight_scale], want.ndim)
        have = after.weights[rounded.weight].astype(np.float64) * scale
        found = first_difference(
            layer.name, want / (scale * 0.5), have / (scale * 0.5), False, 1 + _ROOM, "the weight, in half steps,"
        )
        if found is not None:
            return replace(found, sample=None, element=(found.sample or 0, *found.element))
    return None


def grids_parting(after: Model) -> Difference | None:
    """The first number that is put back from integers by another grid than it was put into."""
    for node in after.graph:
        if not isinstance(node, DequantizeLinear):
            continue
        source = after.graph[node.inputs[0].node]
        if isinstance(source, QuantizeLinear) and source.bits == node.bits:
            for fact in ("scale", "zero_point"):
                want, have = getattr(source, fact), getattr(node, fact)
                if want != have:
                    return Difference(node.name, None, None, (), float(want), float(have), f"the {fact}")
    return None


def without_rounding(before: Model, after: Model) -> Model:
    """The model in integers without its grids, and with the real weights and biases of the one before."""
    renamed: dict[str, str] = {}
    for node in after.graph:
        if isinstance(node, QuantizeLinear | DequantizeLinear) and node.name not in before.graph:
            renamed[node.name] = node.inputs[0].node
    for name in renamed:
        while renamed[name] in renamed:
            renamed[name] = renamed[renamed[name]]
    arrays: dict[str, Array] = {}
    layers = []
    for layer, rounded in _pairs(before, after):
        names: Mapping[str, str | None] = {"weight": layer.weight, "weight_scale": layer.weight_scale}
        if rounded.bias is not None:
            names = {**names, "bias": layer.bias}
        layers.append(replace(rounded, **names))  # type: ignore[arg-type]
        arrays |= {name: before.weights[name] for name in names.values() if name is not None}
    graph = after.graph.replace(*layers).rewire(renamed)
    return after.with_(replace(graph, nodes=tuple(node for node in graph if node.name not in renamed)), arrays)


def _pairs(before: Model, after: Model) -> list[tuple[_Layer, _Layer]]:
    found = []
    for node in before.graph:
        other = after.graph.by_name.get(node.name)
        if isinstance(node, _Layer) and isinstance(other, _Layer):
            found.append((node, other))
    return found


def saturated(before: Model, after: Model, trial: Trial) -> Difference | None:
    """The first value on samples that were measured that its grid does not reach to."""
    grids = [node for node in after.graph if isinstance(node, QuantizeLinear) and node.name not in before.graph]
    sources = {node.name: node.inputs[0].node for node in grids if node.inputs[0].node in before.graph}
    values = run(before, trial.feeds, trial.steps, tuple(sources.values()))
    found = []
    for node in grids:
        if node.name in sources:
            x = values[sources[node.name]]
            low, high = ((end - node.zero_point) * node.scale for end in node.limits)
            timed = before.graph.signals[sources[node.name]].timing == "stream"
            within = np.clip(x, low, high)
            found.append(first_difference(node.name, x, within, timed, node.scale, "the range that integers reach"))
    return earliest(after.graph, found)
