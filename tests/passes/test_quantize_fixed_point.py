"""From real numbers to the chip's integers: values, timing, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from oracles.lava_fixed_point import legal

from nmc import passes, reference
from nmc.errors import ModelError, UnsupportedError
from nmc.graph import Graph, Node, Ref
from nmc.model import Array, FloatArray, Model
from nmc.nodes import spiking, tensor
from nmc.nodes.fixed_point import FixedConv2d, FixedDense, FixedLIF
from nmc.passes.fuse_synapses import FuseSynapses
from nmc.passes.quantization_errors import quantization_errors
from nmc.passes.quantize_fixed_point import QuantizeFixedPoint
from nmc.text import parse
from strategies.draft import Draw

SPIKES = (np.random.default_rng(0).random((4, 12, 3)) < 0.5) * 1.0


def network(text: str, **weights: object) -> Model:
    body = f"dt = 0.001\nx = Input(shape=(3,), stream=True)\n{text}"
    return Model("m", parse(body), {name: np.array(array, float) for name, array in weights.items()}).checked()


def quantized(model: Model, bits: int = 8, calibration: FloatArray | None = SPIKES) -> Model:
    return passes.apply([FuseSynapses(), QuantizeFixedPoint(bits)], model, lambda: calibration)


def test_a_layer_before_and_after() -> None:
    """The weights are multiples of 0.5 up to 1, so that S = 252 makes them 126 k exactly: 252 W, and 252 thresholds."""
    model = network("y = Linear(x, features=2, weight='w')\nn = LIF(y, decay=0.75)\nreturn n",
                    w=[[1, -0.5, 0.5], [0, 0.5, -1]])
    fixed = quantized(model)
    assert str(fixed.graph) == """dt = 0.001
