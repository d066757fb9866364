"""What connections that learn mean, worked out by hand."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest

from nmc.errors import ModelError
from nmc.model import FloatArray, Model
from nmc.reference import each_step, run
from nmc.text import parse


def weights_after(
    x: FloatArray, z: FloatArray, first: float = 0.5, r: FloatArray | None = None, **facts: object
) -> FloatArray:
    """The weight of one synapse at the end of every step, [B, T], given what arrives and what the neuron sends."""
    stated = "".join(f", {name}={value!r}" for name, value in facts.items())
    third = ("r = Input(shape=(1,), stream=True)\n", ", r") if r is not None else ("", "")
    # an input stands for the neurons behind: rules see what it sends
    graph = parse(f"""
dt = 0.001
x = Input(shape=(1,), stream=True)
z = Input(shape=(1,), stream=True)
{third[0]}fc = PlasticLinear(x, z{third[1]}, features=1, weight='w'{stated})
return fc
""")
    model = Model("one synapse", graph, {"w": np.full((1, 1), first)}).checked()
    feeds = {"x": x[..., None], "z": z[..., None], **({} if r is None else {"r": r[..., None]})}
    return np.stack([state["fc"]["w"][:, 0, 0] for _, state in each_step(model, feeds)], axis=1)


def test_a_spike_before_one_behind_strengthens_and_after_it_weakens() -> None:
    x, z = np.array([[1, 0, 0, 0.0], [0, 0, 0, 1.0]]), np.array([[0, 0, 0, 1.0], [1, 0, 0, 0.0]])
    w = weights_after(x, z, dw="0.1*x1*y0 - 0.2*y1*x0", x1_tau=10.0, y1_tau=5.0)
    assert w[0].tolist() == pytest.approx([0.5, 0.5, 0.5, 0.5 + 0.1 * exp(-3 / 10)])
    assert w[1].tolist() == pytest.approx([0.5, 0.5, 0.5, 0.5 - 0.2 * exp(-3 / 5)])


def test_the_output_is_that_of_the_weights_before_they_learn() -> None:
    graph = parse("""
dt = 0.001
x = Input(shape=(2,), stream=True)
fc = PlasticLinear(x, lif@1, features=1, weight='w', dw='0.25*x0')
lif = LIF(fc, decay=0.0, threshold=9.0)
return fc
""")
    model = Model("sums", graph, {"w": np.array([[1.0, 2.0]])}).checked()
    y = run(model, np.array([[[1, 1], [1, 0], [0, 1.0]]]))["fc"]
    assert y[0, :, 0].tolist() == [3.0, 1.25, 2.25]


def test_a_reward_turns_a_tag_into_a_weight() -> None:
    x, z = np.array([[1, 0, 0, 0.0]]), np.array([[0, 1, 0, 0.0]])
    w = weights_after(x, z, r=np.array([[0, 0, 0, 2.0]]), dw="r*t", dt="0.5*x1*y0 - 0.25*t", x1_tau=1.0)
    # the tag is 0.5 / e after the second step, and the reward finds it three quarters of that
    assert w[0].tolist() == pytest.approx([0.5, 0.5, 0.5, 0.5 + 2 * 0.75 * 0.5 * exp(-1)])


def test_oja_keeps_weights_of_one_length() -> None:
    """With y = w x, dw = rate (x y - y^2 w) goes to w = 1 for one input (Oja 1982)."""
    graph = parse("""
dt = 0.001
x = Input(shape=(1,), stream=True)
fc = PlasticLinear(x, y@1, features=1, weight='w', dw='0.05*x0*y0 - 0.05*y0*y0*w')
y = LI(fc, decay=0.0)
return y
""")
    model = Model("oja", graph, {"w": np.full((1, 1), 0.2)}).checked()
    assert run(model, np.ones((1, 400, 1)))["y"][0, -1, 0] == pytest.approx(1.0, abs=1e-3)


def test_weights_stay_within_their_bounds_and_u_counts_steps() -> None:
    ones = np.ones((1, 6))
    assert weights_after(ones, ones, dw="0.3*x0", w_min=0.0, w_max=1.0)[0, -1] == 1.0
    assert weights_after(ones, ones, dw="-x0", w_min=0.25)[0].tolist() == [0.25] * 6
    assert weights_after(0 * ones, ones, first=0.0, dw="u1")[0].tolist() == [0, 1, 1, 2, 2, 3]


def test_every_sample_begins_with_the_models_weights() -> None:
    x, z = np.array([[1, 0.0], [1, 1.0]]), np.zeros((2, 2))
    assert weights_after(x, z, dw="x0")[:, -1].tolist() == [1.5, 2.5]


def test_what_does_not_fit_is_told() -> None:
    with pytest.raises(ModelError, match="reads what 2 neurons behind it send"):
        parse("""
dt = 0.001
x = Input(shape=(1,), stream=True)
z = Input(shape=(3,), stream=True)
fc = PlasticLinear(x, z, features=2, weight='w', dw='x0')
return fc
""").signals  # noqa: B018
    with pytest.raises(ModelError, match="names r: read a third factor"):
        parse("dt = 0.001\nx = Input(shape=(1,))\nfc = PlasticLinear(x, x, features=1, weight='w', dw='r')\nreturn fc")
