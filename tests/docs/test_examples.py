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
_FENCE = re.compile(r"^```(sh|python|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def scripts(page: Path) -> list[tuple[str, str]]:
    """The fenced sh and python examples of a page, in order, as (language, text)."""
    return [(language, text) for language, text in _FENCE.findall(page.read_text()) if language != "yaml"]


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
            command = ["bash", "-euo", "pipefail", "-c", text]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{page.name}: {text}\n{done.stdout}\n{done.stderr}"


def test_there_are_examples() -> None:
    assert sum(len(scripts(page)) for page in PAGES) >= 5


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Relative links name files that exist."""
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / link).exists(), f"{page.name} links to {link}"