lag = 1
x = Input(shape=(3,), stream=True)
x_quantized = QuantizeLinear(x, scale=1.0, bits=2)
y = FixedDense(x_quantized, features=2, weight='y.weight')
n = FixedLIF(y@1, du=4095, dv=1024, vth=252)
return n"""
    assert fixed.weights["y.weight"].tolist() == [[252, -126, 126], [0, 126, -252]]


def test_graded_input_is_rounded_on_the_host() -> None:
    """Eighths from -1 to 1 fit a power of two, 1/64, in 8 bits: 1 becomes 64."""
    samples = np.random.default_rng(0).integers(-8, 8, (5, 6, 3), endpoint=True) / 8
    samples[0, 0, 0] = 1.0
    model = network("y = Linear(x, features=2, weight='w')\nn = LI(y, decay=0.5)\ns = Last(n)\nreturn s",
                    w=[[1, -0.5, 0.5], [0, 0.5, -1]])
    fixed = quantized(model, calibration=samples)
    assert "x_quantized = QuantizeLinear(x, scale=0.015625)" in str(fixed.graph)
    assert fixed.graph["y"].num_message_bits == 8
    np.testing.assert_allclose(reference.run(fixed, samples)["s"], reference.run(model, samples)["s"], atol=1e-3)


def test_graded_input_without_samples_is_refused() -> None:
    model = network("y = Linear(x, features=1, weight='w')\nn = IF(y)\nreturn n", w=[[1, 1, 1]])
    with pytest.raises(ModelError, match="nothing says how large they get"):
        quantized(model, calibration=None)


@pytest.mark.parametrize("node", ["Sum", "Mean", "Max", "Last"])
def test_readouts_cover_the_steps_of_the_model_alone(node: str) -> None:
    """The chip runs 2 steps more. Voltages are all negative, so that a zero from before would be the Max."""
    model = network(
        f"y = Linear(x, features=2, weight='w')\nn = IF(y)\nz = Linear(n, features=2, weight='v', bias='b')\n"
        f"m = LI(z, decay=0.5)\nr = {node}(m)\nreturn r",
        w=[[1, 0.5, 0.5], [0, 0.5, 1]], v=[[-1, 0], [0.5, -1]], b=[-0.5, -0.75],
    )
    fixed = quantized(model)
    assert fixed.graph.lag == 2
    want = reference.run(model, SPIKES)["r"]
    np.testing.assert_allclose(reference.run(fixed, SPIKES)["r"], want, atol=0.02 * np.abs(want).max())


def test_biases_wait_for_the_data() -> None:
    """Layer 2 starts at step 3 of the chip: what its bias did before is wiped out."""
    model = network(
        "y = Linear(x, features=3, weight='w', bias='b')\nn = IF(y, threshold=2.5)\n"
        "z = Linear(n, features=3, weight='w', bias='b')\nm = IF(z, threshold=2.5)\nreturn m",
        w=np.eye(3), b=[1, 0.5, 2],
    )
    fixed = quantized(model)
    n, m = fixed.graph["n"], fixed.graph["m"]
    assert isinstance(n, FixedLIF)
    assert isinstance(m, FixedLIF)
    assert (n.reset_offset, m.reset_offset) == (2, 3)
    assert np.array_equal(reference.run(fixed, SPIKES)["m"], reference.run(model, SPIKES)["m"])


def test_a_bias_through_a_decaying_current_comes_from_an_input_that_is_always_on() -> None:
    model = network("y = Linear(x, features=3, weight='w', bias='b')\nn = CubaLIF(y, decay=0.5, current_decay=0.25)\n"
                    "return n", w=np.eye(3), b=[1, 0.5, 2])
    fixed = quantized(model)
    assert "n_bias_axon = FixedDense(always_on_quantized, features=3" in str(fixed.graph)
    assert np.array_equal(reference.run(fixed, SPIKES)["n"], reference.run(model, SPIKES)["n"])


def test_the_old_current_is_the_new_one_a_step_later() -> None:
    """So the chip, which is a step late anyway, needs no lag for it."""
    model = network("y = Linear(x, features=3, weight='w')\n"
                    "n = CubaLIF(y, decay=0.5, current_decay=0.25, current='old')\nreturn n", w=np.eye(3) * 2)
    fixed = quantized(model)
    assert fixed.graph.lag == 0
    assert np.array_equal(reference.run(fixed, SPIKES)["n"], reference.run(model, SPIKES)["n"])


def test_a_skip_waits_for_the_long_way() -> None:
    model = network(
        "y = Linear(x, features=3, weight='w')\na = IF(y, threshold=0.5)\nz = Linear(a, features=3, weight='w')\n"
        "b = IF(z, threshold=0.5)\nskip = Linear(x, features=3, weight='w')\nlong = Linear(b, features=3, weight='w')\n"
        "c = IF(skip, long, threshold=1.5)\nreturn c",
        w=np.eye(3),
    )
    fixed = quantized(model)
    assert "x_quantized_late_2 = Delay(x_quantized, steps=2, longest=2)\nskip = FixedDense(x_quantized_late_2" in (
        str(fixed.graph))
    assert np.array_equal(reference.run(fixed, SPIKES)["c"], reference.run(model, SPIKES)["c"])


def test_a_loop_that_is_too_quick_is_spelled_out() -> None:
    model = network(
        "f = Linear(x, features=3, weight='w')\na = LIF(f, back, decay=0.5)\nto = Linear(a, features=3, weight='w')\n"
        "b = LIF(to, decay=0.5)\nback = Linear(b@1, features=3, weight='w')\nreturn b",
        w=np.eye(3),
    )
    with pytest.raises(UnsupportedError) as caught:
        quantized(model)
    assert "a -> to -> b -> back -> a: " in str(caught.value) or "b -> back -> a -> to -> b: " in str(caught.value)
    assert "this loop has 2 synapses but a delay of 1 step only" in str(caught.value)
    assert "-> give the loop a delay of 2 steps or more" in str(caught.value)


@st.composite
def exact_networks(draw: Draw) -> Model:
    """Neurons without decay, or without memory, in any topology, with weights that integers hold exactly.

    Thresholds lie between whole numbers, so that no rounding decides. Every read of a neuron that comes
    later, or is the neuron itself, is late enough for the chip.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights: dict[str, Array] = {}
    nodes: list[Node] = [tensor.Input(name="x", shape=(3,), stream=True)]
    count = draw(st.integers(1, 4))
    biased = draw(st.booleans())
    for i in range(count):
        name = f"n{i}"
        reads: list[Ref] = []
        sources = [Ref(draw(st.sampled_from(["x", *(f"n{k}" for k in range(i))])), draw(st.integers(0, 3)))]
        if draw(st.booleans()):
            sources.append(Ref(f"n{draw(st.integers(i, count - 1))}", draw(st.integers(count, count + 2))))
        for k, source in enumerate(sources):
            synapse = f"s{i}{k}"
            weights[f"{synapse}.w"] = rng.integers(-4, 4, (3, 3), endpoint=True).astype(float)
            bias = f"{synapse}.b" if biased and draw(st.booleans()) else None
            if bias:
                weights[bias] = rng.integers(-2, 2, 3, endpoint=True).astype(float)
            nodes.append(tensor.Linear(
                name=synapse, inputs=(source,), features=3, weight=f"{synapse}.w", bias=bias
            ))
            reads.append(Ref(synapse, draw(st.integers(0, 1))))
        threshold, below = draw(st.sampled_from([0.5, 1.5, 4.5])), draw(st.sampled_from([-1.5, -0.5, 2.5]))
        nodes.append(draw(st.sampled_from([
            spiking.IF(name=name, inputs=tuple(reads), threshold=threshold),
            spiking.LIF(name=name, inputs=tuple(reads), decay=0.0, threshold=threshold),
            spiking.Threshold(name=name, inputs=tuple(reads), threshold=below),
            spiking.CubaLIF(
                name=name, inputs=tuple(reads), decay=1.0, current_decay=0.0, threshold=threshold,
                current=draw(st.sampled_from(["old", "new"])),
            ),
        ])))
    outputs = tuple(f"n{i}" for i in range(count))
    return Model("m", Graph(tuple(nodes), outputs, 0.001), weights).checked()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(exact_networks())
