"""Spiking nodes, worked out by hand: every convention that changes a raster.

All numbers are sums of powers of two, so the traces hold exactly. In the comments v is the voltage
after the step, v~ the one that integration alone gives, S a spike.
"""

from __future__ import annotations

import numpy as np
import pytest

from nmc.model import Array, FloatArray, Model
from nmc.reference import Interpreter, run
from nmc.text import parse


def trace(node: str, x: list[float], **weights: Array) -> list[float]:
    """What `y = node` puts out for one neuron fed with x, step by step."""
    return traces(node, np.array(x)[:, None], **weights)[:, 0].tolist()


def traces(node: str, x: FloatArray, **weights: Array) -> FloatArray:
    """The same for neurons side by side: x is [steps, neurons]."""
    graph = parse(f"dt = 0.001\nx = Input(shape=({x.shape[1]},), stream=True)\ny = {node}\nreturn y")
    return run(Model("m", graph, weights).checked(), x[None])["y"][0]


def voltages(node: str, x: list[float]) -> list[float]:
    """The voltage that one neuron carries on from each step."""
    graph = parse(f"dt = 0.001\nx = Input(shape=(1,), stream=True)\ny = {node}\nreturn y")
    interpreter = Interpreter(Model("m", graph, {}).checked(), batch=1)
    after = []
    for value in x:
        interpreter.step({"x": np.array([[value]])})
        after.append(float(interpreter.state["y"]["v"][0, 0]))
    return after


# ------------------------------------------------------------------ integration


def test_if_sums_its_input() -> None:
    # gain 0.5: v = 0.5, 1.0 (not above 1), 1.5 S -> 0, 0.5
    assert trace("IF(x, gain=0.5)", [1, 1, 1, 1]) == [0, 0, 1, 0]


def test_lif_decays_towards_its_leak() -> None:
    # v = leak + decay (v - leak) + gain x with leak 0.5, decay 0.5, gain 2:
    # from 0: 0.5 + 0.5 (0 - 0.5) = 0.25; 0.5 + 0.5 (0.25 - 0.5) = 0.375;
    # 0.5 + 0.5 (0.375 - 0.5) + 2 * 0.25 = 0.9375; 0.5 + 0.5 (0.9375 - 0.5) + 2 * 0.25 = 1.21875 S -> 0
    assert voltages("LIF(x, decay=0.5, leak=0.5, gain=2.0)", [0, 0, 0.25, 0.25]) == [0.25, 0.375, 0.9375, 0.0]
    assert trace("LIF(x, decay=0.5, leak=0.5, gain=2.0)", [0, 0, 0.25, 0.25]) == [0, 0, 0, 1]


def test_li_and_i_put_out_their_voltage() -> None:
    # LI: 1, 0.5, 0.25, 1.125; I: 1, 1, 1, 2, from an initial 4 four more; LI from 4: 3, ...
    assert trace("LI(x, decay=0.5)", [1, 0, 0, 1]) == [1, 0.5, 0.25, 1.125]
    assert trace("LI(x, decay=0.5, initial=4.0)", [1, 0]) == [3, 1.5]
    # leak 1, decay 0.5, gain 2: 1 + 0.5 (0 - 1) + 2 = 2.5; 1 + 0.5 (2.5 - 1) = 1.75
    assert trace("LI(x, decay=0.5, leak=1.0, gain=2.0)", [1, 0]) == [2.5, 1.75]
    assert trace("I(x)", [1, 0, 0, 1]) == [1, 1, 1, 2]
    assert trace("I(x, gain=0.5, initial=4.0)", [1, 1]) == [4.5, 5]


def test_the_voltage_starts_at_initial() -> None:
    # v~ = 0.75 + 0.5 = 1.25 S at once; without it only in the third step: 0.5, 1.0, 1.5 S
    assert trace("IF(x, initial=0.75)", [0.5]) == [1]
    assert trace("IF(x)", [0.5, 0.5, 0.5]) == [0, 0, 1]


def test_current_based_neurons_use_the_new_or_the_old_current() -> None:
    # i = 0.5 i + x: 1, 0.5, 0.25.   new: v~ = 1, 1.5 S -> 0, 0.25   old: v~ = 0, 1, 1.5 S
    assert trace("CubaLIF(x, decay=1.0, current_decay=0.5)", [1, 0, 0]) == [0, 1, 0]
    assert trace("CubaLIF(x, decay=1.0, current_decay=0.5, current='old')", [1, 0, 0]) == [0, 0, 1]


