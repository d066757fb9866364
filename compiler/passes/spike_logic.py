"""What acts on spikes alone becomes neurons, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from nmc.graph import Graph, Node, Ref, fresh
from nmc.model import Model
from nmc.nodes import spiking, tensor
from nmc.passes import Keeps, Samples, Stage

_KEEPS = (
    tensor.Flatten, tensor.Reshape, tensor.Transpose, tensor.Concat, tensor.Add, tensor.Mul, tensor.AvgPool1d,
    tensor.AvgPool2d, tensor.GlobalAvgPool, tensor.MaxPool1d, tensor.MaxPool2d, spiking.SumPool2d, spiking.Delay,
)
"""Kinds whose output is not below 0 where no input is."""


@dataclass(frozen=True)
class SpikeLogic:
    """Max pooling of spikes becomes a neuron that spikes where anything in its window does, a product one that
    spikes where all its factors do; a rectifier of what is never below 0 is left out.

    All of that is exact. It is done in time only; nodes that work on anything else stay as they are.
    """

    name: ClassVar[str] = "spike-logic"
    stage: ClassVar[Stage] = "quantized"
    keeps: ClassVar[Keeps] = "exact"

    def __call__(self, model: Model, samples: Samples) -> Model:
        """The model with such nodes replaced."""
        graph = model.graph
        taken = set(graph.by_name)

        def changed(node: Node) -> Iterator[Node]:
            if graph.signals[node.name].timing != "stream":
                yield node
            elif _is_idle(graph, node):
                yield tensor.Reshape(name=node.name, inputs=node.inputs, shape=graph.signals[node.name].shape)
            elif isinstance(node, tensor.MaxPool1d | tensor.MaxPool2d | tensor.Mul) and _reads_spikes(graph, node):
                yield from _neurons(node, fresh(f"{node.name}_sum", taken))
            else:
                yield node

        return model.with_(graph.map(changed))


def _is_idle(graph: Graph, node: Node) -> bool:
    """Whether a node changes nothing, since its input is never below 0, nor above what it lets through."""
    if isinstance(node, tensor.Clip):
        passes = node.minimum <= 0 and node.maximum >= (1 if _reads_spikes(graph, node) else float("inf"))
    else:
        passes = isinstance(node, tensor.Relu | tensor.LeakyRelu)
    return passes and all(is_positive(graph, ref.node) for ref in node.inputs)


def _reads_spikes(graph: Graph, node: Node) -> bool:
    """Whether every operand is spikes; a sum of several is not."""
    single = not node.sums or len(node.inputs) == 1
    return single and all(graph.signals[ref.node].dtype == "spike" for ref in node.inputs)


def is_positive(graph: Graph, name: str, passed: frozenset[str] = frozenset()) -> bool:
    """Whether a node never puts out anything below 0; one in a loop, if nothing else on the way says so."""
    node = graph[name]
    if graph.signals[name].dtype == "spike" or isinstance(node, tensor.Relu | tensor.Sigmoid) or name in passed:
        return True
    keeps = isinstance(node, _KEEPS) or (isinstance(node, tensor.Pad) and node.value >= 0)
    return keeps and all(is_positive(graph, ref.node, passed | {name}) for ref in node.inputs)


def _neurons(node: tensor.MaxPool1d | tensor.MaxPool2d | tensor.Mul, name: str) -> Iterator[Node]:
    """Neurons without memory in place of a node that reads spikes, and the sum that they read."""
    if isinstance(node, tensor.Mul):
        yield tensor.Add(name=name, inputs=node.inputs)
        threshold = len(node.inputs) - 0.5
    else:
        kind = tensor.AvgPool1d if isinstance(node, tensor.MaxPool1d) else tensor.AvgPool2d
        yield kind(
            name=name, inputs=node.inputs, kernel=node.kernel, stride=node.stride, padding=node.padding,
            count_include_pad=True,
        )
        threshold = 0.5 / prod(node.kernel)
    yield spiking.Threshold(name=node.name, inputs=(Ref(name),), threshold=threshold)
