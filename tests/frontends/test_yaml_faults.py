"""Every fault of a model file is told with its line, its node and a remedy, all of them at once."""

from __future__ import annotations

import json
import pickle
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from nmc.errors import Fault, ModelError, NmcError, UsageError
from nmc.frontends.document import LIMIT_BYTES
from nmc.frontends.timed import time_facts
from nmc.frontends.yaml import load
from nmc.nodes import KINDS
from nmc.nodes.build import facts_of

MODEL = (Path(__file__).parent / "conftest.py").read_text().split('"""\\\n')[1].split('"""')[0]
LINES = MODEL.splitlines()


def faults(path: Path) -> tuple[Fault, ...]:
    with pytest.raises(NmcError) as caught:
        load(path)
    return caught.value.faults


@dataclass(frozen=True)
class Case:
    """One edit of the sound file, and what is then said: the line (from 1), the node, and parts of the text."""

    old: str
    new: str
    line: int | None
    node: str | None
    says: tuple[str, ...]


def case(old: str, new: str, line: int | None, node: str | None, *says: str) -> object:
    return pytest.param(Case(old, new, line, node, says), id=" ".join(new.split()[:6]) or f"no {old.strip()[:20]}")


LIF = "tau: 10 ms, integrator: exact"

CASES = [
    # the YAML itself
    case("nmc: 1", "nmc: [1", 2, None, "not YAML", "quote texts"),
    case("name: small", "name: 'small", None, None, "not YAML"),
    case("name: small", "name: small: 2", 2, None, "not YAML"),
    case("  rec: {", "\trec: {", 11, None, "not YAML"),
    case("name: small", "name: &a small", 2, None, "anchors", "write the value out"),
    case("name: small", "name: *a", 2, None, "aliases", "write the value out"),
    case("name: small", "name: !!python/object:os.system small", 2, None, "tags", "remove"),
    case("output: logits", "output: logits\n---\nnmc: 1", 17, None, "second document", "one model to a file"),
    case("name: small", "name: small\nname: other", 3, None, "'name' is given twice, first in line 2", "rename"),
    case("  rec: {", "  fc1: {kind: Relu, from: input}\n  rec: {", 11, "fc1", "given twice, first in line 10"),
    case("name: small", "? [a]\n: b", 2, None, "a key must be a plain text"),
    case("features: 4, bias", "features: .nan, bias", 10, "fc1", "NaN"),
    case("name: small", 'name: "\\ud800"', 2, None, "half a character"),
    # the top of the file
    case("nmc: 1\n", "", None, None, "'nmc' is missing", "add it, as in 'nmc: 1'"),
    case("nmc: 1", "nmc: 2", 1, None, "version 2", "nmc: 1"),
    case("nmc: 1", "nmc: '1'", 1, None, "version '1'", "nmc: 1"),
    case("name: small\n", "", None, None, "'name' is missing", "digits-snn"),
    case("name: small", "name: 3", 2, None, "name should be a valid string, got 3"),
    case("name: small", "name: ../small", 2, None, "name is made of letters", "digits-snn"),
    case("weights: w", "wieghts: w", 4, None, "unknown key 'wieghts'", "did you mean 'weights'"),
    case("dt: 1 ms", "dt: 0.001", 5, None, "dt takes a time, got 0.001 without a unit", "write the unit"),
    case("dt: 1 ms", "dt: 10 mV", 5, None, "dt takes a time, got '10 mV', which is a voltage"),
    case("dt: 1 ms", "dt: 1 msec", 5, None, "dt takes a time, got '1 msec'", "'ms'"),
    case("dt: 1 ms", "dt: -1 ms", 5, None, "dt takes a time, got '-1 ms'", "positive"),
    case("dt: 1 ms", "dt: [1]", 5, None, "dt takes a time"),
    case("dt: 1 ms\n", "", 5, None, "works in time, but has no time step", "dt: 1 ms"),
    case("steps: 20", "steps: 0", 6, None, "steps should be greater than 0, got 0", "steps: 20"),
    case("steps: 20", "steps: 2.5", 6, None, "steps should be a valid integer"),
    case("input: {shape: [6]}\n", "", None, None, "neither 'input' nor 'inputs'", "input: {shape: [64]}"),
    case("input: {shape: [6]}", "input: {shape: [6], steam: true}", 7, "input", "'steam'", "'stream'"),
    case("input: {shape: [6]}", "input: {shape: [-6]}", 7, "input", "greater than 0, got -6"),
    case("input: {shape: [6]}", "input: {stream: true}", 7, "input", "'shape' is missing", "shape: [64]"),
    case("input: {shape: [6]}", "input: 6", 7, "input", "input"),
    case("input: {s", "inputs: {}\ninput: {s", 7, None, "both 'input' and 'inputs'", "keep one"),
    case("output: logits\n", "", None, None, "neither 'output' nor 'outputs'", "output: logits"),
    case("output: logits", "output: logit", 16, None, "'logit' is not a node", "'logits'"),
    case("output: logits", "outputs: [logits, logits]", 16, None, "named twice"),
    case("output: logits", "outputs: []", 16, None, "'outputs' is empty"),
    case("output: logits", "outputs: logits", 16, None, "outputs should be a valid list", "[left, right]"),
    # nodes
    case("nodes:\n", "nodes: {}\nnotes:\n", 9, None, "unknown key 'notes'", "'nodes'"),
    case("kind: Last", "kind: Lust", 15, "logits", "'Lust' is not a kind of node", "'Last'"),
    case("kind: Last, ", "", 15, "logits", "'kind' is missing", "kind: Linear"),
    case("kind: Last", "kind: 5", 15, "logits", "kind should be a valid string, got 5"),
    case("kind: Last", "kind: Input", 15, "logits", "'Input' is not a kind", "above the nodes"),
    case("{kind: Last, from: membrane}", "3", 15, "logits", "logits", "got 3"),
    case(", from: membrane}", "}", 15, "logits", "it reads nothing", "from: input"),
    case("from: membrane", "from: 3", 15, "logits", "from", "[fc1, rec@1]"),
    case("from: membrane", "from: membran", 15, "logits", "'membran', which is not a node", "'membrane'"),
    case("from: membrane", "from: membrane@x", 15, "logits", "'membrane@x' is not a read", "node@1"),
    case("from: membrane", "from: [membrane, out@-1]", 15, "logits", "'out@-1' is not a read", "node@1"),
    case("from: lif1@1", "from: lif1", None, "lif1", "a loop needs a delay", "@1"),
    case("  logits: {", "  logits-1: {", 15, "logits-1", "'logits-1' is not a name", "letters from a to z"),
    case("  logits: {", "  input: {", 15, "input", "used twice", "a name of its own"),
    case("features: 4, bias", "featurs: 4, bias", 10, "fc1", "no fact 'featurs'", "'features'"),
    case("features: 4, bias", "bias", 10, "fc1", "Linear needs 'features'", "a whole number"),
    case("features: 4, bias", "features: four, bias", 10, "fc1", "features", "'four'", "a whole number"),
    case("features: 4, bias", "features: 4.0, bias", 10, "fc1", "got 4.0", "a whole number"),
    case("features: 4, bias", "features: true, bias", 10, "fc1", "got True", "a whole number"),
    case("features: 4, bias", "features: -4, bias", 10, "fc1", "features is -4", "mend its facts"),
    case("reset: zero", "reset: hero", 12, "lif1", "'hero'", "zero or value or subtract"),
    case("threshold: 1.0", "threshold: 10 mV", 12, "lif1", "got '10 mV'", "has no unit"),
    case("threshold: 1.0", "threshold: .inf", 12, "lif1", "infinite"),
    case("reset: zero", "reset: zero, reset_value: 2.0", 12, "lif1", "reset_value goes with", "mend"),
    case("kind: Last, ", "kind: Last, gain: 2, ", 15, "logits", "no fact 'gain'", "there are: from"),
    # time constants and counts of steps
    case(LIF, "tau: 10 mV, integrator: exact", 12, "lif1", "tau takes a time, got '10 mV', which is a voltage"),
    case(LIF, "tau: 10, integrator: exact", 12, "lif1", "10 without a unit", "10 ms"),
    case(LIF, "tau: 10 ms", 12, "lif1", "tau needs an integrator", "exact"),
    case(LIF, "tau: 10 ms, integrator: rk4", 12, "lif1", "got 'rk4'", "euler"),
    case(LIF, f"{LIF}, decay: 0.9", 12, "lif1", "decay and tau say the same thing twice", "not both"),
    case(LIF, f"{LIF}, gain: 0.9, r: 2", 12, "lif1", "gain and r say the same thing twice"),
    case(LIF, f"{LIF}, r: two", 12, "lif1", "r takes a number, got 'two'"),
    case(LIF, "tau: 0.5 ms, integrator: euler", 12, "lif1", "shorter than a step", "exact"),
    case(LIF, "decay: 0.9, integrator: exact", 12, "lif1", "integrator goes with a time constant"),
    case(LIF, "decay: 0.9, r: 2", 12, "lif1", "r goes with tau"),
    case(LIF, "gain: 1.0", 12, "lif1", "neither decay nor tau", "decay: 0.9"),
    case("reset: zero", "refractory: 2.5 ms", 12, "lif1", "not a whole number of steps", "2 or 3"),
    case("reset: zero", "refractory: 2 mV", 12, "lif1", "refractory takes a time"),
    # shapes and timing
    case("features: 3", "features: 5", 13, "out", "shape (3, 4)", "takes shape (5, 4)", "mend"),
    case("lif1@1, features: 4", "lif1@1, features: 7", 12, "lif1", "its inputs add up", "make the shapes equal"),
    case("kind: Last, ", "kind: Conv2d, channels: 2, kernel: 3, ", 15, "logits",
         "Conv2d takes [channels, height", "membrane has shape (3,)"),
    case("from: membrane}", "from: input}", 15, "logits", "its input never changes", "remove it"),
    case("output: logits", "  late: {kind: Relu, from: logits@1}\noutput: late", 16, "late", "readout", "instead"),
    # weights and data
    case("weights: weights.safetensors\n", "", None, None, "names no weights", "add 'weights:"),
    case("weights.safetensors", "weight.safetensors", 4, None, "there is no file", "beside the model file"),
    case("weights.safetensors", "../weights.safetensors", 4, None, "outside the model's folder", ".."),
    case("weights.safetensors", "/etc/passwd", 4, None, "outside the model's folder"),
    case("weights.safetensors", "'c:\\weights'", 4, None, "outside the model's folder"),
    case("weights.safetensors", "a\\..\\..\\b", 4, None, "outside the model's folder"),
    case("weights.safetensors", "5", 4, None, "weights should be a valid string"),
    case("bias: fc1.bias", "bias: fc2.bias", 10, "fc1", "'fc2.bias', which the weights do not have", "fc1.bias"),
    case("test: test.npz", "test: tset.npz", 19, None, "there is no file", "beside the model file"),
    case("test: test.npz", "test: ../test.npz", 19, None, "outside the model's folder"),
    case("test: test.npz", "training: test.npz", 19, None, "unknown key 'training'"),
    # the task
    case("kind: classification", "kind: classify", 18, None,
         "kind should be 'classification', 'regression', 'anomaly', 'generation' or 'control'"),
    case("metric: accuracy", "metric: mean-squared-error", 20, None,
         "does not go with classification", "metric: accuracy"),
    case("max_energy: 50 uJ", "max_energy: 50 us", 21, None, "max_energy takes an energy", "which is a time"),
    case("max_latency: 5 ms", "max_latency: 5", 21, None, "max_latency takes a time", "without a unit"),
    case("min_accuracy: 0.96", "min_accuracy: 96", 21, None, "less than or equal to 1"),
    case("min_accuracy: 0.96", "max_error: 0.96", 21, None, "max_error does not go", "write min_accuracy"),
    case("max_latency: 5 ms", "hold: lowest", 21, None, "'best' or 'high'", "'lowest'"),
    case("min_accuracy: 0.96", "min_acuracy: 0.96", 21, None, "'min_acuracy'", "'min_accuracy'"),
]  # fmt: skip


