"""The environments of the vendors' tools, as fixtures."""

from __future__ import annotations

import pytest

from needs import left_out
from nmc.backends import toolchain
from nmc.backends.toolchain import Toolchain
from nmc.errors import ToolError


@pytest.fixture(scope="session")
def lava_toolchain() -> None:
    """Lava's environment, made if it is not there yet.

    Where it cannot be made, tests that need it fail under continuous integration, and are skipped elsewhere.
    """
    _install(toolchain.toolchain_named("lava"))


@pytest.fixture(scope="session")
def nengo_toolchain() -> None:
    """Nengo's environment: as `lava_toolchain`."""
    _install(toolchain.toolchain_named("nengo"))


@pytest.fixture(scope="session")
def sanafe_toolchain() -> None:
    """SANA-FE's environment: as `lava_toolchain`."""
    _install(toolchain.toolchain_named("sanafe"))


@pytest.fixture(scope="session")
def lava_dl_toolchain() -> Toolchain:
    """lava-dl beside Lava, for tests alone: as `lava_toolchain`."""
    tool = Toolchain(
        "lava-dl", "conformance", "lava-dl 0.6.0: loads netx files", "lava_dl.lock", "lava_dl_oracle.py"
    )
    _install(tool)
    return tool


def _install(tool: Toolchain) -> None:
    try:
        toolchain.install(tool)
    except ToolError as error:
        left_out(error)


@pytest.fixture(scope="session")
def nengo_loihi_toolchain() -> None:
    """NengoLoihi's environment, likewise."""
    _install(toolchain.toolchain_named("nengo-loihi"))
