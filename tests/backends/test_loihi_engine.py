"""Programs for Loihi from end to end: the engine gives what the reference says of the fixed-point graph."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from oracles.one_by_one import assert_repeats

import nmc
from nmc import reference
from nmc.backends import target_named
from nmc.backends.loihi import LoihiOptions
from nmc.backends.loihi.board import Board
from nmc.backends.loihi.engine import run_model
from nmc.backends.loihi.native import Emulator
from nmc.backends.loihi.native.plan import Plan
from nmc.backends.loihi.native.repeater import Repeater
from nmc.datasets import test_data as held_out
from nmc.errors import UsageError
from nmc.model import Array, Model
from nmc.passes import apply
from nmc.text import parse

LOIHI1 = target_named("loihi-sim")


def compiled(model: Model, samples: np.ndarray, **options: object) -> Model:
    return apply(LOIHI1.passes(LoihiOptions(**options)), model, lambda: samples)


STREAMED = Model("m", parse("""dt = 0.001
x = Input(shape=(4,), stream=True)
f = Linear(x, features=6, weight='f', bias='b')
r = Linear(n@1, features=6, weight='r')
n = LIF(f, r, decay=0.9)
o = Linear(n, features=3, weight='o')
v = LI(o, decay=0.9)
last = Last(v)
mean = Mean(v)
spikes = Sum(n)
input_mean = Mean(x)
twice = Add(last, last)
return twice, mean, spikes, n, v, input_mean"""), {
    "f": np.random.default_rng(0).normal(size=(6, 4)), "r": np.random.default_rng(1).normal(size=(6, 6)) * 0.3,
    "o": np.random.default_rng(2).normal(size=(3, 6)), "b": np.full(6, 0.1),
}).checked()
X = (np.random.default_rng(3).random((40, 15, 4)) < 0.3) * 1.0


def test_every_output_equals_the_reference() -> None:
    """Readouts, streams of spikes and of voltages, and host nodes after them, bit for bit."""
    model = compiled(STREAMED, X[:8])
    result = run_model(model, X)
    meant = reference.run(model, X)
    assert result.outputs.keys() == meant.keys() == set(STREAMED.graph.outputs)
    for name, value in meant.items():
        assert np.array_equal(result.outputs[name], value), name
    assert result.outputs["v"].shape == (40, 15, 3)


def test_the_chip_runs_the_lag_on_top() -> None:
    model = compiled(STREAMED, X[:8])
    assert model.graph.lag == 2
    assert run_model(model, X).events.steps == 15 + 2
    assert run_model(model, X, steps=9).events.steps == 9 + 2


def test_events_are_means_for_one_sample() -> None:
    """Of a sample's spikes into f, each reads 6 weights; twice the samples change no mean."""
    model = compiled(STREAMED, X[:8])
    one, two = run_model(model, X), run_model(model, np.concatenate([X, X]))
    assert one.events.nodes["f"].synaptic_operations == pytest.approx(6 * X.sum() / len(X))
    assert one.events.nodes["n_on_chip"].neuron_updates == 17 * 6  # the result "n" is what the host holds back of it
    for name, node in one.events.nodes.items():
        assert two.events.nodes[name].synaptic_operations == pytest.approx(node.synaptic_operations)
        assert two.events.nodes[name].total_spikes == pytest.approx(node.total_spikes)
    assert one.events.nodes["x_quantized"].total_spikes == pytest.approx(X.sum() / len(X))


def test_samples_do_not_touch_one_another() -> None:
    model = compiled(STREAMED, X[:8])
    together = run_model(model, X).outputs["v"]
    alone = [run_model(model, sample[None]).outputs["v"][0] for sample in X[:5]]
    assert np.array_equal(together[:5], np.stack(alone))


@pytest.mark.parametrize("encoding", ["rate", "current"])
def test_an_ordinary_network_runs_as_a_program(encoding: str, tmp_path: Path) -> None:
    program = nmc.compile("digits-cnn", "loihi-sim", tmp_path / "p", encoding=encoding, steps=20)
    assert program.steps == 20
    data = held_out(nmc.load("digits-cnn"))
    result = nmc.run(program, data.x[:60])
    assert np.array_equal(result.outputs["logits"], reference.run(program.model, data.x[:60])["logits"])
    assert np.mean(result.outputs["logits"].argmax(1) == data.y[:60]) >= 0.96
    assert result.events.nodes["conv2"].synaptic_operations > 0


