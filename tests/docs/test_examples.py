"""Every command and every Python example in the README and the docs runs as written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_FENCE = re.compile(r"^```(sh|python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def scripts(page: Path) -> list[tuple[str, str]]:
    """The fenced sh, python and console examples of a page, in order, as (language, text)."""
    return _FENCE.findall(page.read_text())


def commands(console: str) -> str:
    """What is typed in a console: the lines behind "$ ", and behind "> " where one goes on."""
    return "\n".join(line[2:] for line in console.splitlines() if line.startswith(("$ ", "> ")))


def missing_output(console: str, printed: str) -> str | None:
    """The first line shown in a console that was not printed in its turn; None if all were.

    Spaces count as one, "..." stands for anything, and more may be printed than is shown.
    """
    place = 0
    for line in console.splitlines():
        if line.startswith(("$ ", "> ")) or not line.split():
            continue
        parts = (r"\s+".join(map(re.escape, part.split())) for part in line.split("..."))
        found = re.compile(r"[^\n]*?".join(parts)).search(printed, place)
        if found is None:
            return line
        place = found.end()
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_run(page: Path, tmp_path: Path) -> None:
    """A page's examples run in one folder, top to bottom, as a reader would run them."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for number, (language, text) in enumerate(scripts(page)):
        if language == "python":
            example = tmp_path / f"example{number}.py"
            example.write_text(text)
            command = [sys.executable, str(example)]
        else:
            command = ["bash", "-euo", "pipefail", "-c", commands(text) if language == "console" else text]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, f"{page.name}: {text}\n{done.stdout}"
        if language == "console":
            missing = missing_output(text, done.stdout)
            assert missing is None, f"{page.name} shows {missing!r}, but it printed\n{done.stdout}"


def test_a_console_is_typed_and_read() -> None:
    console = "$ for x in 1 2; do\n>   echo $x  of 2\n> done\n1 of 2\n... of 2\n"
    assert commands(console) == "for x in 1 2; do\n  echo $x  of 2\ndone"
    assert missing_output(console, "1  of 2\n2 of 2\n") is None
    assert missing_output(console, "1 of 2\n") == "... of 2"
    assert missing_output("$ nmc\n(a.b)\n", "(axb)") == "(a.b)"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_command_is_left_untried(page: Path) -> None:
    """Commands stand in fences that are run, or in ```text where they need what a test has not."""
    fenced = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL).sub("", page.read_text())
    assert re.findall(r"^    (?:\$ )?(?:nmc|python) .*", fenced, re.MULTILINE) == []


def test_there_are_examples() -> None:
    assert sum(len(scripts(page)) for page in PAGES) >= 5


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Relative links name files that exist."""
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / link).exists(), f"{page.name} links to {link}"
