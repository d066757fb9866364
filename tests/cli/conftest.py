"""Running the real command, as a user would."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Nmc = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def nmc(tmp_path: Path) -> Nmc:
    """Call as nmc("compile", model, ...): runs the command in an empty folder and gives its output and exit code."""

    def call(*arguments: object, typed: str | None = None) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).parent / "nmc"), *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, input=typed, capture_output=True, text=True, timeout=120)

    return call
