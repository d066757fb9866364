"""Nodes of fixed-point graphs: the processes of Lava 0.10.0, tag `fixed_pt`, one to one, and NengoLoihi's compartments.

All values are whole numbers. rz(x, s) = sign(x) (|x| >> s); w32 wraps to 32-bit integers; >> and <<
on negative numbers are arithmetic. A synapse's sum reaches the neuron one step later on the chip:
in the graph that is written as a read with delay 1.
"""

from __future__ import annotations

from nmc.graph import Node
from nmc.nodes import spiking, tensor
from nmc.nodes.fixed_point.basic import FixedConv2d, FixedDense, FixedLIF, SignMode
from nmc.nodes.fixed_point.compartments import FixedCompartments
from nmc.nodes.fixed_point.graded import (
    FixedDelta,
    FixedGraded,
    FixedNormDelay,
    FixedProduct,
    FixedSigma,
    FixedSigmaDelta,
)
from nmc.nodes.fixed_point.neurons import FixedResonator, FixedTernaryLIF
from nmc.nodes.fixed_point.plasticity import FixedPlasticDense
from nmc.nodes.fixed_point.synapses import FixedDelayDense, FixedDelaySparse, FixedSparse

KINDS: tuple[type[Node], ...] = (
    FixedLIF, FixedDense, FixedConv2d, FixedTernaryLIF, FixedResonator, FixedSparse, FixedDelayDense,
    FixedDelaySparse, FixedDelta, FixedSigma, FixedSigmaDelta, FixedGraded, FixedProduct, FixedNormDelay,
    FixedCompartments, FixedPlasticDense,
)
WIRES: tuple[type[Node], ...] = (tensor.Flatten, tensor.Reshape, spiking.Delay)
"""Kinds that carry what the chip puts out as it is; it holds it back at its axons."""

__all__ = [
    "KINDS", "WIRES", "FixedCompartments", "FixedConv2d", "FixedDelayDense", "FixedDelaySparse", "FixedDelta",
    "FixedDense", "FixedGraded", "FixedLIF", "FixedNormDelay", "FixedPlasticDense", "FixedProduct", "FixedResonator",
    "FixedSigma", "FixedSigmaDelta", "FixedSparse", "FixedTernaryLIF", "SignMode",
]
