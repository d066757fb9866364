"""What the host sends and weighs all at once, against the reference, which goes step by step: bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmc import reference
from nmc.backends.loihi.engine import run_model
from nmc.backends.loihi.host import Host
from nmc.backends.loihi.native.accumulators import adds_exactly, exactly_added
from nmc.model import Array, Model
from nmc.text import parse

STEPS = 7
ENCODED = [
    "s = RateEncode(x, gain=0.37, initial=0.5)",
    "s = BernoulliEncode(x, gain=0.8, seed=3)",
    "q = QuantizeLinear(x, scale=0.1)\ns = BitPlanes(q)",
    "q = QuantizeLinear(x, scale=0.3)\ns = BitPlanes(q, bits=3)",
    "s = LatencyEncode(x, window=5)",
    "h = Relu(x)\ns = RateEncode(h)",
    "o = Constant(value='one', shape=(3,))\ns = ConstantCurrent(o)",
    "h = Delay(x, steps=1, longest=1)\ns = RateEncode(h)",
]


def network(text: str, **weights: Array) -> Model:
    return Model("m", parse(f"dt = 0.001\n{text}"), weights, STEPS).checked()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("encoded", ENCODED)
def test_what_is_sent_equals_the_reference(encoded: str, stream: bool) -> None:
    """At 9 steps: two more than a stream has, which are zeros."""
    if encoded.startswith("h = Delay") and not stream:
        return
    entrance = f"x = Input(shape=(3,), stream={stream})"
    weights = {"one": np.ones(3)} if "one" in encoded else {}
    model = network(f"{entrance}\n{encoded}\nreturn s", **weights)
    rng = np.random.default_rng(1)
    x = rng.normal(0.5, 0.5, (4, STEPS, 3) if stream else (4, 3))
    sent = Host.of(model, ["s"], ()).feed({"x": x}, STEPS + 2)["s"]
    padded = np.pad(x, [(0, 0), (0, 2), (0, 0)]) if stream else x
    meant = reference.run(model, padded, STEPS + 2)["s"]
    whole = meant if meant.ndim > 2 else np.broadcast_to(meant[:, None], (4, STEPS + 2, *meant.shape[1:]))
    assert np.array_equal(sent, whole)
    assert sent.any()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), samples=st.integers(1, 40))
def test_readouts_equal_the_reference_in_any_batch(seed: int, samples: int) -> None:
    rng = np.random.default_rng(seed)
    model = network(
        "x = Input(shape=(2, 6, 6))\ne = RateEncode(x)\n"
        "c = FixedConv2d(e, channels=16, kernel=(3, 3), weight='c', padding=(1, 1, 1, 1))\n"
        "n = FixedCompartments(c@1, decay_u=4094, decay_v=100, vth=9000, vmin=-2147483647)\n"
        "f = Flatten(n)\nl = Linear(f, features=3, weight='l', bias='b')\nv = LI(l, decay=0.9)\n"
        "y = Mean(v)\nlag = 1\nreturn y",
        c=rng.integers(-128, 128, (16, 2, 3, 3)) * 64,
        l=exactly_added(rng.normal(size=(576, 3))).T, b=rng.normal(size=3),
    )
    x = rng.random((samples, 2, 6, 6))
    assert np.array_equal(run_model(model, x).outputs["y"], reference.run(model, x)["y"])


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), spread=st.floats(0, 30))
def test_weights_are_rounded_until_no_order_of_adding_shows(seed: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(50, 2)) * np.exp(rng.normal(0, spread / 10, (50, 2)))
    rounded = exactly_added(weight)
    assert np.abs(rounded - weight).max() <= np.abs(weight).sum(axis=0).max() * 2.0**-52
    orders = [rng.permutation(50) for _ in range(5)]
    sums = {tuple(np.add.accumulate(rounded[order])[-1]) for order in orders}
    assert len(sums) == 1


def test_single_precision_adds_exactly_and_double_precision_does_not() -> None:
    weight = np.random.default_rng(0).normal(size=(100, 3))
    assert adds_exactly(weight.astype(np.float32).astype(np.float64))
    assert not adds_exactly(weight)
