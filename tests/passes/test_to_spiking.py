"""An ordinary network as a spiking one: the graph before and after, accuracy, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nmc import passes, reference
from nmc.backends import target_named
from nmc.backends.loihi import LoihiOptions
from nmc.backends.loihi.engine import run_model
from nmc.backends.nengo_loihi.target import NENGO_LOIHI
from nmc.errors import ModelError, UnsupportedError
from nmc.model import FloatArray, Model
from nmc.passes.fuse_synapses import FuseSynapses
from nmc.passes.rate_calibration import balance, encoded, fired
from nmc.passes.to_spiking import ToSpiking
from nmc.text import parse

LOIHI1 = target_named("loihi-sim")

SAMPLES = np.random.default_rng(0).random((32, 6))


def network(text: str, **weights: FloatArray) -> Model:
    return Model("m", parse(f"x = Input(shape=(6,))\n{text}"), weights).checked()


def random(*shape: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(size=shape) * 0.5


def spiking(model: Model, samples: FloatArray | None = SAMPLES, **options: object) -> Model:
    return passes.apply([ToSpiking(**options)], model, lambda: samples)


def two_layers() -> Model:
    return network("""fc1 = Linear(x, features=12, weight='w', bias='b')
relu = Relu(fc1)
fc2 = Linear(relu, features=3, weight='v')
y = Softmax(fc2)
return y""", w=random(12, 6), b=random(12) * 0.2, v=random(3, 12, seed=1))


def test_a_network_before_and_after() -> None:
    model = spiking(two_layers(), steps=40)
    text = str(model.graph)
    threshold = model.graph["relu"].threshold
    assert text == f"""dt = 0.001
x = Input(shape=(6,))
encode = RateEncode(x)
fc1 = Linear(encode, features=12, weight='w', bias='b')
relu = IF(fc1, threshold={threshold!r})
relu_decoded = BatchNorm(relu, scale='relu_decoded.scale', bias='relu_decoded.bias', mean='relu_decoded.mean', """ \
        """variance='relu_decoded.variance', epsilon=0.0)
fc2 = Linear(relu_decoded, features=3, weight='v')
fc2_mean_integral = I(fc2, gain=0.025)
fc2_mean = Last(fc2_mean_integral)
y = Softmax(fc2_mean)
return y"""
    assert model.steps == 40


def test_the_host_squares_what_the_last_layer_gives() -> None:
    """The difference is linear, and stays on the chip; the mean of the squares is the host's, as they are."""
    model = network("""fc = Linear(x, features=6, weight='w')
d = Sub(fc, x)
s = Mul(d, d)
y = ReduceMean(s, axes=(0,))
return y""", w=random(6, 6))
    text = str(spiking(model, steps=40, encoding="current").graph)
    assert text.endswith("""fc = Linear(encode, features=6, weight='w')
d = Sub(fc, encode)
d_mean_integral = I(d, gain=0.025)
d_mean = Last(d_mean_integral)
s = Mul(d_mean, d_mean)
y = ReduceMean(s, axes=(0,))
return y""")


@pytest.mark.parametrize("encoding", ["rate", "current"])
def test_rates_come_close_to_the_network(encoding: str) -> None:
    """With time they come closer: the count of n steps resolves 1 / n."""
    network_ = two_layers()
    fresh = np.random.default_rng(5).random((50, 6))
    want = reference.run(network_, fresh)["y"]
    errors = []
    for steps in (16, 256):
        model = passes.apply([ToSpiking(steps, encoding), FuseSynapses()], network_, lambda: SAMPLES)
        errors.append(float(np.abs(reference.run(model, fresh)["y"] - want).max()))
    assert errors[1] < errors[0]
    assert errors[1] < 0.1


def test_large_inputs_are_scaled_into_rates_and_back() -> None:
    model = network("y = Linear(x, features=2, weight='w')\nreturn y", w=random(2, 6))
    samples = SAMPLES * 8
    rates = spiking(model, samples, steps=100)
    assert rates.graph["encode"].gain == 1 / samples.max()
    np.testing.assert_allclose(
        reference.run(rates, samples)["y"], reference.run(model, samples)["y"], atol=8 * 6 / 100
    )


def test_what_is_before_the_first_layer_and_after_the_last_stays_on_the_host() -> None:
    model = network("""c = Clip(x, minimum=0.2, maximum=0.8)
h = Linear(c, features=4, weight='w')
r = Relu(h)
f = Reshape(r, shape=(2, 2))
y = Sigmoid(f)
return y""", w=random(4, 6))
    text = str(spiking(model).graph)
    assert "c = Clip(x, minimum=0.2, maximum=0.8)\nc_encoded = RateEncode(c)" in text
    assert "h_mean = Last(h_mean_integral)\nr = Relu(h_mean)\nf = Reshape(r, shape=(2, 2))\ny = Sigmoid(f)" in text
    assert "IF(" not in text