@pytest.mark.parametrize("edit", CASES)
def test_a_fault_is_told_with_place_node_and_remedy(edit: Case, folder: Path) -> None:
    assert MODEL.count(edit.old) == 1, "the edit must be of one place"
    path = folder / "model.yaml"
    path.write_text(MODEL.replace(edit.old, edit.new))
    found = faults(path)
    told = [str(fault) for fault in found]
    (fault,) = [fault for fault in found if all(part in str(fault) for part in edit.says)] or [told]
    assert isinstance(fault, Fault), f"nothing says {edit.says}: {told}"
    assert fault.where is not None and fault.where.file == str(path)
    assert edit.line is None or fault.where.line == edit.line
    assert fault.node == edit.node
    assert all(fault.remedy for fault in found)
    assert str(fault).startswith(f"{path}:{fault.where.line}" if fault.where.line else f"{path}: ")


def test_a_fault_brings_no_others_with_it(folder: Path) -> None:
    """Each of these edits is one fault, and is told as one."""
    path = folder / "model.yaml"
    several = set()
    for parameters in CASES:
        edit = parameters.values[0]
        path.write_text(MODEL.replace(edit.old, edit.new))
        if len(faults(path)) > 1:
            several.add(edit.new or edit.old)
    assert several == {
        "features: .nan, bias",  # nor is it a whole number
        'name: "\\ud800"',  # nor is there a name then
        "wieghts: w",  # and thereby there are no weights
        "input: {shape: [6]}\n",  # and a node reads it
        "inputs: {}\ninput: {s",  # and one of the two is empty
        "nodes: {}\nnotes:\n",  # and the output is not a node
        "  logits-1: {", "  input: {",  # and the old name is gone
        "featurs: 4, bias",  # and the right one is missing
        "metric: mean-squared-error",  # which has no min_accuracy
    }  # fmt: skip


