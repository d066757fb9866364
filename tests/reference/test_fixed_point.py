"""Fixed-point nodes, worked out by hand from the equations of Lava 0.10.0."""

from __future__ import annotations

import numpy as np
import pytest

from nmc.model import Array, Model
from nmc.reference import run
from nmc.reference.fixed_point import toward_zero, wrap
from nmc.text import parse


def trace(node: str, x: list[int], **weights: Array) -> list[int]:
    """What `y = node` gives for a stream of single numbers."""
    graph = parse(f"dt = 1.0\nx = Input(shape=(1,), stream=True)\ny = {node}\nreturn y")
    return run(Model("m", graph, weights).checked(), np.array(x).reshape(1, -1, 1))["y"].ravel().astype(int).tolist()


def test_wrapping_is_that_of_two_s_complement() -> None:
    x = np.array([2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**32 + 5])
    assert wrap(x, 32).tolist() == np.array(x, dtype=np.int64).astype(np.int32).tolist()


def test_decay_rounds_toward_zero() -> None:
    assert toward_zero(np.array([7, -7, 8, -8, -1]), 1).tolist() == [3, -3, 4, -4, 0]


def test_voltage_decays_and_spikes_above_the_threshold() -> None:
    # du = 4095: u' = u * 0 + (x << 6); dv = 2048: v' = rz(v * 2048, 12) + u' = v / 2 + u'
    # x = 1: u = 64; v = 64, 96, 112, 120, 124 -- threshold 2 << 6 = 128 is not passed
    assert trace("FixedLIF(x, du=4095, dv=2048, vth=2, emits='voltage')", [1] * 5) == [64, 96, 112, 120, 124]
    # threshold 1 << 6 = 64: 64 is not above it; 96 S -> 0; 64; 96 S
    assert trace("FixedLIF(x, du=4095, dv=2048, vth=1)", [1] * 4) == [0, 1, 0, 1]
    assert trace("FixedLIF(x, du=4095, dv=2048, vth=1, emits='voltage')", [1] * 4) == [64, 0, 64, 0]


def test_current_decays_by_one_more_than_it_says() -> None:
    # du = 0 keeps 4095 / 4096 of u: 64 -> 63 (63.98 toward zero) -> 62; dv = 0 keeps v: 64, 127, 189
    assert trace("FixedLIF(x, du=0, dv=0, vth=1000, emits='voltage')", [1, 0, 0]) == [64, 127, 189]
    # du = -1 keeps all of it: 64, 128, 192
    assert trace("FixedLIF(x, du=-1, dv=0, vth=1000, emits='voltage')", [1, 0, 0]) == [64, 128, 192]


def test_the_bias_is_mantissa_times_a_power_of_two() -> None:
    # dv = 4096 forgets v: 5 << 3 = 40, then 40 + (1 << 6)
    facts = "du=4095, dv=4096, vth=1000, emits='voltage'"
    assert trace(f"FixedLIF(x, {facts}, bias_mant=5, bias_exp=3)", [0, 1]) == [40, 104]
    # -5 >> 1 rounds down to -3
    assert trace(f"FixedLIF(x, {facts}, bias_mant=-5, bias_exp=-1)", [0]) == [-3]


def test_voltage_saturates_and_current_wraps_at_24_bits() -> None:
    # x << 6 = 2^23 - 64, which is the threshold; again: v clips at 2^23 - 1 S -> 0
    big = 2**17 - 1
    assert trace("FixedLIF(x, du=4095, dv=0, vth=131071, emits='voltage')", [big, big]) == [big << 6, 0]
    assert trace("FixedLIF(x, du=4095, dv=0, vth=131071, emits='voltage')", [-big, -big]) == [-(big << 6), 1 - 2**23]
    # x << 6 = 2^23 + 64 is above 2^23, so it becomes 64 - 2^23
    assert trace("FixedLIF(x, du=4095, dv=0, vth=1, emits='voltage')", [big + 2]) == [64 - 2**23]


def test_the_reset_by_the_clock_comes_before_the_step() -> None:
    # v grows by 64; at steps 2 and 5 (2 modulo 3) it starts from 0
    node = "FixedLIF(x, du=4095, dv=0, vth=1000, reset_interval=3, reset_offset=2, emits='voltage')"
    assert trace(node, [1] * 6) == [64, 64, 128, 192, 64, 128]


def test_dense_shifts_and_reads_spikes_as_ones() -> None:
    w = np.array([[-6.0]])
    assert trace("FixedDense(x, features=1, weight='w')", [0, 1, 5], w=w) == [0, -6, -6]
    assert trace("FixedDense(x, features=1, weight='w', num_message_bits=8)", [0, 1, 5], w=w) == [0, -6, -30]
    assert trace("FixedDense(x, features=1, weight='w', weight_exp=2)", [1], w=w) == [-24]
    # -6 >> 2 rounds down to -2
    assert trace("FixedDense(x, features=1, weight='w', weight_exp=-2)", [1], w=w) == [-2]


@pytest.mark.parametrize("features", [1, 3])
def test_dense_wraps_at_32_bits(features: int) -> None:
    w = np.full((1, 1), 2.0**30)
    assert trace("FixedDense(x, features=1, weight='w', num_message_bits=8)", [features], w=w) == [
        features * 2**30 if features == 1 else 3 * 2**30 - 2**32
    ]


def test_conv_wraps_at_24_bits() -> None:
    graph = parse("""\
dt = 1.0
x = Input(shape=(1, 1, 2), stream=True)
y = FixedConv2d(x, channels=1, kernel=(1, 2), weight='w', num_message_bits=8)
return y""")
    model = Model("m", graph, {"w": np.array([[[[2.0**22, 1.0]]]])})
    # 2 * 2^22 + 3 = 2^23 + 3, which wraps to 3 - 2^23
    assert run(model, np.array([2.0, 3.0]).reshape(1, 1, 1, 1, 2))["y"].ravel().tolist() == [3.0 - 2**23]
