"""nmc train: from a graph without weights to a model that does its task."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import nmc
from needs import extra
from nmc.cli import application
from nmc.errors import ModelError, ToolError, UnsupportedError, UsageError
from nmc.model import Model, Task
from nmc.nodes.parameters import initial_arrays
from nmc.text import parse
from nmc.training import METHODS, TrainingOptions, train

MODEL = """\
nmc: 1
name: ring
weights: weights.safetensors
input: {shape: [2]}
nodes:
  fc1: {kind: Linear, from: input, features: 16, bias: fc1.bias}
  relu1: {kind: Relu, from: fc1}
  fc2: {kind: Linear, from: relu1, features: 16, bias: fc2.bias}
  relu2: {kind: Relu, from: fc2}
  logits: {kind: Linear, from: relu2, features: 2, bias: logits.bias}
output: logits
task:
  kind: classification
  data: {train: train.npz, test: train.npz}
"""


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    """A model.yaml without weights: points inside a ring against points outside."""
    x = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    folder = tmp_path / "ring"
    folder.mkdir()
    (folder / "model.yaml").write_text(MODEL)
    np.savez(folder / "train.npz", x=x, y=((x**2).sum(axis=1) > 0.6).astype(int))
    return folder


def test_without_torch_it_says_what_to_install(
    ring: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name == "torch" or name.startswith("nmc.training.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ToolError, match=r"pip install 'nmc\[torch\]'"):
        nmc.train(ring, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_wrong_is_told_before_training(ring: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is there already"):
        nmc.train(ring, ring)
    with pytest.raises(UsageError, match="did you mean 'backprop'"):
        nmc.train(ring, tmp_path / "out", "backpropagation")
    with pytest.raises(ModelError, match=r"no train data[\s\S]*data: {train: train\.npz}"):
        nmc.train("digits-resnet", tmp_path / "out")
    with pytest.raises(UsageError, match="learning rate is -1"):
        TrainingOptions(learning_rate=-1)


def test_only_training_reads_a_model_without_weights(ring: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no file .*weights\.safetensors"):
        nmc.load(ring)
    assert not nmc.load(ring, untrained=True).weights["fc1.weight"].any()


def test_first_weights_follow_from_the_seed_and_the_number_of_inputs(ring: Path) -> None:
    graph = nmc.load(ring, untrained=True).graph
    first, again, other = (initial_arrays(graph, seed) for seed in (0, 0, 1))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["fc1.weight"], other["fc1.weight"])
    assert 0.9 < np.abs(first["fc2.weight"]).max() / np.sqrt(6 / 16) <= 1
    assert not first["fc1.bias"].any()


def _take_torch(method: str) -> None:
    """Skip where the method takes PyTorch, and there is none."""
    if method != "es":
        extra("torch")


@pytest.mark.parametrize("method", METHODS)
def test_a_model_learns(method: str, ring: Path, tmp_path: Path) -> None:
    _take_torch(method)
    out = tmp_path / "out"
    arguments = ["train", str(ring), "-m", method, "-o", str(out), "--epochs", "60", "--lr", "0.02"]
    done = CliRunner().invoke(application(arguments), arguments)
    assert done.exit_code == 0, done.output
    assert "accuracy on 300 samples of ring/train.npz" in done.output
    comparison = nmc.compare(out, ["cpu"], directory=tmp_path / "programs")
    assert comparison.reference_score > 0.9


@pytest.mark.parametrize("method", METHODS)
def test_a_seed_makes_a_model(method: str, ring: Path) -> None:
    _take_torch(method)
    model = nmc.load(ring, untrained=True)
    first, again, other = (train(model, method, TrainingOptions(seed, epochs=2)).model for seed in (1, 1, 2))
    assert all(np.array_equal(first.weights[name], again.weights[name]) for name in first.weights)
    assert any(not np.array_equal(first.weights[name], other.weights[name]) for name in first.weights)


def test_fine_tuning_starts_from_the_weights_there_are(ring: Path) -> None:
    extra("torch")
    model = train(nmc.load(ring, untrained=True), options=TrainingOptions(epochs=40, learning_rate=0.02)).model
    tuned = train(model, options=TrainingOptions(epochs=1, learning_rate=1e-5, fine_tune=True))
    assert max(np.abs(tuned.model.weights[name] - model.weights[name]).max() for name in model.weights) < 1e-3


def test_a_spiking_network_is_not_for_synthetic_gradients_but_for_backpropagation() -> None:
    extra("torch")
    from nmc.data_source import Arrays

    rng = np.random.default_rng(0)
    x = rng.uniform(size=(120, 4))
    graph = parse(
        "dt = 0.001\nx = Input(shape=(4,))\nc = ConstantCurrent(x)\na = Linear(c, features=12, weight='a')\n"
        "s = LIF(a, decay=0.8)\nb = Linear(s, features=2, weight='b')\nm = LI(b, decay=0.9)\nreturn l\nl = Last(m)"
        .replace("return l\nl = Last(m)", "l = Last(m)\nreturn l")
    )
    task = Task("classification", "accuracy", train=Arrays(x, (x[:, 0] > x[:, 1]).astype(int)))
    model = Model("spikes", graph, {"a": np.zeros((12, 4)), "b": np.zeros((2, 12))}, 8, task)
    losses = train(model, "backprop", TrainingOptions(epochs=40, learning_rate=0.02)).losses
    assert losses[-1] < 0.5 * losses[0]
    with pytest.raises(UnsupportedError, match="without time steps"):
        train(model, "synthetic-gradients")


def test_nodes_without_a_gradient_are_all_named() -> None:
    extra("torch")
    from nmc.training.network import Network

    graph = parse("x = Input(shape=(4,))\na = Floor(x)\nb = ArgMax(a, axis=0)\nreturn b")
    with pytest.raises(UnsupportedError, match=r"'a': Floor has no gradient[\s\S]*'b': ArgMax has no gradient"):
        Network(Model("m", graph, {}))
