"""Nodes that multiply every element by a number that is known, and add another: normalizations and constant factors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from nmc.graph import Graph, Node, Ref, Shape, fresh
from nmc.model import Array, FloatArray, Model
from nmc.nodes import elementwise, tensor
from nmc.passes import Keeps, Samples, Stage
from nmc.passes.conversion import Parts
from nmc.passes.host_streams import HostStreams

MOVES = (tensor.Flatten, tensor.Reshape, tensor.Transpose)


@dataclass(frozen=True, eq=False)
class ElementMap:
    """y = gain x + offset, element by element: arrays that broadcast over x [*shape]."""

    x: Ref
    gain: FloatArray
    offset: FloatArray

    @property
    def is_finite(self) -> bool:
        """Whether no element becomes infinite, as by a division by zero."""
        return bool(np.all(np.isfinite(self.gain)) and np.all(np.isfinite(self.offset)))


def element_map(model: Model, node: Node) -> ElementMap | None:
    """What a node does to each element of the one operand that is not known, where it is such a map; else None."""
    graph = model.graph
    if isinstance(node, tensor.BatchNorm | elementwise.Affine):
        return _single(model, node) if len(node.inputs) == 1 else None
    if not isinstance(node, tensor.Add | tensor.Mul | elementwise.Sub | elementwise.Div):
        return None
    changing = [at for at, ref in enumerate(node.inputs) if not is_known(graph, ref)]
    if len(changing) != 1 or (isinstance(node, elementwise.Div) and changing != [0]):
        return None
    x = node.inputs[changing[0]]
    if graph.signals[x.node].shape != graph.signals[node.name].shape:
        return None
    known = [known_value(model, ref) for at, ref in enumerate(node.inputs) if at != changing[0]]
    return _of_several(node, x, changing[0], known)


def is_known(graph: Graph, ref: Ref) -> bool:
    """Whether a read is of a constant, or of one that was moved about."""
    node = graph[ref.node]
    while isinstance(node, MOVES) and len(node.inputs) == 1 and not ref.delay:
        ref = node.inputs[0]
        node = graph[ref.node]
    return isinstance(node, tensor.Constant) and not ref.delay


def known_value(model: Model, ref: Ref) -> FloatArray:
    """What a read of a constant gives: [*shape]."""
    node = model.graph[ref.node]
    if isinstance(node, tensor.Constant):
        return model.weights[node.value].astype(np.float64)
    value = known_value(model, node.inputs[0])
    moved: FloatArray = (
        value.transpose(node.permutation) if isinstance(node, tensor.Transpose)
        else value.reshape(model.graph.signals[node.name].shape)
    )  # fmt: skip
    return moved


def _single(model: Model, node: tensor.BatchNorm | elementwise.Affine) -> ElementMap:
    (x,) = node.inputs
    if isinstance(node, elementwise.Affine):
        return ElementMap(x, np.asarray(node.gain), np.asarray(node.offset))
    scale, shift, mean, variance = (
        model.weights[name].astype(np.float64) for name in (node.scale, node.bias, node.mean, node.variance)
    )
    gain = scale / np.sqrt(variance + node.epsilon)
    ones = (1,) * (len(model.graph.signals[node.name].shape) - 1)
    return ElementMap(x, gain.reshape(-1, *ones), (shift - gain * mean).reshape(-1, *ones))


def _of_several(node: Node, x: Ref, at: int, known: list[FloatArray]) -> ElementMap:
    one, zero = np.ones(()), np.zeros(())
    with np.errstate(all="ignore"):  # what is not finite stays as it is
        match node:
            case tensor.Add():
                return ElementMap(x, one, sum(known[1:], start=known[0]))
            case tensor.Mul():
                gain = one
                for value in known:
                    gain = gain * value
                return ElementMap(x, gain, zero)
            case elementwise.Sub():
                return ElementMap(x, one, -known[0]) if at == 0 else ElementMap(x, -one, known[0])
            case _:
                return ElementMap(x, 1 / known[0], zero)


@dataclass(frozen=True)
class FactorsAsNorms:
    """Constant factors between layers become batch normalizations, which networks of neurons have words for.

    A factor for each channel becomes one, that of each element one of the elements in a row. Factors before the
    first layer and after the last are the host's, and stay.
    """

    name: ClassVar[str] = "factors-as-norms"
    stage: ClassVar[Stage] = "quantized"
    keeps: ClassVar[Keeps] = "exact"

    def __call__(self, model: Model, samples: Samples) -> Model:
        """The model with such products replaced."""
        hosted = _hosted(model.graph)
        taken = set(model.graph.by_name)
        arrays: dict[str, Array] = {}
        nodes: list[Node] = []
        for node in model.graph:
            factor = None
            if isinstance(node, tensor.Mul | elementwise.Div) and node.name not in hosted:
                factor = element_map(model, node)
            if factor is None or not factor.is_finite:
                nodes.append(node)
            else:
                nodes += _as_norm(node, factor, model.graph.signals[node.name].shape, arrays, taken)
        return model.with_(replace(model.graph, nodes=tuple(nodes)), arrays)


def _hosted(graph: Graph) -> frozenset[str]:
    if graph.dt_s is None:
        return Parts.around(graph).hosted
    host = HostStreams(graph)
    streams = {name for name, signal in graph.signals.items() if signal.timing == "stream"}
    return frozenset(graph.by_name.keys() - streams) | host.before | host.after


def _as_norm(
    node: Node, factor: ElementMap, shape: Shape, arrays: dict[str, Array], taken: set[str]
) -> list[Node]:
    gain = np.broadcast_to(factor.gain, shape)
    per_channel = bool(shape) and bool(np.all(gain == gain[(slice(None), *(slice(0, 1),) * (len(shape) - 1))]))
    values = gain.reshape(len(gain), -1)[:, 0] if per_channel else gain.ravel()
    zeros = np.zeros_like(values)
    facts = {"scale": values, "bias": zeros, "mean": zeros, "variance": np.ones_like(values)}
    names = {fact: f"{node.name}.{fact}" for fact in facts}
    arrays.update({names[fact]: np.ascontiguousarray(array) for fact, array in facts.items()})

    def norm(name: str, x: Ref) -> Node:
        return tensor.BatchNorm(
            name=name, inputs=(x,), scale=names["scale"], bias=names["bias"], mean=names["mean"],
            variance=names["variance"], epsilon=0.0,
        )

    if per_channel:
        return [norm(node.name, factor.x)]
    row, scaled = (fresh(f"{node.name}_{what}", taken) for what in ("in_a_row", "scaled"))
    return [
        tensor.Flatten(name=row, inputs=(factor.x,)), norm(scaled, Ref(row)),
        tensor.Reshape(name=node.name, inputs=(Ref(scaled),), shape=shape),
    ]
