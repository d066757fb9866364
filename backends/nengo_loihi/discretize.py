"""NengoLoihi's integers for neurons and weights: what nengo-loihi 1.1.0 does in builder/discretize.py.

Numbers are rounded in the precisions that it computes in there, with NumPy 1: arrays of single precision, times
factors that are brought to single precision; everything about thresholds and biases in double precision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmc.backends.nengo_loihi.network import Leaky, Neurons
from nmc.errors import UnsupportedError
from nmc.model import FloatArray

Float32Array = NDArray[np.float32]
IntArray = NDArray[np.int64]

DECAY_MAX = 2**12 - 1
THRESHOLD_MAX = (2**17 - 1) * 2**6
BIAS_MANTISSA_MAX = 2**12 - 1
BIAS_MAX = BIAS_MANTISSA_MAX * 2**7
INPUT_MAX = 2**21 - 1
WEIGHT_MAX = 127
"""Of a weight with its sign in 8 bits, in steps of 2."""
LEAST_EXPONENT = -6
LEAST_WEIGHT = 1e-8
_IMPULSE = 2**21
_LOST = 0.494
"""What rounding takes from a decaying number at each step, on average; found by NengoLoihi's authors."""


@dataclass(frozen=True, eq=False)
class Compartments:
    """The neurons of a core, whole numbers: facts of FixedCompartments, `bias` [neurons]."""

    decay_u: int
    decay_v: int
    vth: int
    bias: IntArray
    vmin: int
    vmax: int
    refractory: int


@dataclass(frozen=True, eq=False)
class Scale:
    """How real weights become whole ones on a core: `largest` weight, its factor, and the exponent beside it."""

    largest: float
    factor: float
    exponent: int


def decay_of(tau_s: float, dt_s: float) -> np.float32:
    """What a first-order filter forgets in a step, as NengoLoihi stores it."""
    return np.float32(1.0 if tau_s == 0 else -np.expm1(-dt_s / tau_s))


def gathered(decay: int, offset: int = 0) -> float:
    """How much of an impulse arrives over time where a whole number decays by `decay` / 4096 a step, rounded down."""
    ratio = (4096 - offset - decay) / 4096
    steps = -np.log1p(_IMPULSE * (1 - ratio) / _LOST) / np.log(ratio)
    geometric = (1 - ratio ** (steps + 1)) / (1 - ratio)
    return float(geometric - _LOST / ((1 - ratio) * _IMPULSE) * (steps + 1 - geometric))


def discretized(
    neurons: Neurons, tau_s: float, bias: FloatArray, largest: float, dt_s: float, node: str = ""
) -> tuple[Compartments, Scale]:
    """The neurons of a core with weights up to `largest` (0: none), and the scale of those weights.

    Raises UnsupportedError where time constants, weights or biases are out of NengoLoihi's reach.
    """
    _require_decays(neurons, decay_of(tau_s, dt_s), _voltage_decay(neurons, dt_s), node)
    decay_u, decay_v = _whole_decays(neurons, tau_s, dt_s)
    u_gain = 1.0 / gathered(decay_u, 1)
    v_gain = 1.0 / gathered(decay_v) if isinstance(neurons, Leaky) else 1.0
    threshold = 1.0 if isinstance(neurons, Leaky) else float(np.float32(1.0 / dt_s))
    real_bias = bias.astype(np.float32).astype(np.float64)
    scale, v_scale, b_scale = _scaled(u_gain, v_gain, threshold, real_bias, largest, node)
    vth = np.round(np.round(threshold * v_scale) / 2**6)
    whole = np.round(real_bias * b_scale)
    exponent = np.ceil(np.log2(np.maximum(np.abs(whole) / BIAS_MANTISSA_MAX, 1)))
    floor = neurons.min_voltage if isinstance(neurons, Leaky) else 0.0
    below = np.clip(np.round(np.log2(-v_scale * floor + 1)), 0, 31) if floor else 0.0
    return Compartments(
        decay_u, decay_v, int(vth) * 2**6, (np.round(whole / 2**exponent) * 2**exponent).astype(np.int64),
        int(1 - 2**below), 2**23 - 1, int(np.round(neurons.refractory_s / dt_s)) if isinstance(neurons, Leaky) else 0,
    ), scale