def test_retiming_keeps_every_spike_in_its_step(model: Model) -> None:
    """Where no number is rounded, the chip does exactly what the model says, whatever the topology."""
    fixed = quantized(model)
    want, have = reference.run(model, SPIKES), reference.run(fixed, SPIKES)
    for name in model.graph.outputs:
        assert np.array_equal(have[name], want[name]), f"\n{model.graph}\n\n{fixed.graph}"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1), st.integers(4, 8), st.sampled_from([-1.0, 0.0, 1.0]), st.floats(0.01, 50))
def test_every_weight_survives_lavas_clipping_and_truncation(seed: int, bits: int, sign: float, size: float) -> None:
    rng = np.random.default_rng(seed)
    weights = {name: rng.normal(size=shape) * size for name, shape in (("w", (4, 3)), ("r", (4, 4)), ("b", (4,)))}
    weights = {name: np.abs(array) * sign if sign else array for name, array in weights.items()}
    model = network("y = Linear(x, features=4, weight='w', bias='b')\nr = Linear(n@1, features=4, weight='r')\n"
                    "n = LIF(y, r, decay=0.9)\nv = Linear(n, features=4, weight='r')\nm = I(v)\ns = Last(m)\nreturn s",
                    **weights)
    fixed = quantized(model, bits)
    for node in fixed.graph:
        if isinstance(node, FixedDense):
            weight = fixed.weights[node.weight]
            assert legal(weight.tolist(), bits, node.sign_mode) == weight.tolist()
            assert -8 <= node.weight_exp <= 7
        if isinstance(node, FixedLIF):
            assert 0 <= node.vth < 2**17
            assert 0 <= node.du <= 4095
            assert 0 <= node.bias_exp <= 7
            mantissa = fixed.weights[node.bias_mant] if isinstance(node.bias_mant, str) else np.array(node.bias_mant)
            assert np.all((mantissa >= -4096) & (mantissa <= 4095))


def test_convolutions_stay_convolutions() -> None:
    model = Model("m", parse("""dt = 0.001
x = Input(shape=(1, 4, 4), stream=True)
c = Conv2d(x, channels=2, kernel=(3, 3), padding=(1, 1, 1, 1), weight='w')
n = IF(c)
return n"""), {"w": np.random.default_rng(0).normal(size=(2, 1, 3, 3))}).checked()
    spikes = (np.random.default_rng(1).random((2, 6, 1, 4, 4)) < 0.5) * 1.0
    fixed = quantized(model, calibration=spikes)
    conv = fixed.graph["c"]
    assert isinstance(conv, FixedConv2d)
    weight = fixed.weights["c.weight"]
    assert np.all(weight % 2 == 0)
    assert weight.min() >= -256
    assert weight.max() <= 254
    assert max(-weight.min(), weight.max()) >= 240  # the range is used


def complaint(text: str, **weights: object) -> str:
    with pytest.raises(UnsupportedError) as caught:
        quantized(network(text, **weights))
    return str(caught.value)


