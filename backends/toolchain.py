"""Vendor tools, each in a Python environment of its own that nmc makes, finds, and runs programs in."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from nmc.backends import toolchains
from nmc.errors import ToolError, UsageError
from nmc.system.cache import cache_directory
from nmc.system.process import run_process

if TYPE_CHECKING:
    from nmc.model import Array

Progress = Callable[[str, int, int], None]
"""`progress(what, done, of)`."""

BUILD_TIMEOUT_S = 1800.0


@dataclass(frozen=True)
class Toolchain:
    """A vendor tool: where its lock file and program script are, and the Pythons it works with.

    `script --version` in the finished environment must print what it runs on; that is how an
    environment is tested before it counts as made.
    """

    name: str
    package: str
    description: str
    lock: str = "requirements.lock"
    script: str = "run.py"
    pythons: tuple[str, ...] = ("3.11", "3.12", "3.10")

    @property
    def requirements(self) -> bytes:
        """The lock file: one exact pin a line."""
        return (files(self.package) / self.lock).read_bytes()

    @property
    def key(self) -> str:
        """What tells this toolchain from one with other pins."""
        return f"{self.name}-{hashlib.sha256(self.requirements).hexdigest()[:12]}"

    @property
    def places(self) -> tuple[Path, ...]:
        """Where its environment may be: one directory for each Python it works with."""
        return tuple(toolchains_directory() / f"{self.key}-py{python}" for python in self.pythons)

    def find(self) -> Path | None:
        """The Python of the environment, or None where it was not made yet."""
        interpreters = (_interpreter(place) for place in self.places)
        return next((python for python in interpreters if python.exists()), None)


def toolchain_named(name: str) -> Toolchain:
    """The toolchain with this name. Raises UsageError with the names there are."""
    known = {tool.name: tool for tool in toolchains()}
    if name not in known:
        raise UsageError(f"{name!r} is not a toolchain", f"the toolchains are: {', '.join(known)}")
    return known[name]


def toolchains_directory() -> Path:
    """Where environments live."""
    return cache_directory() / "toolchains"


def install(tool: Toolchain, progress: Progress = lambda what, done, of: None) -> Path:
    """The Python of the toolchain's environment, made now if it is not there; needs the network then.

    The environment appears whole or not at all; of two processes one makes it and the other waits.
    Raises ToolError where no suitable Python is found, or a package cannot be had.
    """
    if found := tool.find():
        return found
    version, base = _suitable_python(tool)
    place = toolchains_directory() / f"{tool.key}-py{version}"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with _locked(place.with_suffix(place.suffix + ".lock")):
            if found := tool.find():
                return found
            with tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent) as scratch:
                _build(tool, base, Path(scratch), progress)
                (Path(scratch) / "env").rename(place)
    except OSError as error:
        raise ToolError(f"cannot make the toolchain {tool.name} in {place}: {error}", "check the disk") from None
    return _interpreter(place)


def remove(tool: Toolchain) -> bool:
    """Delete the toolchain's environments, older pins included; whether there were any. Raises ToolError."""
    found = False
    for place in toolchains_directory().glob(f"{tool.name}-*-py*"):
        try:
            if place.is_dir():
                found = True
                doomed = place.with_name(f".{place.name}.removed")
                place.rename(doomed)
                shutil.rmtree(doomed)
            else:
                place.unlink()
        except OSError as error:
            raise ToolError(f"cannot remove {place}: {error.strerror or error}") from None
    return found


def run(
    tool: Toolchain, script: Path, arguments: Sequence[str] = (), *, timeout_s: float | None = None
) -> str:
    """Run a script in the toolchain's environment, in its own folder; what it printed.

    Raises ToolError with its last lines where the toolchain is missing, or the script fails, hangs
    beyond `timeout_s`, or is interrupted; none of its processes outlives the call.
    """
    python = tool.find()
    if python is None:
        raise ToolError(f"the toolchain {tool.name} is not installed", f"run 'nmc toolchain install {tool.name}'")
    command = [str(python), "-I", "-B", str(script), *arguments]
    return run_process(command, folder=script.parent, name=tool.name, timeout_s=timeout_s)


