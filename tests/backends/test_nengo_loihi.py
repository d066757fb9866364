"""What NengoLoihi's target makes of a model, and what it refuses instead of running something else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import nmc
from nmc import passes, reference
from nmc.backends.loihi.engine import run_model
from nmc.backends.nengo_loihi.chip_network import chip_network
from nmc.backends.nengo_loihi.network import ChipNetwork, Leaky, Rectified
from nmc.backends.nengo_loihi.place_on_chip import PlaceOnChip
from nmc.backends.nengo_loihi.quantize import QuantizeNengoLoihi
from nmc.errors import UnsupportedError
from nmc.model import Model
from nmc.passes.fuse_synapses import FuseSynapses
from nmc.passes.quantization_errors import quantization_errors
from nmc.program import Program
from nmc.text import parse

SPIKES = "dt = 0.001\nx = Input(shape=(3,))\ne = BernoulliEncode(x, gain=0.5)\n"
ARRAYS = {
    "w": np.array([[0.9, -0.3, 0.5], [0.4, 0.7, -0.8]]),
    "p": np.array([[0.9, 0.3, 0.5], [0.4, 0.7, 0.8]]),
    "b": np.array([0.25, -0.125]),
    "r": np.array([[0.0, 0.3], [-0.3, 0.0]]),
    "s": np.array([[1.2, 0.9], [0.8, 1.5]]),
    "o": np.array([[1.0, -0.5]]),
}


def model_of(text: str, **arrays: NDArray[np.generic]) -> Model:
    """A spiking model with the arrays above, for a run of 30 steps."""
    graph = parse(text)
    return Model("example", graph, {}, 30).with_(graph, {**ARRAYS, **arrays}).checked()


def placed(text: str, calibration: NDArray[np.float64] | None = None, **arrays: NDArray[np.generic]) -> Model:
    return passes.apply((FuseSynapses(), PlaceOnChip()), model_of(text, **arrays), lambda: calibration)


def network_of(text: str) -> ChipNetwork:
    return chip_network(placed(text))


def test_a_layer_is_read_a_step_late_and_its_bias_comes_with_the_data() -> None:
    model = placed(f"{SPIKES}fc = Linear(e, features=2, weight='w', bias='b')\nn = LIF(fc, decay=0.9)\nreturn n")
    assert str(model.graph) == """\
dt = 0.001
lag = 1
x = Input(shape=(3,))
e = BernoulliEncode(x, gain=0.5)
fc = Linear(e@1, features=2, weight='fc.weight')
one = Constant(value='one.value', shape=(1,))
always_on = ConstantCurrent(one)
n_bias_axon = Linear(always_on@1, features=2, weight='n_bias_axon.weight')
n = LIF(fc, n_bias_axon, decay=0.9)
return n"""


def test_placing_changes_no_result() -> None:
    """Loops, skips through relays, delays, and readouts on the host, at their old relative times."""
    text = f"""{SPIKES}fc = Linear(e, features=2, weight='w', bias='b')
