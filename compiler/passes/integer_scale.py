"""From real weights to the integers of a chip: legal weights, and one scale for each population."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, inf, log2

import numpy as np

from nmc.model import FloatArray
from nmc.nodes.fixed_point import SignMode

LARGEST_EXPONENT = 7
SMALLEST_EXPONENT = -8
ACTIVATION_LIMIT = 2**17 - 1
"""The largest sum of a step that Lava's 24-bit current holds: it is shifted by 6 bits."""
DECLARED_LIMIT = 2**15 - 1
"""The largest sum of a step in the 16 bits that Lava declares for it, and does not enforce."""
FINE = 256
"""A threshold of so many activation units is fine enough."""
SUM_LIMIT = 2**23 - 1
"""The largest sum of a sigma-delta neuron, in the 24 bits of the chip's state; Lava's wraps at 32 bits only."""
BIAS_BITS = 12
VOLTAGES = 64
"""How many voltages there are to a unit of activation, in which thresholds are whole."""
_SAMPLED = 1 << 18


@dataclass(frozen=True)
class Grid:
    """The weights that a synapse may hold: multiples of `step` from `lowest` to `highest`.

    Lava clips to [-256, 255] where signs mix, else to 0..255 in size, and drops the low bits:
    8 - bits, and one more where signs mix.
    """

    sign_mode: SignMode
    step: int
    lowest: int
    highest: int

    @classmethod
    def of(cls, weight: FloatArray, bits: int) -> Grid:
        """The grid for weights of these signs."""
        step = 1 << (8 - bits)
        if np.all(weight >= 0):
            return cls("excitatory", step, 0, 256 - step)
        if np.all(weight <= 0):
            return cls("inhibitory", step, step - 256, 0)
        return cls("mixed", 2 * step, -256, 256 - 2 * step)

    def largest_factor(self, weight: FloatArray) -> float:
        """The largest factor under which all weights stay on the grid."""
        highest, lowest = float(np.max(weight)), float(np.min(weight))
        return min(
            self.highest / highest if highest > 0 else inf, self.lowest / lowest if lowest < 0 else inf
        )

    def rounded(self, weight: FloatArray) -> FloatArray:
        """The nearest weights on the grid."""
        nearest: FloatArray = np.clip(np.rint(weight / self.step) * self.step, self.lowest, self.highest)
        return nearest


@dataclass(frozen=True, eq=False)
class Weights:
    """What a synapse's weights do to its target, in the target's own units for one unit of message."""

    value: FloatArray
    grid: Grid
    has_exponent: bool
    largest_message: float = 1.0

    def exponent(self, scale: float) -> int:
        """The exponent that uses the grid best at this scale, in activation units per model unit."""
        if not self.has_exponent:
            return 0
        factor = self.grid.largest_factor(self.value)
        if factor == inf:
            return 0
        return min(max(ceil(log2(scale / factor) - 1e-9), SMALLEST_EXPONENT), LARGEST_EXPONENT)

    def integers(self, scale: float) -> FloatArray:
        """The weights on the grid at this scale, before their exponent."""
        return self.grid.rounded(self.value * (scale * 2.0 ** -self.exponent(scale)))

    def effective(self, scale: float) -> FloatArray:
        """What the integers mean in the target's own units."""
        return self.integers(scale) * (2.0 ** self.exponent(scale) / scale)