def test_all_faults_are_told_at_once_in_order(folder: Path) -> None:
    text = (
        MODEL.replace("dt: 1 ms", "dt: 1 mV")
        .replace("steps: 20", "steps: many")
        .replace("features: 4, bias", "featurs: 4, bias")
        .replace("from: membrane", "from: membran")
        .replace("features: 3", "features: 5")
        .replace("min_accuracy: 0.96", "min_accuracy: 96")
        .replace("test.npz", "tset.npz")
    )
    path = folder / "model.yaml"
    path.write_text(text)
    found = faults(path)
    lines = [fault.where.line for fault in found if fault.where]
    assert lines == sorted(lines)
    assert set(lines) == {5, 6, 10, 15, 19, 21}
    assert len(found) == 7  # line 10 has two: the unknown fact, and the one that is thereby missing


def test_shape_and_array_faults_of_sound_nodes_stand_beside_unsound_ones(folder: Path) -> None:
    """conv is downstream of nothing unsound, so its shape is known to be wrong; logits is, so it is left out."""
    text = MODEL.replace(
        "  fc1:", "  conv: {kind: Conv2d, from: current, channels: 1, kernel: 3}\n  fc1:"
    ).replace("kind: LI,", "kind: LY,")
    (folder / "model.yaml").write_text(text)
    assert {(fault.node, fault.where.line) for fault in faults(folder / "model.yaml") if fault.where} == {
        ("conv", 10), ("membrane", 15),
    }


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("out.weight", np.full((3, 4), np.nan, np.float32), "12 values that are NaN or infinite"),
        ("out.weight", np.zeros((4, 3), np.float32), "shape (4, 3)"),
        ("out.weight", None, "which the weights do not have"),
    ],
)
def test_unsound_weights(folder: Path, name: str, value: np.ndarray | None, says: str) -> None:
    weights = load_file(folder / "weights.safetensors")
    del weights[name]
    save_file(weights if value is None else {**weights, name: value}, folder / "weights.safetensors")
    (fault,) = faults(folder / "model.yaml")
    assert fault.node == "out" and fault.where is not None and fault.where.line == 13
    assert says in fault.what and fault.remedy


