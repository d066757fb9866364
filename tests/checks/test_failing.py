"""Each way in which a check fails: its exit code and its message, and no file of a report half written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from checks.conftest import Check
from checks.small import GENEROUS, write_small


@dataclass(frozen=True)
class Case:
    """Budgets, arguments beside the model, and what the command must say and end with.

    `edit` changes the baseline that `nmc check` wrote of the same model before, or the folder.
    """

    name: str
    exit_code: int
    says: tuple[str, ...]
    budgets: str = f"{{loihi-sim: {GENEROUS}}}"
    arguments: tuple[str, ...] = ()
    edit: Callable[[Path], object] = field(default=lambda folder: None)


def in_baseline(**changes: object) -> Callable[[Path], object]:
    """Set keys of the baseline; those of the target by "loihi_KEY"."""

    def edit(folder: Path) -> None:
        path = folder / "baseline.json"
        content = json.loads(path.read_text())
        for key, value in changes.items():
            place = content["targets"]["loihi-sim"] if key.startswith("loihi_") else content
            place[key.removeprefix("loihi_")] = value
        path.write_text(json.dumps(content))

    return edit


BASELINE = ("--baseline", "baseline.json")

CASES = [
    Case(
        "accuracy-low", 1,
        ("loihi-sim: accuracy 0.0 % is below the budget of 50.0 % by 50.0 points, on 20 samples",
         "nmc inspect small --target loihi-sim --quantization", "min_accuracy"),
        edit=lambda folder: write_small(folder, wrong=True),
    ),
    Case(
        "energy-high", 1,
        ("loihi-sim: energy at least 831 uJ (best of 484 uJ - 1.94 mJ) is over the budget of 700 uJ by 19 %",
         "largest parts: 576 uJ awake after the first run, 255 uJ chip", "largest layers:", " act, ", "max_energy"),
        "{loihi-sim: {max_energy: 700 uJ}}",
    ),
    Case(
        "energy-high-at-the-high-end", 1, ("gpu-sim: energy 19.2 mJ (high of 840 uJ - 19.2 mJ) is over",),
        "{gpu-sim: {max_energy: 10 mJ, hold: high}}",
    ),
    Case(
        "energy-known-from-below-only", 1,
        ("energy at least 831 uJ", "cannot be shown to be within the budget of 1 J",
         "barrier synchronization energy", "allow_missing: true"),
        "{loihi-sim: {max_energy: 1 J}}",
    ),
    Case(
        "latency-high", 1,
        ("gpu-sim: latency 40 us (best of 14 us - 120 us) is 40 times the budget of 1 us",
         "largest parts: 30 us call, 10 us kernel launches", "max_latency"),
        "{gpu-sim: {max_latency: 1 us}}",
    ),
    Case(
        "two-limits", 1, ("latency", "energy", "nmc: 2 faults"),
        "{gpu-sim: {max_latency: 1 us, max_energy: 1 uJ}}",
    ),
    Case(
        "refusal", 1, ("loihi-sim refuses the model", "Sigmoid", "nmc inspect small"),
        edit=lambda folder: write_small(folder, kind="Sigmoid"),
    ),
    Case("no-budgets", 2, ("small has no budgets", "budgets: {loihi-sim:"), ""),
    Case("no-budget-for-it", 2, ("no budget for tpu-sim", "'*'", "loihi-sim"), arguments=("-t", "tpu-sim")),
    Case("unknown-target-in-budgets", 2, ("budgets of small: 'lohi-sim'", "'loihi-sim'"), "{lohi-sim: {}}"),
    Case("unknown-target", 2, ("'lohi-sim' is not a target", "'loihi-sim'"), arguments=("-t", "lohi-sim")),
    Case("no-target-named", 2, ("--targets names no target",), arguments=("-t", " ,")),
    Case(
        "baseline-missing", 2, ("there is no baseline none.json", "--update-baseline"),
        arguments=("--baseline", "none.json"),
    ),
    Case(
        "baseline-of-another-model", 2, ("the baseline is of large by accuracy, not of small", "--update-baseline"),
        arguments=BASELINE, edit=in_baseline(model="large"),
    ),
    Case(
        "baseline-of-other-data", 2, ("measured on 20 samples", "this check on 5 samples", "--samples"),
        arguments=(*BASELINE, "--samples", "5"),
    ),
    Case(
        "baseline-damaged", 2, ("baseline.json is damaged", "--update-baseline"), arguments=BASELINE,
        edit=lambda folder: (folder / "baseline.json").write_text('{"format": "nmc-base'),
    ),
    Case(
        "baseline-lacks-a-key", 2, ("baseline.json is damaged: targets",), arguments=BASELINE,
        edit=in_baseline(targets={"loihi-sim": {"chip": 1}}),
    ),
    Case(
        "baseline-is-something-else", 2, ("baseline.json is not a baseline",), arguments=BASELINE,
        edit=lambda folder: (folder / "baseline.json").write_text("[1]"),
    ),
    Case(
        "baseline-newer", 2, ("has version 2, this nmc reads version 1", "update nmc"), arguments=BASELINE,
        edit=in_baseline(version=2),
    ),
    Case(
        "energy-fell-back", 1,
        ("loihi-sim: energy +38.5 %, 831 uJ after the baseline's 600 uJ (tolerance 5 %)", "layer act +59.9 %",
         "layer fc is new", "--update-baseline"),
        arguments=BASELINE,
        edit=in_baseline(loihi_energy_j=600e-6, loihi_energy_by_layer_j={
            "act": 2e-8, "out_current": 1, "out_integral_voltage": 1}),
    ),
    Case(
        "latency-fell-back", 1, ("loihi-sim: latency +44.2 %, 8.65 ms after the baseline's 6 ms",), arguments=BASELINE,
        edit=in_baseline(loihi_latency_s=6e-3),
    ),
    Case(
        "score-fell-back", 1,
        ("loihi-sim: accuracy fell back to 0.0 % from the baseline's 100.0 % (tolerance 0.5 points)",),
        arguments=BASELINE, budgets="{loihi-sim: {}}",
        edit=lambda folder: write_small(folder, "{loihi-sim: {}}", wrong=True),
    ),
    Case("update-without-a-file", 2, ("--update-baseline needs a file",), arguments=("--update-baseline",)),
    Case("tolerance-without-percent", 2, ("--tolerance takes a percentage, got '5'",), arguments=("--tolerance", "5")),
    Case(
        "tool-missing", 3, ("nengo", "nmc toolchain install nengo"), "{nengo-sim: {}}",
    ),
    Case(
        "model-unreadable", 1, ("model.yaml:3", "weights.safetensors"),
        edit=lambda folder: (folder / "weights.safetensors").unlink(),
    ),
    Case(
        "no-test-data", 1, ("small has no test data",),
        edit=lambda folder: (folder / "model.yaml").write_text(
            (folder / "model.yaml").read_text().replace("test: test.npz, ", "")),
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_way_of_failing(
    case: Case, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if case.name == "tool-missing":
        monkeypatch.setenv("NMC_CACHE", str(tmp_path / "cache"))
    write_small(tmp_path, case.budgets)
    if "baseline" in case.name or "fell-back" in case.name:
        assert check(".", *BASELINE, "--update-baseline").code == 0
    case.edit(tmp_path)
    done = check(".", *case.arguments, "--junit", "report.xml", "--markdown", "report.md")
    assert done.code == case.exit_code, done.err
    for text in case.says:
        assert text in done.err
    assert "Traceback" not in done.err
    reported = case.exit_code == 1 and not case.name.startswith(("model-", "no-test-data"))
    assert [(tmp_path / name).exists() for name in ("report.xml", "report.md")] == [reported, reported]
    assert not list(tmp_path.glob(".*"))


def test_a_report_that_cannot_be_written(check: Check, tmp_path: Path) -> None:
    write_small(tmp_path)
    (tmp_path / "taken").write_text("")
    done = check(".", "--junit", "taken/report.xml")
    assert done.code == 3 and "cannot write taken/report.xml" in done.err


def test_faults_as_json(check: Check, tmp_path: Path) -> None:
    write_small(tmp_path, "{gpu-sim: {max_latency: 1 us}}")
    done = check(".", "--json")
    facts = json.loads(done.out)
    assert (done.code, done.err, facts["passed"]) == (1, "", False)
    assert "40 times the budget" in facts["faults"][0]["what"]
    assert facts["results"][0]["cost"]["latency_s"]["best"] == pytest.approx(40e-6, rel=0.01)
