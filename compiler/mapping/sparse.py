"""What slices of neurons with sparse synapses need, and how far they may go; all in one pass over the synapses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmc.chips.chip import CoreLimits
from nmc.mapping.box import Box
from nmc.mapping.memory import Need, axon_bits, index_bits
from nmc.mapping.network import Projection
from nmc.mapping.pattern import IntArray, Pattern, joined
from nmc.nodes.fixed_point import FixedSparse


@dataclass(frozen=True, eq=False)
class SparseNeed:
    """The sparse synapses of one population, as one pattern, and the memory behind each axon.

    `words[k]` are those of k synapses of one input onto one core; k is bounded by the core's neurons,
    once for every projection.
    """

    pattern: Pattern
    words: IntArray

    @classmethod
    def of(cls, projections: tuple[Projection, ...], limits: CoreLimits) -> SparseNeed:
        """Of all sparse projections onto a population; each has inputs of its own."""
        nodes = [p.synapse for p in projections if isinstance(p.synapse, FixedSparse)]
        bits = max(node.num_weight_bits for node in nodes)
        index = index_bits(limits.neurons.count)
        word = limits.synapse_word.count
        words = [axon_bits(k, bits, index, word) // word for k in range(limits.neurons.count + 2)]
        return cls(joined(tuple(p.pattern for p in projections if p.pattern is not None)), np.array(words))

    def needs(self, boxes: tuple[Box, ...], limits: CoreLimits) -> list[Need]:
        """Input axons and bits of each of some consecutive slices."""
        from nmc.mapping.kernels import run_needs

        pattern = self.pattern
        axons, words = run_needs(pattern.indices, pattern.indptr, pattern.inputs, self.words, starts_of(boxes))
        word = limits.synapse_word.count
        return [Need(a, w * word) for a, w in zip(axons.tolist(), words.tolist(), strict=True)]


def sparse_only(projections: tuple[Projection, ...]) -> tuple[Projection, ...]:
    """Those with a pattern."""
    return tuple(p for p in projections if p.pattern is not None)


def starts_of(boxes: tuple[Box, ...]) -> IntArray:
    """Where each of some consecutive one-dimensional slices starts, and where the last one ends."""
    return np.array([box.ranges[0][0] for box in boxes] + [boxes[-1].ranges[0][1]], dtype=np.int64)


def owners(boxes: tuple[Box, ...], shape: tuple[int, ...]) -> NDArray[np.int32]:
    """The number of the slice that holds each neuron, flat."""
    held = np.empty(shape, np.int32)
    for number, box in enumerate(boxes):
        held[box.slices] = number
    return held.ravel()


def fan_outs(projection: Projection, targets: tuple[Box, ...]) -> NDArray[np.int32]:
    """How many slices of the population each element of the source reaches."""
    from nmc.mapping.kernels import fan_out

    pattern = projection.pattern
    assert pattern is not None
    return fan_out(pattern.indices, pattern.indptr, pattern.inputs, starts_of(targets))