def _pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"out.weight": [1.0]}))


def _checkpoint(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04" + bytes(26) + b"archive/data.pkl" + bytes(100))


def _npz(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, x=np.zeros(3))


def _bfloat16(path: Path) -> None:
    header = b'{"out.weight":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}'
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(2))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-5]), ("not a whole safetensors file", "again")),
        (lambda path: path.write_bytes(path.read_bytes()[:20]), ("not a whole safetensors file", "again")),
        (lambda path: path.write_bytes(b""), ("not a whole safetensors file", "again")),
        (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"), ("git lfs pull",)),
        (_pickle, ("a Python pickle", "torch.load(path, weights_only=True)", "safetensors.numpy.save_file")),
        (_checkpoint, ("a PyTorch checkpoint", "torch.load(path, weights_only=True)")),
        (_npz, ("a NumPy archive", "numpy.load(path)")),
        (_bfloat16, ("a type that NumPy does not have", "float32")),
        (lambda path: (path.unlink(), path.mkdir()), ("there is no file",)),
    ],
)
def test_a_weights_file_that_is_none(folder: Path, damage: Callable[[Path], object], says: tuple[str, ...]) -> None:
    damage(folder / "weights.safetensors")
    (fault,) = faults(folder / "model.yaml")
    assert fault.where is not None and fault.where.line == 4
    assert all(part in str(fault) for part in says), str(fault)


