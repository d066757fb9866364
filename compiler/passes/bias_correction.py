"""Corrects biases for the shift that rounded weights give to the mean of each output channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nmc.graph import Graph, Ref
from nmc.model import Array, FloatArray, Model
from nmc.nodes.tensor import Conv1d, Conv2d, Input, Linear
from nmc.passes.int8_grid import per_channel
from nmc.reference import run

Layer = Linear | Conv1d | Conv2d


def correct_biases(before: Model, after: Model, means: Mapping[str, FloatArray]) -> Model:
    """`after`, whose layers have rounded weights where those of `before` are real, with corrected biases.

    With dW = rounded - real weights, the mean of an output channel moves by dW E[x], which the bias takes
    back (Nagel et al., Data-free quantization through weight equalization and bias correction, 2019,
    section 4.2.1; here E[x] is measured). `means` has E[x] of every node that a layer reads, [*shape]. A layer
    without a bias gets one.
    """
    layers: list[Layer] = []
    arrays: dict[str, Array] = {}
    for layer in before.graph:
        rounded = after.graph[layer.name]
        if isinstance(layer, Layer) and isinstance(rounded, Layer) and layer.weight_scale != rounded.weight_scale:
            difference = _real_weight(after, rounded) - _real_weight(before, layer)
            mean = sum((means[ref.node] for ref in layer.inputs[1:]), start=means[layer.inputs[0].node])
            name = f"{layer.name}.corrected_bias"
            bias = before.weights[layer.bias].astype(np.float64) if layer.bias else 0.0
            arrays[name] = (bias - channel_means(layer, difference, mean)).astype(np.float32)
            layers.append(replace(rounded, bias=name))
    return after.with_(after.graph.replace(*layers), arrays)


def channel_means(layer: Layer, weight: FloatArray, mean: FloatArray) -> FloatArray:
    """What a layer with these weights and no bias puts out for a mean input [*shape], on average [channels]."""
    x = Input(name="x", shape=mean.shape)
    alone = replace(layer, inputs=(Ref("x"),), bias=None, weight_scale=None)
    single = Model("layer", Graph((x, alone), (alone.name,)), {alone.weight: weight})
    y = run(single, mean[None])[alone.name][0]
    channels_last = y if isinstance(layer, Linear) else np.moveaxis(y, 0, -1)
    return np.asarray(channels_last.reshape(-1, channels_last.shape[-1]).mean(axis=0))


def _real_weight(model: Model, layer: Layer) -> FloatArray:
    weight = model.weights[layer.weight].astype(np.float64)
    if layer.weight_scale is None:
        return weight
    return weight * per_channel(model.weights[layer.weight_scale], weight.ndim)
