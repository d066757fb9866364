"""Environments for vendor tools: made once, whole or not at all, and found again."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from nmc.backends import toolchain
from nmc.backends.toolchain import Toolchain
from nmc.errors import ToolError, UsageError

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toolchain:
    """A tool without packages, whose environments go to a fresh cache."""
    package = tmp_path / "packages" / "tinytool"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "requirements.lock").write_text("# nothing to install\n")
    (package / "run.py").write_text("import sys\nprint('tiny', *sys.argv[1:])\n")
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.delitem(sys.modules, "tinytool", raising=False)
    monkeypatch.setenv("NMC_CACHE", str(tmp_path / "cache"))
    return Toolchain("tiny", "tinytool", "a tool for tests", pythons=(HERE,))


def test_an_environment_is_made_once_and_found_again(tool: Toolchain, tmp_path: Path) -> None:
    begun: list[str] = []

    def install() -> None:
        toolchain.install(tool, lambda what, done, of: begun.append(what))

    threads = [threading.Thread(target=install) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    python = tool.find()
    assert begun == ["environment", "check", "done"]
    assert python is not None and python.is_relative_to(tmp_path / "cache")
    assert toolchain.install(tool) == python

    script = tmp_path / "program" / "run.py"
    script.parent.mkdir()
    script.write_text("import sys\nprint(sys.prefix, *sys.argv[1:])\n")
    assert toolchain.run(tool, script, ["--check"]) == f"{python.parents[1]} --check\n"

    assert toolchain.remove(tool)
    assert tool.find() is None
    assert not toolchain.remove(tool)
    assert not list((tmp_path / "cache" / "toolchains").iterdir())


def test_an_environment_that_does_not_work_is_not_kept(tool: Toolchain, tmp_path: Path) -> None:
    (tmp_path / "packages" / "tinytool" / "run.py").write_text("import package_that_is_not_there\n")
    with pytest.raises(ToolError, match="package_that_is_not_there"):
        toolchain.install(tool)
    assert tool.find() is None
    assert [path.suffix for path in (tmp_path / "cache" / "toolchains").iterdir()] == [".lock"]


def test_other_pins_are_another_environment(tool: Toolchain, tmp_path: Path) -> None:
    before = tool.key
    (tmp_path / "packages" / "tinytool" / "requirements.lock").write_text("numpy==1.26.4\n")
    assert tool.key != before


def test_no_suitable_python_is_told(tool: Toolchain) -> None:
    with pytest.raises(ToolError, match=r"needs Python 3\.98, 3\.99, and none was found") as error:
        toolchain.install(Toolchain("tiny", "tinytool", "", pythons=("3.99", "3.98")))
    assert error.value.exit_code == 3


def test_running_without_installing_says_what_to_do(tool: Toolchain, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="run 'nmc toolchain install tiny'"):
        toolchain.run(tool, tmp_path / "run.py")


def test_an_unknown_toolchain_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="the toolchains are: lava, nengo"):
        toolchain.toolchain_named("lawa")


@pytest.mark.parametrize(("name", "package"), [("lava", "lava-nc==0.10.0"), ("nengo", "nengo==4.1.0")])
def test_vendor_tools_are_pinned_exactly(name: str, package: str) -> None:
    lines = toolchain.toolchain_named(name).requirements.decode().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert package in pins
    assert all("==" in pin for pin in pins)
