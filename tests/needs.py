"""What tests need and the project does not ship: packages, tools, and files that are fetched once."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest

from nmc.errors import ToolError

BUILD = Path(__file__).parents[1] / "build"


def once(name: str, fill: Callable[[Path], None]) -> Path:
    """The folder build/NAME, filled now if it is not there yet; of several processes, the first one's stays."""
    folder = BUILD / name
    if not folder.is_dir():
        BUILD.mkdir(exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=BUILD))
        try:
            fill(scratch)
            try:
                scratch.rename(folder)
            except OSError:  # another worker was first
                if not folder.is_dir():
                    raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return folder


def pip(what: str, arguments: Sequence[str]) -> None:
    """Run pip with these arguments. Raises ToolError with its last words."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ToolError(f"{what} cannot be fetched: {done.stderr[-500:]}")


def extra(name: str) -> ModuleType:
    """A package that is an extra; without it, as `left_out`, so that a test file that asks at its top is left out."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        left_out(ToolError(f"there is no {name}: {error}"))


def left_out(error: ToolError) -> NoReturn:
    """Fail for want of a tool under continuous integration; elsewhere say so and leave the test out."""
    if os.environ.get("CI"):
        raise error
    pytest.skip(str(error), allow_module_level=True)
