"""Running another program: with a time limit, its last words in every error, and nothing left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

from nmc.errors import ToolError

LAST_LINES = 15
_ENVIRONMENT_KEPT_OUT = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")


class _TerminatedError(BaseException):
    """This process was asked to end while another one ran for it."""


def run_process(
    command: Sequence[str],
    *,
    folder: Path,
    name: str,
    timeout_s: float | None = None,
    remedy: str | None = None,
) -> str:
    """Run a command in `folder`, in a session of its own; what it printed.

    `name` is what errors call it. Raises ToolError, with its last lines, where it cannot start, ends
    with another code than 0, or lasts longer than `timeout_s`. In every case, an interrupt included,
    all processes it started are gone on return.
    """
    environment = {key: value for key, value in os.environ.items() if key not in _ENVIRONMENT_KEPT_OUT}
    with tempfile.TemporaryFile() as output, _termination_raised():
        try:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise ToolError(f"{name} cannot be started: {command[0]}: {error.strerror}", remedy) from None
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            _end(process)
            raise _error(f"{name} did not finish within {timeout_s:g} s and was stopped", output, remedy) from None
        except KeyboardInterrupt:
            _end(process)
            raise _error(f"{name} was interrupted", output, None) from None
        finally:
            _end(process)
        if code:
            how = f"ended with exit code {code}" if code > 0 else f"was killed by {_signal_name(-code)}"
            raise _error(f"{name} {how}", output, remedy)
        return _text(output)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and everything else in its session's group."""
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _error(what: str, output: IO[bytes], remedy: str | None) -> ToolError:
    lines = [line for line in _text(output).splitlines() if line.strip()][-LAST_LINES:]
    said = "".join(f"\n    | {line}" for line in lines)
    return ToolError(f"{what}; its last lines:{said}" if lines else f"{what}; it printed nothing", remedy)


def _text(output: IO[bytes]) -> str:
    output.seek(0)
    return output.read().decode(errors="replace")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


@contextmanager
def _termination_raised() -> Iterator[None]:
    """Turn SIGTERM into an exception meanwhile, so that the other program is ended first."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ended(number: int, frame: FrameType | None) -> None:
        raise _TerminatedError

    before = signal.signal(signal.SIGTERM, ended)
    try:
        yield
    except _TerminatedError:
        raise SystemExit(128 + signal.SIGTERM) from None
    finally:
        signal.signal(signal.SIGTERM, before)
