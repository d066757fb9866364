"""The GitHub Action: its steps run here as a runner would run them, with the runner's files faked."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ruamel.yaml import YAML

from checks.small import GENEROUS, write_small

ROOT = Path(__file__).parents[1]
ACTION = YAML(typ="safe").load(ROOT / "action.yml")
WORKFLOW = YAML(typ="safe").load(ROOT / ".github" / "workflows" / "check.yml")
STEPS = {step.get("name", step.get("uses")): step for step in ACTION["runs"]["steps"]}
_EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")


@dataclass(frozen=True)
class Ran:
    """What a step left behind."""

    code: int
    log: str
    outputs: Mapping[str, str]
    summary: str


def run_step(step: Mapping[str, object], folder: Path, inputs: Mapping[str, str], path: str = "") -> Ran:
    """Run a step's script in bash, as GitHub does; `path` goes before what else is on the path."""
    assert step["shell"] == "bash"
    known = {f"inputs.{name}": str(facts.get("default", "")) for name, facts in ACTION["inputs"].items()}
    known |= {f"inputs.{name}": value for name, value in inputs.items()} | {"github.action_path": str(ROOT)}
    env = step.get("env", {})
    assert isinstance(env, dict)
    files = {name: folder / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.write_text("")
    environment = {
        **os.environ,
        "PATH": os.pathsep.join(filter(None, [path, str(Path(sys.executable).parent), os.environ["PATH"]])),
        "RUNNER_TEMP": str(folder / "temp"),
        **{name: str(file) for name, file in files.items()},
        **{name: _EXPRESSION.sub(lambda match: known[match[1]], text) for name, text in env.items()},
    }
    script = folder / "step.sh"
    script.write_text(str(step["run"]))
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", script], cwd=folder, env=environment,
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
    return Ran(done.returncode, done.stdout + done.stderr, outputs, files["GITHUB_STEP_SUMMARY"].read_text())


def test_a_model_within_its_budgets(tmp_path: Path) -> None:
    write_small(tmp_path / "my models" / "small", f"{{gpu-sim: {GENEROUS}, tpu-sim: {GENEROUS}}}")
    ran = run_step(STEPS["Check"], tmp_path, {"model": "my models/small", "targets": "gpu-sim", "samples": "5"})
    assert ran.code == 0, ran.log
    assert ran.summary.startswith("### ✓ small: all within limits")
    assert "5 samples" in ran.summary and "tpu-sim" not in ran.summary
    assert (ran.outputs["status"], ran.outputs["name"]) == ("0", "nmc-check-my-models-small")
    assert ElementTree.parse(ran.outputs["junit"]).getroot().get("failures") == "0"
    assert Path(ran.outputs["markdown"]).read_text() == ran.summary


def test_a_broken_budget_fails_the_job_with_its_reports(tmp_path: Path) -> None:
    write_small(tmp_path / "small", "{gpu-sim: {max_latency: 1 us}}")
    ran = run_step(STEPS["Check"], tmp_path, {"model": "small"})
    assert (ran.code, ran.outputs["status"]) == (1, "1")
    assert "latency 40 us" in ran.log and "### ✗ small: 1 of 2 limits broken" in ran.summary
    assert ElementTree.parse(ran.outputs["junit"]).getroot().get("failures") == "1"


def test_what_cannot_be_checked_fails_the_job_without_reports(tmp_path: Path) -> None:
    """A hostile name is a name: nothing of it is run."""
    ran = run_step(STEPS["Check"], tmp_path, {"model": '$(touch owned)"; touch owned; "', "baseline": "none.json"})
    assert (ran.code, ran.outputs["status"]) == (2, "2")
    assert "could not be checked (exit code 2)" in ran.summary and "junit" not in ran.outputs
    assert not list(tmp_path.rglob("owned"))


@pytest.mark.parametrize(("install", "installed"), [("", str(ROOT)), ("nmc==0.1.0", "nmc==0.1.0")])
def test_what_is_installed(tmp_path: Path, install: str, installed: str) -> None:
    stub = tmp_path / "bin" / "python"
    stub.parent.mkdir()
    stub.write_text('#!/bin/sh\nfor each; do echo "$each"; done\n')
    stub.chmod(0o755)
    ran = run_step(STEPS["Install nmc"], tmp_path, {"install": install}, str(stub.parent))
    assert ran.log.splitlines()[:3] == ["-m", "pip", "install"] and ran.log.splitlines()[-1] == installed


def test_expressions_are_never_part_of_a_script() -> None:
    """What a caller gives reaches scripts as variables, so that it cannot be code."""
    jobs = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
    assert all("${{" not in step.get("run", "") for step in [*ACTION["runs"]["steps"], *jobs])


def test_the_reports_are_kept_even_where_the_check_failed() -> None:
    keep = STEPS["Keep the reports"]
    assert keep["uses"].startswith("actions/upload-artifact@") and keep["if"].startswith("always()")


def test_every_input_is_used_and_every_one_used_is_there() -> None:
    used = set(re.findall(r"inputs\.([a-z-]+)", (ROOT / "action.yml").read_text()))
    assert used == set(ACTION["inputs"])


def test_our_workflow_checks_every_model_of_the_zoo(tmp_path: Path) -> None:
    (listing,) = (step for step in WORKFLOW["jobs"]["zoo"]["steps"] if step.get("id") == "list")
    (tmp_path / "models").symlink_to(ROOT / "models")
    found = json.loads(run_step(listing, tmp_path, {}).outputs["models"])
    assert found == sorted(str(path.parent.relative_to(ROOT)) for path in ROOT.glob("models/*/model.yaml"))
    (check,) = (step for step in WORKFLOW["jobs"]["check"]["steps"] if step["uses"] == "./")
    assert set(check["with"]) <= set(ACTION["inputs"]) and check["with"]["model"] == "${{ matrix.model }}"


def test_the_example_in_the_docs_uses_inputs_that_there_are() -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs" / "check.md").read_text(), re.MULTILINE | re.DOTALL)
    _, step = YAML(typ="safe").load(example)["jobs"]["budgets"]["steps"]
    assert set(step["with"]) <= set(ACTION["inputs"])