def test_current_and_voltage_have_gains_of_their_own() -> None:
    # i = 0.5 i + 2 x = 2, 1; v~ = 0.5 v + 0.25 j + leak part 0.5 * 0.5:
    # 0.25 + 0.5 = 0.75; 0.25 + 0.375 + 0.25 = 0.875; i = 0.5: 0.25 + 0.4375 + 0.125 = 0.8125
    node = "CubaLIF(x, decay=0.5, current_decay=0.5, current_gain=2.0, gain=0.25, leak=0.5)"
    assert voltages(node, [1, 0, 0]) == [0.75, 0.875, 0.8125]


# ------------------------------------------------------------------ threshold, reset, rest


def test_above_or_at_the_threshold() -> None:
    # v = 0.5, 1.0: at the threshold in the second step, above it in the third
    assert trace("IF(x)", [0.5, 0.5, 0.5]) == [0, 0, 1]
    assert trace("IF(x, compare='>=')", [0.5, 0.5, 0.5]) == [0, 1, 0]
    assert trace("Threshold(x, threshold=0.5)", [0.25, 0.5, 0.75]) == [0, 0, 1]
    assert trace("Threshold(x, threshold=0.5, compare='>=')", [0.25, 0.5, 0.75]) == [0, 1, 1]


@pytest.mark.parametrize(
    ("facts", "after"),
    [
        # x = 0.75 at every step, threshold 1: v~ = 0.75, 1.5 S
        ("reset='zero'", [0.75, 0.0, 0.75, 0.0]),
        # -> 0.25; v~ = 1.0, which is not above 1; 1.75 S -> 0.25
        ("reset='value', reset_value=0.25", [0.75, 0.25, 1.0, 0.25]),
        # -> 0.5; v~ = 1.25 S -> 0.25; v~ = 1.0
        ("reset='subtract'", [0.75, 0.5, 0.25, 1.0]),
        ("reset='none'", [0.75, 1.5, 2.25, 3.0]),
        # the spike's own step keeps 1.5; the next: v~ = 2.25, reset to 0; then 0.75
        ("reset='zero', reset_at='next'", [0.75, 1.5, 0.0, 0.75]),
        ("reset='value', reset_value=-0.5, reset_at='next'", [0.75, 1.5, -0.5, 0.25]),
        # 1.5 S; v~ = 2.25 - 1 = 1.25 S; v~ = 2.0 - 1 = 1.0
        ("reset='subtract', reset_at='next'", [0.75, 1.5, 1.25, 1.0]),
    ],
)
def test_resets(facts: str, after: list[float]) -> None:
    assert voltages(f"IF(x, {facts})", [0.75] * 4) == after


def test_several_spikes_a_step_leave_what_is_below_one_threshold() -> None:
    """3.5 holds 1.5 twice and 0.5; with 1.0 more that is one at 1.5 exactly; below 0 there are none."""
    facts = "IF(x, threshold=1.5, reset='subtract', compare='>=', multispike=True)"
    assert trace(facts, [3.5, 1.0, -9.0, 3.0, 9.0]) == [2, 1, 0, 0, 2]
    assert voltages(facts, [3.5, 1.0, -9.0, 3.0, 9.0]) == [0.5, 0.0, -9.0, -6.0, 0.0]


def test_a_reset_in_the_next_step_differs_in_its_raster() -> None:
    # at the spike: 1.5 S -> 0, 1.5 S -> 0.   next: 1.5 S, v~ = 3.0 -> 0, 1.5 S
    assert trace("IF(x)", [1.5, 1.5, 1.5]) == [1, 1, 1]
    assert trace("IF(x, reset_at='next')", [1.5, 1.5, 1.5]) == [1, 0, 1]


def test_subtraction_may_leave_it_above_the_threshold() -> None:
    # v~ = 3.5 S -> 2.5; 2.5 S -> 1.5; 1.5 S -> 0.5; nothing more
    assert trace("IF(x, reset='subtract')", [3.5, 0, 0, 0]) == [1, 1, 1, 0]


def test_refractory_steps_hold_the_voltage_and_lose_the_input() -> None:
    # 1.5 S -> 0.25; two steps held at 0.25 with 1.5 lost each; 0.25 + 1.5 = 1.75 S -> 0.25
    node = "IF(x, reset='value', reset_value=0.25, refractory=2)"
    assert trace(node, [1.5] * 5) == [1, 0, 0, 1, 0]
    assert voltages(node, [1.5] * 5) == [0.25, 0.25, 0.25, 0.25, 0.25]


def test_no_leak_while_refractory() -> None:
    # 2 S -> subtract 1 -> 1; held; then 0.5 * 1 = 0.5, 0.25
    assert voltages("LIF(x, decay=0.5, reset='subtract', refractory=1)", [2, 0, 0, 0]) == [1, 1, 0.5, 0.25]


