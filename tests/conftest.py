"""What all tests share."""

from __future__ import annotations

import signal
import threading

import pytest

from strategies.seed import seed_line

pytest_plugins = ["toolchains"]


def pytest_configure() -> None:
    """Let Ctrl-C reach the programs that tests start.

    A shell that starts a job in the background has it ignore the signal, and children ignore what their parent does.
    """
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say with which seed whole models were drawn, if any were."""
    reports = (report for found in terminalreporter.stats.values() for report in found)
    if any("test_whole_models" in getattr(report, "nodeid", "") for report in reports):
        terminalreporter.write_line(seed_line())
