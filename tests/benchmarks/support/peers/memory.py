"""How much memory this process took at most."""

from __future__ import annotations

import resource
from pathlib import Path


def peak_mb() -> float:
    """Its peak in MB. On Linux not counting what the process was before it began to run its own program."""
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
