"""Whether a model in 8-bit integers is the one it was made from, rounded: without the rounding they must be equal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nmc.model import Array, Model
from nmc.nodes.quantized import DequantizeLinear, QuantizeLinear
from nmc.nodes.tensor import Clip, Conv1d, Conv2d, Linear
from nmc.passes.int8_grid import per_channel
from nmc.verification.difference import Difference, first_difference

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


def without_rounding(before: Model, after: Model, saturating: bool = False) -> Model:
    """The model in integers without its grids, and with the real weights and biases of the one before.

    Where it is `saturating`, numbers beyond the ends of a grid become those.
    """
    renamed: dict[str, str] = {}
    for node in after.graph:
        grid = isinstance(node, QuantizeLinear | DequantizeLinear) and node.name not in before.graph
        if grid and not (saturating and isinstance(node, QuantizeLinear)):
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
    ends = (_ends(node) for node in after.graph if isinstance(node, QuantizeLinear) and node.name not in before.graph)
    graph = after.graph.replace(*layers, *(ends if saturating else ())).rewire(renamed)
    return after.with_(replace(graph, nodes=tuple(node for node in graph if node.name not in renamed)), arrays)


def _ends(node: QuantizeLinear) -> Clip:
    """What a grid does to numbers that are further out than it is, by more than half a step."""
    low, high = node.limits
    minimum, maximum = ((end - node.zero_point + by) * node.scale for end, by in ((low, -0.5), (high, 0.5)))
    return Clip(name=node.name, inputs=node.inputs, minimum=minimum, maximum=maximum)


def _pairs(before: Model, after: Model) -> list[tuple[_Layer, _Layer]]:
    found = []
    for node in before.graph:
        other = after.graph.by_name.get(node.name)
        if isinstance(node, _Layer) and isinstance(other, _Layer):
            found.append((node, other))
    return found
