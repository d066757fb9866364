"""Quantizes a model to 8-bit integers: weights for good, activations wherever a tensor operation reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from nmc.errors import ModelError
from nmc.graph import Graph, Node, Ref, fresh
from nmc.model import Array, Model
from nmc.nodes.quantized import DequantizeLinear, QuantizeLinear
from nmc.nodes.tensor import Conv1d, Conv2d, Linear
from nmc.passes import Keeps, Samples, Stage
from nmc.passes.bias_correction import correct_biases
from nmc.passes.bounds import require_bounds
from nmc.passes.int8_grid import Grid, Range, grid_of, quantize_weight
from nmc.passes.int8_reads import Int8Reads
from nmc.passes.relevant_ranges import RelevantRanges
from nmc.passes.sensitivity import sensitivities
from nmc.passes.value_ranges import RangeMethod, Values, chosen_range, measure


@dataclass(frozen=True)
class QuantizeInt8:
    """Weights of layers become signed 8-bit integers with a scale for each output channel, zero at 0
    (Jacob et al. 2018, Krishnamoorthi 2018); whatever a tensor operation reads is rounded to signed 8-bit
    integers with one scale and zero point, of the range that `ranges` chooses on samples.

    Spikes, and whole numbers that fit, keep their values: scale 1. Biases stay real, as on chips that
    hold them in 32 bits, and so do membranes and the outputs of the graph. With `bias_correction`, biases take
    back the shift that rounded weights give to the mean of a channel. The `sensitive` layers whose rounding alone
    changes the output most keep real weights and read real numbers.
    """

    ranges: RangeMethod = "min-max"
    bias_correction: bool = False
    sensitive: int = 0

    name: ClassVar[str] = "quantize-int8"
    stage: ClassVar[Stage] = "quantized"
    keeps: ClassVar[Keeps] = "rounds"

    def __post_init__(self) -> None:
        require_bounds(self)

    def __call__(self, model: Model, samples: Samples) -> Model:
        reads = Int8Reads.of(model)
        unknown = _unknown(reads)
        means = tuple(dict.fromkeys(ref.node for layer in _layers(model.graph) for ref in layer.inputs))
        values = _measured(model, unknown, means if self.bias_correction else (), samples)
        ranges = self._chosen(model, reads, unknown, values)
        after = _rounded(model, reads, ranges, self._most_sensitive(model, reads, ranges, samples))
        if not self.bias_correction:
            return after
        return correct_biases(model, after, {name: values[name].mean for name in means})

    def _chosen(
        self, model: Model, reads: Int8Reads, unknown: tuple[str, ...], values: Mapping[str, Values]
    ) -> Mapping[str, Range]:
        """The ranges of the nodes, by the method, of the part that their readers can tell."""
        relevant = RelevantRanges(model, reads, {name: (each.low, each.high) for name, each in values.items()})
        return {name: chosen_range(values[name].within(*relevant.of(name)), self.ranges) for name in unknown}

    def _most_sensitive(
        self, model: Model, reads: Int8Reads, ranges: Mapping[str, Range], samples: Samples
    ) -> frozenset[str]:
        """The `sensitive` layers whose rounding alone changes the output most."""
        layers = [layer.name for layer in _layers(model.graph)]
        if self.sensitive <= 0 or self.sensitive >= len(layers):
            return frozenset(layers if self.sensitive > 0 else ())
        x = samples()
        if x is None or not len(x):
            raise ModelError(
                f"which {self.sensitive} layers are most sensitive is not known without calibration data",
                "give the model's task calibration data, or leave out the option 'sensitive'",
            )
        every = frozenset(node.name for node in model.graph if any(reads.rounds(node, ref) for ref in node.inputs))
        change = sensitivities(model, layers, lambda layer: _rounded(model, reads, ranges, every - {layer}), x)
        return frozenset(sorted(layers, key=lambda layer: change[layer], reverse=True)[: self.sensitive])


def _unknown(reads: Int8Reads) -> tuple[str, ...]:
    """The nodes whose range is not evident."""
    origins = dict.fromkeys(map(reads.origin, reads.sources(frozenset())))
    return tuple(name for name in origins if not _is_spikes(reads.graph, name))


def _measured(
    model: Model, ranges: tuple[str, ...], means: tuple[str, ...], samples: Samples
) -> Mapping[str, Values]:
    """The values of the nodes whose range or mean is asked for, from one run."""
    names = tuple(dict.fromkeys((*ranges, *means)))
    if not names:
        return {}
    x = samples()
    if x is None or not len(x):
        wanted = f"the range of {', '.join(ranges)}" if ranges else "the mean of what layers read"
        raise ModelError(
            f"8-bit integers need {wanted}, and there is no calibration data",
            "give the model's task calibration data, or compile with precision fp32 or fp16",
            node=names[0], where=model.graph.sources.get(names[0]),
        )
    return measure(model, dict.fromkeys((*names, *RelevantRanges.told_by(model.graph))), x)


def _layers(graph: Graph) -> list[Linear | Conv1d | Conv2d]:
    """The layers whose weights are real."""
    return [node for node in graph if isinstance(node, Linear | Conv1d | Conv2d) and node.weight_scale is None]


def _rounded(model: Model, reads: Int8Reads, ranges: Mapping[str, Range], real: frozenset[str]) -> Model:
    """The model with everything rounded but the operations in `real`."""
    grids = {name: _grid(model, reads.origin(name), name, ranges) for name in reads.sources(real)}
    return _quantized_weights(_with_grids(model, reads, grids, real), real)


def _is_spikes(graph: Graph, name: str) -> bool:
    return graph.signals[name].dtype == "spike"


def _grid(model: Model, origin: str, name: str, ranges: Mapping[str, Range]) -> Grid:
    """The grid of a source; what moves values about has the range of where they come from, the origin.

    Raises ModelError for a range without end.
    """
    graph = model.graph
    evident = {origin: (0.0, 1.0)} if _is_spikes(graph, origin) else {}
    ends = {**evident, **ranges}[origin]
    if not np.all(np.isfinite(ends)):
        raise ModelError(
            "it holds infinite values, and 8-bit integers have none for those who read it",
            "put a finite number in their place, such as -100 for a mask, or compile with precision fp32",
            node=origin, where=graph.sources.get(origin),
        )
    return grid_of(ends, whole=graph.signals[name].dtype != "real")


def _with_grids(
    model: Model, reads: Int8Reads, grids: Mapping[str, Grid], real: frozenset[str]
) -> Model:
    """Round each source once, and let everything that moves, reads or activates it take the rounded value."""
    graph = model.graph
    taken = set(graph.by_name)
    unrounded = reads.leading_into(real)
    renamed: dict[str, str] = {}
    pairs: dict[str, tuple[Node, Node]] = {}
    for name, grid in grids.items():
        quantize = QuantizeLinear(
            name=fresh(f"{name}_int8", taken), inputs=(Ref(name),), scale=grid.scale, zero_point=grid.zero_point
        )
        back = DequantizeLinear(
            name=fresh(f"{name}_rounded", taken), inputs=(Ref(quantize.name),),
            scale=grid.scale, zero_point=grid.zero_point,
        )  # fmt: skip
        renamed[name] = back.name
        pairs[name] = (quantize, back)

    def changed(node: Node) -> Iterator[Node]:
        takes = [node.name not in unrounded and reads.takes(node, ref) for ref in node.inputs]
        refs = (
            Ref(renamed.get(ref.node, ref.node), ref.delay) if taken else ref
            for ref, taken in zip(node.inputs, takes, strict=True)
        )
        yield replace(node, inputs=tuple(refs)) if any(takes) else node
        yield from pairs.get(node.name, ())

    return model.with_(graph.map(changed))


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