rec = Linear(n@1, features=2, weight='r')
n = CubaLIF(fc, rec, decay=0.9, current_decay=0.5, gain=2.0, current='old')
second = Linear(n, features=2, weight='s', bias='b')
m = IF(second)
third = Linear(m, features=2, weight='s')
skip = Linear(n, features=2, weight='s')
far = Linear(n@3, features=2, weight='r')
k = LIF(third, skip, far, decay=0.5, gain=2.0, refractory=2)
out = Linear(k, features=1, weight='o')
shown = LI(out, decay=0.8)
y = Last(shown)
return y, n, k"""
    model, chip = model_of(text), placed(text)
    x = np.random.default_rng(0).random((4, 3))
    expected, got = reference.run(model, x), reference.run(chip, x)
    assert "n_relay_1" in chip.graph
    for name, held in zip(model.graph.outputs, chip.graph.outputs, strict=True):
        assert np.allclose(got[held], expected[name]), name
        assert np.any(expected[name]), name


def test_real_inputs_go_as_binary_digits() -> None:
    """To within half a step of 8 bits."""
    text = "dt = 0.001\nx = Input(shape=(3,), stream=True)\nfc = Linear(x, features=2, weight='w')\n"
    text += "n = LIF(fc, decay=0.9)\nreturn n"
    x = np.random.default_rng(0).normal(0, 0.5, (4, 30, 3))
    x[0, 0, 0] = -2.0
    chip = placed(text, x)
    assert chip.graph.signals["x_bits"].shape == (2 * 7 * 3,)
    fired, expected = reference.run(chip, x)["n"], reference.run(model_of(text), x)["n"]
    assert np.mean(fired != expected) < 0.02 < np.mean(expected)


def test_neurons_that_only_rise_are_nengos_rectified_ones() -> None:
    rising = network_of(f"{SPIKES}fc = Linear(e, features=2, weight='p')\nn = IF(fc)\nreturn n")
    signed = network_of(f"{SPIKES}fc = Linear(e, features=2, weight='w')\nn = IF(fc)\nreturn n")
    assert rising.ensembles[0].neurons == Rectified()
    neurons = signed.ensembles[0].neurons
    assert isinstance(neurons, Leaky)
    assert neurons.tau_rc_s == pytest.approx(4.0945)  # 4095 steps of 1 ms: the least leak there is


def test_a_threshold_to_be_reached_is_lower_by_a_step_of_the_weights_and_reported() -> None:
    """Rounding lowers a threshold by half of 1/126 of the largest weight at most; to be reached, by 1/127 more."""
    text = f"{SPIKES}fc = Linear(e, features=2, weight='w')\nn = LIF(fc, decay=0.9)\nreturn n"
    found = {}
    for compare in (">", ">="):
        before = placed(text.replace("decay=0.9", f"decay=0.9, compare='{compare}'"))
        (error,) = quantization_errors(before, QuantizeNengoLoihi()(before, passes.no_samples)).thresholds
        assert error.population == "n"
        found[compare] = error.relative
    assert abs(found[">"]) < 0.5 / 126
    assert found[">="] - found[">"] == pytest.approx(-1 / 127, abs=0.5 / 126)


def test_integers_keep_the_rates() -> None:
    """200 steps of four kinds of neuron: as many spikes as in real numbers, to within a few percent."""
    for neurons in ("LIF(fc, decay=0.9)", "IF(fc)", "CubaLIF(fc, decay=0.9, current_decay=0.8)", "Threshold(fc)"):
        text = f"{SPIKES}fc = Linear(e, features=2, weight='w')\nn = {neurons}\ny = Sum(n)\nreturn y"
        chip = passes.apply((QuantizeNengoLoihi(),), placed(text))
        x = np.random.default_rng(0).random((20, 3))
        want, got = (reference.run(m, x, 200)["y"] for m in (model_of(text), chip))
        assert np.max(np.abs(got - want)) <= 5, neurons
        assert np.sum(got) == pytest.approx(np.sum(want), rel=0.04), neurons
        assert np.array_equal(run_model(chip, x, steps=200).outputs["y"], got)


REFUSED = {
    "n = LIF(fc, decay=0.9, reset='subtract')": "reset: subtract is not on the chip",
    "n = LIF(fc, decay=0.9, reset_at='next')": "reset_at: next is not on the chip",
    "n = LIF(fc, decay=0.9, initial=0.5)": "its voltage does not start at 0, where NengoLoihi starts every neuron",
    "n = LIF(fc, decay='d')": "its neurons differ in decay",
    "n = LIF(fc, decay=1.5)": "its decay is 1.5, the chip has 0 to 1",
    "n = LIF(fc, decay=0.9, threshold=-1.0)": "its threshold is -1, so that it spikes without input",
    "n = CubaLIF(fc, decay=0.9, current_decay=0.5, leak=0.5)": "its voltage leaks towards another value than 0",
    "n = CubaLIF(fc, decay=0.9, current_decay=1.0)": "its synapse's time constant is so long",
    "m = LI(fc, decay=0.9)\nn = LIF(m, decay=0.9)": "on the chip only spikes travel between neurons",
    "n = LI(fc, decay=0.9)": "none of its neurons spike, so that nothing is left for the chip",
    "m = Relu(fc)\nn = LIF(m, decay=0.9)": "Relu works on currents at every time step",
    "m = Softmax(fc)\nn = LIF(m, decay=0.9)": "Softmax works on currents at every time step",
    "m = LIF(fc, decay=0.9)\nn = RateEncode(m)": "RateEncode encodes what neurons put out",
    "m = Delay(fc, steps='d', longest=3)\nn = LIF(m, decay=0.9)": "its delays differ from element to element",
}


@pytest.mark.parametrize("lines", REFUSED)
def test_what_it_would_silently_change_is_refused_by_name(lines: str, tmp_path: Path) -> None:
    model = model_of(f"{SPIKES}fc = Linear(e, features=2, weight='w')\n{lines}\nreturn n", d=np.array([1, 2]))
    if "decay='d'" in lines:
        model = model_of(f"{SPIKES}fc = Linear(e, features=2, weight='w')\n{lines}\nreturn n", d=np.array([0.5, 0.9]))
    with pytest.raises(UnsupportedError, match=REFUSED[lines]) as caught:
        nmc.compile(model, "nengo-loihi-sim", tmp_path / "program")
    assert caught.value.faults[0].node in model.graph
    assert caught.value.faults[0].remedy
    assert not (tmp_path / "program").exists()


def test_a_loop_quicker_than_the_chip_is_spelled_out(tmp_path: Path) -> None:
    text = f"""{SPIKES}fc = Linear(e, features=2, weight='w')
