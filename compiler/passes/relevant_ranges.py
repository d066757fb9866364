"""Which part of a value's range its readers can tell: the rest need not be covered by 8-bit integers.

Constants that saturate a gate, close a mask or lie below a rectifier make a range wide that nobody sees. Values
beyond what is told apart become its ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, isfinite, isnan

import numpy as np

from nmc.graph import Graph, Node, Ref
from nmc.model import Model
from nmc.nodes import elementwise, tensor
from nmc.passes.element_maps import element_map, is_known, known_value
from nmc.passes.int8_grid import Range
from nmc.passes.int8_reads import MOVING, Int8Reads

ALL: Range = (-inf, inf)
_SEEN_BY: Mapping[type[Node], float] = {tensor.Sigmoid: 8.0, tensor.Tanh: 4.0}
"""How far from 0 a gate still changes by more than a tenth of a step of its 8 bits: 1 - sigmoid(8) = 0.0003."""
_BELOW = 16.0
"""How far below the largest score a softmax sees nothing: exp(-16) is 10^-7, and a step of its 8 bits 1 / 255."""


@dataclass(frozen=True, eq=False)
class RelevantRanges:
    """The part of each node's range that counts, given the range of the nodes that were `measured`."""

    model: Model
    reads: Int8Reads
    measured: Mapping[str, Range]
    _needs: dict[str, Range] = field(default_factory=dict)

    @staticmethod
    def told_by(graph: Graph) -> tuple[str, ...]:
        """The nodes whose own range says what matters of what they read."""
        kinds = (tensor.MaxPool1d, tensor.MaxPool2d, elementwise.Maximum, elementwise.Minimum)
        return tuple(node.name for node in graph if isinstance(node, kinds))

    def of(self, name: str) -> Range:
        """The part of a node's range that any reader of its integers can tell."""
        return self._told(name, self.reads.scores.reads)

    def _whole(self, name: str) -> Range:
        """The part that any reader can tell; of a result of the graph all. Readers come first: graphs are deep."""
        graph = self.model.graph
        for each in reversed(graph.order) if name not in self._needs else ():
            if each not in self._needs:
                self._needs[each] = ALL if each in graph.outputs else self._told(each, frozenset())
        return self._needs[name]

    def _told(self, name: str, without: frozenset[tuple[str, str]]) -> Range:
        """What the readers of a node can tell together, but for the reads left out."""
        needs = [
            ALL if ref.delay else self._through(reader, at)
            for reader in self.model.graph.consumers[name] if (reader.name, name) not in without
            for at, ref in enumerate(reader.inputs) if ref.node == name
        ]  # fmt: skip
        low, high = min((low for low, _ in needs), default=-inf), max((high for _, high in needs), default=inf)
        return ALL if isnan(low) or isnan(high) else (low, high)

    def _through(self, reader: Node, at: int) -> Range:
        """The part of an operand's range that counts for a reader."""
        if reader.name in self.reads.scores.masking:
            return self._masked(reader, at)
        low, high = self._whole(reader.name)
        match reader:
            case tensor.Sigmoid() | tensor.Tanh():
                return -_SEEN_BY[type(reader)], _SEEN_BY[type(reader)]
            case tensor.Relu():
                return _ordered(max(low, 0.0), high)
            case tensor.Clip():
                return _ordered(max(low, reader.minimum), min(high, reader.maximum))
            case tensor.MaxPool1d() | tensor.MaxPool2d() | elementwise.Maximum():
                return _ordered(max(low, self._range(reader.name)[0]), high)
            case elementwise.Minimum():
                return _ordered(low, min(high, self._range(reader.name)[1]))
            case elementwise.Affine() if reader.gain and len(reader.inputs) == 1:
                ends = (low - reader.offset) / reader.gain, (high - reader.offset) / reader.gain
                return min(ends), max(ends)
            case tensor.Add():
                others = [self._known_range(ref) for k, ref in enumerate(reader.inputs) if k != at]
                return low - sum(end for _, end in others), high - sum(end for end, _ in others)
            case elementwise.Where() if at:
                return low, high
        return (low, high) if isinstance(reader, (*MOVING, tensor.Pad, tensor.Concat)) else ALL

    def _range(self, name: str) -> Range:
        return self.measured.get(name, ALL)

    def _known_range(self, ref: Ref) -> Range:
        """The range of an operand: of a constant, or as it was measured behind what moves it."""
        if is_known(self.model.graph, ref):
            value = known_value(self.model, ref)
            return float(value.min()), float(value.max())
        if ref.node in self.measured:
            return self.measured[ref.node]
        return self._range(self.reads.origin(ref.node))

    def _masked(self, reader: Node, at: int) -> Range:
        """The part of an operand that counts where masks are joined with scores, for a softmax alone."""
        graph = self.model.graph
        others = [r for r in graph.consumers[reader.name] if (r.name, reader.name) not in self.reads.scores.reads]
        return ALL if others or reader.name in graph.outputs else self._parts(reader).get(at, ALL)

    def _parts(self, node: Node) -> Mapping[int, Range]:
        """The part of each operand that a softmax can tell.

        Of a sum: values so far below the operand's largest that no smaller operand makes up for it are masked. Of a
        choice: values that far below the least of the operand that holds the scores, the one with the largest values.
        """
        if isinstance(node, elementwise.Where):
            seen = {at: self._seen(node.inputs[at]) for at in (1, 2)}
            scores = max(seen.values(), key=lambda ends: (ends[1], ends[0]))
            return {at: (min(max(low, scores[0] - _BELOW), high), high) for at, (low, high) in seen.items()}
        if not isinstance(node, tensor.Add | elementwise.Sub):
            return {at: self._seen(ref) for at, ref in enumerate(node.inputs)}
        parts: dict[int, Range] = {}
        signs = [-1 if isinstance(node, elementwise.Sub) and at else 1 for at in range(len(node.inputs))]
        seen = {at: _times(self._seen(ref), signs[at]) for at, ref in enumerate(node.inputs)}
        reach = 0.0
        for at in sorted(seen, key=lambda at: seen[at][1] - seen[at][0]):
            low, high = seen[at]
            if parts or not isfinite(low):
                low = max(low, high - _BELOW - reach)
            parts[at] = _times((low, high), signs[at])
            reach += high - low
        return parts

    def _seen(self, ref: Ref) -> Range:
        """The range of an operand without what is masked already."""
        node = self.model.graph[ref.node]
        if (node.name in self.reads.scores.masking) and not ref.delay:
            parts = self._parts(node).values()
            if isinstance(node, tensor.Add):
                return sum(low for low, _ in parts), sum(high for _, high in parts)
            if isinstance(node, elementwise.Sub):
                (low, high), (least, most) = parts
                return low - most, high - least
            return min(low for low, _ in parts), max(high for _, high in parts)
        if isinstance(node, MOVING) and len(node.inputs) == 1 and not ref.delay:
            return self._seen(node.inputs[0])
        if node.name in self.reads.maps and node.name not in self.measured:
            return self._mapped(node)
        return self._known_range(ref)

    def _mapped(self, node: Node) -> Range:
        """The range of a constant factor and term of what is seen of an operand."""
        found = element_map(self.model, node)
        assert found is not None  # it is one of the maps
        ends = np.multiply.outer(self._seen(found.x), [found.gain.min(), found.gain.max()])
        return float(ends.min() + found.offset.min()), float(ends.max() + found.offset.max())


def _ordered(low: float, high: float) -> Range:
    """A range of at least one value."""
    return low, max(low, high)


def _times(ends: Range, sign: int) -> Range:
    return ends if sign > 0 else (-ends[1], -ends[0])