def exchange(
    tool: Toolchain,
    scripts: Mapping[str, bytes],
    data: Mapping[str, bytes],
    sent: Mapping[str, Array],
    arguments: Sequence[str] = (),
    *,
    timeout_s: float,
) -> Mapping[str, Array]:
    """Run nmc's own run.py, one of `scripts`, in the toolchain's environment on a program's `data`; what it answers.

    Scripts come from the installed package and never from a program, whose files a stranger may have written.
    `sent` are the arrays it reads, beside `arguments`. Raises ToolError as `run` does, and where it writes no arrays.
    """
    import numpy as np

    if double := scripts.keys() & data.keys():
        raise ValueError(f"a program's {', '.join(sorted(double))} would take the place of a script")
    with tempfile.TemporaryDirectory(prefix=f"nmc-{tool.name}-") as name:
        folder = Path(name)
        for file, content in (*scripts.items(), *data.items()):
            (folder / file).write_bytes(content)
        np.savez(folder / "sent.npz", **sent)  # type: ignore[arg-type]
        received = folder / "received.npz"
        places = ["--input", str(folder / "sent.npz"), "--output", str(received)]
        run(tool, folder / "run.py", [*places, *arguments], timeout_s=timeout_s)
        try:
            with np.load(received) as arrays:
                return dict(arrays)
        except (OSError, ValueError) as error:
            raise ToolError(f"{tool.name} ended well, but what it wrote cannot be read: {error}") from None


def _interpreter(place: Path) -> Path:
    return place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _build(tool: Toolchain, base: Path, scratch: Path, progress: Progress) -> None:
    """Make the environment as scratch/env and try it out."""
    lines = tool.requirements.decode().splitlines()
    pins = [line for line in lines if line.strip() and not line.startswith("#")]
    total = len(pins) + 2
    environment = scratch / "env"
    remedy = f"see the lines above; then run 'nmc toolchain install {tool.name}' again"

    def step(command: list[str]) -> None:
        run_process(command, folder=scratch, name=tool.name, timeout_s=BUILD_TIMEOUT_S, remedy=remedy)

    progress("environment", 0, total)
    step([str(base), "-m", "venv", str(environment)])
    python = str(_interpreter(environment))
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    for index, pin in enumerate(pins):
        progress(pin, index + 1, total)
        step([*pip, "--no-deps", "--ignore-requires-python", pin])
    progress("check", total - 1, total)
    script = scratch / tool.script
    script.write_bytes((files(tool.package) / tool.script).read_bytes())
    step([python, "-I", "-B", str(script), "--version"])
    progress("done", total, total)


def _suitable_python(tool: Toolchain) -> tuple[str, Path]:
    """Version and path of a Python that the tool works with: this one, or the first on the PATH."""
    wanted = [sys.executable, *(f"python{version}" for version in tool.pythons), "python3"]
    for name in wanted:
        path = shutil.which(name)
        version = _version_of(path) if path else None
        if path and version in tool.pythons:
            return version, Path(path)
    versions = ", ".join(sorted(tool.pythons, key=lambda v: int(v.split(".")[1])))
    raise ToolError(
        f"the toolchain {tool.name} needs Python {versions}, and none was found",
        f"install one of them so that 'python{tool.pythons[0]}' is on the PATH",
    )


def _version_of(python: str) -> str | None:
    """The version of an interpreter that can make environments, or None where it does not work."""
    code = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    try:
        return run_process([python, "-I", "-c", code], folder=Path.cwd(), name=python, timeout_s=30).strip()
    except ToolError:
        return None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a file lock, so that one process at a time makes an environment."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
