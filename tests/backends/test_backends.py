"""A backend is a folder and a line: without any of these, all that does not build on it works as before."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nmc.backends import BACKENDS, PRESENT

ROOT = Path(__file__).parents[2]
IGNORED = shutil.ignore_patterns("__pycache__")
COMMANDS = """
import sys
from nmc import cli
for arguments in (
    ["targets", "--json"],
    ["toolchain", "list", "--json"],
    ["compare", "digits-cnn", "--samples", "5", "--targets", TARGETS, "--json"],
):
    sys.argv = ["nmc", *arguments]
    try:
        cli.main()
    except SystemExit as ended:
        assert not ended.code, arguments
    print("====")
"""
LOIHI, OTHERS = {"loihi-sim", "loihi2-sim"}, {"cpu", "gpu-sim", "tpu-sim", "movidius-ncs-sim"}
NENGO, ON_NENGO = "nengo-sim", "nengo-loihi-sim"


def copied(place: Path) -> Path:
    """A copy of the package, for changes."""
    package = place / "nmc"
    shutil.copytree(ROOT / "compiler", package, ignore=IGNORED)
    shutil.copytree(ROOT / "backends", package / "backends", ignore=IGNORED)
    (package / "models").symlink_to(ROOT / "models")
    return package


def ran(script: str, place: Path) -> str:
    """What a script prints that imports the copy."""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=place, env={"PYTHONPATH": str(place), "HOME": str(Path.home())},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("backend", "targets", "tools"), [
    ("lava", {*LOIHI, *OTHERS, NENGO, ON_NENGO}, {"nengo", "nengo-loihi", "sanafe"}),
    ("nengo", {*LOIHI, *OTHERS}, {"lava", "sanafe"}),
    ("nengo_loihi", {*LOIHI, *OTHERS, NENGO}, {"lava", "nengo", "sanafe"}),
    ("sanafe", {*LOIHI, *OTHERS, NENGO, ON_NENGO}, {"lava", "nengo", "nengo-loihi"}),
    ("loihi", {*OTHERS, NENGO}, {"nengo"}),
])  # fmt: skip
def test_without_a_backend_the_others_work(
    backend: str, targets: set[str], tools: set[str], tmp_path: Path
) -> None:
    package = copied(tmp_path)
    shutil.rmtree(package / "backends" / backend)
    table = package / "backends" / "__init__.py"
    text, lines = re.subn(rf'^    "{backend}": Backend\(.*\),\n', "", table.read_text(), flags=re.MULTILINE)
    assert lines == 1
    table.write_text(text)

    compared = sorted(targets & {"gpu-sim", "loihi-sim", "nengo-loihi-sim"})
    script = f"TARGETS = {','.join(compared)!r}\n{COMMANDS}"
    listed, installed, comparison, _ = (part.strip() for part in ran(script, tmp_path).split("====\n"))
    found = {fact["name"]: fact["engines"] for fact in json.loads(listed)}
    assert targets <= found.keys() and not ({*LOIHI, NENGO, ON_NENGO} - targets) & found.keys()
    assert all(backend not in engines for engines in found.values())
    assert {fact["name"] for fact in json.loads(installed)} == tools
    rows = json.loads(comparison)["rows"]
    assert [row["target"] for row in rows] == compared
    assert all(row["score"] == 1.0 and row["cost"]["energy_j"]["best"] > 0 for row in rows)


def test_a_backend_written_as_the_page_says_is_a_target(tmp_path: Path) -> None:
    package = copied(tmp_path)
    page = (ROOT / "docs" / "targets.md").read_text(encoding="utf-8")
    for place, text in re.findall(r"^```py\n# (backends/\S+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        file = package / place
        if file.exists():
            begin = "BACKENDS: Mapping[str, Backend] = {\n"
            text = file.read_text().replace(begin, begin + text)
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    script = f"TARGETS = 'gpu-sim,plain-sim'\n{COMMANDS}"
    listed, _, comparison, _ = (part.strip() for part in ran(script, tmp_path).split("====\n"))
    assert {"name": "plain-sim", "engines": ["plain"]}.items() <= next(
        fact for fact in json.loads(listed) if fact["name"] == "plain-sim"
    ).items()
    assert [row["score"] for row in json.loads(comparison)["rows"]] == [1.0, 1.0]


def test_what_a_backend_needs_is_there() -> None:
    assert PRESENT == BACKENDS
