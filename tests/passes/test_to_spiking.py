"""An ordinary network as a spiking one: the graph before and after, accuracy, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from nmc import passes, reference
from nmc.errors import ModelError, UnsupportedError
from nmc.model import FloatArray, Model
from nmc.passes.fuse_synapses import FuseSynapses
from nmc.passes.rate_calibration import balance, encoded, fired
from nmc.passes.to_spiking import ToSpiking
from nmc.text import parse

SAMPLES = np.random.default_rng(0).random((32, 6))


def network(text: str, **weights: FloatArray) -> Model:
    return Model("m", parse(f"x = Input(shape=(6,))\n{text}"), weights).checked()


def random(*shape: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(size=shape) * 0.5


def spiking(model: Model, samples: FloatArray | None = SAMPLES, **options: object) -> Model:
    return passes.apply([ToSpiking(calibration=samples, **options)], model)


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
        model = passes.apply([ToSpiking(steps, encoding, SAMPLES), FuseSynapses()], network_)
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
    rates = passes.apply([ToSpiking(400, "rate", SAMPLES), FuseSynapses()], model)
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


def test_rate_encoding_is_that_of_the_reference() -> None:
    model = Model("m", parse("dt = 0.001\nx = Input(shape=(6,))\ny = RateEncode(x)\nreturn y"), {})
    assert np.array_equal(reference.run(model, SAMPLES, 20)["y"], encoded(SAMPLES, 20))


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
    assert "-> train the network with AvgPool2d, or with a stride in the layer before" in text
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
