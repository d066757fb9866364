"""The table of commands."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from inspect import getdoc
from pathlib import Path

import pytest

from nmc import cli
from nmc.cli import COMMANDS


def module_of(name: str) -> str:
    return f"{name}_" if name == "import" else name


def test_every_module_with_a_command_is_in_the_table() -> None:
    found = {path.stem for path in Path(cli.__path__[0]).glob("*.py") if "\ndef command(" in path.read_text()}
    assert found == {module_of(name) for name in COMMANDS} - {"toolchain"}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says(name: str) -> None:
    module = import_module(f"nmc.cli.{module_of(name)}")
    said = module.app.info.help if hasattr(module, "app") else getdoc(module.command)
    assert str(said).startswith(COMMANDS[name].rstrip("."))


def test_a_command_waits_for_no_other(nmc) -> None:
    code = (
        "import sys; from nmc.cli import application; application(['models']); "
        "print(*(name for name in sys.modules if name.startswith('nmc.cli.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert set(done.stdout.split()) == {"nmc.cli.models", "nmc.cli.output"}
    wrong = nmc("modles")
    assert wrong.returncode == 2 and "Did you mean 'models'" in wrong.stderr
