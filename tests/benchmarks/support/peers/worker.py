"""A peer's side of the benchmark: runs in the peer's own environment, and does one run for every line it is sent.

It answers with one line of JSON each time: seconds, units (samples or steps), spikes put out, peak memory.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable

from memory import peak_mb


def serve(run: Callable[[], int], spikes: Callable[[], int], imported_s: float) -> None:
    """Answer every line with a run, which gives the units done; `spikes`, untimed, how many it put out."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    start = time.perf_counter()
    run()
    ready = {"import_s": imported_s, "first_s": time.perf_counter() - start}
    spikes()
    print(json.dumps(ready), file=answers, flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        units = run()
        seconds = time.perf_counter() - start
        memory = peak_mb() + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(
            json.dumps({"seconds": seconds, "units": units, "spikes": int(spikes()), "memory_mb": memory}),
            file=answers, flush=True,
        )  # fmt: skip
