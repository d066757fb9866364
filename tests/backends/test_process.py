"""Programs that nmc runs: their output, their failures, and that nothing of them stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nmc.errors import ToolError
from nmc.system.process import run_process

SPAWNING = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open("child", "w").write(str(child.pid))
print("working", flush=True)
{then}
"""


def python(code: str, folder: Path, timeout_s: float | None = 20) -> str:
    return run_process([sys.executable, "-c", code], folder=folder, name="tool", timeout_s=timeout_s)


def assert_gone(folder: Path) -> None:
    """The process whose id is in the file `child` ends soon."""
    child = int((folder / "child").read_text())
    deadline = time.monotonic() + 5
    while alive(child):
        assert time.monotonic() < deadline, f"process {child} was left running"
        time.sleep(0.02)


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_output_is_given_back(tmp_path: Path) -> None:
    assert python("print('hello')", tmp_path) == "hello\n"


def test_a_crash_is_told_with_its_last_lines(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"tool ended with exit code 1; its last lines:(.|\n)*ValueError: no chip"):
        python("raise ValueError('no chip')", tmp_path)


def test_a_signal_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="tool was killed by SIGSEGV; it printed nothing"):
        python("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", tmp_path)


def test_a_missing_program_is_told(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="tool cannot be started"):
        run_process([str(tmp_path / "none")], folder=tmp_path, name="tool")


def test_a_hang_is_ended_with_all_its_processes(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"did not finish within 1 s and was stopped; its last lines:\n +\| working"):
        python(SPAWNING.format(then="time.sleep(60)"), tmp_path, timeout_s=1)
    assert_gone(tmp_path)


def test_processes_left_by_one_that_ended_are_ended(tmp_path: Path) -> None:
    assert python(SPAWNING.format(then=""), tmp_path) == "working\n"
    assert_gone(tmp_path)


@pytest.mark.parametrize(
    ("sent", "code", "said"), [(signal.SIGINT, 3, "tool was interrupted"), (signal.SIGTERM, 143, "")]
)
def test_an_interrupt_ends_all_processes(sent: signal.Signals, code: int, said: str, tmp_path: Path) -> None:
    outer = f"""
import sys
from pathlib import Path
from nmc.system.process import run_process
from nmc.errors import NmcError
try:
    run_process([sys.executable, "-c", {SPAWNING.format(then="time.sleep(60)")!r}], folder=Path.cwd(), name="tool")
except NmcError as error:
    sys.exit(print(error) or error.exit_code)
"""
    caller = subprocess.Popen(
        [sys.executable, "-c", outer], cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    while not (tmp_path / "child").exists() or not (tmp_path / "child").read_text():
        time.sleep(0.02)
    caller.send_signal(sent)
    output, _ = caller.communicate(timeout=10)
    assert caller.returncode == code
    assert said in output
    assert_gone(tmp_path)
