"""Masks that 16-bit floats cannot say become the largest that they can."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from nmc.graph import Graph, Node, fresh
from nmc.model import Array, Model
from nmc.nodes import elementwise, tensor
from nmc.passes import Keeps, Samples, Stage
from nmc.passes.element_maps import element_map
from nmc.passes.softmax_scores import Scores

LARGEST = 3e4
"""So large is a mask: two of them stay below 65504, the largest 16-bit float, and no score makes up for it."""


@dataclass(frozen=True)
class HalfMasks:
    """Constants such as -1e9, and factors that make such of 0 and 1, become +-30000 where softmaxes alone see them.

    There a softmax sees the same: nothing where scores are masked, and all alike in a row that is masked whole.
    Others stay, and are refused where they are written.
    """

    name: ClassVar[str] = "half-masks"
    stage: ClassVar[Stage] = "quantized"
    keeps: ClassVar[Keeps] = "exact"

    def __call__(self, model: Model, samples: Samples) -> Model:
        """The model with such constants replaced."""
        graph = model.graph
        maps = frozenset(node.name for node in graph if element_map(model, node) is not None)
        scores = Scores.of(graph, maps)
        arrays: dict[str, Array] = {}
        taken = set(model.weights)

        def changed(node: Node) -> Iterator[Node]:
            if isinstance(node, tensor.Constant) and _is_mask(graph, scores, node):
                value = model.weights[node.value]
                if np.max(np.abs(value), initial=0.0) > LARGEST:
                    name = fresh(f"{node.value}.half", taken)
                    arrays[name] = np.clip(value, -LARGEST, LARGEST)
                    node = replace(node, value=name)
            if isinstance(node, elementwise.Affine) and _is_mask(graph, scores, node):
                largest = max(abs(node.gain), abs(node.offset))
                if largest > LARGEST:
                    factor = LARGEST / largest
                    node = replace(node, gain=node.gain * factor, offset=node.offset * factor)
            yield node

        return model.with_(graph.map(changed), arrays)


def _is_mask(graph: Graph, scores: Scores, node: Node) -> bool:
    """Whether softmaxes alone see a node, joined with scores."""
    readers = graph.consumers[node.name]
    return bool(readers) and node.name not in graph.outputs and all(
        _leads_to_softmax_alone(graph, scores, reader) and reader.name in scores.masking for reader in readers
    )


def _leads_to_softmax_alone(graph: Graph, scores: Scores, node: Node) -> bool:
    """Whether everything that comes of a node goes into softmaxes, on the way of their scores."""
    return node.name not in graph.outputs and all(
        (reader.name, node.name) in scores.reads
        and (isinstance(reader, tensor.Softmax) or _leads_to_softmax_alone(graph, scores, reader))
        for reader in graph.consumers[node.name]
    )
