"""Connections that learn do the same on every target."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import nmc
from conformance.plastic_models import EVERYTHING, learned, model, samples
from conformance.plastic_networks import plastic_network
from nmc.backends import toolchain
from nmc.backends.lava.lowering import golden, lower, program_files
from nmc.errors import ToolError
from nmc.program import write
from nmc.report.stdp_window import A_MINUS, A_PLUS, FIRST_WEIGHT, rule, window

DELAYS = (-1000, -20, -10, -5, -2, -1, 1, 2, 5, 10, 20, 1000)
"""Steps of 10 ms from the spike before a synapse to the one behind it: up to ten seconds."""
NEEDS = {"lava": "lava_toolchain", "nengo": "nengo_toolchain"}


@pytest.mark.parametrize(
    ("target", "engine", "tolerance"),
    [
        (None, None, 1e-9), ("loihi-sim", "native", 0.04), ("loihi-sim", "lava", 0.04), ("nengo-sim", "nengo", 1e-9),
        ("cpu", "onnxruntime", 1e-5),
    ],
)  # fmt: skip
def test_the_window_of_stdp(
    target: str | None, engine: str | None, tolerance: float, request: pytest.FixtureRequest
) -> None:
    """Pre-then-post strengthens, post-then-pre weakens, less with more delay, and nothing is left at ten seconds."""
    if engine in NEEDS:
        request.getfixturevalue(NEEDS[engine])
    change = dict(zip(DELAYS, window(DELAYS, target, engine), strict=True))
    for sign, largest in ((1, A_PLUS), (-1, -A_MINUS)):
        sizes = [sign * change[sign * delay] for delay in (1, 2, 5, 10, 20)]
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[0] > sizes[2] > sizes[3] > 0
        assert sign * largest / FIRST_WEIGHT > sizes[0]
        assert abs(change[sign * 1000]) < 1e-6
    np.testing.assert_allclose([change[d] for d in DELAYS], [rule(d) for d in DELAYS], atol=tolerance)


@pytest.mark.parametrize("seed", [8, 12])
def test_learning_in_sequence_equals_lavas_runtime(seed: int, tmp_path: Path, lava_toolchain: None) -> None:
    """Over several samples, whose random numbers go on; and a program checks its weights, too."""
    case = plastic_network(seed)
    files = program_files(case.model, lower(case.model), *golden(case.model, case.x, case.steps))
    program = write(tmp_path / "p", case.model, target="loihi-sim", chip="loihi1", options={}, files=files)
    native, lava = (nmc.learn(program, case.x, tmp_path / e, engine=e).learned for e in ("native", "lava"))
    for name, weights in native.weights.items():
        np.testing.assert_array_equal(lava.weights[name], weights)
    np.testing.assert_array_equal(lava.result.outputs["lif"], native.result.outputs["lif"])
    said = toolchain.run(toolchain.toolchain_named("lava"), program.path / "lava" / "run.py", ["--check"])
    assert "weights/learns_sent" in said
    assert "first difference" not in said


def test_lava_refuses_what_it_would_forget(tmp_path: Path, lava_toolchain: None) -> None:
    case = plastic_network(64)  # its traces have impulses with fractions
    files = program_files(case.model, lower(case.model), *golden(case.model, case.x, case.steps))
    program = write(tmp_path / "p", case.model, target="loihi-sim", chip="loihi1", options={}, files=files)
    with pytest.raises(ToolError, match="Lava drops the fractions of a trace's impulses"):
        nmc.learn(program, case.x, tmp_path / "after", engine="lava")
    assert not (tmp_path / "after").exists()


def test_nengo_learns_as_the_reference(tmp_path: Path, nengo_toolchain: None) -> None:
    program = nmc.compile(model(EVERYTHING), "nengo-sim", tmp_path / "before")
    lesson = nmc.learn(program, samples(), tmp_path / "after")
    np.testing.assert_allclose(lesson.learned.weights["fc"], learned(model(EVERYTHING), samples()), atol=1e-9)
