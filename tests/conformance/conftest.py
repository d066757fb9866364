"""What conformance tests share."""

from __future__ import annotations

import os

import pytest

from nmc.backends import toolchain
from nmc.errors import ToolError


@pytest.fixture(scope="session")
def lava_toolchain() -> None:
    """Lava's environment, made if it is not there yet.

    Where it cannot be made, tests that need it fail under continuous integration, and are skipped elsewhere.
    """
    try:
        toolchain.install(toolchain.toolchain_named("lava"))
    except ToolError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Lava: {error}")


@pytest.fixture(scope="session")
def nengo_loihi_toolchain() -> None:
    """NengoLoihi's environment, likewise."""
    try:
        toolchain.install(toolchain.toolchain_named("nengo-loihi"))
    except ToolError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no NengoLoihi: {error}")
