"""Packages that read data, which are extras."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

import pytest


def _package(name: str) -> ModuleType:
    """The package. Without it, tests fail under continuous integration, and are skipped elsewhere."""
    try:
        return importlib.import_module(name)
    except ImportError:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no {name}")


@pytest.fixture
def pillow() -> ModuleType:
    return _package("PIL.Image")


@pytest.fixture
def h5py() -> ModuleType:
    return _package("h5py")
