"""Runs a sweep: measures what is not known yet, keeps each result as it comes, and gives all of them in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nmc.errors import UsageError
from nmc.sweeps.measure import measure

if TYPE_CHECKING:
    from nmc.sweeps.grid import Point
    from nmc.sweeps.measure import Subject
    from nmc.sweeps.result import Execution, PointResult
    from nmc.sweeps.store import Store

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much is done, and how much there is."""

NONE, LOCAL, AUTO = "none", "local", "auto"
FEW = 16
"""Up to so many points, starting processes costs more than it saves."""


@dataclass(frozen=True)
class Workers:
    """Who measures.

    `cluster`: "none" for this process alone, "local" for processes on this machine, `count` of them (None: one for
    each core), "auto" for whichever of these suits the number of points, or the address of a Dask scheduler, as in
    "tcp://host:8786".
    """

    cluster: str = NONE
    count: int | None = None

    def __post_init__(self) -> None:
        if self.cluster not in (NONE, LOCAL, AUTO) and "://" not in self.cluster:
            raise UsageError(
                f"{self.cluster!r} is not a cluster", "give none, local, auto, or an address such as tcp://host:8786"
            )
        if self.count is not None and self.count < 1:
            raise UsageError(f"a sweep with {self.count} workers", "give 1 or more")

    def for_points(self, count: int) -> Workers:
        """The same with "auto" decided, for so many points."""
        if self.cluster != AUTO:
            return self
        return replace(self, cluster=NONE if count <= FEW and self.count is None else LOCAL)


HERE = Workers()


Job = tuple["Point", Path | None]
"""A point, and where its program goes."""
Measure = Callable[[Sequence[Job]], Iterator[tuple["PointResult", "Execution"]]]
"""Measures points, and gives each result as it comes."""


def measure_all(
    subject: Subject,
    points: Sequence[Point],
    measured: Measure,
    *,
    store: Store | None = None,
    programs: Callable[[Point], Path] | None = None,
    progress: Progress | None = None,
) -> tuple[PointResult, ...]:
    """The results of all points, in their order; those that the store has are not measured again.

    `programs` says where the program of each point goes; one that is not there is made again. Raises ToolError where
    a worker or an engine fails; what was measured until then is kept.
    """
    tell = progress or (lambda what, done, of: None)
    keys = [subject.key(point) for point in points]
    found = {} if store is None else store.found(keys)
    waiting: dict[str, Job] = {}
    for key, point in zip(keys, points, strict=True):
        place = None if programs is None else programs(point).absolute()
        if key in found and (place is None or place.exists() or found[key].refusal is not None):
            continue
        waiting[key] = (point, place)
    of = len(set(keys))
    tell("measuring", of - len(waiting), of)
    for done, (result, execution) in enumerate(measured(list(waiting.values())), start=of - len(waiting) + 1):
        if store is not None:
            store.add(result, execution)
        found[result.key] = result
        tell(result.target, done, of)
    return tuple(found[key] for key in keys)


@contextmanager
def crew(subject: Subject, workers: Workers) -> Iterator[Measure]:
    """A function that has points measured by the workers, which start when first needed and stop at the end.

    What is timed on this machine is measured here, one point after another, before any worker has work.
    """
    with ExitStack() as stack:
        there: Measure | None = None

        def measured(jobs: Sequence[Job]) -> Iterator[tuple[PointResult, Execution]]:
            nonlocal there
            chosen = workers.for_points(len(jobs))
            here = [chosen.cluster == NONE or point.aim.options.clocked for point, _ in jobs]
            for point, directory in (job for job, is_here in zip(jobs, here, strict=True) if is_here):
                yield measure(subject, point, directory)
            away = [job for job, is_here in zip(jobs, here, strict=True) if not is_here]
            if away and there is None:
                there = stack.enter_context(_elsewhere(subject, chosen))
            if away and there is not None:
                yield from there(away)

        yield measured


def _elsewhere(subject: Subject, workers: Workers) -> AbstractContextManager[Measure]:
    if workers.cluster == LOCAL:
        from nmc.sweeps.processes import started

        return started(subject, workers.count or os.cpu_count() or 1)
    from nmc.sweeps.cluster import connected

    return connected(subject, workers.cluster)
