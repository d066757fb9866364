"""Folds batch normalization into the layer before it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from nmc.graph import Graph
from nmc.model import FloatArray, Model
from nmc.nodes.tensor import BatchNorm, Conv1d, Conv2d, Linear


@dataclass(frozen=True)
class FoldBatchNorm:
    """Scales a layer's weights and bias so that the BatchNorm after it is not needed.

    y = s (W x + b - mean) + bias with s = scale / sqrt(variance + epsilon) is a layer with weights s W
    and bias s (b - mean) + bias. Only where the layer feeds the BatchNorm alone, in the same step,
    gives no output of the graph itself, and has its channels on the normalized axis; any other
    BatchNorm stays.
    """

    name: ClassVar[str] = "fold-batchnorm"
    stage: ClassVar[str] = "quantized"

    def __call__(self, model: Model) -> Model:
        for name in model.graph.order:
            norm = model.graph.by_name.get(name)
            if isinstance(norm, BatchNorm) and (layer := _layer_before(model.graph, norm)) is not None:
                model = _folded(model, layer, norm)
        return model


def _layer_before(graph: Graph, norm: BatchNorm) -> Linear | Conv1d | Conv2d | None:
    """The layer that this BatchNorm can be folded into, if there is one."""
    if len(norm.inputs) != 1 or norm.inputs[0].delay:
        return None
    layer = graph[norm.inputs[0].node]
    if not isinstance(layer, Linear | Conv1d | Conv2d) or layer.weight_scale is not None:
        return None
    alone = graph.consumers[layer.name] == (norm,) and layer.name not in graph.outputs
    per_channel = not isinstance(layer, Linear) or len(graph.signals[layer.name].shape) == 1
    return layer if alone and per_channel else None


def _folded(model: Model, layer: Linear | Conv1d | Conv2d, norm: BatchNorm) -> Model:
    scale, shift, mean, variance = (
        model.weights[name].astype(np.float64) for name in (norm.scale, norm.bias, norm.mean, norm.variance)
    )
    factor = scale / np.sqrt(variance + norm.epsilon)
    weight = model.weights[layer.weight].astype(np.float64)
    bias = 0.0 if layer.bias is None else model.weights[layer.bias].astype(np.float64)
    arrays: dict[str, FloatArray] = {
        f"{layer.name}.folded_weight": weight * factor.reshape(-1, *(1,) * (weight.ndim - 1)),
        f"{layer.name}.folded_bias": factor * (bias - mean) + shift,
    }
    names = tuple(arrays)
    # Where the BatchNorm is an output, its name must stay; elsewhere the layer keeps its own.
    name = norm.name if norm.name in model.graph.outputs else layer.name
    folded = replace(layer, name=name, weight=names[0], bias=names[1])
    graph = model.graph.map(
        lambda node: () if node.name == norm.name else (folded,) if node.name == layer.name else (node,)
    )
    return model.with_(graph.rewire({layer.name: name, norm.name: name}), arrays)