def test_branches_that_meet_are_decoded_apart() -> None:
    model = network("""a = Linear(x, features=8, weight='w')
r = Relu(a)
b = Linear(r, features=8, weight='v')
s = Add(b, r)
q = Relu(s)
y = Linear(q, features=3, weight='u')
return y""", w=random(8, 6), v=random(8, 8), u=random(3, 8))
    rates = passes.apply([ToSpiking(400), FuseSynapses()], model, lambda: SAMPLES)
    want = reference.run(model, SAMPLES)["y"]
    have = reference.run(rates, SAMPLES)["y"]
    assert np.sqrt(np.mean((have - want) ** 2)) < 0.15 * np.sqrt(np.mean(want**2))


def test_an_output_keeps_its_name() -> None:
    model = network("y = Linear(x, features=2, weight='w')\nreturn y", w=random(2, 6))
    rates = spiking(model)
    assert rates.graph.outputs == ("y",)
    assert rates.graph.signals["y"].timing == "final"


def test_a_spiking_network_gets_its_steps_and_nothing_else() -> None:
    model = Model("m", parse("""dt = 0.001
x = Input(shape=(2,))
n = IF(x)
y = Sum(n)
return y"""), {}, steps=10)
    assert spiking(model).graph == model.graph
    assert spiking(model).steps == 10
    assert spiking(model, steps=30).steps == 30


def test_reset_to_zero_is_made_up_for() -> None:
    """A current of 0.6 with threshold 1 spikes every 2nd step: each spike stands for 1.2, not for 1."""
    current = np.full((1, 100, 1), 0.6)
    assert fired(current, 1.0).mean() == 0.5
    chosen = balance(current, np.array([[0.6]]))
    assert chosen.amplitude * chosen.spikes.mean() == pytest.approx(0.6)


def test_soft_reset_and_first_charge_are_facts_of_the_nodes() -> None:
    """Encoders start with the charge, neurons with as much of it as decodes best."""
    graph = spiking(two_layers(), steps=40, reset="subtract", charge=0.5).graph
    relu, encode = graph["relu"], graph["encode"]
    assert encode.initial == 0.5 and relu.reset == "subtract"
    assert relu.initial / relu.threshold in (0.0, 0.25, 0.5)
    text = str(graph)
    assert "encode = RateEncode(x, initial=0.5)" in text
    assert f"relu = IF(fc1, initial={relu.initial!r}, threshold={relu.threshold!r}, reset='subtract')" in text


def test_a_soft_reset_loses_no_charge() -> None:
    """0.6 at each of 100 steps adds up to 60 thresholds of 1; the last may be a step away."""
    current = np.full((1, 100, 1), 0.6)
    assert fired(current, 1.0, "subtract").sum() in (59, 60)
    assert fired(current, 1.0, "zero").sum() == 50


@pytest.mark.parametrize("reset", ["zero", "subtract"])
@pytest.mark.parametrize("charge", [0.0, 0.5])
def test_the_simulated_spikes_are_those_of_the_reference(reset: str, charge: float) -> None:
    neuron = f"IF(x, initial={charge * 1.5}, threshold=1.5, reset='{reset}')"
    text = f"dt = 0.001\nx = Input(shape=(6,))\ny = {neuron}\nreturn y"
    current = np.repeat(SAMPLES[:, None], 20, axis=1)
    want = reference.run(Model("m", parse(text), {}), SAMPLES, 20)["y"]
    assert np.array_equal(fired(current, 1.5, reset, charge * 1.5), want)


@settings(max_examples=30, deadline=None)
@given(
    current=arrays(np.float64, (2, 8, 3), elements=st.floats(-1, 1)),
    activation=arrays(np.float64, (2, 3), elements=st.floats(0, 1)),
    reset=st.sampled_from(["zero", "subtract"]),
)  # fmt: skip
def test_a_choice_of_charges_decodes_no_worse_than_none(
    current: FloatArray, activation: FloatArray, reset: str
) -> None:
    def error(charge: float) -> float:
        chosen = balance(current, activation, reset, charge)
        assert 0 <= chosen.initial <= charge * chosen.threshold
        return float(np.sum((chosen.amplitude * chosen.spikes.mean(axis=1) - activation) ** 2))

    assert error(0.5) <= error(0.0) + 1e-12


