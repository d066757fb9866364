"""Baselines: written to be committed, read back, and held to within a tolerance."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.conftest import Check
from checks.small import GENEROUS, write_small
from nmc.checks.baseline import Baseline, TargetBaseline, read_baseline, write_baseline
from nmc.checks.regression import Tolerance, held_to_baseline
from nmc.data_source import DataRecord
from nmc.estimates.estimate import Component
from nmc.sweeps.result import Cost, PointResult
from nmc.units.interval import Interval

BASELINE = ("--baseline", "baseline.json")
DATA = DataRecord("small/test.npz", "0" * 64, 20)


def result(score: float | None = None, cost: Cost | None = None) -> PointResult:
    """A result on loihi-sim of which only this is known."""
    return PointResult(
        key="0", model="m", model_digest="0", target="loihi-sim", chip="loihi1", options={}, given={}, data=DATA,
        calibration=None, seed=0, nmc="0", metric="accuracy", reference_score=1.0, command="", score=score, cost=cost,
    )  # fmt: skip


def test_what_is_written_is_written_so_again(check: Check, tmp_path: Path) -> None:
    """Sorted keys, a line each, six digits: equal results give equal files."""
    write_small(tmp_path, f"{{loihi-sim: {GENEROUS}, tpu-sim: {GENEROUS}}}")
    assert "baseline: baseline.json" in check(".", *BASELINE, "--update-baseline").out
    first = (tmp_path / "baseline.json").read_text()
    assert check(".", *BASELINE).code == 0
    assert check(".", *BASELINE, "--update-baseline").code == 0
    assert (tmp_path / "baseline.json").read_text() == first
    content = json.loads(first)
    assert list(content) == sorted(content) and list(content["targets"]) == ["loihi-sim", "tpu-sim"]
    assert content["targets"]["loihi-sim"]["energy_by_layer_j"]["fc"] > 0
    assert json.dumps(content, indent=2, sort_keys=True) + "\n" == first


def test_the_clock_is_not_held_to_a_baseline(check: Check, tmp_path: Path) -> None:
    """`cpu` measures this machine, so the baseline has its score alone."""
    write_small(tmp_path, f"{{cpu: {GENEROUS}}}")
    assert check(".", *BASELINE, "--update-baseline").code == 0
    known = read_baseline(tmp_path / "baseline.json").targets["cpu"]
    assert (known.score, known.energy_j, known.latency_s, known.energy_by_layer_j) == (1.0, None, None, {})
    done = check(".", *BASELINE)
    assert done.code == 0 and "cpu: energy and latency are not held to the baseline" in done.out


def test_what_else_changed_is_noted(check: Check, tmp_path: Path) -> None:
    write_small(tmp_path, f"{{loihi-sim: {GENEROUS}, gpu-sim: {GENEROUS}}}")
    assert check(".", "-t", "loihi-sim", *BASELINE, "--update-baseline").code == 0
    text = (tmp_path / "baseline.json").read_text()
    (tmp_path / "baseline.json").write_text(text.replace('"weight_bits": 8', '"weight_bits": 6'))
    out = check(".", *BASELINE).out
    assert "gpu-sim is not in the baseline" in out
    assert "loihi-sim: options differ from the baseline's: weight_bits 6 -> 8" in out
    assert "loihi-sim is in the baseline, and was not checked" in check(".", "-t", "gpu-sim", *BASELINE).out


def test_a_refused_target_is_not_kept(check: Check, tmp_path: Path) -> None:
    write_small(tmp_path, f"{{loihi-sim: {GENEROUS}, gpu-sim: {GENEROUS}}}", kind="Sigmoid")
    assert check(".", *BASELINE, "--update-baseline").code == 1
    assert list(read_baseline(tmp_path / "baseline.json").targets) == ["gpu-sim"]


def test_a_tolerance_settles_what_is_too_much(check: Check, tmp_path: Path) -> None:
    write_small(tmp_path)
    assert check(".", *BASELINE, "--update-baseline").code == 0
    content = json.loads((tmp_path / "baseline.json").read_text())
    content["targets"]["loihi-sim"]["energy_j"] *= 0.9
    (tmp_path / "baseline.json").write_text(json.dumps(content))
    assert check(".", *BASELINE).code == 1
    assert check(".", *BASELINE, "--tolerance", "20 %").code == 0


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.floats(1e-9, 1.0), st.floats(1e-9, 1.0), st.floats(0.0, 0.5))
def test_only_what_grew_beyond_the_tolerance_is_a_fault(now: float, before: float, share: float) -> None:
    price = Component("all", "compute", Interval.exact(now), Interval.exact(now), "silicon", "made up")
    cost = Cost(Interval.exact(now), Interval.exact(now), "total", "silicon", (price,))
    measured = result(cost=cost)
    baseline = Baseline("m", "accuracy", DATA, "0", {"loihi-sim": TargetBaseline("c", {}, None, before, before)})
    verdicts = list(held_to_baseline(measured, baseline, Tolerance(cost=share)))
    assert [verdict.quantity for verdict in verdicts] == ["energy", "latency"]
    assert {verdict.fault is not None for verdict in verdicts} == {now > before * (1 + share)}


@pytest.mark.parametrize(
    ("metric", "before", "now", "fails"),
    [
        ("accuracy", 0.970, 0.966, False),
        ("accuracy", 0.970, 0.964, True),
        ("accuracy", 0.970, 1.0, False),
        ("mean-squared-error", 0.100, 0.104, False),
        ("mean-squared-error", 0.100, 0.106, True),
    ],
)
def test_a_score_may_fall_in_points_and_an_error_rise_by_a_share(
    metric: str, before: float, now: float, fails: bool
) -> None:
    baseline = Baseline("m", metric, DATA, "0", {"loihi-sim": TargetBaseline("c", {}, before)})
    (verdict,) = held_to_baseline(result(score=now), baseline, Tolerance())
    assert (verdict.fault is not None) == fails


def test_a_written_baseline_is_read_back_equal(tmp_path: Path) -> None:
    target = TargetBaseline("loihi1", {"steps": None, "encoding": "rate"}, 0.5, 1e-6, 2e-3, ("a price",), {"fc": 1e-9})
    baseline = Baseline("m", "accuracy", DATA, "0.1.0", {"loihi-sim": target})
    write_baseline(baseline, tmp_path / "folder" / "b.json")
    assert read_baseline(tmp_path / "folder" / "b.json") == baseline
