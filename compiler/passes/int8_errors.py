"""What rounding to 8-bit integers did to a model, as numbers for a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nmc.model import FloatArray, Model
from nmc.nodes.tensor import Conv1d, Conv2d, Linear
from nmc.passes.int8_grid import per_channel
from nmc.passes.sensitivity import relative_rms
from nmc.reference import run


@dataclass(frozen=True)
class LayerError:
    """How far a layer is off; nothing where it keeps real numbers.

    `weight_error`: root mean square of the differences of its weights, over that of the weights; `largest`:
    the largest difference, over the largest weight. `activation_error`: root mean square of the differences
    of what it puts out, over that of what it put out before; None without samples.
    """

    layer: str
    weights: int
    rounded: bool
    weight_error: float
    largest: float
    activation_error: float | None


def layer_errors(before: Model, after: Model, samples: FloatArray | None = None) -> tuple[LayerError, ...]:
    """Compare a model with what `quantize-int8` made of it, layer by layer, in the reference.

    `samples` are [B, ...] as the model takes them. Layers that had integers before are left out.
    """
    return tuple(_layer_errors(before, after, samples))


def _layer_errors(before: Model, after: Model, samples: FloatArray | None) -> Iterator[LayerError]:
    layers = [node for node in before.graph if isinstance(node, Linear | Conv1d | Conv2d) and node.weight_scale is None]
    names = [layer.name for layer in layers]
    want, have = ({}, {}) if samples is None else (run(model, samples, record=names) for model in (before, after))
    for layer in layers:
        rounded = after.graph[layer.name]
        assert isinstance(rounded, Linear | Conv1d | Conv2d)
        weight, used = before.weights[layer.weight].astype(np.float64), after.weights[rounded.weight].astype(np.float64)
        if rounded.weight_scale is not None:
            used = used * per_channel(after.weights[rounded.weight_scale], used.ndim)
        off = float(np.max(np.abs(used - weight), initial=0.0)) / (float(np.max(np.abs(weight), initial=0.0)) or 1.0)
        activation = relative_rms(have[layer.name], want[layer.name]) if samples is not None else None
        yield LayerError(
            layer.name, weight.size, rounded.weight_scale is not None, relative_rms(used, weight), off, activation
        )