def test_few_steps_come_closer_with_soft_reset_and_first_charge() -> None:
    """Each by itself, and both together most."""
    model, x = two_layers(), np.random.default_rng(5).random((200, 6))
    want = reference.run(model, x, record=["fc2"])["fc2"]

    def error(**options: object) -> float:
        have = reference.run(spiking(model, steps=8, **options), x, record=["fc2_mean"])["fc2_mean"]
        return float(np.mean((have - want) ** 2))

    neither, soft, charged = error(), error(reset="subtract"), error(charge=0.5)
    assert error(reset="subtract", charge=0.5) < min(soft, charged) < max(soft, charged) < neither


@pytest.mark.parametrize("charge", [0.0, 0.5])
def test_rate_encoding_is_that_of_the_reference(charge: float) -> None:
    text = f"dt = 0.001\nx = Input(shape=(6,))\ny = RateEncode(x, initial={charge})\nreturn y"
    model = Model("m", parse(text), {})
    assert np.array_equal(reference.run(model, SAMPLES, 20)["y"], encoded(SAMPLES, 20, charge))


def test_a_charge_is_there_when_the_data_arrives_on_the_chip() -> None:
    """Populations work late there, and biases must not touch the voltage before: the integers say it, too."""
    model = two_layers()
    fixed = passes.apply(LOIHI1.passes(LoihiOptions(steps=16, charge=0.5)), model, lambda: SAMPLES)
    real = spiking(model, steps=16, charge=0.5)
    assert real.graph["relu"].initial > 0
    unit = fixed.graph["relu"].vth * 64 / real.graph["relu"].threshold
    assert fixed.graph["relu"].initial == pytest.approx(real.graph["relu"].initial * unit, rel=0.02)
    have, want = run_model(fixed, SAMPLES).outputs["y"], reference.run(real, SAMPLES)["y"]
    assert np.abs(have - want).max() < 0.1
    assert np.array_equal(have, reference.run(fixed, SAMPLES)["y"])


def test_a_chip_that_resets_to_zero_refuses_a_soft_reset_by_name() -> None:
    with pytest.raises(UnsupportedError, match=r"node 'relu': reset: subtract is not on the chip[^$]*or convert it so"):
        passes.apply(LOIHI1.passes(LoihiOptions(reset="subtract")), two_layers(), lambda: SAMPLES)


def test_nengo_loihi_refuses_a_charge_by_name() -> None:
    with pytest.raises(UnsupportedError, match=r"node 'relu': its voltage does not start at 0[^$]*option charge"):
        settings = NENGO_LOIHI.configured({"steps": 16, "charge": 0.5})
        passes.apply(NENGO_LOIHI.passes(settings), two_layers(), lambda: SAMPLES)


def complaint(model: Model, **options: object) -> str:
    with pytest.raises(UnsupportedError) as caught:
        spiking(model, **options)
    return str(caught.value)


def test_all_layers_without_a_spiking_counterpart_are_named() -> None:
    model = Model("m", parse("""x = Input(shape=(1, 8, 8))
c = Conv2d(x, channels=2, kernel=(3, 3), weight='w')
p = MaxPool2d(c, kernel=(2, 2))
t = Tanh(p)
f = Flatten(t)
y = Linear(f, features=2, weight='v')
return y"""), {"w": random(2, 1, 3, 3), "v": random(2, 18)}).checked()
    text = complaint(model, samples=np.ones((2, 1, 8, 8)))
    assert "<graph>:3: node 'p': MaxPool2d takes the larger of rates" in text
    assert "-> choose the option max_pool=average or max_pool=pairwise, or train the network with AvgPool2d" in text
    assert "<graph>:4: node 't': Tanh stands between layers" in text


def test_negative_inputs_have_spikes_of_their_own() -> None:
    """Values from -1 to 1: over 200 steps each is off by at most one spike, times the weights it meets."""
    model = network("y = Linear(x, features=2, weight='w')\nreturn y", w=random(2, 6))
    samples = 2 * SAMPLES - 1
    rates = spiking(model, samples, steps=200)
    assert [node.gain for node in rates.graph if node.kind == "RateEncode"] == [1.0, -1.0]
    want, have = reference.run(model, samples)["y"], reference.run(rates, samples)["y"]
    assert np.max(np.abs(have - want)) <= np.abs(model.weights["w"]).sum(axis=1).max() / 200 + 1e-9
    assert spiking(model, samples, encoding="current").graph["encode"].kind == "ConstantCurrent"


def test_without_samples_there_is_nothing_to_go_by() -> None:
    with pytest.raises(ModelError, match="takes samples"):
        spiking(two_layers(), None)
