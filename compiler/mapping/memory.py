"""What a slice of a population needs of a core: input axons, and words of synapse memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from nmc.mapping.box import Box
from nmc.mapping.network import Projection
from nmc.nodes.fixed_point import FixedConv2d

BLOCK = 64
"""Synapses in a block; each block starts on a word of its own."""
BLOCK_HEADER_BITS = 10
"""Format and length of a block."""
INDEX_BITS = (0, 6, 7, 8, 9, 10, 11, 12)
"""The widths that the index of a target neuron can have."""


@dataclass(frozen=True)
class Need:
    """Input axons and bits of synapse memory, of one projection onto one slice."""

    input_axons: int
    synapse_bits: int

    def __add__(self, other: Need) -> Need:
        return Need(self.input_axons + other.input_axons, self.synapse_bits + other.synapse_bits)


def axon_bits(weights: int, weight_bits: int, index_bits: int, word_bits: int = 64) -> int:
    """Bits of synapse memory that the weights behind one input axon take.

    Blocks of up to 64 synapses, each of ceil((64 (weight + index) + 10) / word) words; as in
    SynapseConfig.bits_per_axon of nengo-loihi 1.1. Densely stored weights need no index.
    """
    full, rest = divmod(weights, BLOCK)
    sizes = [BLOCK] * full + ([rest] if rest else [])
    words = (-(-(n * (weight_bits + index_bits) + BLOCK_HEADER_BITS) // word_bits) for n in sizes)
    return sum(words) * word_bits


def needed(projection: Projection, neurons: Box, word_bits: int = 64) -> Need:
    """What the neurons of one slice need of their core for one projection."""
    synapse = projection.synapse
    if isinstance(synapse, FixedConv2d):
        return _convolution(synapse, projection, neurons, word_bits)
    inputs = prod(projection.source_shape)
    return Need(inputs, inputs * axon_bits(neurons.size, synapse.num_weight_bits, 0, word_bits))


def receptive_field(projection: Projection, neurons: Box) -> Box:
    """The elements of the source, as the synapse sees it, that reach some neuron of a slice."""
    synapse, shape = projection.synapse, projection.source_shape
    if not isinstance(synapse, FixedConv2d) or not projection.aligned:
        return Box.whole(shape)
    per_group = synapse.channels // synapse.groups
    inputs = shape[0] // synapse.groups
    first, last = neurons.ranges[0][0] // per_group, (neurons.ranges[0][1] - 1) // per_group
    spatial = []
    for axis, (low, high) in enumerate(neurons.ranges[1:]):
        reach = synapse.dilation[axis] * (synapse.kernel[axis] - 1) + 1
        start = low * synapse.stride[axis] - synapse.padding[axis]
        stop = (high - 1) * synapse.stride[axis] - synapse.padding[axis] + reach
        spatial.append((max(0, min(start, shape[1 + axis])), max(0, min(stop, shape[1 + axis]))))
    return Box(((first * inputs, (last + 1) * inputs), *spatial))


def _convolution(synapse: FixedConv2d, projection: Projection, neurons: Box, word_bits: int) -> Need:
    """Weights are stored once for all positions of the source that reach the slice in the same way.

    An input axon stands for one position; the channel travels with the spike. Positions along an axis
    differ in which taps of the kernel land inside the slice, so that what is stored is, over the
    distinct sets of taps along height and width, all their pairs, for each pair of channels.
    """
    shape = projection.source_shape
    area = receptive_field(projection, neurons)
    if projection.aligned:
        channels, *extents = neurons.ranges
        per_group = synapse.channels // synapse.groups
        targets = min(channels[1] - channels[0], per_group)
    else:
        extents = [(0, n) for n in synapse.output_shape(shape)[1:]]
        targets = synapse.channels // synapse.groups
    rows, columns = (_tap_sets(synapse, axis, area.ranges[1 + axis], extents[axis]) for axis in (0, 1))
    index_bits = _index_bits(neurons.size)
    bits = sum(
        axon_bits(targets * down * across, 8, index_bits, word_bits) for down in rows for across in columns
    )
    return Need(prod(area.shape[1:]), bits * area.shape[0])


def _tap_sets(synapse: FixedConv2d, axis: int, inputs: tuple[int, int], outputs: tuple[int, int]) -> Iterable[int]:
    """Along one axis, how many taps each distinct set has that some input has on the outputs of a slice."""
    stride, dilation, pad = synapse.stride[axis], synapse.dilation[axis], synapse.padding[axis]
    sets = set()
    for position in range(*inputs):
        taps = []
        for tap in range(synapse.kernel[axis]):
            output, off = divmod(position + pad - tap * dilation, stride)
            if not off and outputs[0] <= output < outputs[1]:
                taps.append(tap)
        if taps:
            sets.add(tuple(taps))
    return [len(taps) for taps in sets]


def _index_bits(neurons: int) -> int:
    """The narrowest index that tells so many neurons apart."""
    return next((bits for bits in INDEX_BITS if 2**bits >= neurons), INDEX_BITS[-1])
