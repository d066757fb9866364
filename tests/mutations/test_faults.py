"""The seeded faults themselves: each changes what a program puts out, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from mutations.faults import FAULTS, Fault, compiled
from mutations.networks import samples
from mutations.seeds import in_code
from nmc import pipeline
from nmc.backends.loihi.native import kernels
from nmc.model import Array


def put_out(fault: Fault, directory: Path, seeded: bool) -> Mapping[str, Array]:
    """What comes of the fault's network: its outputs, and how often its nodes were updated."""
    with fault.seed() if seeded else nullcontext():
        program = compiled(fault, directory)
        result = pipeline.run_program(program, samples(fault.model().graph))
    updates = {f"updates of {name}": np.array(node.neuron_updates) for name, node in result.events.nodes.items()}
    return {**result.outputs, **updates}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.part}: {fault.name}")
def test_a_fault_changes_what_a_program_does(fault: Fault, tmp_path: Path) -> None:
    sound, faulty = put_out(fault, tmp_path / "sound", False), put_out(fault, tmp_path / "faulty", True)
    assert any(not np.array_equal(sound[name], faulty[name]) for name in sound.keys() & faulty.keys())
    again = put_out(fault, tmp_path / "again", False)
    assert all(np.array_equal(sound[name], again[name]) for name in sound)


def test_there_are_enough_in_every_part() -> None:
    parts = [fault.part for fault in FAULTS]
    assert len(FAULTS) >= 60
    assert all(parts.count(part) >= least for part, least in (("engine", 30), ("lowering", 20), ("pass", 8)))
    assert len({(fault.part, fault.name) for fault in FAULTS}) == len(FAULTS)


def test_an_edit_that_changes_nothing_is_an_error() -> None:
    with pytest.raises(AssertionError, match="has no 'moved is above'"), in_code(kernels.lif, "moved is above", "")():
        pass
