"""The Pareto front, and how sure a score is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweeps.conftest import result_with

from nmc.model import Task
from nmc.sweeps.front import pareto_front
from nmc.sweeps.score_interval import score_interval, wilson

few = st.integers(0, 3)


def test_what_is_beaten_is_off_the_front() -> None:
    rows = [
        result_with("cheap", energy_j=1, latency_s=2, score=0.8),
        result_with("good", energy_j=2, latency_s=2, score=0.9),
        result_with("beaten", energy_j=2, latency_s=3, score=0.9),
        result_with("its twin", energy_j=2, latency_s=2, score=0.9),
        result_with("refused", score=None),
    ]
    assert pareto_front(rows) == {"cheap", "good", "its twin"}


@given(st.lists(st.tuples(few, few, few), min_size=1, max_size=12))
def test_the_front_beats_all_others_and_none_of_itself(costs: list[tuple[int, int, int]]) -> None:
    rows = [result_with(str(i), e, t, 1 - loss / 4) for i, (e, t, loss) in enumerate(costs)]
    front = {i for i in range(len(costs)) if str(i) in pareto_front(rows)}

    def beats(a: int, b: int) -> bool:
        return costs[a] != costs[b] and all(x <= y for x, y in zip(costs[a], costs[b], strict=True))

    assert not any(beats(a, b) for a in front for b in front)
    assert all(any(beats(a, b) for a in front) for b in range(len(costs)) if b not in front)


def test_wilson_by_hand() -> None:
    """z^2 = 3.841; for 9 of 10 the middle is (0.9 + 0.192)/1.384 = 0.789, half the width 0.193 (Newcombe 1998)."""
    assert wilson(9, 10) == pytest.approx((0.5958, 0.9821), abs=1e-4)
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)


def test_errors_have_an_interval_that_the_seed_decides() -> None:
    task = Task("regression", "mean-squared-error")
    x, y = np.arange(20.0)[:, None] / 10, np.zeros((20, 1))
    low, high = score_interval(task, x, y, seed=1)
    assert low < float(np.mean(x**2)) < high
    assert (low, high) == score_interval(task, x, y, seed=1) != score_interval(task, x, y, seed=2)
