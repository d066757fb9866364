"""A chip is one YAML file: a user's own is a target by its path, wherever a target is asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

import nmc
from checks.small import write_small
from nmc import cli
from nmc.backends import target_named, targets, untargeted
from nmc.chips import chip_names
from nmc.errors import NmcError, UsageError

Run = Callable[..., str]
TEST = Path(__file__).parents[2] / "models" / "digits_cnn" / "test.npz"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Call as run("compile", ...), in an empty folder: what the command prints."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["nmc", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        assert not ended.value.code, printed.err
        return printed.out

    return call


def write_chip(path: Path, like: str, name: str, *changes: tuple[str, str]) -> Path:
    """A chip of another name, and with these changes of the text."""
    text = (files("nmc.chips") / f"{like}.yaml").read_text(encoding="utf-8")
    for old, new in ((f"name: {like}\n", f"name: {name}\n"), *changes):
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return path


NEW = {
    "gpu": ("h100", ("kernel_launch: {value: 5, unit: us, low: 2", "kernel_launch: {value: 9, unit: us, low: 2")),
    "tpu": ("tpu-v1", ("call_overhead: {value: 50, unit: us", "call_overhead: {value: 90, unit: us")),
    "many-core": ("loihi2", ("step: {value: 166, unit: us", "step: {value: 332, unit: us")),
}
"""What the new chips are like, and the number in which they differ, which makes them slower."""


@pytest.mark.parametrize("kind", NEW)
def test_a_new_chip_is_compiled_for_compared_and_estimated_by_its_file(kind: str, run: Run, tmp_path: Path) -> None:
    like, change = NEW[kind]
    file = write_chip(tmp_path / "new.yaml", like, "new", change)

    run("compile", "digits-cnn", "--target", "./new.yaml", "-o", "p")
    facts = json.loads(run("compare", "digits-cnn", "--samples", 5, "--target", f"./new.yaml,{like}-sim", "--json"))
    own, shipped = facts["rows"]
    assert (own["target"], own["chip"], own["score"]) == ("new-sim", "new", 1.0)
    assert own["cost"]["latency_s"]["best"] > shipped["cost"]["latency_s"]["best"]
    assert "--targets ./new.yaml" in own["command"]
    ours, theirs = (
        json.loads(run("estimate", "digits-cnn", "--steps", 32, "--target", target, "--json"))
        for target in ("./new.yaml", f"{like}-sim")
    )
    assert ours["latency_s"]["best"] > theirs["latency_s"]["best"]

    before = run("estimate", "p"), json.loads(run("run", "p", "-i", TEST, "--json"))["estimate"]
    file.write_text("gone")
    assert (run("estimate", "p"), json.loads(run("run", "p", "-i", TEST, "--json"))["estimate"]) == before
    assert before[1]["latency_s"]["best"] == pytest.approx(own["cost"]["latency_s"]["best"], rel=0.01)


def test_it_is_swept_by_other_processes_and_from_python(run: Run, tmp_path: Path) -> None:
    write_chip(tmp_path / "new.yaml", "loihi1", "new")
    run("inspect", "digits-cnn", "--target", "new.yaml")
    rows = nmc.compare("digits-cnn", ["new.yaml"], samples=5, sweep={"steps": [4, 8]}, workers=2).rows
    assert [(row.target, row.given["steps"]) for row in rows] == [("new-sim", 4), ("new-sim", 8)]
    program = nmc.compile("digits-cnn", "new.yaml", "p", steps=4)
    assert program.options == target_named("new.yaml").configured({"steps": 4})
    assert nmc.diff(program, samples=2).equal


def test_budgets_name_it_by_its_file_beside_the_model(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    write_small(folder, "{mine.yaml: {max_latency: 1 s}, cpu: {max_latency: 1 s}}")
    write_chip(folder / "mine.yaml", "loihi1", "mine")
    assert "mine-sim" in run("check", "small")
    assert "cpu" not in run("check", "small", "--target", "small/mine.yaml")
    nmc.check("small", ["small/mine.yaml"])


def test_the_time_of_a_processor_of_ones_own_is_measured(run: Run, tmp_path: Path) -> None:
    write_chip(tmp_path / "laptop.yaml", "cpu", "laptop", ("value: 65", "value: 20"))
    (row,) = nmc.compare("digits-cnn", ["laptop.yaml"], samples=5).rows
    assert row.clocked and row.cost is not None
    assert {part.source.split(":")[0] for part in row.cost.components} <= {"measured on this machine", "assumed"}


@pytest.mark.parametrize(("like", "name", "changes", "fault"), [
    ("h100", "h100", (), r"the name 'h100' is taken by nmc itself"),
    ("h100", "gpu", (), r"the name 'gpu' is taken by nmc itself"),
    ("h100", "nengo", (), r"the name 'nengo' is taken by nmc itself"),
    ("h100", "../up", (), r"'../up' cannot be that of a target"),
    ("h100", "new", (("kind: gpu", "kind: toaster"),), r"'toaster' is not a kind of chip"),
    ("h100", "new", (("  fp32:", "  fp33:"),), r"peak.fp33"),
    ("h100", "new", (("kind: gpu", "kind: gpu\nprecision: bf16"),), r"computes in bf16 unless told otherwise"),
    ("movidius-ncs", "new", (("precision: fp16", "precision: fp32"),), r"the precision is fp32, and peak has fp16"),
    ("tpu-v4", "new", (("precisions: [bf16, int8]", "precisions: [bf16]"),), r"has no int8"),
    ("speck", "new", (), r"the chip new is not a target: it has no time steps"),
])  # fmt: skip
def test_what_is_wrong_with_a_file_is_one_message(
    like: str, name: str, changes: tuple[tuple[str, str], ...], fault: str, tmp_path: Path
) -> None:
    file = write_chip(tmp_path / "new.yaml", like, name, *changes)
    with pytest.raises(UsageError, match=fault) as error:
        target_named(str(file))
    assert len(error.value.faults) == 1


def test_what_is_no_file_of_a_chip(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no chip file none.yaml"):
        target_named("none.yaml")
    (tmp_path / "latin.yaml").write_bytes("name: µ".encode("latin-1"))
    with pytest.raises(UsageError, match="not text in UTF-8"):
        target_named(str(tmp_path / "latin.yaml"))


def test_two_chips_of_one_name_are_not_compared(tmp_path: Path) -> None:
    one = write_chip(tmp_path / "one.yaml", "h100", "new")
    write_chip(tmp_path / "same.yaml", "h100", "new")
    other = write_chip(tmp_path / "other.yaml", "a100", "new")
    assert len(nmc.compare("digits-cnn", [str(one), str(tmp_path / "same.yaml")], samples=2, directory=tmp_path)) == 1
    with pytest.raises(UsageError, match=r"one.yaml and .*other.yaml are two chips of the name new"):
        nmc.compare("digits-cnn", [str(one), str(other)], samples=2)


@pytest.mark.parametrize("chip", chip_names())
def test_every_chip_that_ships_is_a_target_or_says_why_not(chip: str) -> None:
    if chip in untargeted():
        with pytest.raises(UsageError, match=f"the chip {chip} is not a target: {untargeted()[chip]}"):
            target_named(f"{chip}-sim")
        return
    target = target_named(f"{chip}-sim")
    assert target.chip is not None and target.chip.name == chip
    assert any(target_named(name).chip == target.chip for name in targets())


def test_a_chip_names_its_precision(tmp_path: Path) -> None:
    assert target_named("movidius-ncs-sim").options.pricing.precision == "fp16"
    with pytest.raises(UsageError, match="has no precision 'fp32'"):
        target_named("movidius-ncs-sim").configured({"precision": "fp32"})
    x = np.zeros((1, 1, 8, 8))
    program = nmc.compile("digits-cnn", "movidius-ncs-sim", tmp_path / "p")
    assert nmc.estimate(program, nmc.run(program, x)).latency_s.best > 0


def test_why_a_chip_is_no_target_is_listed(run: Run) -> None:
    assert "speck: it has no time steps" in run("targets")
    assert {"movidius-ncs-sim", "xeon-e5-2630-sim"} <= {fact["name"] for fact in json.loads(run("targets", "--json"))}


def test_a_program_whose_chip_was_spoilt_is_refused(tmp_path: Path) -> None:
    program = nmc.compile("digits-cnn", str(write_chip(tmp_path / "new.yaml", "h100", "new")), tmp_path / "p")
    (program.path / "chip.yaml").write_text("name: other\n")
    with pytest.raises(NmcError, match=r"chip.yaml was truncated"):
        nmc.load_program(program.path)