def drive_of_threshold(neurons: Neurons, tau_s: float, dt_s: float) -> float:
    """The drive J for one step that brings the voltage to the threshold on the chip, where a current decays to nothing.

    It counts in what rounding takes from decaying numbers, as NengoLoihi's scale does.
    """
    decay_u, decay_v = _whole_decays(neurons, tau_s, dt_s)
    held = gathered(decay_v) if isinstance(neurons, Leaky) else 1.0 / dt_s
    return gathered(decay_u, 1) * held


def _whole_decays(neurons: Neurons, tau_s: float, dt_s: float) -> tuple[int, int]:
    """decay_u and decay_v of the chip. It adds 1 to the first one."""
    current, voltage = decay_of(tau_s, dt_s), _voltage_decay(neurons, dt_s)
    decay_u = int(np.clip(np.round(current * np.float32(DECAY_MAX) - np.float32(1)), 0, DECAY_MAX))
    return decay_u, int(np.round(voltage * np.float32(DECAY_MAX)))


def _voltage_decay(neurons: Neurons, dt_s: float) -> np.float32:
    return decay_of(neurons.tau_rc_s, dt_s) if isinstance(neurons, Leaky) else np.float32(0.0)


def _require_decays(neurons: Neurons, current: np.float32, voltage: np.float32, node: str) -> None:
    least = 0.5 / 2**12
    slow = ["synapse's"] if current <= least else []
    slow += ["membrane's"] if isinstance(neurons, Leaky) and voltage <= least else []
    if slow:
        raise UnsupportedError(
            f"its {slow[0]} time constant is so long that it forgets less than 1/8192 in a step, the least on the chip",
            "shorten the time constant, or lengthen the time step", node=node or None,
        )


def _scaled(
    u_gain: float, v_gain: float, threshold: float, bias: FloatArray, largest: float, node: str
) -> tuple[Scale, float, float]:
    """The scales of weights, voltages and biases."""
    highest = float(np.abs(bias).max(initial=0.0))
    if largest > LEAST_WEIGHT:
        factor = 255.0 / largest
        for exponent in range(0, -8, -1):
            v_scale = 1.0 / (u_gain * v_gain) * factor * 2.0 ** (6 + exponent)
            b_scale = v_scale * v_gain
            if np.round(threshold * v_scale) <= THRESHOLD_MAX and np.all(np.abs(np.round(bias * b_scale)) <= BIAS_MAX):
                return Scale(largest, factor, exponent), v_scale, b_scale
        raise UnsupportedError(
            f"its weights, of at most {largest:.3g} thresholds, are too small beside its threshold or its biases",
            "scale the weights up, or the biases down", node=node or None,
        )
    if highest > 1e-8:
        b_scale = BIAS_MAX / highest
        while b_scale * highest > 1:
            v_scale = b_scale / v_gain
            if np.round(threshold * v_scale) <= THRESHOLD_MAX:
                factor = b_scale * u_gain / 2.0**6
                return Scale(largest, factor, 0), v_scale, b_scale
            b_scale /= 2.0
        raise UnsupportedError(
            f"its biases, of at most {highest:.3g}, are too small beside its threshold", "scale them up",
            node=node or None,
        )
    v_scale = INPUT_MAX / (threshold + 1)
    b_scale = v_scale * v_gain
    return Scale(largest, v_scale * v_gain * u_gain / 2.0**6, 0), v_scale, b_scale


def exponent_of(scale: Scale, largest: float) -> tuple[int, int]:
    """The exponent of a connection whose weights go up to `largest`, and how far they are moved up for it."""
    if largest > 1e-16:
        up = int(np.floor(np.log2(np.float32(scale.largest) / np.float32(largest))))
        return max(scale.exponent - up, LEAST_EXPONENT), up
    return LEAST_EXPONENT, scale.exponent - LEAST_EXPONENT


def whole_weights(weights: Float32Array, scale: Scale, largest: float) -> IntArray:
    """The weights of a connection in units of 2^6, each in 8 bits with its sign times a power of two."""
    exponent, up = exponent_of(scale, largest)
    single = np.float32 if scale.largest > LEAST_WEIGHT else np.float64
    moved = weights * single(scale.factor) * single(2.0**up)
    halves = np.clip(np.round(moved / single(2)), -WEIGHT_MAX, WEIGHT_MAX).astype(np.int64)
    shift = 1 + exponent
    if shift >= 0:
        return halves << shift
    kept = np.round(halves * 2.0**shift) / 2.0**shift
    return np.clip(kept, -WEIGHT_MAX, WEIGHT_MAX).astype(np.int64) >> -shift
