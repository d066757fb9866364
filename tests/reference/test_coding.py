"""Encoders and readouts, by hand and by their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmc.model import FloatArray, Model
from nmc.nodes.coding import BernoulliEncode
from nmc.reference import run
from nmc.reference.coding import bernoulli_uniform
from nmc.text import parse


def encoded(node: str, x: FloatArray, steps: int) -> FloatArray:
    """The code of samples x [B, N] held through a run, as [B, steps, N]."""
    graph = parse(f"dt = 0.001\nx = Input(shape=({x.shape[1]},))\ny = {node}\nreturn y")
    return run(Model("m", graph, {}).checked(), x, steps)["y"]


def one(node: str, x: float, steps: int) -> list[float]:
    return encoded(node, np.array([[x]]), steps).ravel().tolist()


def followed(node: str, x: list[float]) -> list[float]:
    """What a node gives for a stream of single values."""
    graph = parse(f"dt = 0.001\nx = Input(shape=(1,), stream=True)\ny = {node}\nreturn y")
    return run(Model("m", graph, {}).checked(), np.array(x).reshape(1, -1, 1))["y"].ravel().tolist()


# ------------------------------------------------------------------ encoders


def test_a_constant_current_is_there_at_every_step() -> None:
    assert one("ConstantCurrent(x, gain=2.0)", 0.75, 3) == [1.5, 1.5, 1.5]


def test_rate_spikes_are_evenly_spaced() -> None:
    # a = 0.375, 0.75, 1.125 S 0.125, 0.5, 0.875, 1.25 S 0.25, 0.625, 1.0 S
    assert one("RateEncode(x)", 0.375, 8) == [0, 0, 1, 0, 0, 1, 0, 1]
    # from 0.5: 0.875, 1.25 S
    assert one("RateEncode(x, initial=0.5)", 0.375, 2) == [0, 1]


@given(st.integers(0, 64), st.integers(1, 40), st.integers(0, 63))
def test_rate_spikes_count_what_was_put_in(x: int, steps: int, initial: int) -> None:
    """floor(initial + steps x) spikes for x up to 1, in sixty-fourths, without a rounding."""
    spikes = one(f"RateEncode(x, initial={initial / 64})", x / 64, steps)
    assert sum(spikes) == (initial + steps * x) // 64


def test_rate_saturates_at_a_spike_a_step() -> None:
    assert one("RateEncode(x)", 3.0, 4) == [1, 1, 1, 1]
    assert one("RateEncode(x)", -1.0, 4) == [0, 0, 0, 0]


def test_what_rate_could_not_send_stays_for_later() -> None:
    # a = 3 S 2; 2 S 1; 1 S 0; 0
    assert followed("RateEncode(x)", [3, 0, 0, 0]) == [1, 1, 1, 0]


def test_latency_is_shorter_for_larger_values() -> None:
    # window 5: t = 1 + round(4 (1 - x)): 1 -> 1, 0.75 -> 2, 0.5 -> 3, 0.25 -> 4; 0 is the minimum: never
    spikes = encoded("LatencyEncode(x, window=5)", np.array([[1.0, 0.75, 0.5, 0.25, 0.0, 2.0]]), 6)[0]
    assert spikes.sum(axis=0).tolist() == [1, 1, 1, 1, 0, 1]
    assert spikes.argmax(axis=0).tolist() == [0, 1, 2, 3, 0, 0]


def test_latency_rounds_half_to_even_and_minds_the_minimum() -> None:
    # window 4: t = 1 + round(3 (1 - x)): x = 0.5 -> round(1.5) = 2 -> 3; x = 1/6 -> round(2.5) = 2 -> 3
    assert one("LatencyEncode(x, window=4)", 0.5, 4) == [0, 0, 1, 0]
    assert one("LatencyEncode(x, window=4, minimum=0.5)", 0.5, 4) == [0, 0, 0, 0]


def test_delta_sends_changes_of_at_least_the_threshold() -> None:
    # threshold 0.5, r: 0 -> 0.5 (+) -> 1.0 (+) -> 1.0 (0.25 is too little) -> 0.5 (-) -> 0 (-)
    x = [1.0, 1.0, 1.25, 0.5, 0.0]
    assert followed("DeltaEncode(x, threshold=0.5)", x) == [1, 1, 0, -1, -1]
    assert followed("DeltaEncode(x, threshold=0.5, falling=False)", x) == [1, 1, 0, 0, 0]


def test_changes_are_sent_once_they_reach_the_threshold() -> None:
    # r: 0 -> 1 -> 1 (0.25 is too little) -> 1.5 -> 0
    assert followed("Delta(x, threshold=0.5)", [1.0, 1.25, 1.5, 0.0]) == [1.0, 0.0, 0.5, -1.5]


def test_sigma_delta_neurons_add_up_changes_and_send_those_of_their_activation() -> None:
    # s: 1, 1, -1, 2; a = max(s - 0.5, 0): 0.5, 0.5, 0, 1.5
    assert followed("SigmaDelta(x, bias=-0.5)", [1.0, 0.0, -2.0, 3.0]) == [0.5, 0.0, -0.5, 1.5]


def test_without_falling_events_the_reference_still_follows_down() -> None:
    # up to 0.5, silently back to 0, and up again
    assert followed("DeltaEncode(x, threshold=0.5, falling=False)", [0.5, 0.0, 0.5]) == [1, 0, 1]


# ------------------------------------------------------------------ Bernoulli


def scalar_uniform(seed: int, t: int, i: int) -> float:
    """The docstring's sequence in Python's own integers."""
    p = 2**31 - 1
    z = (48271 * seed + 1103515245 + t) % p
    for addend in (i, t, seed):
        z = (z * z + addend) % p
    return z / p


@given(st.integers(0, 2**31 - 2), st.integers(1, 10_000), st.integers(1, 300))
def test_the_fixed_sequence_is_the_documented_one(seed: int, t: int, elements: int) -> None:
    u = bernoulli_uniform(BernoulliEncode(name="y", seed=seed), np.array(t), elements)
    assert u.shape == (elements,)
    assert u[-1] == scalar_uniform(seed, t, elements - 1)


def test_a_bernoulli_spike_is_where_the_value_exceeds_the_sequence() -> None:
    spikes = encoded("BernoulliEncode(x, seed=7, gain=0.5)", np.full((1, 3), 0.8), 4)[0]
    assert spikes.tolist() == [[float(scalar_uniform(7, t, i) < 0.4) for i in range(3)] for t in (1, 2, 3, 4)]


@pytest.mark.parametrize("p", [0.0, 0.01, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("seed", [0, 1, 2, 12345])
@pytest.mark.parametrize(("steps", "elements"), [(1, 784), (16, 64), (200, 200)])
def test_bernoulli_rates_are_the_values(p: float, seed: int, steps: int, elements: int) -> None:
    """n draws of p: within five standard deviations, which are sqrt(p (1 - p) / n). Early steps too."""
    rate = encoded(f"BernoulliEncode(x, seed={seed})", np.full((1, elements), p), steps).mean()
    assert abs(rate - p) <= 5 * np.sqrt(p * (1 - p) / (steps * elements))


@pytest.mark.parametrize("seed", [0, 1, 2, 12345])
def test_bernoulli_draws_are_independent_in_time_and_over_elements(seed: int) -> None:
    """Correlations between neighbours of n draws, and with the next seed: within five times 1 / sqrt(n)."""
    for steps, elements in [(16, 64), (200, 200)]:
        x = np.full((1, elements), 0.5)
        spikes = encoded(f"BernoulliEncode(x, seed={seed})", x, steps)[0]
        other_seed = encoded(f"BernoulliEncode(x, seed={seed + 1})", x, steps)[0]
        pairs = [(spikes[1:], spikes[:-1]), (spikes[:, 1:], spikes[:, :-1]), (spikes, other_seed)]
        for draws, others in pairs:
            assert abs(np.corrcoef(draws.ravel(), others.ravel())[0, 1]) < 5 / np.sqrt(draws.size)


def test_bernoulli_spikes_depend_on_the_seed_and_on_nothing_else() -> None:
    x = np.random.default_rng(0).random((5, 20))
    node = "BernoulliEncode(x, seed=3)"
    together = encoded(node, x, 30)
    assert np.array_equal(together, encoded(node, x, 30))
    assert np.array_equal(together[::-1], encoded(node, x[::-1], 30))
    assert np.array_equal(together[2:3], encoded(node, x[2:3], 30))
    assert np.array_equal(together[:, :10], encoded(node, x, 10))
    assert not np.array_equal(together, encoded("BernoulliEncode(x, seed=4)", x, 30))


# ------------------------------------------------------------------ readouts


@pytest.mark.parametrize(("kind", "result"), [("Last", -2.0), ("Sum", 3.0), ("Mean", 0.75), ("Max", 4.0)])
def test_readouts(kind: str, result: float) -> None:
    assert followed(f"{kind}(x)", [1.0, 4.0, 0.0, -2.0]) == [result]


def test_the_largest_of_negative_values_is_negative() -> None:
    assert followed("Max(x)", [-3.0, -2.0]) == [-2.0]
