"""What conformance tests share."""

from __future__ import annotations

import os

import pytest

from nmc.backends import toolchain
from nmc.errors import ToolError


@pytest.fixture(scope="session")
def lava_toolchain() -> None:
    """Lava's environment, made if it is not there yet."""
    _install("lava")


@pytest.fixture(scope="session")
def sanafe_toolchain() -> None:
    """SANA-FE's environment, made if it is not there yet."""
    _install("sanafe")


def _install(name: str) -> None:
    """Make a toolchain. Where that fails, so do tests under continuous integration; elsewhere they are skipped."""
    try:
        toolchain.install(toolchain.toolchain_named(name))
    except ToolError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no {name}: {error}")
