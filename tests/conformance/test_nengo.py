"""Nengo's own simulator, held to the reference interpreter: on random networks, and on the zoo."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st

import nmc
from conformance.nengo_cases import Case, collected, difference, nengo_results, spikes
from nmc import datasets, reference
from nmc.backends import toolchain
from nmc.backends.nengo.lowering import KINDS
from nmc.datasets import score
from nmc.errors import ToolError
from nmc.model import Model
from nmc.nodes import KINDS as NODES
from nmc.text import parse
from strategies import convolutional, feed_forward, models, network_samples, recurrent, samples

MODELS = ("digits-cnn", "digits-resnet", "digits-snn", "vowels-rsnn")
NETWORKS = {"feed-forward": feed_forward, "convolutional": convolutional, "recurrent": recurrent}


def all_shown(model: Model) -> Model:
    """The model with every node among its outputs."""
    return replace(model, graph=replace(model.graph, outputs=tuple(model.graph.by_name)))


def assert_equal(cases: list[Case], folder: Path) -> int:
    """Hold every case to the reference; the spikes there were."""
    results = nengo_results(cases, folder)
    wrong = [said for case, found in zip(cases, results, strict=True) if (said := difference(case, found))]
    assert not wrong, f"{len(wrong)} of {len(cases)} networks differ; the first:\n{wrong[0]}"
    return sum(spikes(case, found) for case, found in zip(cases, results, strict=True))


@pytest.mark.parametrize("kind", NETWORKS)
def test_random_spiking_networks_have_the_references_spikes(kind: str, tmp_path: Path, nengo_toolchain: None) -> None:
    cases = collected(NETWORKS[kind](), network_samples, 80)
    assert assert_equal(cases, tmp_path) > 10_000


def test_every_kind_of_node_means_what_the_reference_says(tmp_path: Path, nengo_toolchain: None) -> None:
    """Numbers that do not round, so that even a sum exactly on a threshold is the same."""
    foreign = frozenset(name for name, kind in NODES.items() if kind not in KINDS)
    deep = models(exact=True, layers=6, without=foreign)
    networks = st.one_of(models(exact=True, without=foreign), deep.map(all_shown))
    cases = collected(networks, samples, 150)
    # what rounds is compared within rounding, which must not decide over spikes
    cases += collected(models(timed=False, without=foreign), samples, 80)
    assert assert_equal(cases, tmp_path) > 200


def test_nengos_own_neurons_give_the_same_spikes(tmp_path: Path, nengo_toolchain: None) -> None:
    text = (
        "dt = 0.002\nx = Input(shape=(12,), stream=True)\nfc = Linear(x, features=8, weight='w', bias='b')\n"
        "rec = Linear(lif@1, features=8, weight='r')\n"
        "lif = LIF(fc, rec, decay=0.9, gain='gain', leak=-0.1, threshold='threshold', initial=0.25)\nreturn lif"
    )
    rng = np.random.default_rng(5)
    weights = {
        "w": rng.normal(size=(8, 12)), "b": rng.normal(size=8), "r": rng.normal(size=(8, 8)),
        "gain": rng.uniform(0.5, 1.5, 8), "threshold": rng.uniform(0.5, 1.5, 8),
    }  # fmt: skip
    case = Case(Model("m", parse(text), weights, steps=100).checked(), rng.random((3, 100, 12)))
    (found,) = nengo_results([case], tmp_path, "nengo")
    assert not difference(case, found)
    assert spikes(case, found) > 100


@pytest.mark.parametrize("neuron", [
    "Threshold({}, threshold={})", "IF({}, threshold={})", "LIF({}, decay=0.5, threshold={})",
    "CubaLIF({}, decay=0.5, current_decay=0.5, threshold={})",
])  # fmt: skip
def test_populations_keep_their_own_settings(neuron: str, tmp_path: Path, nengo_toolchain: None) -> None:
    """Nengo's optimizer runs populations whose types it takes for equal as one, in an order that changes."""
    text = (
        "dt = 0.001\nx = Input(shape=(8,), stream=True)\na = Linear(x, features=20, weight='w')\n"
        "b = Linear(n@1, features=11, weight='v')\n"
        f"n = {neuron.format('a, c', 1.4)}\nc = Linear(n@1, features=20, weight='u')\n"
        f"m = {neuron.format('b', 0.2)}\nreturn n, m"
    )
    rng = np.random.default_rng(0)
    weights = {"w": rng.random((20, 8)) / 2, "v": rng.random((11, 20)) / 9, "u": rng.normal(size=(20, 20)) / 9}
    case = Case(Model("m", parse(text), weights, steps=12).checked(), rng.random((1, 12, 8)))
    assert assert_equal([case] * 12, tmp_path) > 100


@pytest.mark.parametrize("name", MODELS)
def test_the_zoo_gives_the_references_outputs(name: str, tmp_path: Path, nengo_toolchain: None) -> None:
    model = nmc.load(name)
    x = datasets.test_data(model).x
    program = nmc.compile(model, "nengo-sim", tmp_path / "program")
    result = nmc.run(program, x)
    wanted = reference.run(program.model, x, record=result.events.nodes)
    for output, values in result.outputs.items():
        assert np.max(np.abs(values - wanted[output])) <= 1e-9 * np.max(np.abs(wanted[output]))
    for node, events in result.events.nodes.items():
        assert events.spikes is not None
        np.testing.assert_array_equal(np.rint(events.spikes * len(x)), wanted[node].sum(axis=(0, 1)))