def test_a_step_count_array_must_hold_whole_numbers(folder: Path) -> None:
    text = MODEL.replace("  logits: {kind: Last, from: membrane}", (
        "  late: {kind: Delay, from: membrane, steps: late.steps, longest: 2}\n  logits: {kind: Last, from: late}"
    ))
    (folder / "model.yaml").write_text(text)
    weights = load_file(folder / "weights.safetensors")
    save_file({**weights, "late.steps": np.array([0.0, 1.0, 3.0])}, folder / "weights.safetensors")
    (fault,) = faults(folder / "model.yaml")
    assert fault.node == "late" and "must hold values from 0 to 2" in fault.what


# files that are no model at all


def test_not_utf8(folder: Path) -> None:
    (folder / "model.yaml").write_bytes(MODEL.replace("recurrent", "récurrent").encode("latin-1"))
    (fault,) = faults(folder / "model.yaml")
    assert fault.where is not None and fault.where.line == 3
    assert "0xe9 is not UTF-8" in fault.what and fault.remedy == "save the file as UTF-8"


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "the file is empty"), ("# only a comment\n", "the file is empty"), ("- a\n", "list of 'key: value' pairs"),
     ("text", "list of 'key: value' pairs"), ("a: \x07", "not YAML"), ('a: "\\UFFFFFFFF"', "not YAML")],
)  # fmt: skip
def test_not_a_mapping(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "model.yaml").write_text(text)
    (fault,) = faults(tmp_path / "model.yaml")
    assert says in fault.what and fault.remedy


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: " + "[" * 100_000, "nested too deeply"),
        ("a: " + "{b: " * 100_000, "nested too deeply"),
        ("- " * 1000 + "a", "list of 'key: value' pairs"),
        ("a: [" + "1," * 200_000 + "]", "more than 50000 values"),
        ("a: &a [x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in pairwise("abcdefghij")), "anchors"),
        ("#" * (LIMIT_BYTES + 1), "larger than 1 MiB"),
        ("a: " + "1" * 100_000, "unknown key"),
        (f"{'k' * 100_000}: 1", "list of 'key: value' pairs"),
        (f'{{"{"k" * 1000}": 1}}', "unknown key"),
        ("nodes: {" + ", ".join(f"n{i}: {{kind: Relu, from: m{i}}}" for i in range(500)) + "}", "and 399 more"),
        ("nodes: {" + ", ".join(f"n{i}: {{kind: Relu, from: n{i}}}" for i in range(500)) + "}", "needs a delay"),
        ("nodes: {" + ", ".join(f"n{i}: {{kind: Relu, from: n{i}@1}}" for i in range(500)) + "}", "one another"),
    ],
)  # fmt: skip
def test_huge_and_deep_files_are_refused_at_once(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "model.yaml").write_text(text)
    start = time.perf_counter()
    found = faults(tmp_path / "model.yaml")
    assert time.perf_counter() - start < 30
    assert any(says in fault.what for fault in found), found[0]
    assert all(len(str(fault)) < 1000 for fault in found)


