"""nmc diff over all seeded faults, and over recordings as from a board: the layer and the rule that it names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nmc
from mutations.changes import arrays, facts, later, reads
from mutations.faults import FAULTS, Fault, compiled
from mutations.networks import network, samples
from mutations.seeds import Change
from nmc import reference
from nmc.differences.result import Difference
from nmc.errors import UsageError


def found(fault: Fault, directory: Path) -> Difference:
    with fault.seed():
        program = compiled(fault, directory)
        x = samples(fault.model().graph)
        return nmc.diff(fault.model(), program, x) if fault.part == "pass" else nmc.diff(program, x=x)


def test_layers_and_rules_of_all_faults(tmp_path: Path) -> None:
    """The figures that docs/diff.md states: layers of at least 95 %, rules of at least 80 %."""
    layers = rules = 0
    for number, fault in enumerate(FAULTS):
        difference = found(fault, tmp_path / str(number))
        explanation = difference.explanation
        layers += fault.layer in (difference.first, explanation.node if explanation else None)
        rules += explanation is not None and explanation.rule == fault.rule
    assert layers >= 0.95 * len(FAULTS)
    assert rules >= 0.9 * len(FAULTS)


BOARD: tuple[tuple[str, Change, str, str], ...] = (
    ("rules", facts("hidden", reset="zero"), "hidden", "reset"),
    ("rules", facts("rest", refractory=3), "rest", "refractory"),
    ("rules", facts("rest", current_decay=0.75), "rest", "current-decay"),
    ("rules", facts("out", threshold=1.25), "out", "threshold"),
    ("conv", arrays("b", "weight", lambda w: w[:, :, ::-1, ::-1]), "second", "kernel-flipped"),
    ("conv", facts("a", bias=None), "first", "bias-missing"),
    ("conv", facts("second", decay=1.0), "second", "decay"),
    ("late", arrays("b", "weight", np.transpose), "out", "weights-transposed"),
    ("late", facts("aged", steps=1, longest=1), "out", "delay"),
    ("dense", reads("a", later(1)), "hidden", "time-shift"),
    ("dense", facts("hidden", current="old"), "hidden", "current-order"),
)
"""What a board may do otherwise, of networks with other weights than the faults have: layer and rule."""


@pytest.mark.parametrize(("name", "change", "layer", "rule"), BOARD)
def test_recordings_of_populations(name: str, change: Change, layer: str, rule: str, tmp_path: Path) -> None:
    model = network(name, seed=7)
    populations = [node.name for node in model.graph if "LIF" in node.kind or node.kind == "IF"]
    x = samples(model.graph, seed=8)
    spikes = reference.run(change(model), x, record=populations)
    np.savez(tmp_path / "board.npz", x=x, **{each: spikes[each] for each in populations})
    difference = nmc.diff(model, tmp_path / "board.npz")
    assert difference.explanation is not None
    assert (difference.first, rule in difference.explanation.rules) == (layer, True), difference.explanation


@pytest.mark.parametrize(("name", "target"), [
    ("dense", "loihi-sim"), ("conv", "nengo-loihi-sim"), ("late", "loihi-sim"), ("rules", "gpu-sim"),
    ("images", "tpu-sim"), ("normed", "tpu-sim"), ("counts", "loihi-sim"),
])  # fmt: skip
def test_sound_programs_part_nowhere(name: str, target: str, tmp_path: Path) -> None:
    program = nmc.compile(network(name), target, tmp_path / "p")
    assert nmc.diff(program, x=samples(network(name).graph)).same
    assert nmc.diff(network(name), program).equal


def test_axes_in_another_order_are_found() -> None:
    model = network("dense")
    x = samples(model.graph)
    spikes = reference.run(model, x, record=["hidden", "out"])
    difference = nmc.diff(model, {"hidden": spikes["hidden"].swapaxes(0, 1), "out": spikes["out"]}, x)
    assert difference.equal
    assert difference.notes == ("hidden: its axes are read as [steps, samples, axis 0]",)


def test_a_layer_that_no_rule_explains_is_named_without_one() -> None:
    model = network("dense")
    x = samples(model.graph)
    noise = (np.random.default_rng(3).random((3, 24, 6)) < 0.3) * 1.0
    difference = nmc.diff(model, {"hidden": noise}, x)
    assert (difference.first, difference.explanation) == ("hidden", None)


def test_what_does_not_fit_is_refused() -> None:
    model = replace(network("dense"))
    x = samples(model.graph)
    for recording, message in (({"hiden": x}, "no layer 'hiden'"), ({"hidden": x[:, :, :2]}, "is no order of")):
        with pytest.raises(UsageError, match=message):
            nmc.diff(model, recording, x)
    with pytest.raises(UsageError, match="nothing to be held against"):
        nmc.diff(model)