@pytest.mark.parametrize("bits", [4, 6, 8])
def test_fewer_bits_cost_accuracy_only_at_the_end(bits: int, tmp_path: Path) -> None:
    program = nmc.compile("digits-snn", "loihi-sim", tmp_path / "p", weight_bits=bits)
    data = held_out(nmc.load("digits-snn"))
    accuracy = np.mean(nmc.run(program, data.x).outputs["logits"].argmax(1) == data.y)
    assert accuracy >= {4: 0.9, 6: 0.98, 8: 0.99}[bits]


def test_options_out_of_range_are_refused(tmp_path: Path) -> None:
    for options in ({"weight_bits": 3}, {"weight_bits": 9}, {"steps": 0}, {"encoding": "graded"}):
        with pytest.raises(UsageError):
            nmc.compile("digits-cnn", "loihi-sim", tmp_path / "p", **options)


def test_a_run_of_no_steps_is_refused() -> None:
    with pytest.raises(UsageError):
        run_model(compiled(STREAMED, X[:8]), X, steps=99)


@pytest.mark.parametrize("target", ["loihi-sim", "nengo-loihi-sim"])
@pytest.mark.parametrize("name", ["digits-cnn", "digits-snn", "vowels-rsnn"])
def test_programs_of_the_zoo_run_one_sample_after_another(name: str, target: str, tmp_path: Path) -> None:
    """As they run side by side, bit for bit."""
    source = nmc.load(name)
    model = nmc.compile(source, target, tmp_path / "program").model
    x = {node.name: held_out(source).x[:5] for node in model.graph if node.kind == "Input"}
    plan = Plan.of(model)
    host = Board(model, plan).host
    steps = (model.steps or next(iter(x.values())).shape[1]) + model.graph.lag
    assert assert_repeats(plan, host.feed(x, steps), steps, host.shown)


SPIKES = Model("m", parse(
    "dt = 0.001\nx = Input(shape=(3,))\ne = RateEncode(x)\nd = FixedDense(e, features=2, weight='w')\n"
    "n = FixedLIF(d@1, du=4095, dv=0, vth=2)\nreturn n"
), {"w": np.ones((2, 3))}, 4).checked()


def test_feeds_of_another_size_are_refused() -> None:
    """More steps or samples than there are must not be looked for beyond the end of an array."""
    plan = Plan.of(SPIKES)
    chip, repeater = Emulator.of(plan, 4), Repeater.of(plan, 6, ["n"])
    assert repeater is not None
    for shape in ((4, 5, 3), (2, 6, 3), (3, 6, 3), (4, 6, 2)):
        for run in (lambda fed: chip.advance(fed, 6, ["n"]), lambda fed: repeater.run(fed, 4)):
            with pytest.raises(UsageError, match=re.escape(f"'e' is fed in shape {shape}")):
                run({"e": np.ones(shape, np.uint8)})


@pytest.mark.parametrize(("feeds", "what"), [
    ({}, "nothing is fed for e"),
    ({"e": np.ones((1, 2, 3), np.uint8), "f": np.ones((1, 2, 3), np.uint8)}, "'f' is not fed to the chip"),
    ({"e": np.ones((1, 2, 3))}, "'e' is fed other values than whole numbers from 0 to 1"),
    ({"e": np.full((1, 2, 3), 256)}, "'e' is fed other values than whole numbers from 0 to 1"),
])
def test_feeds_that_are_missing_or_have_no_place_are_refused(feeds: dict[str, Array], what: str) -> None:
    """Not read from memory that nobody wrote, nor cut to the bits that are kept."""
    plan = Plan.of(SPIKES)
    repeater = Repeater.of(plan, 2, ["n"])
    assert repeater is not None
    for run in (lambda: Emulator.of(plan, 1).advance(feeds, 2, ["n"]), lambda: repeater.run(feeds, 1)):
        with pytest.raises(UsageError, match=what):
            run()