@pytest.mark.parametrize("name", ["none.yaml", ".", "x" * 300, "a\0b", "model.yaml/x"])
def test_no_such_file(folder: Path, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(folder / name)
    assert caught.value.faults[0].remedy


_EDITS = st.tuples(
    st.sampled_from(["cut", "double", "swap", "insert", "replace"]),
    st.integers(0, len(MODEL) - 1),
    st.integers(0, len(LINES) - 1),
    st.text(st.sampled_from("abz019.-+@:,[]{}#&*!|>'\"%\\ \n\t~_é\0") | st.characters(), max_size=4)
    | st.sampled_from([
        "null", ".inf", ".nan", "1e999", "-1", "0", "true", "[]", "{}", "10 ms", "10 mV", "lif1@1", "input", "kind",
        "FixedConv2d", "Conv2d", "CubaLIF", "Delay", "Concat", "Reshape", "9" * 30, "[0, 0, 0, 0]", "<<: {}",
    ]),
)  # fmt: skip
_WORDS = sorted({word for line in LINES for word in line.replace(",", " ").replace("{", " ").split()})


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_EDITS, min_size=1, max_size=4), st.data())
def test_whatever_is_written_there_is_no_traceback(
    folder: Path, edits: list[tuple[str, int, int, str]], data: st.DataObject
) -> None:
    text = MODEL
    for edit, position, number, new in edits:
        lines = text.splitlines(keepends=True) or [""]
        number %= len(lines)
        match edit:
            case "cut":
                text = "".join(lines[:number] + lines[number + 1 :])
            case "double":
                text = "".join(lines[: number + 1] + lines[number:])
            case "swap":
                text = "".join([*lines[:number], *reversed(lines[number : number + 2]), *lines[number + 2 :]])
            case "insert":
                text = text[:position] + new + text[position:]
            case "replace":
                text = text.replace(data.draw(st.sampled_from(_WORDS)), new, 1)
    (folder / "model.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            load(folder / "model.yaml")
        except ModelError as error:
            assert str(error).encode()  # can be printed
            assert all(fault.remedy and fault.where for fault in error.faults)


_VALUES = st.one_of(
    st.integers(-2, 5), st.sampled_from([2**62, 0.0, 0.5, 1e-320, 1e308, True, None, "a", "10 ms", "zero", ">="]),
    st.lists(st.integers(-1, 4), max_size=4), st.lists(st.none() | st.lists(st.integers(), max_size=1), max_size=2),
    st.dictionaries(st.sampled_from("ab"), st.integers(), max_size=1),
)  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_facts_a_node_has_there_is_no_traceback(tmp_path: Path, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(KINDS)))
    facts = data.draw(st.dictionaries(st.sampled_from([*facts_of(KINDS[kind]), *time_facts(kind), "other"]), _VALUES))
    required = {fact: data.draw(_VALUES) for fact, known in facts_of(KINDS[kind]).items() if known.required}
    reads = data.draw(st.lists(st.sampled_from(["scalar", "vector", "image", "image@1", "node@1"]), max_size=3))
    shapes = {"scalar": [], "vector": [4], "image": [2, 4, 4]}
    model = {
        "nmc": 1, "name": "any", "dt": "1 ms", "output": "node", "weights": "weights.safetensors",
        "inputs": {name: {"shape": shape} for name, shape in shapes.items()},
        "nodes": {"node": {"kind": kind, "from": reads, **required, **facts}},
    }  # fmt: skip
    save_file({"a": np.ones(4)}, tmp_path / "weights.safetensors")
    (tmp_path / "model.yaml").write_text(json.dumps(model))
    try:
        load(tmp_path / "model.yaml")
    except ModelError as error:
        assert all(fault.remedy and fault.where and fault.node for fault in error.faults)