def test_the_current_goes_on_while_the_neuron_rests() -> None:
    # i = 2, 1, 0.5; v~ = 2 S -> 0; held; v~ = 0 + 0.5
    assert voltages("CubaLIF(x, decay=1.0, current_decay=0.5, refractory=1)", [2, 0, 0]) == [0, 0, 0.5]


# ------------------------------------------------------------------ parameters by neuron


def test_every_parameter_may_differ_by_neuron() -> None:
    # neuron 0: threshold 1, decay 0.5: v~ = 1, 1.5 S   neuron 1: threshold 2, decay 1: v~ = 1, 2, 3 S
    x = np.ones((4, 2))
    spikes = traces("LIF(x, decay='d', threshold='th')", x, d=np.array([0.5, 1.0]), th=np.array([1.0, 2.0]))
    assert spikes.T.tolist() == [[0, 1, 0, 1], [0, 0, 1, 0]]


def test_an_array_of_one_is_shared() -> None:
    x = np.ones((3, 2))
    assert np.array_equal(traces("LIF(x, decay='d')", x, d=np.array([0.5])), traces("LIF(x, decay=0.5)", x))


def test_initial_reset_value_leak_and_gain_by_neuron() -> None:
    # neuron 0: v~ = 0.5 * 0.5 + 1 = 1.25 S -> 0.5 and so on: it spikes at every step
    # neuron 1: leak 1: v~ = 1 + 0.5 (0 - 1) + 0.25 = 0.75; 1 + 0.5 (0.75 - 1) + 0.25 = 1.125 S -> -1
    #           1 + 0.5 (-1 - 1) + 0.25 = 0.25
    facts = "decay=0.5, initial='v0', reset='value', reset_value='r', leak='l', gain='g'"
    values = {"v0": [0.5, 0.0], "r": [0.5, -1.0], "l": [0.0, 1.0], "g": [1.0, 0.25]}
    weights = {name: np.array(value) for name, value in values.items()}
    assert traces(f"LIF(x, {facts})", np.ones((3, 2)), **weights).T.tolist() == [[1, 1, 1], [0, 1, 0]]


# ------------------------------------------------------------------ delays


def test_a_delay_puts_zeros_before_the_first_value() -> None:
    assert trace("Delay(x, steps=2)", [1, 2, 3, 4]) == [0, 0, 1, 2]
    assert trace("Delay(x, steps=0)", [1, 2]) == [1, 2]


def test_a_delay_by_neuron() -> None:
    x = np.array([[1.0, 10.0, 100.0], [2.0, 20.0, 200.0], [3.0, 30.0, 300.0]])
    y = traces("Delay(x, steps='s', longest=3)", x, s=np.array([0, 1, 3]))
    assert y.T.tolist() == [[1, 2, 3], [0, 10, 20], [0, 0, 0]]


def test_a_read_of_the_past_is_zero_before_the_first_step_whatever_the_initial_state() -> None:
    graph = parse("dt = 0.001\nx = Input(shape=(1,))\nv = I(x, initial=5.0)\ny = LeakyRelu(v@2)\nreturn y")
    assert run(Model("m", graph, {}), np.ones((1, 1)), 4)["y"].ravel().tolist() == [0, 0, 6, 7]


def test_the_same_node_may_be_read_at_several_delays_and_add_up() -> None:
    graph = parse("dt = 0.001\nx = Input(shape=(1,), stream=True)\ny = LeakyRelu(x, x@1, x@3)\nreturn y")
    # y(t) = x(t) + x(t-1) + x(t-3)
    x = np.array([1.0, 10.0, 100.0, 1000.0, 0.0]).reshape(1, 5, 1)
    assert run(Model("m", graph, {}), x)["y"].ravel().tolist() == [1, 11, 110, 1101, 1010]


def test_a_loop_by_hand() -> None:
    """An excitatory neuron that silences itself: rec weighs -2, one step late."""
    graph = parse("""\
dt = 0.001
x = Input(shape=(1,))
lif = IF(x, rec@1)
rec = Linear(lif, features=1, weight='w')
return lif""")
    # x = 1.5: v~ = 1.5 S -> 0; v~ = 0 + 1.5 - 2 = -0.5; v~ = 1.0; v~ = 2.5 S -> 0; -0.5
    spikes = run(Model("m", graph, {"w": np.array([[-2.0]])}), np.array([[1.5]]), 5)["lif"]
    assert spikes.ravel().tolist() == [1, 0, 0, 1, 0]
