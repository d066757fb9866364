"""What all tests share."""

from __future__ import annotations

import signal
import threading


def pytest_configure() -> None:
    """Let Ctrl-C reach the programs that tests start.

    A shell that starts a job in the background has it ignore the signal, and children ignore what their parent does.
    """
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
