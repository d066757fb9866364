"""nmc evolve: what it writes, prints and refuses."""

from __future__ import annotations

import json

import pytest

import nmc as api


def test_it_writes_a_program_and_a_model(nmc, tmp_path):
    done = nmc(
        "evolve", "digits-cnn", "-O", "weight_bits=4", "--steps", "4", "--generations", "1",
        "--population", "4", "--batch", "20", "--samples", "20", "-o", "p", "--as-model", "m", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["generations"] == 1 and facts["after"]["loss"] <= facts["before"]["loss"]
    program, model = api.load_program(tmp_path / "p"), api.load(tmp_path / "m")
    assert (program.options.weight_bits, program.steps, model.steps) == (4, 4, 4)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Missing option '--output'"),
        (["-o", "p", "--trials", "3"], "No such option"),
        (["-o", "p", "--target", "gpu-sim"], "gpu-sim"),
        (["-o", "p", "--population", "5"], "give an even number"),
        (["-o", "p", "--genes", "bits"], "bits"),
    ],
)
def test_what_makes_no_sense(nmc, arguments, says):
    done = nmc("evolve", "digits-cnn", *arguments)
    assert done.returncode == 2 and says in done.stderr, done.stderr
