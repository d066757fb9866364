"""What a user is told: what is wrong, where, and what to do."""

from __future__ import annotations

import pickle

import pytest

from nmc.errors import (
    Fault,
    Location,
    ModelError,
    NmcError,
    ProgramError,
    ToolError,
    UnsupportedError,
    UsageError,
    closest,
)


def test_an_error_says_where_what_and_the_remedy() -> None:
    error = ModelError("it is too wide", "make it narrower", node="conv", where=Location("model.yaml", 7, 3))
    assert str(error) == "model.yaml:7:3: node 'conv': it is too wide\n    -> make it narrower"


def test_what_is_not_known_is_left_out() -> None:
    assert str(UsageError("no such file")) == "no such file"
    assert str(Location("model.yaml")) == "model.yaml"
    assert str(Location("model.yaml", 7)) == "model.yaml:7"


def test_one_error_carries_every_fault_and_keeps_its_kind() -> None:
    faults = (Fault("first", node="a"), Fault("second", "mend it"))
    error = UnsupportedError.of(iter(faults))
    assert isinstance(error, UnsupportedError)
    assert error.faults == faults
    assert str(error) == "node 'a': first\nsecond\n    -> mend it"


@pytest.mark.parametrize(
    ("kind", "code"),
    [(NmcError, 1), (ModelError, 1), (UnsupportedError, 1), (ProgramError, 1), (UsageError, 2), (ToolError, 3)],
)
def test_exit_codes(kind: type[NmcError], code: int) -> None:
    assert kind.exit_code == code


def test_an_error_crosses_process_borders_whole() -> None:
    error = ModelError.of([Fault("first", node="a", where=Location("f", 1)), Fault("second", "mend it")])
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is ModelError
    assert copy.faults == error.faults
    assert str(copy) == str(error)


def test_a_wrong_name_is_answered_with_the_names_most_like_it() -> None:
    assert closest("loihi_sim", ["gpu-sim", "loihi-sim", "cpu"]) == "did you mean 'loihi-sim'?"
    assert closest("zebra", ["gpu-sim", "cpu"]) == "there are: cpu, gpu-sim"
    assert closest("gpu", ["gpu1", "gpu2"]) == "did you mean 'gpu2' or 'gpu1'?"
    assert closest("zebra", []) == "there are: none"


def test_a_long_list_of_names_is_cut() -> None:
    text = closest("zebra", (f"n{i:02}" for i in range(60)))
    assert text.startswith("there are: n00, n01, ")
    assert text.endswith("n19 and 40 more")


def test_a_summary_says_alike_faults_once() -> None:
    faults = [Fault("it multiplies", "add", node, Location("m.yaml", line)) for line, node in enumerate("ab", start=1)]
    error = ModelError.of([*faults, Fault("it is too wide", "make it narrower", "c")])
    assert error.summary() == (
        "m.yaml:1: 2 nodes: it multiplies: a, b\n    -> add\nnode 'c': it is too wide\n    -> make it narrower"
    )
