"""A network on integer grids becomes one in real numbers, with the ranges of the grids where they matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from nmc.errors import Fault
from nmc.graph import Node, Ref, fresh
from nmc.model import FloatArray, Model
from nmc.nodes import elementwise, selection, tensor
from nmc.nodes.quantized import DequantizeLinear, QuantizeLinear
from nmc.passes import Keeps, Samples, Stage
from nmc.passes.conversion import before_layers
from nmc.passes.rate_calibration import Activations, has_weights
from nmc.passes.refusal import refuse
from nmc.passes.spike_logic import is_positive

_MOVES = (
    tensor.Flatten, tensor.Reshape, tensor.Transpose, tensor.MaxPool1d, tensor.MaxPool2d, tensor.GlobalAvgPool,
    selection.Slice, selection.Gather, selection.Expand,
)
"""Kinds of one operand that do with gain x + offset what they do with x, for a gain above 0."""
_NEGLIGIBLE = 1e-6


@dataclass(frozen=True)
class Dequantize:
    """QuantizeLinear and DequantizeLinear go; integers become the real numbers that they mean.

    Neurons have no grid to round to, but the range of one can matter: where it starts at 0 it is a Relu, which files
    leave out for it; and what samples [B, *shape] exceed stays as a Clip. Without samples ranges are
    taken to hold what they were made for. What comes before the first layer stays as it is: the host computes it.
    """

    name: ClassVar[str] = "dequantize"
    stage: ClassVar[Stage] = "quantized"
    keeps: ClassVar[Keeps] = "converts"

    def __call__(self, model: Model, samples: Samples) -> Model:
        """The model in real numbers. Raises UnsupportedError where a network in time has grids in it."""
        head = before_layers(model.graph)
        grids = [n for n in model.graph if isinstance(n, QuantizeLinear | DequantizeLinear) and n.name not in head]
        if model.graph.dt_s is not None:
            streams = [n for n in grids if model.graph.signals[n.name].timing == "stream"]
            refuse(model.graph, (Fault(
                f"{n.kind} works at every step, and neurons have no grid to round to", "leave the pair out", n.name
            ) for n in streams))  # fmt: skip
            return model
        if not grids:
            return model
        x = samples()
        values = {} if x is None else Activations.of(model, x, 1).static
        return _Real(model, head, values).written()


@dataclass(frozen=True)
class _Scaled:
    """What stands for a node: gain times another node, plus offset."""

    node: str
    gain: float = 1.0
    offset: float = 0.0

    @property
    def is_plain(self) -> bool:
        """Whether the node itself is meant."""
        return abs(self.gain - 1) < _NEGLIGIBLE and abs(self.offset) < _NEGLIGIBLE

    def then(self, gain: float, offset: float) -> _Scaled:
        """gain times this, plus offset."""
        return _Scaled(self.node, gain * self.gain, gain * self.offset + offset)


@dataclass(eq=False)
class _Real:
    """The new nodes by name, what stands for each old one, and the ranges of grids by the node that has them."""

    model: Model
    head: frozenset[str]
    values: Mapping[str, FloatArray]
    nodes: dict[str, Node] = field(default_factory=dict)
    meant: dict[str, _Scaled] = field(default_factory=dict)
    ranges: dict[str, tuple[str, float, float]] = field(default_factory=dict)
    taken: set[str] = field(init=False)
    feeding: frozenset[str] = field(init=False)
    """The old nodes that some layer with weights depends on; what follows the last is the host's to compute."""

    def __post_init__(self) -> None:
        graph = self.model.graph
        self.taken = set(graph.by_name)
        self.feeding = graph.upstream(ref.node for node in graph if has_weights(node) for ref in node.inputs)

    def written(self) -> Model:
        """The whole model, its outputs under their old names."""
        graph = self.model.graph
        for name in graph.order:
            self._add(graph[name])
        for name in graph.outputs:
            meant = self.meant.get(name, _Scaled(name))
            if meant.node != name or not meant.is_plain:
                self.nodes.pop(name, None)
                self.nodes[name] = elementwise.Affine(
                    name=name, inputs=(Ref(self._range_of(meant.node)),), gain=meant.gain, offset=meant.offset
                )
        return self.model.with_(replace(graph, nodes=tuple(self.nodes.values())).pruned())

    def _add(self, node: Node) -> None:
        operands = [self.meant.get(ref.node, _Scaled(ref.node)) for ref in node.inputs]
        if node.name in self.head:
            self.nodes[node.name] = node
        elif isinstance(node, QuantizeLinear):
            low, high = ((limit - node.zero_point) * node.scale for limit in node.limits)
            self._clip(node, _Scaled(self._plain(node.inputs[0].node)), low, high)
            self.meant[node.name] = self.meant[node.name].then(1 / node.scale, node.zero_point)
        elif isinstance(node, DequantizeLinear):
            self.meant[node.name] = operands[0].then(node.scale, -node.zero_point * node.scale)
        elif len(operands) == 1 and not operands[0].is_plain and operands[0].gain > 0:
            self._in_integers(node, operands[0])
        else:
            self._keep(node)

    def _in_integers(self, node: Node, x: _Scaled) -> None:
        """A node that computes with integers computes with what they mean, where it can."""
        if isinstance(node, elementwise.Affine):
            self.meant[node.name] = x.then(node.gain, node.offset)
        elif isinstance(node, tensor.Clip):
            self._clip(node, x, (node.minimum - x.offset) / x.gain, (node.maximum - x.offset) / x.gain)
        elif isinstance(node, _MOVES):
            self.nodes[node.name] = replace(node, inputs=(Ref(self._range_of(x.node)),))
            self.meant[node.name] = replace(x, node=node.name)
        else:
            self._keep(node)

    def _keep(self, node: Node) -> None:
        self.nodes[node.name] = replace(
            node, inputs=tuple(replace(ref, node=self._plain(ref.node)) for ref in node.inputs)
        )

    def _clip(self, node: Node, x: _Scaled, low: float, high: float) -> None:
        """A range [low, high] of the node that x means a multiple of; one within another is their common part."""
        source = x.node
        if source in self.ranges:
            source, *outer = self.ranges[source]
            low, high = max(low, outer[0]), min(high, outer[1])
        self.ranges[node.name] = (source, low, high)
        self.meant[node.name] = replace(x, node=node.name)

    def _plain(self, name: str) -> str:
        """The node whose output is what an old node's was."""
        meant = self.meant.get(name, _Scaled(name))
        source = self._range_of(meant.node)
        if meant.is_plain:
            return source
        made = fresh(f"{name}_real", self.taken)
        self.nodes[made] = elementwise.Affine(
            name=made, inputs=(Ref(source),), gain=meant.gain, offset=meant.offset
        )
        self.meant[name] = _Scaled(made)
        return made

    def _range_of(self, name: str) -> str:
        """The node that puts out what a grid's range lets through, written where something first reads it."""
        if name not in self.ranges:
            return name
        source, low, high = self.ranges.pop(name)
        made = self._bounded(name, self._range_of(source), low, high)
        self.meant.update({
            old: replace(meant, node=made) for old, meant in self.meant.items() if meant.node == name
        })
        return made

    def _bounded(self, name: str, source: str, low: float, high: float) -> str:
        """The node that puts out what a range lets through of `source`: that itself, where it stays within it."""
        least, most = self._extremes(source)
        step = (high - low) / 255
        rectifies = low >= -step * _NEGLIGIBLE and least < low
        below, above = rectifies or least < low - step, most > high + step
        if not below and not above:
            return source
        if name not in self.feeding:
            self.nodes[name] = tensor.Clip(name=name, inputs=(Ref(source),), minimum=low, maximum=high)
            return name
        shift = 0.0 if abs(low) < step * _NEGLIGIBLE or least >= 0 >= low else low
        node = self.nodes[source]
        if isinstance(node, tensor.Relu) and shift == 0 and len(self.model.graph.consumers.get(source, ())) == 1:
            source = node.inputs[0].node  # the clip is a Relu with a maximum
        moved = self._shifted(source, -shift)
        made = fresh(f"{name}_range", self.taken) if shift else name
        self.nodes[made] = (
            tensor.Clip(name=made, inputs=(Ref(moved),), minimum=0.0, maximum=high - shift) if above
            else tensor.Relu(name=made, inputs=(Ref(moved),))
        )  # fmt: skip
        return self._shifted(made, shift)

    def _extremes(self, name: str) -> tuple[float, float]:
        """The least and the largest value of a node, as far as it is known: of what is not, its sign."""
        graph = self.model.graph
        if name in self.values:
            meant = self.meant.get(name, _Scaled(name))
            real = (self.values[name] - meant.offset) / meant.gain
            return float(real.min()), float(real.max())
        positive = name in graph.by_name and is_positive(graph, name)
        return (0.0 if positive else -_NEGLIGIBLE), 0.0

    def _shifted(self, source: str, offset: float) -> str:
        if not offset:
            return source
        made = fresh(f"{source}_shifted", self.taken)
        self.nodes[made] = elementwise.Affine(name=made, inputs=(Ref(source),), offset=offset)
        return made
