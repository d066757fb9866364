"""Points measured by processes on this machine.

They talk to this one through pipes alone: a port, even on the loopback address, is open to everyone on the machine.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import TYPE_CHECKING

from nmc.errors import ToolError
from nmc.sweeps.sweep import Job, Measure

if TYPE_CHECKING:
    from nmc.sweeps.measure import Subject
    from nmc.sweeps.result import Execution, PointResult

ATTEMPTS = 3
"""How many times in a row workers may be lost without a result in between."""
_ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 28), "MALLOC_MMAP_THRESHOLD_": str(1 << 28),
}  # fmt: skip
"""What a worker is started with: one thread, and memory kept for the next array."""


class _Worker(SpawnProcess):
    """A process of its own from the start, with `_ENVIRONMENT`, which libraries read when they are loaded."""

    def start(self) -> None:
        with _environment(_ENVIRONMENT):
            super().start()


class _Context(SpawnContext):
    """Makes workers, and remembers them."""

    def __init__(self) -> None:
        self.started: list[_Worker] = []

    def Process(self, *args: object, **kwargs: object) -> _Worker:  # type: ignore[override]  # noqa: N802
        worker = _Worker(*args, **kwargs)  # type: ignore[arg-type]
        self.started.append(worker)
        return worker


@contextmanager
def started(subject: Subject, count: int) -> Iterator[Measure]:
    """A function that measures points in `count` processes of one thread, and gives results in the order they come.

    The points of a worker that is lost are measured by new ones. Raises ToolError where a point brings down worker
    after worker. No worker outlives the block, or this process.
    """
    with _Crew(subject, count) as crew:
        yield crew.measure


class _Crew:
    def __init__(self, subject: Subject, count: int) -> None:
        self._subject, self._count = subject, count

    def __enter__(self) -> _Crew:
        self._hire()
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            self._dismiss()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def measure(self, jobs: Sequence[Job]) -> Iterator[tuple[PointResult, Execution]]:
        """The results of these points as they come."""
        waiting, lost = dict(enumerate(jobs)), 0
        while waiting:
            before = len(waiting)
            futures = {self._pool.submit(_measure, *job): number for number, job in waiting.items()}
            for future in as_completed(futures):
                try:
                    result = future.result()
                except BrokenProcessPool:
                    continue
                del waiting[futures[future]]
                yield result
            if waiting:
                lost = lost + 1 if len(waiting) == before else 1
                if lost == ATTEMPTS:
                    point = next(iter(waiting.values()))[0]
                    raise ToolError(
                        f"a point brought down worker after worker: {point.target} {point.setting}",
                        "give them more memory, or run fewer",
                    )
                self._pool.shutdown(wait=True)
                self._hire()

    def _hire(self) -> None:
        self._context = _Context()
        self._pool = ProcessPoolExecutor(
            self._count, mp_context=self._context, initializer=_begin, initargs=(self._subject,)
        )

    def _dismiss(self) -> None:
        for worker in self._context.started:
            if worker.is_alive():
                worker.terminate()


_held: list[Subject] = []
"""In a worker: what it measures points of."""


def _begin(subject: Subject) -> None:
    """Make a worker ready. Ctrl-C is for the process that started it, with which it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _held.append(subject)


def _measure(*job: object) -> tuple[PointResult, Execution]:
    from nmc.sweeps.measure import measure

    return measure(_held[0], *job)  # type: ignore[arg-type]


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
