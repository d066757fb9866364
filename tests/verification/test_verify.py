"""What compiling verifies, what it says of it, and what becomes of a program that is not what it should be."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nmc
from mutations.changes import facts, without
from mutations.changes import reads as read_otherwise
from mutations.networks import network
from mutations.seeds import after_pass, in_emulator, in_onnx
from nmc import pipeline
from nmc.backends.onnx import verification
from nmc.backends.onnx.engine import run
from nmc.backends.target import RunResult
from nmc.data_source import Arrays
from nmc.errors import ModelError, UsageError
from nmc.model import Model, Task
from nmc.passes.fuse_synapses import FuseSynapses
from nmc.program import Program, load
from nmc.side_by_side import joined
from nmc.text import parse
from nmc.verification.difference import TranslationError

TWO_INPUTS = """dt = 0.001
a = Input(shape=(2,), stream=True)
b = Input(shape=(3,))
sent = RateEncode(b)
events = RateEncode(a)
left = Linear(events, features=4, weight='wa')
right = Linear(sent, features=4, weight='wb')
hidden = LIF(left, right, decay=0.5)
total = Sum(hidden)
return hidden, total"""

LEARNS = """dt = 0.001
x = Input(shape=(3,), stream=True)
s = RateEncode(x)
w = PlasticLinear(s, y@1, features=2, weight='w', dw='0.25*x1*y0', x1_tau=4.0, w_min=0.0, w_max=2.0)
y = LIF(w, decay=0.5)
return y"""


def two_inputs() -> Model:
    rng = np.random.default_rng(3)
    return Model("two", parse(TWO_INPUTS), {"wa": rng.normal(size=(4, 2)), "wb": rng.normal(size=(4, 3))}, 10)


def learns() -> Model:
    return Model("learns", parse(LEARNS), {"w": np.full((2, 3), 1.0)}, 12)


@pytest.mark.parametrize("target", ["cpu", "loihi-sim", "nengo-sim", "nengo-loihi-sim"])
def test_a_program_says_what_was_verified(target: str, tmp_path: Path) -> None:
    program = nmc.compile(network("dense"), target, tmp_path / "p")
    assert program.manifest.verified.startswith("3 samples x 24 steps, ")
    found = load(tmp_path / "p").manifest.verification
    assert found is not None and found.data == "calibration data"
    assert found == program.manifest.verification
    assert all(check.samples or "rounding" in check.result for check in found.checks)



@pytest.mark.parametrize("target", ["cpu", "gpu-sim", "loihi-sim", "loihi2-sim", "nengo-sim", "nengo-loihi-sim"])
def test_several_inputs_and_no_data(target: str, tmp_path: Path) -> None:
    found = nmc.compile(two_inputs(), target, tmp_path / "p").manifest.verification
    assert found is not None and found.data == "random numbers"
    assert found.summary.startswith("16 samples x 10 steps")


@pytest.mark.parametrize("target", ["cpu", "loihi-sim"])
def test_what_learns_is_verified(target: str, tmp_path: Path) -> None:
    found = nmc.compile(learns(), target, tmp_path / "p").manifest.verification
    assert found is not None and found.checks


def test_what_cannot_be_verified_is_said(tmp_path: Path) -> None:
    """Learning is not read back from Nengo's files, and Nengo itself is started by --verify full alone."""
    found = nmc.compile(learns(), "nengo-sim", tmp_path / "p").manifest.verification
    assert found is not None and found.summary == "nothing"
    assert ["Plastic" in why or "--verify full" in why for why in found.left_out] == [True, True]


@pytest.mark.parametrize("level", ["brief", "full"])
def test_outputs_that_are_no_numbers_are_left_out(level: str, tmp_path: Path) -> None:
    """Of a model that divides zero by zero what it is elsewhere is compared."""
    text = "x = Input(shape=(3,))\na = Relu(x)\ny = Div(a, a)\nz = Linear(x, features=2, weight='w')\nreturn y, z"
    model = Model("ratio", parse(text), {"w": np.ones((2, 3))})
    assert nmc.compile(model, "cpu", tmp_path / "p", verify=level).manifest.verified.startswith("16 samples")


