"""The search by itself, the loss, and what is kept of a search."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmc.errors import UsageError
from nmc.evolution.fitness import cross_entropy, loss_of
from nmc.evolution.history import History
from nmc.evolution.search import Strategy, search
from nmc.model import FloatArray, Task

BEST = np.linspace(-1, 1, 6)


def distances(generation: int, vectors: Sequence[FloatArray]) -> list[float]:
    return [float(np.sum((vector - BEST) ** 2)) for vector in vectors]


def test_it_finds_the_lowest_point_of_a_bowl() -> None:
    found = search(6, Strategy(12, 0.3), 80, distances, lambda: True)
    assert np.abs(found - BEST).max() < 0.01


def test_candidates_come_in_pairs_around_the_mean() -> None:
    asked: list[Sequence[FloatArray]] = []

    def listen(generation: int, vectors: Sequence[FloatArray]) -> list[float]:
        asked.append(vectors)
        return distances(generation, vectors)

    search(6, Strategy(8, seed=3), 2, listen, lambda: True)
    for vectors in asked:
        middles = [(one + other) / 2 for one, other in zip(vectors[::2], vectors[1::2], strict=True)]
        np.testing.assert_allclose(middles, np.broadcast_to(middles[0], (4, 6)), atol=1e-12)
    assert np.any(asked[0][0] != asked[1][0])


@given(scale=st.floats(1e-3, 1e3), shift=st.floats(-10, 10))
def test_the_loss_does_not_change_with_the_size_of_scores(scale: float, shift: float) -> None:
    scores = np.random.default_rng(0).normal(size=(9, 5))
    labels = np.arange(9) % 5
    assert cross_entropy(scores * scale + shift, labels) == pytest.approx(cross_entropy(scores, labels))


def test_the_loss_falls_as_the_right_scores_rise() -> None:
    scores, labels = np.random.default_rng(0).normal(size=(9, 5)), np.arange(9) % 5
    right = np.eye(5)[labels]
    losses = [cross_entropy(scores + more * right, labels) for more in (0.0, 1.0, 2.0, 4.0)]
    assert losses == sorted(losses, reverse=True) and len(set(losses)) == 4


def test_each_task_has_the_loss_of_its_kind() -> None:
    assert loss_of(Task("classification", "accuracy")) is cross_entropy
    values = np.array([[0.0], [1.0]])
    assert loss_of(Task("regression", "mean-squared-error"))(values, np.array([[1.0], [1.0]])) == 0.5
    with pytest.raises(UsageError, match="no loss for generation"):
        loss_of(Task("generation", "inception-score"))


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    history = History("of this").after((0.1, 1 / 3)).after((2.0, 1e-300))
    history.save(tmp_path / "h.json")
    assert History.load(tmp_path / "h.json", "of this", 2) == history
    assert History.load(tmp_path / "none.json", "of this", 2) == History("of this")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not the history"),
        ("[]", "not the history"),
        ('{"format": "nmc-evolution", "key": "other", "losses": []}', "another search"),
        ('{"format": "nmc-evolution", "key": "of this", "losses": [[0.5]]}', "damaged"),
        ('{"format": "nmc-evolution", "key": "of this", "losses": [["a", 1]]}', "damaged"),
    ],
)
def test_a_history_of_anything_else_is_refused(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "h.json").write_text(text)
    with pytest.raises(UsageError, match=says):
        History.load(tmp_path / "h.json", "of this", 2)


@pytest.mark.parametrize("wrong", [{"population": 5}, {"population": 2}, {"sigma": 0.0}, {"seed": -1}])
def test_a_strategy_that_is_none(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        Strategy(**wrong)
