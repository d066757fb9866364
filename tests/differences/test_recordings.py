"""Recordings as people bring them from a board: of some layers, in other forms, late, or cut short."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import nmc
from mutations.changes import facts
from mutations.networks import network, samples
from nmc import reference
from nmc.errors import UsageError
from nmc.model import FloatArray, Model

DENSE = network("dense", seed=3)
CONV = network("conv", seed=3)


def seen(model: Model, *names: str) -> dict[str, FloatArray]:
    found = reference.run(model, samples(model.graph), record=names)
    return {name: found[name] for name in names or model.graph.outputs}


def diff(model: Model, arrays: dict[str, FloatArray]) -> nmc.differences.result.Difference:
    return nmc.diff(model, arrays, samples(model.graph))


def test_outputs_alone() -> None:
    wrong = seen(facts("hidden", decay=1.0)(DENSE), "total")
    difference = diff(DENSE, wrong)
    assert [layer.name for layer in difference.layers] == ["total"]
    assert difference.first == "total"
    assert difference.explanation is not None
    assert (difference.explanation.rule, difference.explanation.node) == ("decay", "hidden")


def test_spikes_of_one_inner_layer() -> None:
    assert diff(DENSE, seen(DENSE, "hidden")).equal
    difference = diff(DENSE, seen(facts("hidden", reset="subtract")(DENSE), "hidden"))
    assert difference.explanation is not None
    assert (difference.first, difference.explanation.rule) == ("hidden", "reset")


@pytest.mark.parametrize("steps", [1, 4, 7])
def test_everything_late_by_as_much(steps: int) -> None:
    late = {name: np.roll(trace, steps, axis=1) for name, trace in seen(DENSE, "hidden", "out").items()}
    for trace in late.values():
        trace[:, :steps] = 0
    difference = diff(DENSE, late)
    assert difference.explanation is not None
    assert (difference.first, "time-shift" in difference.explanation.rules) == ("hidden", True)


def test_channels_last() -> None:
    difference = diff(CONV, {"first": np.moveaxis(seen(CONV, "first")["first"], 2, -1)})
    assert difference.equal
    assert difference.notes == ("first: its axes are read as [samples, steps, axis 1, axis 2, axis 0]",)


def test_fewer_samples() -> None:
    difference = diff(DENSE, {name: trace[:2] for name, trace in seen(DENSE).items()})
    assert (difference.equal, difference.samples) == (True, 2)


def test_fewer_steps() -> None:
    cut = {name: trace[:, :10] for name, trace in seen(DENSE, "hidden", "out").items()}
    difference = diff(DENSE, cut)
    assert difference.equal
    assert difference.notes == ("hidden: it lacks the last 14 steps", "out: it lacks the last 14 steps")
    wrong = {name: trace[:, :10] for name, trace in seen(facts("out", reset="subtract")(DENSE), "out").items()}
    difference = diff(DENSE, wrong)
    assert difference.explanation is not None
    assert (difference.first, difference.explanation.rule) == ("out", "reset")


def test_the_steps_that_a_recording_lacks_explain_nothing(tmp_path: Path) -> None:
    """What a chip did before the first result is unknown: no rule has to explain it."""
    model = nmc.compile(network("dense"), "loihi-sim", tmp_path / "p").model
    x = samples(model.graph)
    wrong = reference.run(facts("b", weight_exp=1)(model), x, record=["b"])
    assert wrong["b"].shape[1] == x.shape[1]
    difference = nmc.diff(model, {"b": wrong["b"]}, x)
    assert difference.explanation is not None
    assert (difference.explanation.rule, difference.explanation.left) == ("scale", 0)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int64, np.float16, np.float32])
def test_numbers_of_any_type(dtype: type, tmp_path: Path) -> None:
    arrays = {name: trace.astype(dtype) for name, trace in seen(DENSE, "hidden", "out").items()}
    np.savez(tmp_path / "board.npz", x=samples(DENSE.graph), **arrays)
    assert nmc.diff(DENSE, tmp_path / "board.npz").equal


@pytest.mark.parametrize(("arrays", "message"), [
    ({"hiden": np.zeros((3, 24, 6))}, "there is no layer 'hiden'"),
    ({"hidden": np.zeros((3, 24, 5))}, r"'hidden' has the shape \[3, 24, 5\], which is no order of \[samples, "),
    ({"hidden": np.zeros((9, 24, 6))}, "with up to 3 samples and 24 steps"),
    ({"hidden": np.zeros((3, 0, 6))}, "holds nothing"),
    ({"hidden": np.full((3, 24, 6), 1j)}, "is not an array of finite numbers"),
    ({"hidden": np.full((3, 24, 6), np.nan)}, "is not an array of finite numbers"),
    ({"hidden": np.full((3, 24, 6), "1")}, "is not an array of finite numbers"),
    ({"y": np.zeros(3)}, "has no layer of the network"),
    ({}, "has no layer of the network"),
])  # fmt: skip
@pytest.mark.parametrize("as_file", [False, True])
def test_one_message_where_it_does_not_fit(
    arrays: dict[str, FloatArray], message: str, as_file: bool, tmp_path: Path
) -> None:
    if as_file:
        np.savez(tmp_path / "board.npz", **arrays)
    with pytest.raises(UsageError, match=message):
        nmc.diff(DENSE, tmp_path / "board.npz" if as_file else arrays, samples(DENSE.graph))
