"""The native emulator against the integer oracle and the reference: not one bit may differ."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles.one_by_one import assert_repeats
from oracles.run_fixed_point import Oracle

from nmc import reference
from nmc.backends.loihi.native import Emulator
from nmc.backends.loihi.native.accumulators import packed, proven_accumulator
from nmc.backends.loihi.native.plan import Plan
from nmc.model import FloatArray, Model
from nmc.text import parse
from strategies.chip_networks import STEPS, conv_networks, dense_networks, direct_networks, streams

SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def assert_all_equal(model: Model, x: FloatArray) -> None:
    """Oracle, reference and emulator agree on the output of every node and on every u and v."""
    names = [node.name for node in model.graph if node.name != "x"]
    chip = Emulator(model, len(x))
    native = chip.advance({"x": x.astype(np.int32)}, STEPS, names)
    meant = reference.run(model, x, record=names)
    for b, sample in enumerate(x):
        oracle = Oracle(model)
        expected = oracle.run(sample)
        for name in names:
            want = np.array(expected[name]).reshape(native[name][b].shape)
            assert np.array_equal(meant[name][b], want), f"reference differs at {name}"
            assert np.array_equal(native[name][b], want), f"emulator differs at {name}"
        for name, neurons in oracle.neurons.items():
            state = chip.state(name)
            assert state["u"][b].ravel().tolist() == neurons.u
            assert state["v"][b].ravel().tolist() == neurons.v
    assert_repeats(Plan.of(model), {"x": x.astype(np.int32)}, STEPS, names)


@SLOW
@given(st.data())
def test_dense_and_recurrent_networks_are_exact(data: st.DataObject) -> None:
    model = data.draw(dense_networks())
    assert_all_equal(model, data.draw(streams(model, 127)))


@SLOW
@given(st.data())
def test_convolutional_networks_are_exact(data: st.DataObject) -> None:
    model = data.draw(conv_networks())
    assert_all_equal(model, data.draw(streams(model, 2**15)))


@SLOW
@given(st.data())
def test_currents_and_voltages_overflow_as_on_the_chip(data: st.DataObject) -> None:
    """Activations up to 2^25 wrap at 32 bits when shifted by 6; the current wraps once at 24, the voltage clips."""
    model = data.draw(direct_networks())
    assert_all_equal(model, data.draw(streams(model, 2**25)))


def network(text: str, **weights: object) -> Model:
    return Model("m", parse(text), {name: np.array(array) for name, array in weights.items()}).checked()


def last_state(activations: list[int], du: int = 4095, dv: int = 4096, vth: int = 2**17 - 1) -> tuple[int, int]:
    model = network(f"dt = 0.001\nx = Input(shape=(1,), stream=True)\n"
                    f"n = FixedLIF(x, du={du}, dv={dv}, vth={vth})\nreturn n")
    chip = Emulator(model, 1)
    chip.advance({"x": np.array(activations, np.int32).reshape(1, -1, 1)}, len(activations), ())
    state = chip.state("n")
    return int(state["u"].item()), int(state["v"].item())


@pytest.mark.parametrize(("activation", "u"), [
    (2**17, 2**23),  # a << 6 = 2^23 is not above 2^23: it stays
    (2**17 + 1, 64 - 2**23),  # 2^23 + 64 is: 2^24 comes off
    (-(2**17), 2**23),  # -2^23 is at the lower end: 2^24 is added
    (3 * 2**17 + 64, 2**23 + 4096),  # one wrap only: 3 * 2^23 + 4096 - 2^24 is still above 2^23
    (2**25, -(2**31) + 2**24),  # 2^31 wraps to -2^31 first
])
def test_the_current_wraps_once(activation: int, u: int) -> None:
    assert last_state([activation])[0] == u


def test_the_voltage_saturates() -> None:
    # 2^17 - 1 times 64 is 2^23 - 64; twice that is beyond 2^23 - 1, where the voltage spikes and is reset
    assert last_state([2**17 - 1, 0], dv=0)[1] == 2**23 - 64
    assert last_state([1 - 2**17] * 3, dv=0)[1] == 1 - 2**23


def test_decay_rounds_toward_zero() -> None:
    # v = 64 * 3 = 192; 192 * (4096 - 1000) / 4096 = 145.1 -> 145, and -145 for -192
    assert last_state([3, 0], dv=1000)[1] == 145
    assert last_state([-3, 0], dv=1000)[1] == -145


def test_windows_of_steps_carry_the_state_on() -> None:
    """Stepping one by one gives what one long window gives, delays included."""
    model = network(
        "dt = 0.001\nx = Input(shape=(3,), stream=True)\nlate = Delay(x@1, steps=2)\nd = FixedDense(late, features=2, "
        "weight='w')\nr = FixedDense(n@2, features=2, weight='r')\nn = FixedLIF(d@1, r@1, du=2000, dv=100, vth=200)\n"
        "return n",
        w=[[200, -100, 50], [254, 2, 0]], r=[[0, -256], [100, 0]],
    )
    x = (np.random.default_rng(0).random((4, 20, 3)) < 0.5).astype(np.int32)
    whole = Emulator(model, 4).advance({"x": x}, 20, ["n"])["n"]
    chip = Emulator(model, 4)
    parts = [chip.advance({"x": x[:, t : t + 1]}, 1, ["n"])["n"] for t in range(20)]
    assert whole.any()
    assert np.array_equal(np.concatenate(parts, axis=1), whole)


def test_every_element_may_have_a_delay_of_its_own() -> None:
    model = network(
        "dt = 0.001\nx = Input(shape=(2, 2, 1), stream=True)\n"
        "c = FixedConv2d(x, channels=2, kernel=(1, 1), weight='w')\nn = FixedLIF(c@1, du=4095, dv=4096, vth=10)\n"
        "late = Delay(n, steps='steps', longest=3)\nm = FixedLIF(late, du=4095, dv=4096, vth=0)\nreturn m",
        w=np.array([[20, 0], [0, 20]]).reshape(2, 2, 1, 1), steps=[[[0], [3]], [[1], [2]]],
    )
    x = (np.random.default_rng(0).random((3, STEPS, 2, 2, 1)) < 0.5).astype(np.float64)
    native = Emulator(model, 3).advance({"x": x.astype(np.int32)}, STEPS, ["m"])["m"]
    assert native.any()
    assert np.array_equal(native, reference.run(model, x)["m"])


def test_events_are_counted() -> None:
    """x spikes at elements 0 and 2 in step 1, and at 0 in step 2: rows with 2 and 1, then 2 weights other than 0."""
    model = network(
        "dt = 0.001\nx = Input(shape=(3,), stream=True)\nd = FixedDense(x, features=2, weight='w')\n"
        "n = FixedLIF(d@1, du=4095, dv=0, vth=90)\nreturn n",
        w=[[100, 8, 0], [50, 8, 100]],
    )
    chip = Emulator(model, 1)
    chip.advance({"x": np.array([[[1, 0, 1], [1, 0, 0], [0, 0, 0]]], np.int32)}, 3, ())
    events = chip.events()
    assert events["d"].synaptic_operations == 2 + 1 + 2
    assert events["n"].neuron_updates == 3 * 2
    assert events["n"].spikes is not None
    assert events["n"].spikes.tolist() == [2.0, 1.0]  # 100, 100 > 90; and 150 > 90, then 50


def test_a_convolution_counts_only_weights_inside_the_image() -> None:
    """A spike in the corner of a 3x3 image meets 2x2 of the 3x3 kernel with padding 1; one in the middle all 9."""
    model = network(
        "dt = 0.001\nx = Input(shape=(1, 3, 3), stream=True)\nc = FixedConv2d(x, channels=2, kernel=(3, 3), "
        "weight='w', padding=(1, 1, 1, 1))\nn = FixedLIF(c@1, du=4095, dv=0, vth=90)\nreturn n",
        w=np.full((2, 1, 3, 3), 4),
    )
    for place, expected in (((0, 0), 2 * 4), ((1, 1), 2 * 9), ((0, 1), 2 * 6)):
        x = np.zeros((1, 1, 1, 3, 3), np.int32)
        x[0, 0, 0][place] = 1
        chip = Emulator(model, 1)
        chip.advance({"x": x}, 1, ())
        assert chip.events()["c"].synaptic_operations == expected


def test_narrow_accumulators_are_proven() -> None:
    """300 rows of 127 sum to 38,100, more than 16 bits hold: then only 32767 / 127 = 258 rows at a time."""
    assert proven_accumulator(np.full((300, 2), 127, np.int8)) == (np.int16, 258)
    assert proven_accumulator(np.full((250, 2), 127, np.int8)) == (np.int16, 251)
    balanced = np.tile(np.array([[127], [-127]], np.int8), (250, 1))  # 250 * 127 fits on either side
    assert proven_accumulator(balanced) == (np.int16, 501)
    assert proven_accumulator(np.full((2, 2), 128, np.int16)) == (np.int32, 3)
    assert proven_accumulator(np.full((2, 2), 2**31)) is None


def test_a_sum_beyond_16_bits_is_exact() -> None:
    model = network(
        "dt = 0.001\nx = Input(shape=(700,), stream=True)\nd = FixedDense(x, features=3, weight='w', weight_exp=2)\n"
        "n = FixedLIF(d@1, du=4095, dv=0, vth=131071)\nreturn n",
        w=np.stack([np.full(700, 254), np.full(700, -256), np.arange(700) % 2 * 510 - 256]),
    )
    x = np.ones((1, 2, 700))
    native = Emulator(model, 1).advance({"x": x.astype(np.int32)}, 2, ["d"])["d"]
    assert native[0, 0].tolist() == [254 * 700 * 4, -256 * 700 * 4, (254 - 256) * 350 * 4]


def test_weights_are_stored_narrow() -> None:
    weight, shift = packed(np.array([[-256, 254]]))
    assert (weight.dtype, shift, weight.tolist()) == (np.int8, 1, [[-128, 127]])
    weight, shift = packed(np.array([[0, 255]]))
    assert (weight.dtype, shift) == (np.int16, 0)


