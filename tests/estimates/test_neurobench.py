"""NeuroBench's metrics, held against neurobench's own on the same networks, and worked out by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
from oracles import neurobench_networks

import nmc
from nmc.errors import ModelError
from nmc.estimates.neurobench import neurobench
from nmc.model import Model
from nmc.text import parse

GOLDEN = json.loads((Path(__file__).parent.parent / "oracles" / "neurobench.json").read_text())
"""What neurobench 2.3.0 says; tests/oracles/run_neurobench.py writes it, with versions."""

LEAKY = "decay=0.5, threshold=0.5, reset='subtract', reset_at='next'"
GRAPHS = {
    "convolutional": """
x = Input(shape=(2, 10, 10))
a = Conv2d(x, channels=6, kernel=(3, 3), stride=(2, 2), padding=(1, 1, 1, 1), weight='a', bias='a.bias')
ra = Relu(a)
b = Conv2d(ra, channels=4, kernel=(3, 3), groups=2, weight='b')
rb = Relu(b)
f = Flatten(rb)
c = Linear(f, features=5, weight='c', bias='c.bias')
y = Sigmoid(c)
return y
""",
    "spiking": f"""
dt = 0.001
x = Input(shape=(20,), stream=True)
a = Linear(x, features=16, weight='a')
hidden = LIF(a, {LEAKY})
b = Linear(hidden, features=4, weight='b')
out = LIF(b, {LEAKY})
return out
""",
    "recurrent": f"""
dt = 0.001
x = Input(shape=(1, 10), stream=True)
a = Conv1d(x, channels=4, kernel=(3,), weight='a')
first = LIF(a, {LEAKY})
f = Flatten(first)
b = Linear(f, features=8, weight='b')
r = Linear(second@1, features=8, weight='r')
second = LIF(b, r, {LEAKY})
return second
""",
}


@pytest.mark.parametrize("name", GRAPHS)
def test_the_metrics_are_neurobenchs_own(name):
    arrays = dict(getattr(neurobench_networks, name)())
    x = arrays.pop("x")
    found = vars(neurobench(Model(name, parse(GRAPHS[name]), arrays), x))
    for metric, expected in GOLDEN[name].items():
        # neurobench rounds the sparsity of connections to 4 digits
        tolerance = {"abs": 5e-5} if metric == "connection_sparsity" else {"rel": 1e-12}
        assert found[metric] == pytest.approx(expected, **tolerance), metric


def test_the_networks_do_what_is_counted():
    assert 0.1 < GOLDEN["recurrent"]["activation_sparsity"] < 0.95
    assert GOLDEN["recurrent"]["effective_acs"] > 0 < GOLDEN["recurrent"]["effective_macs"]


def linear(weight):
    graph = parse("x = Input(shape=(3,))\ny = Linear(x, features=2, weight='w')\nreturn y")
    return Model("test", graph, {"w": np.array(weight, np.float32)})


def test_operations_by_hand():
    model = linear([[1, 0, 2], [0, 0, 3]])
    # inputs 1 and 3 are not 0: they meet 1 and 2 weights that are not
    found = neurobench(model, np.array([[0.5, 0, 4]]))
    assert (found.effective_macs, found.effective_acs, found.dense_operations) == (3, 0, 6)
    assert found.connection_sparsity == 0.5
    # 6 weights of 4 bytes
    assert (found.parameters, found.footprint_bytes) == (6, 24)


def test_inputs_of_ones_are_accumulated_only():
    found = neurobench(linear([[1, 0, 2], [0, 0, 3]]), np.array([[1, 0, -1]]))
    assert (found.effective_macs, found.effective_acs) == (0, 3)


def test_a_layer_known_before_the_run_is_computed_once_and_one_after_it_too():
    graph = parse("""
dt = 0.001
x = Input(shape=(3,))
a = Linear(x, features=2, weight='a')
v = IF(a)
n = Sum(v)
b = Linear(n, features=2, weight='b')
return b
""")
    model = Model("test", graph, {"a": np.ones((2, 3), np.float32), "b": np.ones((2, 2), np.float32)})
    assert neurobench(model, np.ones((1, 3)), steps=10).dense_operations == 6 + 4


def test_membranes_at_rest_are_not_updated():
    graph = parse("dt = 0.001\nx = Input(shape=(2,), stream=True)\na = Linear(x, features=2, weight='w')\n"
                  "v = IF(a, threshold=100)\nreturn v")
    model = Model("test", graph, {"w": np.eye(2, dtype=np.float32)})
    x = np.array([[[0, 0], [1, 0], [0, 0], [1, 1]]])
    # both at the first step, then one, none, and both
    assert neurobench(model, x).membrane_updates == 2 + 1 + 0 + 2


def test_sparse_and_dense_synapses_of_a_chip_count_alike():
    dense = parse("dt = 0.001\nx = Input(shape=(3,), stream=True)\nd = FixedDense(x, features=2, weight='w')\n"
                  "v = FixedLIF(d, du=0, dv=0, vth=9)\nreturn v")
    sparse = parse("dt = 0.001\nx = Input(shape=(3,), stream=True)\n"
                   "d = FixedSparse(x, features=2, synapses=3, weight='w', column='c', row_start='r')\n"
                   "v = FixedLIF(d, du=0, dv=0, vth=9)\nreturn v")
    one = Model("dense", dense, {"w": np.array([[2, 0, 4], [0, 0, 6]])})
    two = Model("sparse", sparse, {"w": np.array([2, 4, 6]), "c": np.array([0, 2, 2]), "r": np.array([0, 2, 3])})
    x = np.random.default_rng(0).integers(0, 2, (5, 7, 3))
    first, second = neurobench(one, x), neurobench(two, x)
    assert first.effective_acs == second.effective_acs > 0
    assert first.membrane_updates == second.membrane_updates
    # entries that are not stored are no connections
    assert (first.dense_operations, second.dense_operations) == (6 * 7, 3 * 7)


def test_a_program_for_a_chip_is_counted_as_what_it_computes():
    model = nmc.load("digits-snn")
    from nmc import pipeline
    from nmc.backends import target_named
    from nmc.datasets import test_data

    target = target_named("loihi-sim")
    lowered = pipeline.prepare(model, target, target.configured({}))
    x = test_data(model, 4).x
    before, after = neurobench(model, x), neurobench(lowered, x)
    assert after.effective_macs <= before.effective_macs
    assert after.effective_acs == pytest.approx(before.effective_acs, rel=0.2)


def test_a_model_without_connections():
    graph = parse("x = Input(shape=(3,))\ny = Relu(x)\nreturn y")
    with pytest.raises(ModelError, match="no layer with weights"):
        neurobench(Model("test", graph, {}), np.ones((1, 3)))
