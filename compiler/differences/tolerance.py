"""How far what was found may be from what was expected before two runs count as parted."""


from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nmc.differences.decisions import LEVELS, wrong_decisions
from nmc.differences.segment import Change, Segment
from nmc.graph import Node
from nmc.model import FloatArray
from nmc.nodes import quantized, spiking
from nmc.nodes.facts import Compare

Differs = NDArray[np.bool_]
_ON_THE_BORDER = 0.01
"""The fraction of rounded numbers that may be the next whole one: those that lay on the border."""
_SPIKING = (spiking.Neuron, spiking.Threshold)
_MARGIN = 3.0
_STRAY = 2e-4
"""The fraction of decisions that may be further off than 8 bits allow: scales of chips are powers of two, not exact."""
_SETTLES = 3
"""How many spikes must be otherwise for it not to be chance that all are explained."""


@dataclass(frozen=True)
class Tolerance:
    """`relative` to the largest value of the node; 0 asks for equal numbers.

    Spikes of neurons in real numbers differ where a threshold that is off by as much does not explain them. With
    `quantized`, what was found is of a network whose weights were rounded to 8 bits, and its values perhaps, too.
    """

    relative: float = 0.0
    quantized: bool = False

    def parted(self, segment: Segment) -> Differs:
        """Where what was found of a segment is not what it should be; nowhere if there is little enough of it."""
        differs, node = self.differs_from(segment, segment.expected), segment.nodes[-1]
        if self.quantized:
            if isinstance(node, spiking.LIF | spiking.CubaLIF | spiking.IF) and not segment.loops:
                wrong = _seen(segment, wrong_decisions(segment, node))
                return wrong if np.count_nonzero(wrong) > _STRAY * wrong.size else np.zeros_like(wrong)
            return differs if elements(differs) > _by_rounding(self, segment) else np.zeros_like(differs)
        if not self.relative or not differs.any() or not isinstance(node, spiking.Neuron) or segment.loops:
            return differs
        if self._compares_otherwise(segment, node, differs):
            return differs
        for factor in (1 - self.relative, 1 + self.relative):
            moved = segment.changed(_with_threshold(segment, node, factor))
            differs = differs & _of_neurons(_seen(segment, moved != segment.found))
        return differs

    def _compares_otherwise(self, segment: Segment, node: spiking.Neuron, differs: Differs) -> bool:
        """Whether spikes on the threshold itself settle that the other comparison is meant."""
        other: Compare = ">" if node.compare == ">=" else ">="
        left = self.differs_from(segment, segment.changed(Change(replace(node, compare=other))))
        return bool(np.count_nonzero(differs) >= _SETTLES and not left.any())

    def differs_from(self, segment: Segment, produced: FloatArray) -> Differs:
        """Where what was found of a segment is not what some rule makes of it."""
        return _seen(segment, self.differs(segment.nodes[-1], produced, segment.found))

    def differs(self, node: Node, expected: FloatArray, found: FloatArray) -> Differs:
        """Where two traces of a node are not the same, [samples, steps, *shape]."""
        if not self.relative and not self.quantized:
            return np.asarray(expected != found)
        if isinstance(node, _SPIKING):
            return np.asarray(abs(found - expected) > 0.5)
        if self.quantized:
            step = (found.max() - found.min()) / (2 * LEVELS)
            return np.asarray(~(abs(found - np.clip(expected, found.min(), found.max())) <= 2.0 * step + 1e-9))
        size = abs(found - expected)
        if isinstance(node, quantized.QuantizeLinear):
            one = size == 1
            return size > 1 if one.mean() <= _ON_THE_BORDER else size > 0
        scale = max(float(np.max(abs(expected), initial=0.0)), float(np.max(abs(found), initial=0.0)))
        return ~(size <= self.relative * scale + 1e-9)

    def forgiven(self, segment: Segment, wrong: int) -> int:
        """How many values may still differ under a rule that explains all that is wrong."""
        if self.quantized:
            return wrong // 20
        if self.relative and isinstance(segment.nodes[-1], _SPIKING):
            return max(segment.found.size // 5000, wrong // 50)
        return 0


def _by_rounding(tolerance: Tolerance, segment: Segment) -> int:
    """How many elements, of all samples together, may differ at some step where weights were rounded to 8 bits."""
    count = 0
    for node in segment.nodes if not segment.loops else ():
        name = getattr(node, "weight", None)
        if isinstance(name, str):
            weight = segment.arrays[name]
            step = float(np.max(abs(weight), initial=0.0)) / LEVELS or 1.0
            produced = segment.changed(Change(node, {name: np.rint(weight / step) * step}))
            count += elements(tolerance.differs(segment.nodes[-1], segment.expected, produced))
    return int(_MARGIN * count) + 1 + elements(np.ones_like(segment.found, bool)) // 50


def elements(differs: Differs) -> int:
    """How many elements of all samples differ at one step at least: one spike more may change all that follow."""
    return int(np.count_nonzero(differs.any(axis=1)))


def _seen(segment: Segment, differs: Differs) -> Differs:
    """Where it differs at steps that were seen."""
    seen = np.zeros_like(differs)
    seen[:, segment.known] = differs[:, segment.known]
    return seen


def _of_neurons(differs: Differs) -> Differs:
    """Every step of a neuron and sample where one of them differs: after one spike more, the rest may differ."""
    return np.broadcast_to(differs.any(axis=1, keepdims=True), differs.shape)


def _with_threshold(segment: Segment, node: spiking.Neuron, factor: float) -> Change:
    if isinstance(node.threshold, str):
        return Change(node, {node.threshold: segment.arrays[node.threshold] * factor})
    return Change(replace(node, threshold=node.threshold * factor))