@pytest.mark.parametrize(("neuron", "message", "remedy"), [
    ("IF(x, reset='subtract')", "reset: subtract is not on the chip", "train the network with reset: zero"),
    ("IF(x, reset='none')", "reset: none is not on the chip", "train the network with reset: zero"),
    ("IF(x, reset='subtract', compare='>=', multispike=True)", "it spikes several times in a step", "SingleSpike"),
    ("IF(x, reset_at='next')", "reset_at: next is not on the chip", "train the network with reset_at: spike"),
    ("IF(x, refractory=2)", "it rests for 2 steps after a spike", "train the network with refractory: 0"),
    ("LIF(x, decay='d')", "its neurons differ in decay", "or split the layer"),
    ("CubaLIF(x, decay=0.5, current_decay='d')", "its neurons differ in current_decay", "or split the layer"),
    ("LIF(x, decay=1.5)", "its decay is 1.5, the chip has 0 to 1", "give it a decay from 0 to 1"),
    ("IF(x, threshold=-1.0)", "it spikes without input", "give it a positive threshold"),
    ("IF(x, threshold=0.0, compare='>=')", "it spikes without input", "give it a positive threshold"),
    ("LI(x, decay=0.5)\nm = IF(n)", "only spikes travel between neurons", "replace it by spiking neurons"),
    ("IF(x)\nm = IF(n@70)\nk = IF(n, m)", "hold spikes for 68 steps, the chip for 62 at most", "shorten the delay"),
])
def test_what_the_chip_cannot_mean_is_refused(neuron: str, message: str, remedy: str) -> None:
    last = neuron.rpartition("\n")[2].partition(" = ")[0] if "\n" in neuron else "n"
    text = complaint(f"n = {neuron}\nreturn {last}", d=[0.5, 0.6, 0.7])
    assert message in text
    assert remedy in text


def test_all_faults_are_told_at_once() -> None:
    text = complaint("n = IF(x, reset='subtract', refractory=1)\nm = LIF(n, decay=2.0)\nreturn m")
    assert [part in text for part in ("reset: subtract", "rests for 1", "decay is 2")] == [True] * 3
    assert "<graph>:3: node 'n'" in text


@pytest.mark.parametrize(("compare", "spikes"), [(">", 0), (">=", 1)])
def test_reaching_the_threshold_exactly_counts_as_the_model_says(compare: str, spikes: int) -> None:
    model = network(f"y = Linear(x, features=1, weight='w')\nn = IF(y, compare='{compare}')\nreturn n", w=[[1, 0, 0]])
    x = np.zeros((1, 3, 3))
    x[0, 0, 0] = 1.0
    assert reference.run(quantized(model), x)["n"].sum() == spikes


@pytest.mark.parametrize("neuron", [
    "LIF(y, decay=0.9, threshold=1.0, compare='{}')",
    "LIF(y, decay=0.5, threshold=1.0, compare='{}', leak=-0.25)",
    "CubaLIF(y, decay=0.75, current_decay=0.5, threshold=1.0, compare='{}')",
    "CubaLIF(y, decay=0.0, current_decay=0.0, threshold=1.0, compare='{}', leak=0.25)",
    "IF(y, threshold=1.0, compare='{}')",
    "Threshold(y, threshold=1.0, compare='{}')",
])
@pytest.mark.parametrize("compare", [">", ">="])
def test_a_spike_that_just_reaches_the_threshold_passes_where_the_model_says_so(neuron: str, compare: str) -> None:
    """The first spike brings exactly the threshold."""
    model = network(f"y = Linear(x, features=3, weight='w')\nn = {neuron.format(compare)}\nreturn n",
                    w=np.diag([1.125 if "leak=-" in neuron else 0.75 if "leak=" in neuron else 1.0, 0.5, -1.0]))
    x = np.zeros((1, 12, 3))
    x[0, ::6] = 1.0
    fixed = quantized(model, calibration=x)
    assert np.array_equal(reference.run(fixed, x)["n"], reference.run(model, x)["n"])
    assert reference.run(model, x)["n"][0, 0, 0] == (compare == ">=")


