"""Runs a sweep: measures what is not known yet, keeps each result as it comes, and gives all of them in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nmc.backends import target_named
from nmc.chips import load_chip
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
FEW = 8
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


def measure_all(
    subject: Subject,
    points: Sequence[Point],
    *,
    store: Store | None = None,
    workers: Workers = HERE,
    programs: Callable[[Point], Path] | None = None,
    progress: Progress | None = None,
) -> tuple[PointResult, ...]:
    """The results of all points, in their order; those that the store has are not measured again.

    `programs` says where the program of each point goes; one that is not there is made again. What is timed on this
    machine is measured here, one point after another, before any worker begins. Raises ToolError where a worker or
    an engine fails; what was measured until then is kept.
    """
    tell = progress or (lambda what, done, of: None)
    keys = {subject.key(point): point for point in points}
    found = {} if store is None else store.found(keys)
    if programs is not None:
        found = {key: result for key, result in found.items() if result.refusal or programs(keys[key]).exists()}
    waiting = [point for key, point in keys.items() if key not in found]
    tell("measuring", len(found), len(keys))
    jobs = [(point, None if programs is None else programs(point).absolute()) for point in waiting]
    for result, execution in _measured(subject, jobs, workers, lambda what: tell(what, len(found), len(keys))):
        if store is not None:
            store.add(result, execution)
        found[result.key] = result
        tell(result.target, len(found), len(keys))
    return tuple(found[key] for key in keys)


def timed_here(target: str) -> bool:
    """Whether what a target says of time is measured on this machine, and so not the same on every run."""
    from nmc.chips.chip import CpuChip

    try:
        return isinstance(load_chip(target_named(target).chip), CpuChip)
    except UsageError:
        return False


Job = tuple["Point", Path | None]
"""A point, and where its program goes."""


def _measured(
    subject: Subject, jobs: Sequence[Job], workers: Workers, tell: Callable[[str], None]
) -> Iterator[tuple[PointResult, Execution]]:
    """Each result as it comes."""
    chosen = workers.for_points(len(jobs))
    here = [chosen.cluster == NONE or timed_here(point.target) for point, _ in jobs]
    for point, directory in (job for job, is_here in zip(jobs, here, strict=True) if is_here):
        tell(point.target)
        yield measure(subject, point, directory)
    if there := [job for job, is_here in zip(jobs, here, strict=True) if not is_here]:
        from nmc.sweeps.cluster import measure_there

        tell(f"workers: {chosen.cluster}")
        yield from measure_there(subject, there, chosen.cluster, min(chosen.count or os.cpu_count() or 1, len(there)))
