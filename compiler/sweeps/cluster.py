"""Points measured by the workers of a Dask scheduler that is running already.

The subject goes to each worker once. Dask gives the points of a worker that is lost to another one.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count as count_from
from typing import TYPE_CHECKING

from nmc.errors import ToolError
from nmc.sweeps.measure import measure
from nmc.sweeps.sweep import Job, Measure

if TYPE_CHECKING:
    from distributed import Client, Future

    from nmc.sweeps.measure import Subject
    from nmc.sweeps.result import Execution, PointResult

CONNECT_S = 30


@contextmanager
def connected(subject: Subject, cluster: str) -> Iterator[Measure]:
    """A function that measures points on a cluster, and gives results in the order in which they come.

    `cluster` is the address of a scheduler. Raises ToolError where there is none, or where a point brings down worker
    after worker.
    """
    with _client(cluster) as client:
        held = _held(client, subject)
        numbers = count_from(0)

        def measure_there(jobs: Sequence[Job]) -> Iterator[tuple[PointResult, Execution]]:
            futures = [
                client.submit(measure, held, point, directory, key=f"nmc-{next(numbers)}-{client.id}", pure=True)
                for point, directory in jobs
            ]
            yield from _as_they_come(client, futures)

        yield measure_there


def _as_they_come(
    client: Client, futures: Sequence[Future[tuple[PointResult, Execution]]]
) -> Iterator[tuple[PointResult, Execution]]:
    from distributed import KilledWorker, as_completed

    try:
        for future, result in as_completed(futures, loop=client.loop, with_results=True):
            future.release()
            yield result
    except KilledWorker as error:
        raise ToolError(
            f"a point brought down worker after worker: {error}", "give the workers more memory, or run fewer"
        ) from None


@contextmanager
def _client(cluster: str) -> Iterator[Client]:
    from distributed import Client

    try:
        client = Client(cluster, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ToolError(
            f"there is no Dask scheduler at {cluster}: {error}",
            "start one with 'dask scheduler', or mend the address",
        ) from None
    with client:
        yield client


def _held(client: Client, subject: Subject) -> Future[Subject]:
    """The subject as a task, which goes to each worker once, and is made again where its holders are lost."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sending large graph")
        return client.submit(_itself, subject, key=f"nmc-subject-{client.id}")


def _itself(subject: Subject) -> Subject:
    return subject