@pytest.mark.parametrize("bias", ["", ", bias='b'"])
@pytest.mark.parametrize("kind", [
    "LIF(y, decay={}", "CubaLIF(y, current_decay=0.5, decay={}",
    "CubaLIF(y, current_decay=0.0, decay={}, current='old'",
])  # fmt: skip
def test_reaching_a_threshold_costs_no_spikes(kind: str, bias: str) -> None:
    """Voltages that decay hardly ever meet a threshold: there are as many spikes as in real numbers."""
    wanted = found = 0
    for seed in range(24):
        rng = np.random.default_rng(seed)
        decay, high = rng.choice([0.25, 0.8, 0.95]), rng.choice([0.05, 0.3, 2.0])
        layer, shape = "Conv2d(z, channels=4, kernel=(1, 1)", (4, 3, 1, 1)
        if seed % 2:
            layer, shape = "Linear(x, features=8", (8, 3)
        weights = {"w": rng.uniform(-1, 1, shape)} | ({"b": rng.uniform(-0.1, 0.1, shape[0])} if bias else {})
        x = (rng.random((4, 60, 3)) < 0.4) * 1.0
        model = network(
            f"z = Reshape(x, shape=(3, 1, 1))\ny = {layer}, weight='w'{bias})\n"
            f"n = {kind.format(decay)}, threshold={high}, compare='>=')\nreturn n", **weights,
        )
        wanted += int(reference.run(model, x)["n"].sum())
        found += int(reference.run(quantized(model, calibration=x), x)["n"].sum())
    assert abs(found - wanted) < 0.01 * wanted


def test_the_error_of_a_threshold_is_reported() -> None:
    """A weight of 1 is 147 units: 0.0205 would be at 3.01, and is at 3; for whole voltages that is the same."""
    found = []
    for neuron in ("LIF(y, decay=0.5, threshold=0.0205)", "IF(y, threshold=0.0205)"):
        model = network(f"c = Reshape(x, shape=(3, 1, 1))\ny = Conv2d(c, channels=1, kernel=(1, 1), weight='w')\n"
                        f"n = {neuron}\nreturn n", w=np.reshape([1, 0.5, 0.5], (1, 3, 1, 1)))
        fused = passes.apply([FuseSynapses()], model)
        fixed = passes.apply([QuantizeFixedPoint()], fused, lambda: SPIKES)
        assert fixed.weights["y.weight"].ravel().tolist() == [147, 74, 74]
        found.append((fixed.graph["n"].vth, quantization_errors(fused, fixed).thresholds[0].relative))
    assert found == [(3, pytest.approx(3 / (0.0205 * 147) - 1, abs=4e-3)), (3, 0.0)]


def test_errors_are_measured() -> None:
    """With 4 bits and mixed signs weights are multiples of 32 up to 224: S = 224, and 0.3 becomes 64 / 224 = 0.2857."""
    model = network("y = Linear(x, features=2, weight='w')\nn = IF(y)\nreturn n", w=[[1, 0.3, 0], [-1, 0, 0]])
    fused = passes.apply([FuseSynapses()], model)
    fine, coarse = (passes.apply([QuantizeFixedPoint(bits)], fused, lambda: SPIKES) for bits in (8, 4))
    (small,) = quantization_errors(fused, fine).synapses
    report = quantization_errors(fused, coarse, SPIKES)
    (large,) = report.synapses
    assert (large.synapse, large.population, large.weights) == ("y", "n", 6)
    assert small.relative_rms < 0.005 < large.relative_rms < 0.03
    assert [error.population for error in report.activity] == ["n"]
    assert report.as_facts()["synapses"][0]["relative_rms"] == large.relative_rms


def test_populations_are_compared_at_the_time_they_work() -> None:
    """The second one works a step after the first on the chip; whole weights lose nothing, so no spike is missed."""
    model = network(
        "a = Linear(x, features=2, weight='w')\nn = IF(a, threshold=1.5, initial=0.75)\n"
        "b = Linear(n, features=2, weight='v')\nm = IF(b, threshold=0.5)\nreturn m",
        w=[[1, 1, 0], [0, 1, 1]], v=[[1, 0], [0, 1]],
    )  # fmt: skip
    fused = passes.apply([FuseSynapses()], model)
    fixed = passes.apply([QuantizeFixedPoint()], fused, lambda: SPIKES)
    errors = quantization_errors(fused, fixed, SPIKES).activity
    assert {error.population: error.relative_rms for error in errors} == {"n": 0.0, "m": 0.0}
    assert reference.run(fused, SPIKES)["m"].sum() > 0
