"""SANA-FE counts the same events for the same network and spikes, and prices them alike."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

import nmc
from nmc import datasets, pipeline
from nmc.backends import target_named
from nmc.backends.sanafe.bookkeeping import compare
from nmc.chips import load_chip
from nmc.errors import UnsupportedError
from nmc.model import FloatArray, Model
from nmc.text import parse

LOIHI = load_chip("loihi1")

DENSE = """
dt = 0.001
x = Input(shape=(30,), stream=True)
q = QuantizeLinear(x, scale=1.0)
a = FixedDense(q, features=3000, weight='a')
h = FixedLIF(a@1, du=4095, dv=0, vth=300, bias_mant=5)
b = FixedDense(h, features=60, weight='b', weight_exp=1)
o = FixedLIF(b@1, du=4095, dv=0, vth=500)
y = Sum(o)
return y
"""
CONVOLUTIONAL = """
dt = 0.001
x = Input(shape=(2, 16, 16), stream=True)
q = QuantizeLinear(x, scale=1.0)
a = FixedConv2d(q, channels=16, kernel=(3, 3), padding=(1, 1, 1, 1), weight='a')
h = FixedLIF(a@1, du=4095, dv=0, vth=150)
b = FixedConv2d(h, channels=24, kernel=(3, 3), stride=(2, 2), weight='b')
i = FixedLIF(b@1, du=4095, dv=0, vth=600)
f = Flatten(i)
c = FixedDense(f, features=10, weight='c')
o = FixedLIF(c@1, du=4095, dv=0, vth=900)
y = Sum(o)
return y
"""
RECURRENT = """
dt = 0.001
x = Input(shape=(20,), stream=True)
q = QuantizeLinear(x, scale=1.0)
a = FixedDense(q, features=60, weight='a')
r = FixedDense(h, features=60, weight='r')
h = FixedLIF(a@1, r@1, du=4095, dv=0, vth=200)
y = Sum(h)
return y
"""


def model(text: str, **weights: tuple[int, ...]) -> Model:
    rng = np.random.default_rng(0)
    return Model("test", parse(text), {name: rng.choice([-9, -5, 3, 12, 30], shape) for name, shape in weights.items()})


NETWORKS = {
    "dense": model(DENSE, a=(3000, 30), b=(60, 3000)),
    "convolutional": model(CONVOLUTIONAL, a=(16, 2, 3, 3), b=(24, 16, 3, 3), c=(10, 24 * 7 * 7)),
    "recurrent": model(RECURRENT, a=(60, 20), r=(60, 60)),
}


def spikes(network: Model, steps: int = 12) -> FloatArray:
    shape = network.graph.signals["x"].shape
    return (np.random.default_rng(1).random((steps, *shape)) < 0.4).astype(float)


@pytest.mark.parametrize("profile", ["sanafe", "davies2018"])
@pytest.mark.parametrize("name", NETWORKS)
def test_counts_are_equal_and_energy_too(name: str, profile: str, sanafe_toolchain: None) -> None:
    network = NETWORKS[name]
    own, theirs = compare(network, spikes(network), LOIHI, profile)
    assert own.spikes > 100
    assert astuple(own)[:-1] == astuple(theirs)[:-1]
    assert own.energy_j == pytest.approx(theirs.energy_j, rel=1e-9)


def test_networks_that_take_many_cores_send_spikes_across_tiles(sanafe_toolchain: None) -> None:
    network = NETWORKS["dense"]
    own, _ = compare(network, spikes(network), LOIHI)
    assert own.hops > 1000
    assert own.messages > own.spikes


def test_a_trained_network_whose_voltages_decay(sanafe_toolchain: None) -> None:
    target, trained = target_named("loihi-sim"), nmc.load("digits-snn")
    lowered = pipeline.prepare(trained, target, target.configured({}))
    for x in datasets.test_data(trained, 2).x:
        own, theirs = compare(lowered, x, LOIHI)
        assert astuple(own)[:-1] == astuple(theirs)[:-1]
        assert own.energy_j == pytest.approx(theirs.energy_j, rel=0.01)


@pytest.mark.parametrize(
    ("change", "node", "message"),
    [
        (("dv=0, vth=200", "dv=0, vth=200, reset_interval=4"), "h", "SANA-FE has no such neuron"),
        (("du=4095", "du=100"), "h", "SANA-FE has no such neuron"),
        (("r@1", "r@2"), "h", "spikes of 'h' do not take one step"),
        (("weight='r')", "weight='r', num_message_bits=8)"), "r", "takes no such synapses"),
    ],
)
def test_what_sana_fe_cannot_mean_is_refused(change: tuple[str, str], node: str, message: str) -> None:
    network = model(RECURRENT.replace(*change), a=(60, 20), r=(60, 60))
    with pytest.raises(UnsupportedError, match=message) as caught:
        compare(network, spikes(network), LOIHI)
    assert caught.value.faults[0].node == node
