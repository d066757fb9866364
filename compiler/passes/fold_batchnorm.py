"""Folds batch normalizations, and constant factors and terms, into the layer before them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from nmc.graph import Node, Shape
from nmc.model import FloatArray, Model
from nmc.nodes import reduction, selection
from nmc.nodes.product import ConvTranspose1d, ConvTranspose2d
from nmc.nodes.tensor import (
    AvgPool1d,
    AvgPool2d,
    Clip,
    Conv1d,
    Conv2d,
    Flatten,
    GlobalAvgPool,
    LeakyRelu,
    Linear,
    MaxPool1d,
    MaxPool2d,
    Pad,
    Relu,
    Reshape,
    Transpose,
)
from nmc.passes import Keeps, Samples, Stage
from nmc.passes.element_maps import ElementMap, element_map

Layer = Linear | Conv1d | Conv2d | ConvTranspose1d | ConvTranspose2d


@dataclass(frozen=True)
class FoldBatchnorm:
    """Scales a layer's weights and bias so that what multiplies and adds constants after it is not needed.

    y = gain (W x + b) + offset is a layer with weights gain W and bias gain b + offset. BatchNorm is that with
    gain = scale / sqrt(variance + epsilon) and offset = bias - gain mean; so are a product with a constant, a quotient,
    a sum and a difference. Only where the layer feeds nothing else, in the same step, gives no output of the graph
    itself, and has one gain and one offset for each channel. Between the two may stand what does the same before
    and after: rectifiers (for gains above 0 without offset), pools, paddings with zeros, and what moves elements.
    Everything else stays.
    """

    name: ClassVar[str] = "fold-batchnorm"
    stage: ClassVar[Stage] = "quantized"
    keeps: ClassVar[Keeps] = "exact"

    def __call__(self, model: Model, samples: Samples) -> Model:
        for name in model.graph.order:
            node = model.graph.by_name.get(name)
            if node is None or (found := element_map(model, node)) is None or not found.is_finite:
                continue
            if (place := _place(model, node, found)) is not None:
                model = _folded(model, node, found.x.node, place)
        return model


@dataclass(frozen=True, eq=False)
class _Place:
    """A layer, what each of its channels is multiplied by and what is added, and the nodes that change on the way."""

    layer: Layer
    gain: FloatArray
    offset: FloatArray
    changed: Mapping[str, Node] = field(default_factory=dict)


def _place(model: Model, node: Node, found: ElementMap) -> _Place | None:
    """The layer that a map can be folded into, if there is one."""
    graph = model.graph
    gain, offset, ref, reader = found.gain, found.offset, found.x, node
    changed: dict[str, Node] = {}
    while not ref.delay:
        before = graph[ref.node]
        if graph.consumers[before.name] != (reader,) or before.name in graph.outputs:
            return None
        shape = graph.signals[before.name].shape
        if isinstance(before, Layer):
            return _at(before, gain, offset, shape, changed)
        if len(before.inputs) != 1:
            return None
        if isinstance(before, Clip):
            if gain.size > 1 or gain.flat[0] <= 0 or np.any(offset):
                return None
            factor = float(gain.flat[0])
            changed[before.name] = replace(before, minimum=before.minimum * factor, maximum=before.maximum * factor)
        elif not _commutes(before, _over(gain, shape), _over(offset, shape)):
            return None
        inner = graph.signals[before.inputs[0].node].shape
        gain, offset = (_moved(before, value, shape, inner) for value in (gain, offset))
        reader, ref = before, before.inputs[0]
    return None


def _at(layer: Layer, gain: FloatArray, offset: FloatArray, shape: Shape, changed: Mapping[str, Node]) -> _Place | None:
    if getattr(layer, "weight_scale", None) is not None:
        return None
    axis = len(shape) - 1 if isinstance(layer, Linear) else 0
    each = [_per_channel(_over(value, shape), axis, shape) for value in (gain, offset)]
    return None if each[0] is None or each[1] is None else _Place(layer, each[0], each[1], changed)


def _over(value: FloatArray, shape: Shape) -> FloatArray:
    """The values with as many axes as the shape; those along which all are the same have size one."""
    whole: FloatArray = value.reshape((*(1,) * (len(shape) - value.ndim), *value.shape))
    for axis, size in enumerate(whole.shape):
        first = whole.take([0], axis)
        if size > 1 and np.all(whole == first):
            whole = first
    return whole


def _per_channel(value: FloatArray, axis: int, shape: Shape) -> FloatArray | None:
    """The value of each channel; None where it differs within one."""
    if any(size > 1 for at, size in enumerate(value.shape) if at != axis):
        return None
    return np.broadcast_to(value.ravel(), shape[axis])


def _commutes(node: Node, gain: FloatArray, offset: FloatArray) -> bool:
    """Whether a map after a node is the same as that map, moved, before it; its values have the shape of `_over`."""
    spatial = max(gain.shape[1:], default=1) == max(offset.shape[1:], default=1) == 1
    pure, positive = not np.any(offset), bool(np.all(gain > 0))
    match node:
        case Flatten() | Reshape() | Transpose():
            return True
        case Relu() | LeakyRelu():
            return pure and positive
        case MaxPool1d() | MaxPool2d():
            return spatial and positive
        case AvgPool1d() | AvgPool2d():
            return spatial and (pure or not (node.count_include_pad and any(node.padding)))
        case GlobalAvgPool():
            return True
        case Pad():
            rank = len(node.padding) // 2
            padded = [at for at in range(rank) if node.padding[at] or node.padding[rank + at]]
            return pure and node.value == 0 and all(gain.shape[at] == 1 for at in padded)
        case selection.Slice() | selection.Gather():
            return bool(gain.shape[node.axis] == offset.shape[node.axis] == 1)
        case reduction.ReduceMean() | reduction.ReduceMax():
            return positive or isinstance(node, reduction.ReduceMean)
        case reduction.ReduceSum():
            return pure
    return False


def _moved(node: Node, value: FloatArray, after: Shape, before: Shape) -> FloatArray:
    """Values over the output of a node, as such over its input."""
    match node:
        case Flatten() | Reshape():
            return value if value.size == 1 else np.broadcast_to(value, after).reshape(before)
        case Transpose():
            return _over(value, after).transpose(np.argsort(node.permutation))
    return _over(value, after)


def _folded(model: Model, node: Node, last: str, place: _Place) -> Model:
    """The model without the node, which reads `last`."""
    layer, gain, offset = place.layer, place.gain, place.offset
    weight = model.weights[layer.weight].astype(np.float64)
    bias = 0.0 if layer.bias is None else model.weights[layer.bias].astype(np.float64)
    arrays: dict[str, FloatArray] = {f"{layer.name}.folded_weight": _scaled(layer, weight, gain)}
    folded = replace(layer, weight=f"{layer.name}.folded_weight")
    if layer.bias is not None or np.any(offset):
        folded = replace(folded, bias=f"{layer.name}.folded_bias")
        arrays[f"{layer.name}.folded_bias"] = gain * bias + offset
    changed = {**place.changed, layer.name: folded}
    # Where the folded node is an output, its name must stay; elsewhere the others keep their own.
    name = node.name if node.name in model.graph.outputs else last
    graph = model.graph.map(lambda each: () if each.name == node.name else (changed.get(each.name, each),))
    graph = graph.map(lambda each: (replace(each, name=name) if each.name == last else each,))
    graph = graph.rewire({last: name, node.name: name})
    unread = {ref.node for ref in node.inputs if not graph.consumers.get(ref.node, (node,))} - {*graph.outputs}
    return model.with_(graph.map(lambda each: () if each.name in unread else (each,)), arrays)


def _scaled(layer: Layer, weight: FloatArray, gain: FloatArray) -> FloatArray:
    if not isinstance(layer, ConvTranspose1d | ConvTranspose2d):
        return weight * gain.reshape(-1, *(1,) * (weight.ndim - 1))
    groups = weight.reshape(layer.groups, -1, *weight.shape[1:])
    own = gain.reshape(layer.groups, 1, -1, *(1,) * (weight.ndim - 2))
    return (groups * own).reshape(weight.shape)
