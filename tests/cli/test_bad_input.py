"""What the commands say to bad input: one clear message, the right exit code, and nothing written."""

from __future__ import annotations

import json
import pickle
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

Nmc = Callable[..., "subprocess.CompletedProcess[str]"]

GOOD = """\
nmc: 1
name: small
description: a small network
weights: weights.safetensors
dt: 1 ms
steps: 4
input: {shape: [3]}
nodes:
  current: {kind: ConstantCurrent, from: input}
  fc: {kind: Linear, from: current, features: 2}
  lif: {kind: LIF, from: fc, decay: 0.5}
  count: {kind: Sum, from: lif}
output: count
"""


def weights() -> dict[str, np.ndarray]:
    return {"fc.weight": np.ones((2, 3), np.float32)}


@dataclass(frozen=True)
class Case:
    """A model.yaml with something wrong, and what must be said about it."""

    name: str
    text: str
    says: tuple[str, ...]
    arrays: dict[str, np.ndarray] | None = None
    exit_code: int = 1


CASES = [
    Case("syntax", GOOD.replace("{shape: [3]}", "{shape: [3"), ("model.yaml:8", "not YAML")),
    Case("unknown-kind", GOOD.replace("kind: LIF", "kind: LFI"), ("model.yaml:11", "'LFI'", "LIF")),
    Case("unknown-fact", GOOD.replace("features: 2", "feature: 2"), ("model.yaml:10", "feature", "features")),
    Case("wrong-type", GOOD.replace("features: 2", "features: two"), ("model.yaml:10", "features", "'two'")),
    Case("wrong-unit", GOOD.replace("dt: 1 ms", "dt: 1 mV"), ("model.yaml:5", "dt", "mV")),
    Case("unknown-read", GOOD.replace("from: fc", "from: fd"), ("model.yaml:11", "'fd'", "fc")),
    Case("loop", GOOD.replace("from: current,", "from: [current, rec],").replace(
        "  lif:", "  rec: {kind: Linear, from: lif, features: 3}\n  lif:"), ("loop", "lif", "rec", "delay")),
    Case("no-time-step", GOOD.replace("dt: 1 ms\n", ""), ("time step", "dt: 1 ms")),
    Case(
        "wrong-shape", GOOD, ("model.yaml:10", "fc.weight", "(2, 4)", "(2, 3)"),
        {"fc.weight": np.ones((2, 4), np.float32)},
    ),
    Case("missing-array", GOOD, ("model.yaml:10", "fc.weight"), {"other": np.ones((2, 3), np.float32)}),
    Case("nan", GOOD, ("model.yaml:10", "fc.weight", "NaN"), {"fc.weight": np.full((2, 3), np.nan, np.float32)}),
    Case("version", GOOD.replace("nmc: 1", "nmc: 2"), ("model.yaml:1", "2")),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_wrong_model(case: Case, nmc: Nmc, tmp_path: Path) -> None:
    (tmp_path / "model.yaml").write_text(case.text)
    save_file(weights() if case.arrays is None else case.arrays, tmp_path / "weights.safetensors")
    refused(nmc("compile", "model.yaml", "--target", "cpu", "-o", "out"), case.exit_code, *case.says)
    assert {path.name for path in tmp_path.iterdir()} == {"model.yaml", "weights.safetensors"}


def refused(done: subprocess.CompletedProcess[str], exit_code: int, *says: str) -> None:
    """The command ended with this code and said all this, in few words, and nothing else."""
    assert done.returncode == exit_code, done.stderr
    for text in says:
        assert text in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) <= 6, done.stderr


def test_the_good_model_is_good(nmc: Nmc, tmp_path: Path) -> None:
    (tmp_path / "model.yaml").write_text(GOOD)
    save_file(weights(), tmp_path / "weights.safetensors")
    assert nmc("compile", "model.yaml", "--target", "cpu", "-o", "out").returncode == 0
    assert (tmp_path / "out" / "manifest.json").is_file()


def test_all_faults_at_once(nmc: Nmc, tmp_path: Path) -> None:
    text = GOOD.replace("kind: LIF", "kind: LFI").replace("features: 2", "features: two")
    text = text.replace("dt: 1 ms", "dt: 1 mV")
    (tmp_path / "model.yaml").write_text(text)
    save_file(weights(), tmp_path / "weights.safetensors")
    done = nmc("compile", "model.yaml", "--target", "cpu")
    assert done.returncode == 1
    assert all(place in done.stderr for place in ("model.yaml:5", "model.yaml:10", "model.yaml:11"))


def test_faults_as_json(nmc: Nmc, tmp_path: Path) -> None:
    (tmp_path / "model.yaml").write_text(GOOD.replace("kind: LIF", "kind: LFI"))
    save_file(weights(), tmp_path / "weights.safetensors")
    done = nmc("compile", "model.yaml", "--target", "cpu", "--json")
    (fault,) = json.loads(done.stdout)["faults"]
    assert fault["where"]["line"] == 11 and fault["node"] == "lif" and "LIF" in fault["remedy"]


def test_missing_model(nmc: Nmc) -> None:
    refused(nmc("compile", "nowhere.yaml", "--target", "cpu"), 2, "nowhere.yaml")


def test_misspelt_model(nmc: Nmc) -> None:
    refused(nmc("compile", "digit-cnn", "--target", "cpu"), 2, "digit-cnn", "digits-cnn")


