"""NengoLoihi's compartments and binary digits, by hand; the native emulator against them where numbers wrap."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nmc import reference
from nmc.backends.loihi.engine import run_model
from nmc.model import Model
from nmc.text import parse


def neurons(facts: str, weight: int = 64, bias: int = 0) -> Model:
    graph = parse(f"""
dt = 0.001
x = Input(shape=(1,), stream=True)
fc = FixedDense(x, features=1, weight='w')
n = FixedCompartments(fc, bias={bias}, {facts})
return n
""")
    return Model("one neuron", graph, {"w": np.array([[weight]])})


def test_a_voltage_decays_towards_zero_and_resets() -> None:
    """64 a step and a decay of 1/2: 64, 32 + 64 = 96, 48 + 64 = 112 > 100: a spike; then again from 0."""
    model = neurons("decay_u=4094, decay_v=2048, vth=100")
    assert reference.run(model, np.ones((1, 7, 1)))["n"][0, :, 0].tolist() == [0, 0, 1, 0, 0, 1, 0]


def test_a_current_remembers() -> None:
    """decay_u = 2047 keeps half: 64, 32, 16... of one spike; the voltage sums it: 64, 96, 112 > 100."""
    model = neurons("decay_u=2047, decay_v=0, vth=100")
    x = np.zeros((1, 4, 1))
    x[0, 0] = 1
    assert reference.run(model, x)["n"][0, :, 0].tolist() == [0, 0, 1, 0]


def test_it_rests_after_a_spike() -> None:
    model = neurons("decay_u=4094, decay_v=0, vth=63, refractory=2")
    assert reference.run(model, np.ones((1, 6, 1)))["n"][0, :, 0].tolist() == [1, 0, 0, 1, 0, 0]


def test_a_floor_holds_the_voltage() -> None:
    """-64, 64, 64: without a floor the voltage is -64, 0, 64; with one at 0 it is 0, 64."""
    x = np.array([1.0, 0, 0])[None, :, None]
    graph = parse("""
dt = 0.001
x = Input(shape=(1,), stream=True)
fc = FixedDense(x, features=1, weight='w')
free = FixedCompartments(fc, bias=64, decay_u=4094, decay_v=0, vth=100, vmin=-1000)
held = FixedCompartments(fc, bias=64, decay_u=4094, decay_v=0, vth=100)
return free, held
""")
    results = reference.run(Model("floor", graph, {"w": np.array([[-192]])}), x)
    assert [results[name][0, :, 0].tolist() for name in ("free", "held")] == [[0, 0, 0], [0, 0, 1]]


@settings(max_examples=60, deadline=None)
@given(
    weight=st.integers(-(2**22), 2**22), bias=st.integers(-(2**23), 2**23), decay_u=st.integers(0, 4095),
    decay_v=st.integers(0, 4095), vth=st.integers(1, 2**23), refractory=st.integers(0, 3),
    vmin=st.sampled_from([0, -1023, 1 - 2**31]), seed=st.integers(0, 99),
)  # fmt: skip
def test_the_emulator_wraps_as_it_should(
    weight: int, bias: int, decay_u: int, decay_v: int, vth: int, refractory: int, vmin: int, seed: int
) -> None:
    facts = f"decay_u={decay_u}, decay_v={decay_v}, vth={vth}, refractory={refractory}, vmin={vmin}"
    model = neurons(facts, weight, bias)
    x = (np.random.default_rng(seed).random((2, 40, 1)) < 0.5).astype(np.float64)
    assert np.array_equal(run_model(model, x).outputs["n"], reference.run(model, x)["n"])


def test_numbers_as_binary_digits() -> None:
    """5 = 101 and -2: digits from the lowest, those of positive numbers before those of negative ones."""
    model = Model("digits", parse("x = Input(shape=(2,))\ny = BitPlanes(x, bits=4)\nreturn y"), {})
    planes = reference.run(model, np.array([[5.0, -2.0]]))["y"]
    assert planes.reshape(3, 2, 2).tolist() == [[[1, 0], [0, 0]], [[0, 0], [0, 1]], [[1, 0], [0, 0]]]
