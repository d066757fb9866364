"""nmc tune --method es: what it writes, prints and refuses."""

from __future__ import annotations

import json

import pytest

import nmc as api


def test_it_writes_a_program_and_a_model(nmc, tmp_path):
    done = nmc(
        "tune", "digits-cnn", "--method", "es", "-O", "weight_bits=4", "--steps", "4", "--generations", "1",
        "--population", "4", "--batch", "20", "--samples", "20", "-o", "p", "--as-model", "m", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["generations"] == 1 and facts["after"]["loss"] <= facts["before"]["loss"]
    program, model = api.load_program(tmp_path / "p"), api.load(tmp_path / "m")
    assert (program.options["weight_bits"], program.steps, model.steps) == (4, 4, 4)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--method", "es"], "one program"),
        (["--method", "es", "--trials", "3", "-o", "p"], "--trials means nothing"),
        (["--generations", "3"], "--generations means nothing"),
        (["--method", "es", "--targets", "loihi-sim,loihi2-sim", "-o", "p"], "2 targets"),
    ],
)
def test_what_makes_no_sense(nmc, arguments, says):
    done = nmc("tune", "digits-cnn", *arguments)
    assert done.returncode == 2 and says in done.stderr, done.stderr
