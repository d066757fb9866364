"""Results made by hand, and a subject that takes next to no time to measure."""

from __future__ import annotations

import pytest

from nmc import zoo
from nmc.data_source import DataRecord
from nmc.sweeps.measure import Subject
from nmc.sweeps.result import Cost, PointResult
from nmc.units.interval import Interval


def result_with(key: str, energy_j: float = 1.0, latency_s: float = 1.0, score: float | None = 0.5) -> PointResult:
    cost = Cost(Interval.exact(energy_j), Interval.exact(latency_s), "total", "silicon", ())
    return PointResult(
        key, "m", "digest", "loihi-sim", "loihi1", {"steps": 8}, {"steps": 8}, DataRecord("d", "0", 4), None, 0,
        "0.1.0", "accuracy", 1.0, "nmc compare m", score, None, cost=cost,
    )  # fmt: skip


@pytest.fixture(scope="session")
def subject() -> Subject:
    return Subject.of(zoo.load("digits-cnn"), samples=8)
