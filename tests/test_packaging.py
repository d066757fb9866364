"""What is installed is what is here, and importing it is cheap."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

import nmc

ROOT = Path(__file__).parents[1]
FOLDERS = {"compiler": "nmc", "backends": "nmc.backends", "models": "nmc.models"}
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
HEAVY = [
    "numpy", "onnx", "onnxruntime", "numba", "pydantic", "safetensors", "ruamel", "torch", "sklearn",
    "duckdb", "distributed", "optuna",
]  # fmt: skip


def package_of(folder: Path) -> str:
    """The import name of a folder below one of the three at the top."""
    top, *rest = folder.relative_to(ROOT).parts
    return ".".join([FOLDERS[top], *rest])


def files() -> list[Path]:
    return [
        path
        for top in FOLDERS
        for path in sorted((ROOT / top).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]


def test_every_package_folder_is_listed_and_nothing_else() -> None:
    found = {package_of(path.parent) for path in files() if path.name == "__init__.py"}
    assert set(SETTINGS["packages"]) == found


def test_no_module_takes_the_place_of_a_public_function() -> None:
    """Importing a module puts it on its package under its own name."""
    assert not {path.stem for path in (ROOT / "compiler").iterdir()} & set(nmc.__all__)
    assert dir(nmc) == sorted(nmc.__all__)


def test_every_module_lies_in_a_package() -> None:
    """A folder without __init__.py would be left out of the wheel."""
    strays = [path for path in files() if path.suffix == ".py" and not (path.parent / "__init__.py").exists()]
    assert strays == []


def test_every_data_file_is_covered() -> None:
    tracked = subprocess.run(["git", "ls-files", *FOLDERS], cwd=ROOT, capture_output=True, text=True, check=False)
    paths = [ROOT / line for line in tracked.stdout.splitlines()] if tracked.returncode == 0 else files()
    assert paths
    missing = [
        str(path.relative_to(ROOT))
        for path in paths
        if path.suffix != ".py"
        and not any(fnmatch(path.name, glob) for glob in SETTINGS["package-data"].get(package_of(path.parent), []))
    ]
    assert missing == []


def test_the_folders_are_imported_by_the_name_of_the_package() -> None:
    """`import compiler` would work in the checkout and nowhere else."""
    wrong = re.compile(r"^\s*(?:from|import)\s+(?:compiler|backends|models)\b(?!\s*=)", re.MULTILINE)
    texts = {path: path.read_text() for path in files() if path.suffix == ".py"}
    texts |= {path: path.read_text() for path in (ROOT / "tests").rglob("*.py")}
    assert [path for path, text in texts.items() if wrong.search(text)] == []


@pytest.mark.parametrize("module", ["nmc", "nmc.cli", "nmc.errors", "nmc.backends", "nmc.pytest_plugin"])
def test_importing_is_cheap(module: str) -> None:
    """Heavy modules are imported by the functions that need them, so that `nmc --help` is quick."""
    code = f"import sys, {module}; print(*sorted({{name.split('.')[0] for name in sys.modules}} & set({HEAVY!r})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []


def test_the_version_is_that_of_the_project() -> None:
    from nmc.program import nmc_version

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert nmc_version() == project["version"]
