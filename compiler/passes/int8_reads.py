"""Which reads of a graph are of 8-bit integers: whose values are rounded, and who takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nmc.graph import Graph, Node, Ref
from nmc.model import Model
from nmc.nodes import elementwise, product, reduction, selection, tensor
from nmc.nodes.quantized import DequantizeLinear
from nmc.passes.element_maps import element_map, is_known
from nmc.passes.softmax_scores import Scores

MOVING: tuple[type[Node], ...] = (
    tensor.Flatten, tensor.Reshape, tensor.Transpose, tensor.MaxPool1d, tensor.MaxPool2d,
    selection.Slice, selection.Gather, selection.Expand,
)
"""What only moves or picks values, so that integers stay integers of the same scale."""
_FUSED: tuple[type[Node], ...] = (tensor.Relu, tensor.Clip)
"""What a chip does on its way out of the operation before, on sums that are not rounded yet. So it does with a
constant factor and term of each element, which makes a scale for each channel of them."""
_INDEXED: tuple[type[Node], ...] = (selection.Embedding, elementwise.Equal)
"""What reads numbers that say where to look, or asks whether two are the same, which do not bear rounding."""
_READING: tuple[type[Node], ...] = (
    tensor.Linear, tensor.SparseLinear, tensor.Conv1d, tensor.Conv2d, tensor.BatchNorm, tensor.LeakyRelu,
    tensor.Sigmoid, tensor.Tanh, tensor.Softmax, tensor.Add, tensor.Mul, tensor.Concat, tensor.AvgPool1d,
    tensor.AvgPool2d, tensor.GlobalAvgPool, tensor.Pad, product.MatMul, product.ConvTranspose1d,
    product.ConvTranspose2d, elementwise.Affine, elementwise.Abs, elementwise.Exp, elementwise.Log, elementwise.Sqrt,
    elementwise.Erf, elementwise.Sin, elementwise.Cos, elementwise.Atan, elementwise.Floor, elementwise.Round,
    elementwise.Sign, elementwise.Sub, elementwise.Div, elementwise.Pow, elementwise.Maximum, elementwise.Minimum,
    elementwise.Greater, elementwise.GreaterOrEqual, elementwise.Where, reduction.ReduceSum, reduction.ReduceMean,
    reduction.ReduceMax, reduction.ReduceProd, reduction.ArgMax,
)
"""What reads 8-bit integers. Nodes with a state are not among them: membranes and their inputs stay real."""
READS: Mapping[str, tuple[type[Node], ...]] = {
    "moves": MOVING, "fused": _FUSED, "indices": _INDEXED, "integers": _READING,
    "nothing": (tensor.Input, tensor.Constant),
}
"""What each kind of tensor node does with 8-bit integers."""
_BESIDE: tuple[type[Node], ...] = (
    tensor.Add, tensor.Mul, elementwise.Sub, elementwise.Div, elementwise.Pow, elementwise.Maximum,
    elementwise.Minimum, elementwise.Greater, elementwise.GreaterOrEqual, elementwise.Where,
)
"""What takes a constant in one place as it is, as layers do their biases: in 32 bits."""


@dataclass(frozen=True, eq=False)
class Int8Reads:
    """Who reads 8-bit integers in a graph. `maps` are its constant factors and terms; `scores` what softmaxes read."""

    graph: Graph
    maps: frozenset[str]
    scores: Scores

    @classmethod
    def of(cls, model: Model) -> Int8Reads:
        """The reads of a model's graph."""
        maps = frozenset(node.name for node in model.graph if element_map(model, node) is not None)
        scores = Scores.of(model.graph, maps)
        return cls(model.graph, maps - scores.masking, scores)

    def rounds(self, node: Node, ref: Ref) -> bool:
        """Whether a node must read integers here."""
        return isinstance(node, _READING) and not self.is_fused(node) and not self._is_exempt(node, ref)

    def takes(self, node: Node, ref: Ref) -> bool:
        """Whether a node reads integers here where there are any."""
        return self.rounds(node, ref) or (
            (isinstance(node, MOVING) or self.is_fused(node)) and not self._is_exempt(node, ref)
        )

    def is_fused(self, node: Node) -> bool:
        """Whether a chip does this on its way out of the operation before."""
        return isinstance(node, _FUSED) or node.name in self.maps

    def _is_exempt(self, node: Node, ref: Ref) -> bool:
        constant = isinstance(node, _BESIDE) and is_known(self.graph, ref)
        return constant or (node.name, ref.node) in self.scores.reads

    def sources(self, real: frozenset[str]) -> tuple[str, ...]:
        """The nodes whose values are to be rounded, before any moving about, where the operations `real` round none."""
        found: dict[str, None] = {}
        unrounded = self.leading_into(real)
        for node in self.graph:
            for ref in node.inputs if node.name not in real else ():
                if self.rounds(node, ref):
                    name = self.origin(ref.node, unrounded)
                    if not isinstance(self.graph[name], DequantizeLinear):
                        found[name] = None
        return tuple(found)

    def leading_into(self, real: frozenset[str]) -> frozenset[str]:
        """`real`, and the nodes through which its operations, and softmaxes, read what must stay real."""
        found = self.graph.upstream(real, lambda _, read: isinstance(read, MOVING) or self.is_fused(read))
        return found | self.scores.moving

    def origin(self, name: str, unrounded: frozenset[str] = frozenset()) -> str:
        """Where a value comes from, behind nodes that move it about, other than those that move it unrounded."""
        node = self.graph[name]
        while isinstance(node, MOVING) and len(node.inputs) == 1 and node.name not in unrounded:
            node = self.graph[node.inputs[0].node]
        return node.name
