"""Models to NIR and back: what can be said comes back the same, and what cannot is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nmc
from frontends.nir.trees import chain, graph, graphs, imported, lif, node
from needs import extra
from nmc import reference
from nmc.errors import UnsupportedError, UsageError
from nmc.frontends.nir.conventions import PROFILES
from nmc.frontends.nir.load import Options
from nmc.frontends.nir.save import tree_of
from nmc.model import Model
from nmc.text import parse


def written(model: Model, **options: object) -> Model:
    """The model after export and import, without a file between."""
    tree, _ = tree_of(model, Options(**options))
    return imported(tree["node"], dt=None)


def assert_same(model: Model, other: Model) -> None:
    """Equal graphs, and equal arrays under equal names."""
    assert str(other.graph) == str(model.graph)
    assert other.graph == model.graph
    assert other.weights.keys() == model.weights.keys()
    for name, array in model.weights.items():
        np.testing.assert_array_equal(other.weights[name], array, err_msg=name)


@settings(max_examples=150, deadline=None)
@given(tree=graphs(), unit=st.sampled_from(["s", "ms"]))
def test_every_primitive_comes_back(tree: object, unit: str) -> None:
    model = imported(tree)
    assert_same(model, written(model, time_unit=unit))


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_comes_back(profile: str) -> None:
    """A network as the tool of the profile would write it. There, r dt / tau = 1, and v_reset is 0."""
    tau = {"steps": 10.0, "seconds": 0.01, "seconds x dt": 1e-5}[PROFILES[profile].time]
    weights, neurons = node("Linear", weight=np.eye(2)), lif(tau=tau, r=10.0)
    tree = chain(weights, neurons, weights, neurons)
    model = imported(tree, profile=profile)
    assert_same(model, written(model, profile=profile))


@settings(max_examples=50, deadline=None)
@given(decay=st.floats(1e-6, 1, exclude_max=True), gain=st.floats(1e-3, 1e3), dt=st.sampled_from([1e-3, 1e-4, 0.1]))
def test_decays_and_gains_come_back_exactly(decay: float, gain: float, dt: float) -> None:
    """Though a file holds tau = dt / (1 - decay) and r = gain / (1 - decay), which round."""
    model = Model("one", parse(f"""
dt = {dt}
input = Input(shape=(3,), stream=True)
lif = LIF(input, decay={decay!r}, gain={gain!r})
return lif
"""), {})
    assert_same(model, written(model))


def test_loops_and_delays_come_back() -> None:
    model = Model("loop", parse("""
dt = 0.001
input = Input(shape=(2,), stream=True)
fc = Linear(input, features=2, weight='fc.weight')
rec = Linear(lif@1, features=2, weight='rec.weight')
lif = LIF(fc, rec, decay=0.9)
return lif
"""), {"fc.weight": np.eye(2), "rec.weight": -np.eye(2)})
    assert_same(model, written(model))


def test_longer_loops_keep_their_length() -> None:
    """A read three steps late becomes a Delay of 3 ms; read back, one of the steps is the loop's own."""
    model = Model("loop", parse("""
dt = 0.001
input = Input(shape=(2,), stream=True)
rec = Linear(lif@3, features=2, weight='rec.weight')
lif = LIF(input, rec, decay=0.5)
return lif
"""), {"rec.weight": np.array([[0.0, 1.0], [1.0, 0.0]])})
    again = written(model)
    x = np.zeros((1, 12, 2))
    x[0, 0, 0] = 5.0
    np.testing.assert_array_equal(reference.run(again, x)["lif"], reference.run(model, x)["lif"])


def test_sums_become_edges() -> None:
    model = Model("sum", parse("""
dt = 0.001
input = Input(shape=(2,), stream=True)
a = LIF(input, decay=0.9)
b = IF(input, gain=0.001)
output = Add(a, b)
return output
"""), {})
    tree, _ = tree_of(model, Options())
    assert list(tree["node"]["nodes"]) == ["input", "a", "b", "output"]
    assert_same(model, written(model))


def test_encoders_and_readouts_stay_with_the_model(tmp_path: Path) -> None:
    notes = nmc.export("digits-snn", tmp_path / "digits.nir", "nir")
    assert notes == (
        "encode: RateEncode is left out; feed the file what it puts out",
        "logits: Last is left out; apply it to what the file puts out",
    )
    model = nmc.load(tmp_path / "digits.nir")
    assert model.graph.dt_s == 1e-3
    assert model.graph["encode"].stream


def test_what_nir_cannot_say_is_named_node_by_node() -> None:
    model = Model("no", parse("""
dt = 0.001
input = Input(shape=(2,), stream=True)
relu = Relu(input)
soft = LIF(relu, decay=0.9, reset='subtract', compare='>=')
rest = LIF(relu, decay=0.9, refractory=2)
old = CubaLIF(relu, decay=0.9, current_decay=0.5, current='old')
still = LIF(relu, decay=1.0)
late = LIF(relu, decay=0.9, initial=0.5)
return soft, rest, old, still, late
"""), {})
    with pytest.raises(UnsupportedError) as refusal:
        tree_of(model, Options())
    said = {fault.node: fault.what for fault in refusal.value.faults}
    assert said.keys() == {"relu", "soft", "rest", "old", "still", "late"}
    assert "Relu" in said["relu"]
    assert "it compares by >= (the profile by >); it resets by subtraction" in said["soft"]
    assert "refractory" in said["rest"]
    assert "the current of the step before" in said["old"]
    assert "a decay of 1 has no time constant" in said["still"]
    assert "starts at 0.5" in said["late"]


def test_a_profile_can_say_what_plain_nir_cannot() -> None:
    model = Model("soft", parse("""
dt = 0.0001
input = Input(shape=(2,), stream=True)
lif = LIF(input, decay=0.9, reset='subtract', reset_at='next')
return lif
"""), {})
    assert_same(model, written(model, profile="snntorch"))
    with pytest.raises(UnsupportedError, match="resets by subtraction"):
        tree_of(model, Options())


def test_loops_that_nir_would_cut_elsewhere_are_refused() -> None:
    model = Model("cut", parse("""
dt = 0.001
input = Input(shape=(2,), stream=True)
a = LIF(input, b, decay=0.9)
b = LIF(a@1, decay=0.9)
return b
"""), {})
    with pytest.raises(UnsupportedError, match="would read 'b' late here"):
        tree_of(model, Options())


def test_constants_that_only_scale_become_scale() -> None:
    model = Model("scale", parse("""
x_scale = Constant(value='x.scale', shape=(2,))
input = Input(shape=(2,))
x = Mul(input, x_scale)
return x
"""), {"x.scale": np.array([2.0, 3.0])})
    tree, _ = tree_of(model, Options())
    assert tree["node"]["nodes"]["x"]["type"] == "Scale"


def test_nir_reads_what_is_written(tmp_path: Path) -> None:
    """The reference implementation takes the file, and infers the shapes that the model has."""
    nir = extra("nir")
    tree = chain(node("Linear", weight=np.ones((3, 2))), lif(3))
    nested = graph({"input": node("Input", shape=[2]), "net": tree, "output": node("Output")},
                   ["input -> net", "net -> output"])  # fmt: skip
    nmc.export(imported(nested), tmp_path / "a.nir", "nir")
    read = nir.read(tmp_path / "a.nir")
    assert read.nodes["net_n1"].v_threshold.shape == (3,)
    assert read.output_type["output"].tolist() == [3]


def test_a_dt_of_the_file_is_not_for_export(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has its own"):
        nmc.export("digits-snn", tmp_path / "a.nir", "nir", dt="1 ms")
