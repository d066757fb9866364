"""A model file, read and written back."""

from __future__ import annotations

from math import exp
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from nmc import reference
from nmc.errors import ModelError, ToolError, UsageError
from nmc.frontends.dump import dump
from nmc.frontends.yaml import load
from nmc.model import Budget
from nmc.text import parse

GRAPH = f"""\
dt = 0.001
input = Input(shape=(6,))
current = ConstantCurrent(input)
fc1 = Linear(current, features=4, weight='fc1.weight', bias='fc1.bias')
rec = Linear(lif1@1, features=4, weight='rec.weight')
lif1 = LIF(fc1, rec, decay={exp(-0.1)!r}, gain={1 - exp(-0.1)!r})
out = Linear(lif1, features=3, weight='out.weight')
membrane = LI(out, decay=0.95)
logits = Last(membrane)
return logits
"""


def written(folder: Path, text: str) -> Path:
    (folder / "model.yaml").write_text(text)
    return folder / "model.yaml"


def test_a_file_says_a_graph(folder: Path) -> None:
    model = load(folder / "model.yaml")
    assert model.graph == parse(GRAPH)
    assert (model.name, model.description, model.steps) == ("small", "a recurrent spiking network", 20)
    assert model.graph.sources["lif1"].line == 12


def test_weights_are_those_that_nodes_read(folder: Path) -> None:
    weights = load(folder / "model.yaml").weights
    assert set(weights) == {"fc1.weight", "fc1.bias", "rec.weight", "out.weight"}
    assert np.array_equal(weights["fc1.weight"], load_file(folder / "weights.safetensors")["fc1.weight"])


def test_the_task(folder: Path) -> None:
    task = load(folder / "model.yaml").task
    assert task is not None
    assert (task.kind, task.metric) == ("classification", "accuracy")
    assert (task.test, task.calibration) == (folder / "test.npz", folder / "calibration.npz")
    assert task.budgets == {"loihi-sim": Budget(0.96, 50e-6, 5e-3)}


def test_the_least_file(tmp_path: Path) -> None:
    """No time, no weights, no task; a metric follows from the kind of task."""
    text = "{nmc: 1, name: a, input: {shape: [2]}, nodes: {y: {kind: Relu, from: input}}, output: y"
    model = load(written(tmp_path, text + "}"))
    assert str(model.graph) == "input = Input(shape=(2,))\ny = Relu(input)\nreturn y"
    assert dict(model.weights) == {} and model.task is None
    task = load(written(tmp_path, text + ", task: {kind: regression}}")).task
    assert task is not None and task.metric == "mean-squared-error"


def test_several_inputs_and_outputs_and_a_stream(tmp_path: Path) -> None:
    model = load(written(tmp_path, """\
nmc: 1
name: pair
dt: 1 kHz
inputs: {left: {shape: [2], stream: true}, right: {shape: [2]}}
nodes:
  both: {kind: Concat, from: [left, right]}
  late: {kind: Delay, from: both, steps: 3 ms}
outputs: [both, late]
"""))
    assert model.graph == parse("""\
dt = 0.001
left = Input(shape=(2,), stream=True)
right = Input(shape=(2,))
both = Concat(left, right)
late = Delay(both, steps=3)
return both, late
""")


def test_exact_time_constants_relax_to_the_input(tmp_path: Path) -> None:
    """tau dv/dt = -v + r x with x = 3, r = 2 from v = 0: v(5 tau) = 6 (1 - exp(-5)) = 5.959572."""
    text = (
        "{nmc: 1, name: a, dt: 1 ms, steps: 50, input: {shape: [1]}, output: last, nodes: {"
        "v: {kind: LI, from: input, tau: 10 ms, integrator: exact, r: 2}, last: {kind: Last, from: v}}}"
    )
    y = reference.run(load(written(tmp_path, text)), np.array([[3.0]]))["last"]
    assert y[0, 0] == pytest.approx(5.959572, abs=1e-6)


def test_texts_and_numbers_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    """`no` and `on` are names; 1e-5 is a number; keys are texts."""
    text = (
        "{nmc: 1, name: '1', input: {shape: [2]}, output: on, nodes: "
        "{no: {kind: LeakyRelu, from: input, alpha: 1e-5}, on: {kind: Clip, from: no, maximum: .inf}}}"
    )
    assert load(written(tmp_path, text)).graph == parse(
        "input = Input(shape=(2,))\nno = LeakyRelu(input, alpha=1e-05)\non = Clip(no)\nreturn on"
    )


# writing


def test_a_model_is_written_as_a_person_would(folder: Path, tmp_path: Path) -> None:
    text = dump(load(folder / "model.yaml"), tmp_path / "copy").read_text()
    assert text == f"""\
nmc: 1
name: small
description: a recurrent spiking network
weights: weights.safetensors
dt: 1 ms
steps: 20
input: {{shape: [6]}}
nodes:
  current: {{kind: ConstantCurrent, from: input}}
  fc1: {{kind: Linear, from: current, features: 4, bias: fc1.bias}}
  rec: {{kind: Linear, from: lif1@1, features: 4}}
  lif1: {{kind: LIF, from: [fc1, rec], decay: {exp(-0.1)!r}, gain: {1 - exp(-0.1)!r}}}
  out: {{kind: Linear, from: lif1, features: 3}}
  membrane: {{kind: LI, from: out, decay: 0.95}}
  logits: {{kind: Last, from: membrane}}
output: logits
task:
  kind: classification
  metric: accuracy
  data: {{test: test.npz, calibration: calibration.npz}}
  budgets: {{loihi-sim: {{min_accuracy: 0.96, max_energy: 50 uJ, max_latency: 5 ms}}}}
"""


def test_a_written_folder_stands_alone(folder: Path, tmp_path: Path) -> None:
    dump(load(folder / "model.yaml"), tmp_path / "copy")
    original = (folder / "test.npz").read_bytes()
    for path in folder.glob("*.*"):
        path.unlink()
    again = load(tmp_path / "copy" / "model.yaml")
    assert again.task is not None and again.task.test is not None
    assert again.task.test.read_bytes() == original


def test_a_taken_folder_is_left_as_it_is(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UsageError, match="is there already"):
        dump(load(folder / "model.yaml"), folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_nothing_is_written_of_an_unsound_model(folder: Path, tmp_path: Path) -> None:
    model = load(folder / "model.yaml")
    (folder / "test.npz").unlink()
    with pytest.raises(ModelError, match=r"test\.npz"):
        dump(model, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_place_that_cannot_be_written(folder: Path) -> None:
    with pytest.raises(ToolError) as caught:
        dump(load(folder / "model.yaml"), folder / "model.yaml" / "copy")
    assert caught.value.faults[0].remedy