def test_unknown_target(nmc: Nmc) -> None:
    refused(nmc("compile", "digits-cnn", "--target", "lohi-sim"), 2, "lohi-sim", "loihi-sim")


def test_no_target_at_all(nmc: Nmc) -> None:
    refused(nmc("compare", "digits-cnn", "--targets", " ,"), 2, "--targets", "cpu,loihi-sim")


def test_unknown_option(nmc: Nmc) -> None:
    refused(nmc("compile", "digits-cnn", "--target", "cpu", "-O", "precison=fp16"), 2, "precison", "precision")
    refused(nmc("compile", "digits-cnn", "--target", "cpu", "-O", "precision=fp7"), 2, "precision", "fp7")


def test_missing_weights(nmc: Nmc, tmp_path: Path) -> None:
    (tmp_path / "model.yaml").write_text(GOOD)
    refused(nmc("compile", "model.yaml", "--target", "cpu"), 1, "model.yaml:4", "weights.safetensors")


def test_pickle_where_safetensors_belongs(nmc: Nmc, tmp_path: Path) -> None:
    (tmp_path / "model.yaml").write_text(GOOD)
    (tmp_path / "weights.safetensors").write_bytes(pickle.dumps({"fc.weight": [1.0]}))
    refused(nmc("compile", "model.yaml", "--target", "cpu"), 1, "weights.safetensors", "pickle")


def test_truncated_weights(nmc: Nmc, tmp_path: Path) -> None:
    (tmp_path / "model.yaml").write_text(GOOD)
    save_file(weights(), tmp_path / "weights.safetensors")
    whole = (tmp_path / "weights.safetensors").read_bytes()
    (tmp_path / "weights.safetensors").write_bytes(whole[:-5])
    refused(nmc("compile", "model.yaml", "--target", "cpu"), 1, "weights.safetensors")


@pytest.fixture
def program(nmc: Nmc, tmp_path: Path) -> Path:
    assert nmc("compile", "digits-cnn", "--target", "cpu", "-o", "p").returncode == 0
    np.save(tmp_path / "x.npy", np.zeros((1, 1, 8, 8)))
    return tmp_path / "p"


def test_truncated_program(nmc: Nmc, program: Path) -> None:
    whole = (program / "weights.safetensors").read_bytes()
    (program / "weights.safetensors").write_bytes(whole[:100])
    refused(nmc("run", "p", "--input", "x.npy"), 1, "weights.safetensors", "truncated")


def test_altered_program(nmc: Nmc, program: Path) -> None:
    text = (program / "graph.txt").read_text()
    (program / "graph.txt").write_text(text.replace("channels=16", "channels=17", 1))
    refused(nmc("run", "p", "--input", "x.npy"), 1, "graph.txt", "altered")


def test_altered_manifest(nmc: Nmc, program: Path) -> None:
    text = (program / "manifest.json").read_text()
    (program / "manifest.json").write_text(text.replace('"cpu"', '"gpu-sim"', 1))
    refused(nmc("run", "p", "--input", "x.npy"), 1, "manifest.json", "altered")


def test_not_a_program(nmc: Nmc, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((1, 1, 8, 8)))
    refused(nmc("run", "nowhere", "--input", "x.npy"), 2, "nowhere", "nmc compile")


def test_not_overwriting_what_is_not_a_program(nmc: Nmc, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("dear")
    refused(nmc("compile", "digits-cnn", "--target", "cpu", "-o", "mine"), 2, "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "dear"


@pytest.mark.parametrize(
    ("content", "exit_code", "says"),
    [
        (None, 2, "x.npy"),
        (np.zeros((1, 1, 8, 9)), 2, "[samples, 1, 8, 8]"),
        (np.full((1, 1, 8, 8), np.nan), 1, "NaN"),
    ],
    ids=["missing", "shape", "nan"],
)
def test_wrong_samples(nmc: Nmc, program: Path, content: np.ndarray | None, exit_code: int, says: str) -> None:
    path = program.parent / "x.npy"
    if content is None:
        path.unlink()
    else:
        np.save(path, content)
    refused(nmc("run", "p", "--input", "x.npy"), exit_code, says)


def test_pickled_samples(nmc: Nmc, program: Path) -> None:
    np.save(program.parent / "x.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    done = nmc("run", "p", "--input", "x.npy")
    assert done.returncode in (1, 2) and "x.npy" in done.stderr and "Traceback" not in done.stderr


def test_unknown_engine(nmc: Nmc, program: Path) -> None:
    refused(nmc("run", "p", "--input", "x.npy", "--engine", "warp"), 2, "warp", "onnxruntime")


def test_learning_needs_somewhere_to_go_and_something_that_learns(nmc: Nmc, tmp_path: Path) -> None:
    (tmp_path / "model.yaml").write_text(GOOD)
    save_file(weights(), tmp_path / "weights.safetensors")
    np.save(tmp_path / "x.npy", np.ones((1, 3)))
    assert nmc("compile", "model.yaml", "--target", "cpu", "-o", "out").returncode == 0
    refused(nmc("run", "out", "-i", "x.npy", "--learn"), 2, "--learn takes -o")
    refused(nmc("run", "out", "-i", "x.npy", "--freeze"), 2, "give --learn, too")
    refused(nmc("run", "out", "-i", "x.npy", "--learn", "-o", "taught"), 2, "nothing in", "learns")
    assert not (tmp_path / "taught").exists()
