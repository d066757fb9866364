"""A graph in PyTorch means what the reference says."""

from __future__ import annotations

import numpy as np
import pytest

import nmc
from needs import extra
from nmc import datasets, reference
from nmc.model import Model
from nmc.text import parse

torch = extra("torch")
from nmc.nodes.parameters import fitted_arrays  # noqa: E402
from nmc.training.network import FORWARDS, Network  # noqa: E402

TENSOR = """
c1 = Conv2d(x, channels=4, kernel=(3, 3), stride=(2, 1), padding=(1, 0, 0, 2), weight='c1', bias='c1b', groups=2)
n = BatchNorm(c1, scale='s', bias='b', mean='m', variance='v')
l = LeakyRelu(n)
p = MaxPool2d(l, kernel=(2, 2), padding=(0, 1, 1, 0))
q = AvgPool2d(p, kernel=(2, 2), stride=(1, 1), padding=(1, 1, 0, 0))
t = ConvTranspose2d(q, channels=1, kernel=(2, 3), stride=(2, 1), padding=(0, 1, 1, 0), output_padding=(1,0), weight='t')
z = Pad(t, padding=(0, 1, 0, 0, 0, 1), value=0.5)
f = Tanh(z)
g = GlobalAvgPool(f)
r = Transpose(f, permutation=(2, 0, 1))
mm = MatMul(r, r2)
r2 = Transpose(r, permutation=(0, 2, 1))
d = Softmax(mm, axis=1)
e = ReduceProd(d, axes=(1, 2))
h = Reshape(e, shape=(-1, 1, 1))
k = Slice(h, axis=0, start=0, stop=2)
o = Div(k, u)
u = Affine(g, gain=0.5, offset=3.0)
w = Where(o3, o, g)
o3 = Greater(g, o)
y = Concat(w, o, axis=0)
"""


def test_tensor_nodes() -> None:
    graph = parse("x = Input(shape=(4, 7, 6))" + TENSOR + "return y")
    rng = np.random.default_rng(0)
    model = Model("m", graph, {name: rng.uniform(0.1, 1, spec.shape) for name, spec in fitted_arrays(graph).items()})
    x = rng.normal(size=(5, 4, 7, 6))
    got = Network(model)(torch.tensor(x, dtype=torch.float32)).detach().numpy()
    assert np.allclose(got, reference.run(model, x)["y"], atol=1e-5)


@pytest.mark.parametrize(
    "neuron",
    [
        "LIF(x, decay=0.9, threshold=0.7, reset='subtract', leak=0.1)",
        "LIF(x, decay=0.9, reset='value', reset_value=-0.5, refractory=2, gain=0.8)",
        "CubaLIF(x, decay=0.9, current_decay=0.5, current='old', reset_at='next', compare='>=')",
        "IF(x, gain=0.5, threshold='th')",
        "LIF(x, decay=0.9, threshold=0.7, reset='none')",
        "LIF(x, decay=0.9, threshold='th', reset='subtract', compare='>=', multispike=True)",
        "LI(x, decay=0.7, leak=0.2, initial=0.5)",
        "I(x, gain=0.5)",
        "RateEncode(x, gain=0.6)",
        "Threshold(x, threshold=0.5)",
    ],
)
@pytest.mark.parametrize("readout", ["Last(s)", "Sum(s)", "Mean(s)", "Max(s)", "ConstantCurrent(s)"])
def test_nodes_in_time(neuron: str, readout: str) -> None:
    graph = parse(f"dt = 0.001\nx = Input(shape=(3,), stream=True)\ns = {neuron}\ny = {readout}\nreturn y")
    model = Model("m", graph, {"th": np.array([0.3, 0.5, 0.9])} if "th" in neuron.split("'") else {})
    x = np.random.default_rng(1).uniform(-0.2, 1.2, (4, 12, 3)).astype(np.float32)
    got = Network(model)(torch.tensor(x)).detach().numpy()
    assert np.allclose(got, reference.run(model, x)["y"], atol=1e-5)


@pytest.mark.parametrize("name", ["digits-cnn", "digits-snn", "vowels-rsnn"])
def test_models_of_the_zoo(name: str) -> None:
    model = nmc.load(name)
    x = datasets.test_data(model).x[:8]
    got = Network(model)(torch.tensor(x, dtype=torch.float32)).detach().numpy()
    assert np.allclose(got, reference.run(model, x)[model.graph.outputs[0]], atol=1e-4)


def test_what_is_trained_has_a_gradient_and_batch_normalization_measures() -> None:
    network = Network(nmc.load("digits-cnn"))
    before = network.arrays["norm1.running_mean"].clone()
    network(torch.rand(16, 1, 8, 8), training=True).sum().backward()
    assert all(array.grad is not None and array.grad.abs().sum() > 0 for array in network.trained)
    assert not torch.equal(before, network.arrays["norm1.running_mean"])


def test_a_spike_has_the_gradient_of_a_fast_sigmoid() -> None:
    """1 / (1 + 5 |v - threshold|)^2, at a distance of 0.2: 1/4."""
    from nmc.training.spiking_nodes import spikes

    v = torch.tensor([0.2, -0.2], requires_grad=True)
    fired = spikes(v)
    fired.sum().backward()
    assert fired.tolist() == [1.0, 0.0] and v.grad is not None and v.grad.tolist() == pytest.approx([0.25, 0.25])


def test_the_kinds_with_a_gradient_are_listed_in_the_docs() -> None:
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text()
    assert [kind.__name__ for kind in FORWARDS if f"`{kind.__name__}`" not in page] == []