def choose_scale(
    weights: Sequence[Weights], threshold: float | None, highest: float, comfortable: float = inf
) -> float:
    """Activation units per model unit for one population: least rounding error, and at most `highest`.

    The error is that of all weights, squared and summed, and of the threshold on the same footing. Where exponents
    make up for it, so that weights lose nothing, the scale is at most `comfortable`, too.
    """
    factors = [w.grid.largest_factor(w.value) for w in weights]
    bound = [f for f, w in zip(factors, weights, strict=True) if not w.has_exponent and f < inf]
    free = [f for f in factors if f < inf]
    if not free:
        return min(highest, 1024.0)
    start = min(bound) if bound else max(free)
    top = min(highest, start if bound else start * 2**LARGEST_EXPONENT)
    sampled = [_sampled(w) for w in weights]
    start = min(start, top)
    if not bound:
        start = min(start, max(comfortable, FINE / threshold if threshold else 0.0))
    candidates = [_under(f, start) for f in (*free, *filter(None, map(_exact_factor, sampled)))]
    candidates += [start * 2 ** (-k / 24) for k in range(24)]
    return min(candidates, key=lambda scale: (round(_error(sampled, threshold, scale), 9), -scale))


def _exact_factor(weights: Weights) -> float | None:
    """The largest factor that puts weights which are multiples of one number exactly on the grid."""
    sizes = np.unique(np.abs(weights.value))
    gaps = np.diff(sizes, prepend=0.0)
    gap = float(np.min(gaps, initial=inf, where=gaps > 1e-6 * sizes[-1]))
    multiples = sizes / gap if gap < inf else sizes + 0.5
    if np.max(np.abs(multiples - np.rint(multiples))) > 1e-3:
        return None
    gap = float(sizes[-1] / np.rint(multiples[-1]))
    steps = floor(weights.grid.largest_factor(weights.value) * gap / weights.grid.step + 1e-9)
    return steps * weights.grid.step / gap if steps else None


def _under(factor: float, top: float) -> float:
    """The factor times the largest power of two that keeps it at or below `top`."""
    return factor * 2.0 ** floor(log2(top / factor) + 1e-9)


def _sampled(weights: Weights) -> Weights:
    """The weights, or every n-th of very many; the extremes stay."""
    flat = weights.value.ravel()
    if flat.size <= _SAMPLED:
        return weights
    kept = np.concatenate([flat[:: flat.size // _SAMPLED], [flat.min(), flat.max()]])
    return Weights(kept, weights.grid, weights.has_exponent)


def _error(weights: Sequence[Weights], threshold: float | None, scale: float) -> float:
    """Relative root mean square error of the weights, and the relative error of the threshold."""
    error = sum(float(np.sum((w.effective(scale) - w.value) ** 2)) for w in weights)
    size = sum(float(np.sum(w.value**2)) for w in weights)
    relative = (error / size) ** 0.5 if size else 0.0
    if threshold:
        relative += abs(round(threshold * scale) / (threshold * scale) - 1)
    return relative


def integer_bias(bias: FloatArray, scale: float, spare: int = 0) -> tuple[FloatArray, int]:
    """Mantissas of 13 bits with sign, and their shared exponent, for biases in the target's own units.

    There is room for so many more of them, `spare`.
    """
    value, largest = bias * (scale * VOLTAGES), 2**BIAS_BITS - 1 - spare
    exponent = 0
    while np.max(np.abs(np.rint(value / 2**exponent))) > largest and exponent < LARGEST_EXPONENT:
        exponent += 1
    return np.clip(np.rint(value / 2**exponent), -(2**BIAS_BITS), largest), exponent


def largest_bias_scale(bias: FloatArray) -> float:
    """The largest scale at which the biases fit their mantissa and exponent."""
    peak = float(np.max(np.abs(bias), initial=0.0))
    return (2**BIAS_BITS - 1) * 2**LARGEST_EXPONENT / (VOLTAGES * peak) if peak else inf


def message_scale(values: FloatArray, bits: int = 8) -> float:
    """What one unit of a graded message means: a power of two that holds the values exactly, if there is one."""
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    top, bottom = float(np.max(values, initial=0.0)), float(np.min(values, initial=0.0))
    least = max(top / high, bottom / low)
    if least == 0.0:
        return 1.0
    power = 2.0 ** ceil(log2(least) - 1e-12)
    return power if np.array_equal(np.rint(values / power), values / power) else least
