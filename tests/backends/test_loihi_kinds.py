"""Every kind of fixed-point node in the native emulator against the reference: not one bit may differ."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.one_by_one import assert_repeats

from conformance.networks import Case, convolutional_network, dense_network, direct_network, graded_network
from nmc import reference
from nmc.backends.loihi.native import Emulator
from nmc.backends.loihi.native.layout import CHIP
from nmc.backends.loihi.native.plan import Plan
from nmc.backends.loihi.native.runners import PREPARED
from nmc.errors import UsageError
from nmc.model import FloatArray, Model
from nmc.nodes.fixed_point import KINDS
from nmc.reference import Interpreter
from nmc.text import parse

HEAD = "dt = 0.001\nx = Input(shape=(3,), stream=True)\n"


def network(text: str, **weights: object) -> Model:
    return Model("m", parse(HEAD + text), {name: np.array(array) for name, array in weights.items()}).checked()


def assert_equals_reference(model: Model, feeds: dict[str, FloatArray], x: FloatArray, windows: list[int]) -> None:
    """Outputs and states, where the emulator runs so many steps at a time, the reference one; then after a reset."""
    chip, interpreter = Emulator(model, len(x)), Interpreter(model, len(x))
    kinds = [node for node in model.graph if isinstance(node, CHIP)]
    names = [node.name for node in kinds]
    (entrance,) = (node.name for node in model.graph if node.kind == "Input")
    first, begun = 0, {}
    for steps in windows:
        fed = {name: value[:, first : first + steps].astype(np.int32) for name, value in feeds.items()}
        native = chip.advance(fed, steps, names)
        begun = begun or native
        for t in range(steps):
            values = interpreter.step({entrance: x[:, first + t]})
            for name in names:
                assert np.array_equal(native[name][:, t], values[name]), f"{name}, step {first + t + 1}\n{model.graph}"
        for name in names:
            carried = chip.state(name)
            assert carried.keys() == interpreter.state[name].keys()
            for part, value in interpreter.state[name].items():
                assert np.array_equal(carried[part].reshape(value.shape), value), f"{name}/{part}\n{model.graph}"
        first += steps
    chip.reset()
    fed = {name: value[:, : windows[0]].astype(np.int32) for name, value in feeds.items()}
    for name, value in chip.advance(fed, windows[0], names).items():
        assert np.array_equal(value, begun[name]), f"{name} after a reset\n{model.graph}"


def test_every_kind_is_known() -> None:
    assert set(KINDS) <= set(PREPARED)


@pytest.mark.parametrize("make", [graded_network, dense_network, direct_network, convolutional_network])
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), steps=st.lists(st.integers(1, 6), min_size=2, max_size=4))
def test_random_networks_are_exact_in_windows_of_any_length(make, seed: int, steps: list[int]) -> None:
    case: Case = make(seed)
    windows = [n for n, end in zip(steps, np.cumsum(steps), strict=True) if end <= case.steps]
    assert_equals_reference(case.model, {"sent": case.x}, case.x, windows)
    names = [node.name for node in case.model.graph if isinstance(node, CHIP)]
    assert_repeats(Plan.of(case.model), {"sent": case.x.astype(np.int32)}, case.steps, names)


LARGE = 2**31 - 1
EDGES = np.array([0, 1, -1, LARGE, -LARGE - 1, 2**30, -(2**30), 2**25, 63])
NEURONS = [
    "n = FixedTernaryLIF(x, du=-1, dv=0, vth_hi=5, vth_lo=-5, bias_mant=-3, bias_exp=15, initial=2147483647)",
    "n = FixedTernaryLIF(x, du=4095, dv=4096, vth_hi=-70, vth_lo=-131071)",
    "n = FixedResonator(x, sin_decay=32768, cos_decay=-32768, decay_bits=15, vth=1, state_exp=15)",
    "n = FixedResonator(x, x@1, sin_decay=3, cos_decay=2, decay_bits=2, vth=-2147483647, fires='izhikevich')",
    "n = FixedResonator(x, x, sin_decay=1, cos_decay=2, decay_bits=1, vth=2147483647, fires='izhikevich')",
    "n = FixedDelta(x, vth=0, spike_exp=15, state_exp=15)",
    "n = FixedDelta(x, vth=1, cumulative=True)",
    "n = FixedDelta(x, x@1, vth=2147483647, cumulative=True)",
    "n = FixedSigma(x, x@2)",
    "n = FixedSigmaDelta(x, vth=3, cumulative=True, bias=32767, state_exp=15)",
    "n = FixedSigmaDelta(x, vth=3, bias=-1, spike_exp=4, activation='unit')",
    "n = FixedGraded(x, vth=-1)",
    "n = FixedGraded(x, vth=-2147483648, rectified=True)",
    "n = FixedProduct(x, x@1, vth=0, exp=31)",
    "n = FixedProduct(x, x, vth=-1)",
    "n = FixedNormDelay(x, x, vth=0)",
    "n = FixedNormDelay(x, x@2, vth=100000)",
]


@pytest.mark.parametrize("text", NEURONS)
def test_neurons_are_exact_at_the_ends_of_32_bits(text: str) -> None:
    x = np.random.default_rng(0).choice(EDGES, (3, 40, 3)).astype(np.float64)
    assert_equals_reference(network(f"{text}\nreturn n"), {"x": x}, x, [1, 20, 19])


SYNAPSES = {
    "FixedSparse": "synapses=4, weight='w', column='c', row_start='r'",
    "FixedDelayDense": "weight='v', delay='e', longest=3",
    "FixedDelaySparse": "synapses=4, weight='w', column='c', row_start='r', delay='d', longest=3",
}
ARRAYS = {
    "w": [-256, 254, 0, 3], "c": [0, 2, 1, 2], "r": [0, 2, 4], "d": [0, 3, 1, 2],
    "v": [[-256, 0, 254], [0, 7, 3]], "e": [[0, 1, 3], [2, 1, 2]],
}  # fmt: skip


@pytest.mark.parametrize("bits", [0, 24])
@pytest.mark.parametrize("exponent", [-31, -3, 0, 31])
@pytest.mark.parametrize("kind", SYNAPSES)
def test_synapses_are_exact_at_the_ends_of_32_bits(kind: str, exponent: int, bits: int) -> None:
    facts = f"features=2, weight_exp={exponent}, num_message_bits={bits}, {SYNAPSES[kind]}"
    model = network(f"d = {kind}(x, {facts})\nn = FixedSigma(d@1)\nreturn n", **ARRAYS)
    x = np.random.default_rng(0).choice(EDGES, (3, 40, 3)).astype(np.float64)
    assert_equals_reference(model, {"x": x}, x, [1, 20, 19])


def test_synapses_read_a_convolution_in_the_order_of_the_model() -> None:
    """What a convolution puts out lies with its channels innermost; a synapse over it still meets its own weights."""
    rng = np.random.default_rng(0)
    model = Model("m", parse(
        "dt = 0.001\nx = Input(shape=(2, 3, 3), stream=True)\n"
        "c = FixedConv2d(x, channels=2, kernel=(2, 2), weight='k')\n"
        "n = FixedTernaryLIF(c@1, du=4095, dv=100, vth_hi=20, vth_lo=-20, bias_mant='b', initial='b')\n"
        "f = Flatten(n)\nd = FixedDelayDense(f, features=3, weight='w', delay='e', longest=2, num_message_bits=2)\n"
        "m = FixedDelta(d@1, vth=50)\ne = FixedProduct(n, c@1)\nreturn m, e"
    ), {
        "k": rng.integers(-10, 10, (2, 2, 2, 2)) * 2, "b": rng.integers(-300, 300, (2, 2, 2)),
        "w": rng.integers(-100, 100, (3, 8)) * 2, "e": rng.integers(0, 3, (3, 8)),
    }).checked()
    x = (rng.random((2, 20, 2, 3, 3)) < 0.5).astype(np.float64)
    assert reference.run(model, x)["m"].any()
    assert_equals_reference(model, {"x": x}, x, [12, 8])


def test_messages_and_operations_are_counted() -> None:
    """x is 5, 5, 9 at element 0: a change is sent at steps 1 and 3, and each reads the two weights other than 0."""
    model = network(
        "s = FixedDelta(x, vth=1)\nd = FixedDelayDense(s, features=3, weight='w', delay='e', longest=1, "
        "num_message_bits=8)\nn = FixedSigma(d@1)\nreturn n",
        w=[[2, 0, 0], [4, 0, 0], [0, 6, 0]], e=np.ones((3, 3)),
    )
    x = np.zeros((1, 3, 3), np.int32)
    x[0, :, 0] = [5, 5, 9]
    chip = Emulator(model, 1)
    chip.advance({"x": x}, 3, ())
    events = chip.events()
    assert events["s"].spikes is not None
    assert events["s"].spikes.tolist() == [2.0, 0.0, 0.0]
    assert events["s"].neuron_updates == 3 * 3
    assert events["d"].synaptic_operations == 2 * 2
    assert chip.state("d")["line"].tolist() == [[[0, 8], [0, 16], [0, 0]]]  # 9 - 5 = 4 has been sent, times 2 and 4


def test_a_reset_forgets_all_that_is_carried() -> None:
    model = network("s = FixedSigma(x)\nd = FixedDelayDense(s, features=2, weight='v', delay='e', longest=3, "
                    "num_message_bits=8)\nn = FixedDelta(d@1, vth=1)\nreturn n", v=ARRAYS["v"], e=ARRAYS["e"])
    x = np.random.default_rng(0).integers(-9, 9, (2, 8, 3), dtype=np.int32)
    chip = Emulator(model, 2)
    once = chip.advance({"x": x}, 8, ["n"])["n"]
    chip.reset()
    assert once.any()
    assert np.array_equal(chip.advance({"x": x}, 8, ["n"])["n"], once)


def test_state_is_asked_of_nodes_on_the_chip() -> None:
    chip = Emulator(network("n = FixedGraded(x)\nreturn n"), 1)
    assert chip.state("n") == {}
    with pytest.raises(UsageError, match="does not compute 'x'"):
        chip.state("x")
