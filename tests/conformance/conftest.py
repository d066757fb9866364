"""What conformance tests share."""

from __future__ import annotations

import os

import pytest

from nmc.backends import toolchain
from nmc.errors import ToolError


def _install(name: str) -> None:
    """Make a toolchain's environment if it is not there yet.

    Where it cannot be made, tests that need it fail under continuous integration, and are skipped elsewhere.
    """
    try:
        toolchain.install(toolchain.toolchain_named(name))
    except ToolError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no {name}: {error}")


@pytest.fixture(scope="session")
def lava_toolchain() -> None:
    """Lava's environment."""
    _install("lava")


@pytest.fixture(scope="session")
def nengo_toolchain() -> None:
    """Nengo's environment."""
    _install("nengo")
