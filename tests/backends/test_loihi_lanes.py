"""Synapses that are added in lanes, and compartments that read several of them, against the reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.one_by_one import assert_repeats

from nmc import reference
from nmc.backends.loihi.native import Emulator
from nmc.backends.loihi.native.lanes import in_lanes
from nmc.backends.loihi.native.plan import Plan
from nmc.machine_code import LANES, kernel, lowest_bits, mac
from nmc.model import Array, Model
from nmc.text import parse

STEPS = 6


def assert_equal(text: str, x: Array, **weights: Array) -> Model:
    """Outputs of all nodes on the chip, and what compartments carry."""
    model = Model("m", parse(f"dt = 0.001\n{text}"), weights, STEPS).checked()
    plan = Plan.of(model)
    names = [name for name in plan.computed if model.graph[name].kind.startswith("Fixed")]
    chip = Emulator.of(plan, len(x))
    bias = {"on": np.ones((len(x), STEPS, 1), np.uint8)} if "on" in plan.fed else {}
    feeds = {"x": x.astype(np.uint8), **bias}
    shown = chip.advance(feeds, STEPS, names)
    meant = reference.run(model, x.astype(np.float64), record=names)
    for name in names:
        assert np.array_equal(shown[name], meant[name]), f"{name}\n{model.graph}"
    assert assert_repeats(plan, feeds, STEPS, names)
    return model


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), channels=st.sampled_from([16, 32, 48, 20]), stride=st.sampled_from([1, 2]),
    decay_u=st.sampled_from([4094, 4094, 4095, 1000, 0]), decay_v=st.sampled_from([0, 1, 410, 4095]),
    refractory=st.sampled_from([0, 0, 2]), vmin=st.sampled_from([-2147483647, -500, 0]), exponent=st.integers(0, 14),
)
def test_convolution_bias_and_written_out_convolution_add_up(
    seed: int, channels: int, stride: int, decay_u: int, decay_v: int, refractory: int, vmin: int, exponent: int
) -> None:
    """One population reads all three, the next one a matrix of few entries: large sums wrap in all of them alike."""
    rng = np.random.default_rng(seed)
    size = -(-4 // stride)
    neurons = f"decay_u={decay_u}, decay_v={decay_v}, refractory={refractory}, vmin={vmin}, vth=2000"
    width = channels * size * size
    entries = rng.random((width, width)) < 0.2
    row_start = np.concatenate([[0], np.cumsum(entries.sum(axis=1))])
    assert_equal(
        "i = Input(shape=(2, 4, 4), stream=True)\nx = Threshold(i, threshold=0.5)\n"
        "one = Constant(value='one', shape=(1,))\non = ConstantCurrent(one)\n"
        f"c = FixedConv2d(x, channels={channels}, kernel=(3, 3), weight='c', stride=({stride}, {stride}), "
        "padding=(1, 1, 1, 1))\n"
        f"b = FixedDense(on, features={width}, weight='b', weight_exp=6)\n"
        f"br = Reshape(b, shape=({channels}, {size}, {size}))\n"
        f"xr = Flatten(x)\nd = FixedDense(xr, features={width}, weight='d', weight_exp=3)\n"
        f"dr = Reshape(d, shape=({channels}, {size}, {size}))\n"
        f"n = FixedCompartments(c@1, br@1, dr@1, {neurons})\nf = Flatten(n)\n"
        f"s = FixedSparse(f, features={width}, synapses={entries.sum()}, weight='w', column='k', row_start='r', "
        f"weight_exp=6)\nmr = FixedCompartments(s@1, {neurons})\n"
        f"m = Reshape(mr, shape=({channels}, {size}, {size}))\n"
        f"e = FixedConv2d(m, channels=16, kernel=(1, 1), weight='e')\nreturn e",
        rng.random((3, STEPS, 2, 4, 4)) < 0.3,
        one=np.ones(1), c=rng.integers(-128, 128, (channels, 2, 3, 3)) << exponent,
        b=rng.integers(-255, 255, (width, 1)), d=rng.integers(-255, 255, (width, 32)),
        w=rng.integers(-128, 128, entries.sum()), k=np.nonzero(entries)[1], r=row_start,
        e=rng.integers(-128, 128, (16, channels, 1, 1)),
    )


def test_only_what_lies_close_together_lies_in_lanes() -> None:
    """A band of 16 targets a source; and one target each, all over a million."""
    band = in_lanes(np.arange(0, 4 * 16 + 1, 16), np.tile(np.arange(16), 4), np.ones(64, np.int8), 32)
    assert band is not None
    assert band.places.tolist() == [[0, 0], [0, 16], [0, 32], [0, 48]]
    assert band.inputs.tolist() == [[0, 0, k, k + 1, 16] for k in range(4)]
    many = 100_000
    assert in_lanes(np.arange(many + 1), np.arange(many) * 7, np.ones(many, np.int8), 1 << 20) is None
    assert in_lanes(np.array([0, 1]), np.array([0]), np.ones(1, np.int8), LANES + 1) is None


@kernel
def _widths(x: Array, y: Array, out: Array) -> None:
    for i in range(len(x)):
        out[i] = lowest_bits(mac(mac(0, x[i], y[i]), x[i], y[i]), 10)


@pytest.mark.parametrize("width", [np.int16, np.int32])
def test_products_keep_their_lowest_bits_in_machine_code_and_in_python(width: type[np.signedinteger]) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(np.iinfo(width).min, np.iinfo(width).max, 50).astype(width)
    y = rng.integers(-(2**20), 2**20, 50).astype(np.int32)
    fast, slow = np.empty(50, np.int32), np.empty(50, np.int32)
    _widths(x, y, fast)
    _widths.function(x, y, slow)
    assert np.array_equal(fast, slow)
    assert fast[0] == (2 * int(x[0]) * int(y[0]) + 2**21) % 2**22 - 2**21
