from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmc.chips import chip_names, load_chip
from nmc.chips.chip import CpuChip, ManycoreChip
from nmc.errors import UnsupportedError, UsageError
from nmc.estimates.layers import populations
from nmc.estimates.weightless import Conditions, conditions_of, estimate_network
from nmc.text import parse
from nmc.units.interval import Interval
from nmc.units.quantity import Quantity
from nmc.validation.networks import network_named
from nmc.validation.networks.perceptrons import perceptron

LOIHI, GPU = load_chip("loihi1"), load_chip("a100")
ESTIMATED = [name for name in chip_names() if not isinstance(load_chip(name), CpuChip)]

CNN = parse("""
x = Input(shape=(1, 28, 28))
c = Conv2d(x, channels=16, kernel=(5, 5), stride=(2, 2), weight='w1')
r = Relu(c)
p = AvgPool2d(r, kernel=(2, 2))
f = Flatten(p)
y = Linear(f, features=10, weight='w2')
return y
""")


def test_a_network_as_a_spiking_chip_sees_it():
    first, pool, last = populations(CNN)
    # 28 pixels, 5 wide, stride 2: 12 positions along each axis; every pixel reaches 25/4 of them on average
    assert (first.name, first.neurons, first.positions) == ("r", 16 * 12 * 12, (12, 12))
    assert first.layers[0].fan_out == pytest.approx(16 * 12 * 12 * 25 / (28 * 28))
    assert (pool.name, pool.neurons, pool.layers[0].fan_out) == ("p", 16 * 6 * 6, 1)
    # nothing takes the sums of the last layer on as spikes
    assert (last.name, last.neurons, last.fires) == ("y", 10, False)
    assert last.layers[0].fan_out == 10


def rate(value):
    return Quantity(value, "1", "chosen for this test", "assumed", value, value)


def test_events_follow_from_layers_and_rates():
    estimate = estimate_network(perceptron(100, 50, 10), LOIHI, Conditions(steps=20, rate=rate(0.1)))
    parts = {part.name: part for part in estimate.components}
    # 20 steps of 0.1 spikes from each of 100 inputs onto 50 neurons, and from each of these onto 10
    operations = 20 * 0.1 * (100 * 50 + 50 * 10)
    assert estimate.synaptic_operations == pytest.approx(operations)
    assert parts["synaptic operations"].energy_j.best == pytest.approx(operations * 35.5e-12)
    assert parts["neuron updates"].energy_j.best == pytest.approx(20 * 60 * 72.8e-12)


def test_the_interval_spans_that_of_the_rates():
    def operations(**bounds):
        known = Quantity(0.1, "1", "chosen for this test", "silicon", **bounds)
        estimate = estimate_network(perceptron(100, 50), LOIHI, Conditions(steps=20, rate=known))
        return next(part for part in estimate.components if part.name == "synaptic operations").energy_j

    sure, unsure = operations(low=0.1, high=0.1), operations(low=0.01, high=0.5)
    assert unsure.best == sure.best
    assert unsure.low == pytest.approx(sure.low / 10)
    assert unsure.high == pytest.approx(sure.high * 5)


@pytest.mark.parametrize("chip", ESTIMATED)
def test_resnet_50_takes_less_than_a_second_on_any_chip(chip):
    described, graph = load_chip(chip), network_named("resnet-50")
    started = perf_counter()
    try:
        energy = estimate_network(graph, described, Conditions(steps=100)).energy_j
    except UnsupportedError as refusal:
        assert isinstance(described, ManycoreChip)
        assert refusal.faults[0].node is not None
    else:
        assert energy.best > 0
    assert perf_counter() - started < 1


@pytest.mark.parametrize("chip", ["loihi1", "a100", "spinnaker1", "tpu-v1"])
def test_components_sum_to_the_totals(chip):
    estimate = estimate_network(CNN, load_chip(chip), Conditions(steps=10))
    for what, whole in (("energy_j", estimate.energy_j), ("latency_s", estimate.latency_s)):
        parts = [getattr(part, what) for part in estimate.components if getattr(part, what) is not None]
        assert sum(part.best for part in parts) == pytest.approx(whole.best)
        assert sum(part.low for part in parts) == pytest.approx(whole.low)
        assert sum(part.high for part in parts) == pytest.approx(whole.high)


def no_less(more, less):
    return all(
        getattr(m, bound) >= getattr(n, bound) * (1 - 1e-9)
        for m, n in ((more.energy_j, less.energy_j), (more.latency_s, less.latency_s))
        for bound in ("low", "best", "high")
    )


widths = st.integers(1, 600)
spiking = st.sampled_from(["host-bound", "streaming", "on-chip"])


@settings(max_examples=40)
@given(widths, widths, widths, widths, st.integers(1, 50), spiking)
def test_more_layers_never_cost_less(inputs, hidden, outputs, more, steps, io):
    for chip, how in ((LOIHI, Conditions(steps=steps, io=io, rate=rate(0.1))), (GPU, Conditions())):
        shallow = estimate_network(perceptron(inputs, hidden, outputs), chip, how)
        deep = estimate_network(perceptron(inputs, hidden, outputs, more), chip, how)
        assert no_less(deep, shallow)


@given(st.integers(1, 50), st.integers(1, 50), st.floats(0, 1), st.floats(0, 1), spiking)
def test_more_steps_and_spikes_never_cost_less(steps, more_steps, spikes, more_spikes, io):
    graph = perceptron(300, 200, 10)
    less = estimate_network(graph, LOIHI, Conditions(steps=steps, io=io, rate=rate(spikes)))
    more = estimate_network(
        graph, LOIHI, Conditions(steps=steps + more_steps, io=io, rate=rate(min(1.0, spikes + more_spikes)))
    )
    assert no_less(more, less)


@given(st.integers(1, 64), st.integers(1, 64))
def test_more_bytes_never_cost_less(features, more):
    """The same operations, at a precision that moves more bytes and computes no faster."""
    graph = perceptron(256, features * more)
    half, full = (estimate_network(graph, GPU, Conditions(batch=8, precision=p)) for p in ("fp16", "fp32"))
    assert no_less(full, half)


def test_what_a_network_cannot_be():
    mul = parse("x = Input(shape=(4,))\na = Mul(x, x)\ny = Linear(a, features=2, weight='w')\nreturn y")
    with pytest.raises(UnsupportedError, match="a Mul has no price") as refusal:
        estimate_network(mul, LOIHI, Conditions())
    assert refusal.value.faults[0].node == "a"
    with pytest.raises(UnsupportedError, match="5000 elements, and a core has 4096 input axons"):
        estimate_network(perceptron(5000, 10), LOIHI, Conditions())
    with pytest.raises(UsageError, match="cores are given for 'relu7'"):
        estimate_network(perceptron(4, 4), LOIHI, Conditions(cores={"relu7": 2}))
    with pytest.raises(UsageError, match="a rate is given for 'relu7'"):
        estimate_network(perceptron(4, 4), LOIHI, Conditions(rates={"relu7": rate(0.1)}))
    with pytest.raises(UsageError, match="time is measured"):
        estimate_network(perceptron(4, 4), load_chip("cpu"), Conditions())
    with pytest.raises(UsageError, match="'int3' is not a precision"):
        conditions_of(precision="int3")


def test_a_rate_that_is_given_is_taken_as_it_is():
    assert conditions_of(rate=0.25).rate.interval == Interval(0.25, 0.25, 0.25)
    assert conditions_of().rate.grade == "assumed"