def test_half_precision_that_overflows_asks_for_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which processors do, where others keep more digits than were asked for."""

    def overflowing(program: Program, *given: object, **rest: object) -> RunResult:
        result = run(program, *given, **rest)  # type: ignore[arg-type]
        return replace(result, outputs={name: np.full_like(y, np.inf) for name, y in result.outputs.items()})

    monkeypatch.setattr(verification, "run", overflowing)
    with pytest.raises(ModelError, match="precision=fp32"):
        nmc.compile(network("images"), "gpu-sim", tmp_path / "p", precision="fp16")
    with pytest.raises(TranslationError, match="inf"):
        nmc.compile(network("images"), "gpu-sim", tmp_path / "p")


def test_full_is_everything_and_none_nothing(tmp_path: Path) -> None:
    samples = Arrays(np.random.default_rng(0).random((40, 6)), name="made up")
    task = Task("regression", "mean-squared-error", calibration=samples)
    model = replace(network("rates"), task=task)
    brief, full, none = (
        nmc.compile(model, "gpu-sim", tmp_path / level, verify=level).manifest for level in ("brief", "full", "none")
    )
    assert (brief.verified.partition(",")[0], full.verified.partition(",")[0], none.verified) == (
        "16 samples x 24 steps", "40 samples x 24 steps", "nothing",
    )  # fmt: skip
    with pytest.raises(UsageError, match="brief, full, none"):
        nmc.compile(model, "gpu-sim", tmp_path / "p", verify="some")


FAULTY: list[tuple[str, Callable[[], AbstractContextManager[None]], str, int | None]] = [
    ("loihi-sim", in_emulator(facts("hidden", vth=lambda node: node.vth + 30)), "hidden", 1),
    ("gpu-sim", in_onnx(facts("hidden", threshold=3.0)), "hidden", 1),
    ("loihi-sim", after_pass(FuseSynapses, read_otherwise("out", without(1))), "out", None),
]


@pytest.mark.parametrize(("target", "seed", "node", "sample"), FAULTY)
def test_a_difference_is_an_error_that_says_where(
    target: str, seed: Callable[[], AbstractContextManager[None]], node: str, sample: int | None, tmp_path: Path
) -> None:
    """Nothing is written, and an older program stays."""
    model = network("late")
    nmc.compile(model, target, tmp_path / "p", verify="none")
    before = (tmp_path / "p" / "manifest.json").read_bytes()
    with seed(), pytest.raises(TranslationError) as error:
        nmc.compile(model, target, tmp_path / "p")
    assert (tmp_path / "p" / "manifest.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["p"]
    found = error.value.found
    assert found is not None and found.node.startswith(node)
    assert error.value.exit_code == 3
    text = str(error.value)
    assert "an error of nmc" in text and "Please report" in text and "nmc 0." in text
    assert f"step {found.step}" in text and f"sample {found.sample}" in text


def test_two_compiles_verify_alike(tmp_path: Path) -> None:
    """How much is run depends on the model alone, so that programs are the same byte for byte."""
    first, second = (
        pipeline.compile_model(network("conv"), "loihi-sim", tmp_path / name) for name in ("one", "two")
    )
    assert (first.path / "manifest.json").read_bytes() == (second.path / "manifest.json").read_bytes()


def test_several_inputs_with_data(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    x = joined("made up", {"a": rng.random((6, 10, 2)), "b": rng.random((6, 3))})
    task = Task("regression", "mean-squared-error", calibration=Arrays(x, name="made up"))
    found = nmc.compile(replace(two_inputs(), task=task), "loihi-sim", tmp_path / "p").manifest.verification
    assert found is not None and found.data == "calibration data"
    assert found.summary == "6 samples x 10 steps, equal"
