"""Max pooling between layers: the graph before and after, equality, fit, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmc import passes, reference
from nmc.backends import target_named
from nmc.backends.loihi import Loihi2Options, LoihiOptions
from nmc.backends.loihi.engine import run_model
from nmc.errors import UnsupportedError
from nmc.model import FloatArray, Model
from nmc.passes import no_samples
from nmc.passes.replace_max_pools import ReplaceMaxPools
from nmc.passes.to_sigma_delta import ToSigmaDelta
from nmc.text import parse

LOIHI1, LOIHI2 = target_named("loihi-sim"), target_named("loihi2-sim")


def random(*shape: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(size=shape) * 0.5


def network(text: str, **weights: FloatArray) -> Model:
    return Model("m", parse(text), weights).checked()


def pooled(pool: str = "MaxPool2d(r, kernel=(2, 2))") -> Model:
    return network(f"""x = Input(shape=(1, 6, 6))
c = Conv2d(x, channels=3, kernel=(3, 3), weight='c', padding=(1, 1, 1, 1))
r = Relu(c)
p = {pool}
f = Flatten(p)
y = Linear(f, features=2, weight='w')
return y""", c=random(3, 1, 3, 3), w=random(2, 27, seed=1))


X = np.random.default_rng(3).random((40, 1, 6, 6))


def test_averages_before_and_after() -> None:
    text = str(ReplaceMaxPools("average")(pooled(), lambda: X).checked().graph)
    assert "r = Relu(c)\np_mean = AvgPool2d(r, kernel=(2, 2), stride=(2, 2), padding=(0, 0, 0, 0))\n" in text
    assert "\np = BatchNorm(p_mean, scale='p.scale', bias='p.bias', mean='p.mean', variance='p.variance', " in text
    assert "MaxPool" not in text and text.endswith("f = Flatten(p)\ny = Linear(f, features=2, weight='w')\nreturn y")


def test_pairs_before_and_after() -> None:
    """Of two elements one comparison; the pool's name stays."""
    model = ReplaceMaxPools("pairwise")(pooled("MaxPool2d(r, kernel=(1, 2), stride=(2, 2))"), no_samples).checked()
    geometry = "stride=(2, 2), padding=(0, 0, 0, 0), dilation=(1, 1), groups=3"
    text = str(model.graph)
    for line in ("p_elements = Conv2d(r, channels=3, kernel=(1, 2), weight='p_elements.weight'", geometry,
                 "p_lead = Relu(p_elements)", "p_elements_2 = Conv2d(r, ch", "p = Conv2d(p_elements_2, p_lead,"):
        assert line in text
    assert model.weights["p_elements.weight"][0].tolist() == [[[1.0, -1.0]]]
    assert model.weights["p_elements_2.weight"][0].tolist() == [[[0.0, 1.0]]]


@settings(max_examples=30, deadline=None)
@given(
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)), stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pad=st.booleans(),
)  # fmt: skip
def test_pairs_are_exact(kernel: tuple[int, int], stride: tuple[int, int], pad: bool) -> None:
    padding = tuple((k - 1) * pad for k in kernel * 2)
    pool = f"MaxPool2d(r, kernel={kernel}, stride={stride}, padding={padding})"
    model = network(f"""x = Input(shape=(1, 6, 6))
c = Conv2d(x, channels=2, kernel=(3, 3), weight='c')
r = Relu(c)
y = {pool}
return y""", c=random(2, 1, 3, 3))
    replaced = ReplaceMaxPools("pairwise")(model, no_samples).checked()
    assert not any(node.kind == "MaxPool2d" for node in replaced.graph)
    np.testing.assert_allclose(reference.run(replaced, X)["y"], reference.run(model, X)["y"], atol=1e-12)


def test_pairs_over_one_axis_and_below_zero() -> None:
    model = network("""x = Input(shape=(2, 9))
c = Conv1d(x, channels=2, kernel=(2,), weight='c')
y = MaxPool1d(c, kernel=(3,), stride=(2,))
return y""", c=random(2, 2, 2))
    x = np.random.default_rng(0).normal(size=(8, 2, 9))
    replaced = ReplaceMaxPools("pairwise")(model, no_samples).checked()
    np.testing.assert_allclose(reference.run(replaced, x)["y"], reference.run(model, x)["y"], atol=1e-12)


