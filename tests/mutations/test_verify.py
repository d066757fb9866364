"""Compiling itself notices a fault of the compiler: each of the seeded ones, but for very few."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from mutations.faults import FAULTS, FILES, MORE_PASSES, Fault
from nmc import backends, pipeline, program
from nmc.passes import no_samples
from nmc.verification.difference import TranslationError
from nmc.verification.verify import verified

EVERY = (*FAULTS, *FILES, *MORE_PASSES)


def compile_verified(fault: Fault, directory: Path) -> None:
    """Compile the fault's network and verify it; one that is for the chip already only needs the latter."""
    model = fault.model()
    if fault.stage == "model":
        pipeline.compile_model(model, fault.target, directory, fault.options)
        return
    target = backends.target_named(fault.target)
    options = target.configured(fault.options)
    made = program.draft(
        directory, model, target=target.name, chip=target.chip_name, options=asdict(options), files={}
    )
    made.write(verified(made.program, model, target, options, (), no_samples, "brief"))


@pytest.mark.parametrize("fault", EVERY, ids=lambda fault: f"{fault.part}: {fault.name}")
def test_compiling_notices(fault: Fault, tmp_path: Path) -> None:
    with fault.seed(), pytest.raises(TranslationError) as error:
        compile_verified(fault, tmp_path / "program")
    assert not (tmp_path / "program").exists()
    assert error.value.exit_code == 3


ONE_OF_EACH = tuple({(fault.network, fault.target): fault for fault in EVERY}.values())


@pytest.mark.parametrize("fault", ONE_OF_EACH, ids=lambda fault: f"{fault.network} on {fault.target}")
def test_without_the_fault_it_finds_nothing(fault: Fault, tmp_path: Path) -> None:
    compile_verified(fault, tmp_path / "program")
