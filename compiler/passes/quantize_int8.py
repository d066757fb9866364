"""Quantizes a model to 8-bit integers: weights for good, activations wherever a tensor operation reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from nmc.errors import ModelError
from nmc.graph import Graph, Node, Ref
from nmc.model import Array, FloatArray, Model
from nmc.nodes import FAMILIES, selection, tensor
from nmc.nodes.quantized import DequantizeLinear, QuantizeLinear
from nmc.nodes.tensor import Conv1d, Conv2d, Linear
from nmc.passes.value_ranges import Range, value_ranges

LEAST, LARGEST = -128, 127

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
    integers with one scale and zero point, from the least and largest value seen on `calibration`.

    Spikes, and whole numbers that fit, keep their values: scale 1. Biases stay real, as on chips that
    hold them in 32 bits, and so do membranes and the outputs of the graph. `ranges` gives the least and
    largest value of nodes for which nothing shall be measured.
    """

    calibration: FloatArray | None = None
    ranges: Mapping[str, Range] | None = None

    name: ClassVar[str] = "quantize-int8"
    stage: ClassVar[str] = "quantized"

    def __call__(self, model: Model) -> Model:
        sources = _sources(model.graph)
        known = self._ranges(model, sources)
        grids = {name: _grid(model.graph, name, known) for name in sources}
        return _quantized_weights(_with_grids(model, grids))

    def _ranges(self, model: Model, sources: tuple[str, ...]) -> Mapping[str, Range]:
        """The range of every source: given, evident, or measured."""
        given = {**{name: (0.0, 1.0) for name in sources if _is_spikes(model.graph, name)}, **(self.ranges or {})}
        unknown = [name for name in sources if name not in given]
        if unknown and (self.calibration is None or not len(self.calibration)):
            raise ModelError(
                f"8-bit integers need the range of {', '.join(unknown)}, and there is no calibration data",
                "give the model's task calibration data, or compile with precision fp32 or fp16",
                node=unknown[0], where=model.graph.sources.get(unknown[0]),
            )
        if unknown and self.calibration is not None:
            return {**given, **value_ranges(model, unknown, self.calibration)}
        return given


@dataclass(frozen=True)
class _Grid:
    """The real numbers that 8-bit integers stand for: (integer - zero_point) scale."""

    scale: float
    zero_point: int


def _sources(graph: Graph) -> tuple[str, ...]:
    """The nodes whose values are to be rounded: those that tensor operations read, before any moving about."""
    found: dict[str, None] = {}
    for node in graph:
        if isinstance(node, _READING):
            for ref in node.inputs:
                name = _origin(graph, ref.node)
                if not isinstance(graph[name], DequantizeLinear):
                    found[name] = None
    return tuple(found)


def _origin(graph: Graph, name: str) -> str:
    """Where a value comes from, behind nodes that move it about."""
    node = graph[name]
    while isinstance(node, _MOVING) and len(node.inputs) == 1:
        node = graph[node.inputs[0].node]
    return node.name


def _is_spikes(graph: Graph, name: str) -> bool:
    return graph.signals[name].dtype == "spike"


def _grid(graph: Graph, name: str, ranges: Mapping[str, Range]) -> _Grid:
    """Zero is always a point of the grid, since paddings and late reads before the first step are zero."""
    low, high = min(0.0, ranges[name][0]), max(0.0, ranges[name][1])
    whole = graph.signals[name].dtype != "real" and low >= LEAST and high <= LARGEST
    if whole or low == high:
        return _Grid(1.0, 0)
    scale = float(np.float32((high - low) / (LARGEST - LEAST)))
    return _Grid(scale, int(np.clip(np.rint(LEAST - low / scale), LEAST, LARGEST)))


def _with_grids(model: Model, grids: Mapping[str, _Grid]) -> Model:
    """Round each source once, and let everything that moves, reads or activates it take the rounded value."""
    graph = model.graph
    taken = set(graph.by_name)
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
        takes = isinstance(node, (*_READING, *_MOVING, *_FUSED))
        refs = (Ref(renamed.get(ref.node, ref.node), ref.delay) for ref in node.inputs)
        yield replace(node, inputs=tuple(refs)) if takes else node
        yield from pairs.get(node.name, ())

    return model.with_(graph.map(changed))


def _fresh(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _quantized_weights(model: Model) -> Model:
    arrays: dict[str, Array] = {}
    layers = []
    for node in model.graph:
        if isinstance(node, Linear | Conv1d | Conv2d) and node.weight_scale is None:
            integers, scale = quantize_weight(model.weights[node.weight])
            names = f"{node.name}.int8_weight", f"{node.name}.weight_scale"
            arrays |= zip(names, (integers, scale), strict=True)
            layers.append(replace(node, weight=names[0], weight_scale=names[1]))
    return model.with_(model.graph.replace(*layers), arrays)


def quantize_weight(weight: Array) -> tuple[Array, Array]:
    """Integers from -127 to 127 [channels, ...], and what 1 means in each channel, as 32-bit floats [channels]."""
    values = weight.astype(np.float64)
    largest = np.abs(values).reshape(len(values), -1).max(axis=1, initial=0.0)
    scale = np.where(largest > 0, largest / LARGEST, 1.0).astype(np.float32)
    per_channel = scale.astype(np.float64).reshape(-1, *(1,) * (values.ndim - 1))
    return np.clip(np.rint(values / per_channel), -LARGEST, LARGEST).astype(np.int8), scale
