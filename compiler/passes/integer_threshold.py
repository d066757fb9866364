"""Thresholds in integers: the chip's neurons spike above whole numbers of activation units, others also at them."""

from __future__ import annotations

from math import ceil, floor

import numpy as np

from nmc.model import FloatArray
from nmc.nodes.facts import Compare
from nmc.nodes.fixed_point import FixedLIF
from nmc.passes.integer_scale import VOLTAGES

_SAME = 1e-6
_NOTHING_KEPT = 4095
"""The decay `du` of a current of which nothing is left in the next step."""


def integer_threshold(
    x: float, compare: Compare, neuron: FixedLIF, mantissa: FloatArray, initial: FloatArray
) -> tuple[int, int]:
    """The threshold of neurons that spike where v `compare` x in activation units, and what to add to bias mantissas.

    Voltages come in 64ths of a unit, or, where they do not decay and nothing finer is added to them, in whole units:
    then every threshold is exact. Else "at x" is said by a bias that is larger by one, as long as voltages decay, so
    that it does not add up: each step of the decay rounds by as much, the other way. Where they do not decay, neurons
    spike above x, which is a 64th of a unit late.
    """
    nearest = round(x)
    at = compare == ">="
    if _are_whole(neuron, mantissa, initial):
        x = nearest if abs(x - nearest) < _SAME else x
        return (ceil(x) - 1 if at else floor(x)), 0
    return nearest, int(at and neuron.dv > 0 and nearest > 0)


def real_threshold(
    compare: Compare, neuron: FixedLIF, mantissa: FloatArray, initial: FloatArray
) -> tuple[float, int]:
    """The threshold in activation units that such neurons stand for, and what was added to bias mantissas for it."""
    at = compare == ">="
    if _are_whole(neuron, mantissa, initial):
        return float(neuron.vth + at), 0
    return float(neuron.vth), int(at and neuron.dv > 0 and neuron.vth > 0)


def threshold_error(x: float, neuron: FixedLIF, mantissa: FloatArray, initial: FloatArray) -> float:
    """Where such neurons begin to spike, over the x activation units where they should, less 1."""
    highest = neuron.vth + _are_whole(neuron, mantissa, initial)
    return min(max(x, neuron.vth), highest) / x - 1 if x else 0.0


def _are_whole(neuron: FixedLIF, mantissa: FloatArray, initial: FloatArray) -> bool:
    """Whether all voltages are whole numbers of activation units."""
    added = mantissa * 2.0**neuron.bias_exp
    kept = neuron.du == _NOTHING_KEPT and neuron.dv in (0, 4096)
    return kept and not np.any(added % VOLTAGES) and not np.any(initial % VOLTAGES)