def test_averages_are_fitted() -> None:
    """Least squares with gain and offset are no worse than gains of 1, and right on average in each channel."""
    model, pool = pooled(), pooled("AvgPool2d(r, kernel=(2, 2))")
    want = reference.run(model, X[:32], record=["p"])["p"]
    plain = reference.run(pool, X[:32], record=["p"])["p"]
    fitted = reference.run(ReplaceMaxPools("average")(model, lambda: X), X[:32], record=["p"])["p"]
    assert np.mean((fitted - want) ** 2) < 0.5 * np.mean((plain - want) ** 2)
    np.testing.assert_allclose(fitted.mean(axis=(0, 2, 3)), want.mean(axis=(0, 2, 3)), atol=1e-12)


def test_a_second_pool_makes_up_for_the_first() -> None:
    """It is fitted to the network's own values with what arrives now: its mean is right again."""
    model = network("""x = Input(shape=(1, 6, 6))
c = Conv2d(x, channels=2, kernel=(1, 1), weight='c')
p = MaxPool2d(c, kernel=(2, 2))
d = Conv2d(p, channels=2, kernel=(1, 1), weight='d')
r = Relu(d)
y = MaxPool2d(r, kernel=(3, 3))
return y""", c=random(2, 1, 1, 1), d=random(2, 2, 1, 1, seed=4))
    fitted = ReplaceMaxPools("average")(model, lambda: X[:32])
    want, have = (reference.run(m, X[:32])["y"].mean(axis=0) for m in (model, fitted))
    np.testing.assert_allclose(have, want, atol=1e-12)


def test_what_the_host_does_stays() -> None:
    model = network("""x = Input(shape=(1, 6, 6))
p = MaxPool2d(x, kernel=(2, 2))
c = Conv2d(p, channels=2, kernel=(3, 3), weight='c')
return c""", c=random(2, 1, 3, 3))
    assert ReplaceMaxPools("pairwise")(model, no_samples).graph == model.graph
    assert ReplaceMaxPools("average")(model, lambda: X).graph == model.graph


def test_padding_that_zeros_cannot_stand_for_is_refused() -> None:
    model = network("""x = Input(shape=(1, 6, 6))
c = Conv2d(x, channels=2, kernel=(3, 3), weight='c')
p = MaxPool2d(c, kernel=(2, 2), padding=(1, 1, 1, 1))
return p""", c=random(2, 1, 3, 3))
    with pytest.raises(UnsupportedError, match=r"<graph>:3: node 'p': its padding never wins[^$]*max_pool=average"):
        ReplaceMaxPools("pairwise")(model, no_samples)
    assert ReplaceMaxPools("average")(model, lambda: X).check() == []


def test_sigma_delta_neurons_say_the_largest_exactly() -> None:
    model = pooled()
    changes = passes.apply([ReplaceMaxPools("pairwise"), ToSigmaDelta(steps=2)], model)
    np.testing.assert_allclose(reference.run(changes, X)["y"], reference.run(model, X)["y"], atol=1e-9)
    options = Loihi2Options(neurons="sigma-delta", max_pool="pairwise")
    fixed = passes.apply(LOIHI2.passes(options), model, lambda: X)
    have, want = run_model(fixed, X).outputs["y"], reference.run(model, X)["y"]
    assert np.sqrt(np.mean((have - want) ** 2)) < 0.05 * np.sqrt(np.mean(want**2))


@pytest.mark.parametrize("method", ["average", "pairwise"])
def test_the_chips_integers_take_either(method: str) -> None:
    fixed = passes.apply(LOIHI1.passes(LoihiOptions(steps=8, max_pool=method)), pooled(), lambda: X)  # type: ignore[arg-type]
    assert np.array_equal(run_model(fixed, X[:4]).outputs["y"], reference.run(fixed, X[:4])["y"])


def test_by_default_it_is_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"'p': MaxPool2d takes the larger[^$]*max_pool=average or max_pool"):
        passes.apply(LOIHI1.passes(LoihiOptions()), pooled(), lambda: X)
