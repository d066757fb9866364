"""What conformance tests share."""

from __future__ import annotations

import pytest

from nmc.backends import toolchain
from nmc.errors import ToolError


@pytest.fixture(scope="session")
def lava_toolchain() -> None:
    """Lava's environment, made if it is not there yet; tests that need it are skipped where it cannot be."""
    try:
        toolchain.install(toolchain.toolchain_named("lava"))
    except ToolError as error:
        pytest.skip(f"no Lava: {error}")