def test_an_ordinary_network_keeps_its_accuracy_as_a_spiking_one(tmp_path: Path, nengo_toolchain: None) -> None:
    """Within 1.5 points."""
    model = nmc.load("digits-cnn")
    data = datasets.test_data(model)
    program = nmc.compile(model, "nengo-sim", tmp_path / "program", neurons="spiking", steps=32)
    outputs = nmc.run(program, data.x).outputs["logits"]
    expected = reference.run(model, data.x)["logits"]
    assert model.task is not None
    assert score(model.task, outputs, data.y) >= score(model.task, expected, data.y) - 0.015
    assert not np.array_equal(outputs, expected)


def test_samples_do_not_touch_one_another(tmp_path: Path, nengo_toolchain: None) -> None:
    x = datasets.test_data(nmc.load("vowels-rsnn")).x[:4]
    program = nmc.compile("vowels-rsnn", "nengo-sim", tmp_path / "program")
    forward, backward = (nmc.run(program, samples).outputs["logits"] for samples in (x, x[::-1]))
    np.testing.assert_array_equal(forward, backward[::-1])


def test_a_lag_is_left_out_of_results(tmp_path: Path, nengo_toolchain: None) -> None:
    text = (
        "dt = 0.001\nlag = 2\nx = Input(shape=(3,), stream=True)\nlif = LIF(x@2, decay=0.5)\n"
        "sum = Sum(lif)\nmean = Mean(x@2)\nmax = Max(x@2)\nlast = Last(x@2)\nreturn lif, sum, mean, max, last"
    )
    case = Case(Model("m", parse(text), {}, steps=6).checked(), np.random.default_rng(0).random((2, 6, 3)) * 2)
    assert_equal([case], tmp_path)


def test_a_program_checks_itself(tmp_path: Path, nengo_toolchain: None) -> None:
    program = nmc.compile("digits-snn", "nengo-sim", tmp_path / "program")
    script = program.path / "nengo" / "run.py"
    nengo = toolchain.toolchain_named("nengo")
    assert "20 of 20 values are as expected" in toolchain.run(nengo, script, ["--check"])

    golden = script.with_name("golden.npz")
    with np.load(golden) as file:
        arrays = dict(file)
    arrays["output/logits"][1, 3] += 1
    np.savez(golden, **arrays)
    with pytest.raises(ToolError, match=r"first difference at \(1, 3\)"):
        toolchain.run(nengo, script, ["--check"])
    with pytest.raises(ToolError, match=r"did not finish within 0\.1 s"):
        toolchain.run(nengo, script, ["--check"], timeout_s=0.1)
    assert str(script) not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout


def test_a_program_lends_its_network_to_a_users_script(tmp_path: Path, nengo_toolchain: None) -> None:
    """The network as part of another one: driven by the user's own stimulus, read by the user's own probe."""
    program = nmc.compile("vowels-rsnn", "nengo-sim", tmp_path / "program")
    script = program.path / "nengo" / "mine.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nsys.path.insert(0, str(Path(__file__).parent))\n"
        "import nengo\nimport numpy as np\nfrom run import build\n"
        "with nengo.Network() as mine:\n"
        "    part = build()\n"
        "    stimulus = nengo.Node(np.full(12, 0.5))\n"
        "    nengo.Connection(stimulus, part.inputs['input'], synapse=None)\n"
        "    spikes = nengo.Probe(part.parts['lif1'])\n"
        "    result = nengo.Probe(part.outputs['logits'])\n"
        "with nengo.Simulator(mine, dt=0.001, progress_bar=False) as simulator:\n"
        "    simulator.run_steps(20, progress_bar=False)\n"
        "print(simulator.data[spikes].sum(), *(repr(float(y)) for y in simulator.data[result][-1]))\n"
    )
    count, *logits = toolchain.run(toolchain.toolchain_named("nengo"), script).split()
    found = reference.run(program.model, np.full((1, 20, 12), 0.5), record=["lif1"])
    assert float(count) == found["lif1"].sum() > 0
    np.testing.assert_allclose([float(y) for y in logits], found["logits"][0], rtol=1e-9)


def test_a_network_that_nengo_cannot_build_is_an_error_with_its_last_words(
    tmp_path: Path, nengo_toolchain: None
) -> None:
    program = nmc.compile("vowels-rsnn", "nengo-sim", tmp_path / "program")
    script = program.path / "nengo" / "run.py"
    description = script.with_name("network.json")
    description.write_text(description.read_text().replace('"type": "LIF"', '"type": "LIFT"'))
    with pytest.raises(ToolError, match="LIFT") as error:
        toolchain.run(toolchain.toolchain_named("nengo"), script, ["--check"])
    assert error.value.exit_code == 3


def test_doubt_has_no_price_without_a_chip(nengo_toolchain: None) -> None:
    row = nmc.uncertainty("digits-bayes", ["nengo-sim"], draws=2, samples=9)["nengo-sim"]
    assert row.drawn is not None and row.drawn.total_energy_j is None
