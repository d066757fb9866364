"""Quantizes a model to 8-bit integers: weights for good, activations wherever a tensor operation reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from nmc.errors import ModelError
from nmc.graph import Graph, Node, Ref
from nmc.model import Array, FloatArray, Model
from nmc.nodes import FAMILIES, selection, tensor
from nmc.nodes.quantized import DequantizeLinear, QuantizeLinear
from nmc.nodes.tensor import Conv1d, Conv2d, Linear
from nmc.passes.bias_correction import correct_biases
from nmc.passes.int8_grid import Grid, Range, grid_of, quantize_weight
from nmc.passes.sensitivity import sensitivities
from nmc.passes.value_ranges import RangeMethod, Values, chosen_range, measure

_MOVING: tuple[type[Node], ...] = (
    tensor.Flatten, tensor.Reshape, tensor.Transpose, tensor.MaxPool1d, tensor.MaxPool2d,
    selection.Slice, selection.Gather, selection.Expand,
)
"""What only moves or picks values, so that integers stay integers of the same scale."""
_FUSED: tuple[type[Node], ...] = (tensor.Relu, tensor.Clip)
"""What a chip does on its way out of the operation before, on sums that are not rounded yet."""
_INDEXED: tuple[type[Node], ...] = (selection.Embedding,)
"""What reads whole numbers that say where to look, which do not bear rounding."""
_READING: tuple[type[Node], ...] = tuple(
    kind for kind in FAMILIES["tensor"] if kind not in (*_MOVING, *_FUSED, *_INDEXED, tensor.Input, tensor.Constant)
)
"""What reads 8-bit integers. Nodes with a state are not among them: membranes and their inputs stay real."""


@dataclass(frozen=True, eq=False)
class QuantizeInt8:
    """Weights of layers become signed 8-bit integers with a scale for each output channel, zero at 0
    (Jacob et al. 2018, Krishnamoorthi 2018); whatever a tensor operation reads is rounded to signed 8-bit
    integers with one scale and zero point, of the range that `method` chooses on `calibration`.

    Spikes, and whole numbers that fit, keep their values: scale 1. Biases stay real, as on chips that
    hold them in 32 bits, and so do membranes and the outputs of the graph. `ranges` gives the least and
    largest value of nodes for which nothing shall be measured. With `bias_correction`, biases take back
    the shift that rounded weights give to the mean of a channel. The operations named in `real`, and the
    `sensitive` layers whose rounding alone changes the output most, keep real weights and read real numbers.
    """

    calibration: FloatArray | None = None
    ranges: Mapping[str, Range] | None = None
    method: RangeMethod = "min-max"
    bias_correction: bool = False
    sensitive: int = 0
    real: frozenset[str] = frozenset()

    name: ClassVar[str] = "quantize-int8"
    stage: ClassVar[str] = "quantized"

    def __call__(self, model: Model) -> Model:
        unknown = self._unknown(model.graph)
        reads = dict.fromkeys(ref.node for layer in _layers(model.graph) for ref in layer.inputs)
        values = self._measured(model, unknown, tuple(reads) if self.bias_correction else ())
        ranges = {**(self.ranges or {}), **{name: chosen_range(values[name], self.method) for name in unknown}}
        after = _rounded(model, ranges, self.real | self._most_sensitive(model, ranges))
        if not self.bias_correction:
            return after
        return correct_biases(model, after, {name: values[name].mean for name in reads})

    def _unknown(self, graph: Graph) -> tuple[str, ...]:
        """The nodes whose range is neither given nor evident."""
        origins = dict.fromkeys(_origin(graph, name, frozenset()) for name in _sources(graph, self.real))
        return tuple(name for name in origins if not _is_spikes(graph, name) and name not in (self.ranges or {}))

    def _measured(self, model: Model, ranges: tuple[str, ...], means: tuple[str, ...]) -> Mapping[str, Values]:
        """The values of the nodes whose range or mean is asked for, from one run."""
        names = tuple(dict.fromkeys((*ranges, *means)))
        if not names:
            return {}
        if self.calibration is None or not len(self.calibration):
            wanted = f"the range of {', '.join(ranges)}" if ranges else "the mean of what layers read"
            raise ModelError(
                f"8-bit integers need {wanted}, and there is no calibration data",
                "give the model's task calibration data, or compile with precision fp32 or fp16",
                node=names[0], where=model.graph.sources.get(names[0]),
            )
        return measure(model, names, self.calibration)

    def _most_sensitive(self, model: Model, ranges: Mapping[str, Range]) -> frozenset[str]:
        """The `sensitive` layers whose rounding alone changes the output most."""
        layers = [layer.name for layer in _layers(model.graph) if layer.name not in self.real]
        if self.sensitive <= 0 or self.sensitive >= len(layers):
            return frozenset(layers if self.sensitive > 0 else ())
        if self.calibration is None or not len(self.calibration):
            raise ModelError(
                f"which {self.sensitive} layers are most sensitive is not known without calibration data",
                "give the model's task calibration data, or leave out the option 'sensitive'",
            )
        every = frozenset(node.name for node in model.graph if isinstance(node, _READING))
        change = sensitivities(
            model, layers, lambda layer: _rounded(model, ranges, every - {layer}), self.calibration
        )
        return frozenset(sorted(layers, key=lambda layer: change[layer], reverse=True)[: self.sensitive])


def _layers(graph: Graph) -> list[Linear | Conv1d | Conv2d]:
    """The layers whose weights are real."""
    return [node for node in graph if isinstance(node, Linear | Conv1d | Conv2d) and node.weight_scale is None]


def _rounded(model: Model, ranges: Mapping[str, Range], real: frozenset[str]) -> Model:
    """The model with everything rounded but the operations in `real`."""
    grids = {name: _grid(model.graph, name, ranges) for name in _sources(model.graph, real)}
    return _quantized_weights(_with_grids(model, grids, real), real)


def _sources(graph: Graph, real: frozenset[str]) -> tuple[str, ...]:
    """The nodes whose values are to be rounded: those that tensor operations read, before any moving about."""
    found: dict[str, None] = {}
    unrounded = _leading_into(graph, real)
    for node in graph:
        if isinstance(node, _READING) and node.name not in real:
            for ref in node.inputs:
                name = _origin(graph, ref.node, unrounded)
                if not isinstance(graph[name], DequantizeLinear):
                    found[name] = None
    return tuple(found)


def _leading_into(graph: Graph, real: frozenset[str]) -> frozenset[str]:
    """`real`, and the nodes through which its operations read, which must leave real numbers real."""
    found, left = set(real), list(real)
    while left:
        for ref in graph[left.pop()].inputs:
            if ref.node not in found and isinstance(graph[ref.node], (*_MOVING, *_FUSED)):
                found.add(ref.node)
                left.append(ref.node)
    return frozenset(found)


def _origin(graph: Graph, name: str, unrounded: frozenset[str]) -> str:
    """Where a value comes from, behind nodes that move it about, other than those that move it unrounded."""
    node = graph[name]
    while isinstance(node, _MOVING) and len(node.inputs) == 1 and node.name not in unrounded:
        node = graph[node.inputs[0].node]
    return node.name


def _is_spikes(graph: Graph, name: str) -> bool:
    return graph.signals[name].dtype == "spike"


def _grid(graph: Graph, name: str, ranges: Mapping[str, Range]) -> Grid:
    """The grid of a source; what moves values about has the range of where they come from."""
    origin = _origin(graph, name, frozenset())
    evident = {origin: (0.0, 1.0)} if _is_spikes(graph, origin) else {}
    return grid_of({**evident, **ranges}[origin], whole=graph.signals[name].dtype != "real")


def _with_grids(model: Model, grids: Mapping[str, Grid], real: frozenset[str]) -> Model:
    """Round each source once, and let everything that moves, reads or activates it take the rounded value."""
    graph = model.graph
    taken = set(graph.by_name)
    unrounded = _leading_into(graph, real)
    renamed: dict[str, str] = {}
    pairs: dict[str, tuple[Node, Node]] = {}
    for name, grid in grids.items():
        quantize = QuantizeLinear(
            name=_fresh(f"{name}_int8", taken), inputs=(Ref(name),), scale=grid.scale, zero_point=grid.zero_point
        )
        back = DequantizeLinear(
            name=_fresh(f"{name}_rounded", taken), inputs=(Ref(quantize.name),),
            scale=grid.scale, zero_point=grid.zero_point,
        )  # fmt: skip
        renamed[name] = back.name
        pairs[name] = (quantize, back)

    def changed(node: Node) -> Iterator[Node]:
        takes = isinstance(node, (*_READING, *_MOVING, *_FUSED)) and node.name not in unrounded
        refs = (Ref(renamed.get(ref.node, ref.node), ref.delay) for ref in node.inputs)
        yield replace(node, inputs=tuple(refs)) if takes else node
        yield from pairs.get(node.name, ())

    return model.with_(graph.map(changed))


def _fresh(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _quantized_weights(model: Model, real: frozenset[str]) -> Model:
    arrays: dict[str, Array] = {}
    layers = []
    for layer in _layers(model.graph):
        if layer.name not in real:
            integers, scale = quantize_weight(model.weights[layer.weight])
            names = f"{layer.name}.int8_weight", f"{layer.name}.weight_scale"
            arrays |= zip(names, (integers, scale), strict=True)
            layers.append(replace(layer, weight=names[0], weight_scale=names[1]))
    return model.with_(model.graph.replace(*layers), arrays)