back = Linear(m@1, features=2, weight='r')
n = LIF(fc, back, decay=0.9)
on = Linear(n, features=2, weight='r')
m = LIF(on, decay=0.9)
return m"""
    with pytest.raises(UnsupportedError, match="this loop has 2 synapses but a delay of 1 step only"):
        nmc.compile(model_of(text), "nengo-loihi-sim", tmp_path / "program")


def test_max_pooling_is_refused(tmp_path: Path) -> None:
    graph = parse("x = Input(shape=(1, 4, 4))\nc = Conv2d(x, channels=1, kernel=(1, 1), weight='k')\nr = Relu(c)\n"
                  "m = MaxPool2d(r, kernel=(2, 2))\nf = Flatten(m)\ny = Linear(f, features=1, weight='v')\nreturn y")
    model = Model("example", graph, {"k": np.ones((1, 1, 1, 1)), "v": np.ones((1, 4))})
    with pytest.raises(UnsupportedError, match="MaxPool2d takes the larger of rates, which spikes do not tell"):
        nmc.compile(model, "nengo-loihi-sim", tmp_path / "program")


def test_more_input_axons_than_a_core_has_are_refused(tmp_path: Path) -> None:
    text = "dt = 0.001\nx = Input(shape=(5000,))\ne = BernoulliEncode(x)\nfc = Linear(e, features=2, weight='w')\n"
    model = model_of(f"{text}n = LIF(fc, decay=0.9)\nreturn n", w=np.random.default_rng(0).normal(0, 0.1, (2, 5000)))
    with pytest.raises(UnsupportedError, match="node 'n': its neurons need 5000 input axons on a core, which has 4096"):
        nmc.compile(model, "nengo-loihi-sim", tmp_path / "program")


def test_more_cores_than_a_chip_has_are_refused(tmp_path: Path) -> None:
    text = "dt = 0.001\nx = Input(shape=(9,))\ne = BernoulliEncode(x)\nfc = Linear(e, features=140000, weight='w')\n"
    model = model_of(f"{text}n = LIF(fc, decay=0.9)\nreturn n", w=np.random.default_rng(0).normal(0, 0.1, (140000, 9)))
    with pytest.raises(UnsupportedError, match="the network needs 137 cores, and there are 128"):
        nmc.compile(model, "nengo-loihi-sim", tmp_path / "program", chips=1)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return nmc.compile("digits-snn", "nengo-loihi-sim", tmp_path_factory.mktemp("digits") / "program")


def test_a_run_is_priced_as_on_loihi_sim(digits: Program) -> None:
    estimate = nmc.estimate(digits, nmc.run(digits, np.random.default_rng(0).random((2, 1, 8, 8))))
    assert 0 < estimate.energy_j.low < estimate.energy_j.best < estimate.energy_j.high
    assert estimate.latency_s.best > 0


def test_it_can_be_recorded(digits: Program, tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((2, 1, 8, 8))
    result = nmc.run(digits, x, record=tmp_path / "recording", strict=True)
    assert np.array_equal(result.outputs["logits"], nmc.run(digits, x).outputs["logits"])
