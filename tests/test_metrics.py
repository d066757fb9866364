"""Each metric on a case worked out by hand, and what holds for all."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nmc.errors import ModelError
from nmc.metrics import METRICS, auroc, bit_accuracy, default_metric, inception_score, metric_of
from nmc.model import MetricName, TaskKind
from nmc.report.scores import change, shown

OUT = np.array([[1.0], [2.0], [4.0]])
LABELS = np.array([[1.0], [1.0], [2.0]])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mean-squared-error", 5 / 3), ("root-mean-squared-error", (5 / 3) ** 0.5), ("mean-absolute-error", 1.0)],
)
def test_errors_by_hand(name: MetricName, expected: float) -> None:
    """Differences of 0, 1 and 2."""
    assert METRICS[name].measure(OUT, LABELS) == pytest.approx(expected)
    assert METRICS[name].direction == "lower"


def test_bits_are_read_at_one_half_and_only_where_they_are_scored() -> None:
    outputs, labels = np.array([[0.4, 0.6, 0.9, np.nan]]), np.array([[0, 0, -1, 1]])
    assert bit_accuracy(outputs, labels) == pytest.approx(1 / 3)


def test_auroc_counts_pairs_and_ties_half() -> None:
    """Scores 3 and 1 of anomalies against 2 and 1: of four pairs, 3>2, 3>1, 1<2 and a tie."""
    assert auroc(np.array([[3.0], [1.0], [2.0], [1.0]]), np.array([1, 1, 0, 0])) == pytest.approx(2.5 / 4)


def test_auroc_needs_both_kinds_of_sample() -> None:
    with pytest.raises(ModelError, match="got 0 and 2"):
        auroc(np.ones((2, 1)), np.array([1, 1]))


def test_a_score_that_is_no_number_is_the_worst() -> None:
    assert auroc(np.array([[np.nan], [0.0]]), np.array([1, 0])) == 0
    assert auroc(np.array([[0.0], [np.inf]]), np.array([1, 0])) == 0


SCORES = arrays(np.float64, 20, elements=st.integers(-5, 5).map(float))
MARKS = st.lists(st.booleans(), min_size=20, max_size=20).filter(lambda marks: 0 < sum(marks) < 20).map(np.array)


@given(SCORES, MARKS)
def test_auroc_is_the_share_of_ordered_pairs(scores: np.ndarray, marks: np.ndarray) -> None:
    pairs = scores[marks][:, None] - scores[~marks]
    assert auroc(scores, marks) == pytest.approx(((pairs > 0) + (pairs == 0) / 2).mean())
    assert auroc(np.exp(scores), marks) == pytest.approx(auroc(scores, marks))  # only the order counts


def test_the_inception_score_goes_from_one_to_the_number_of_classes() -> None:
    none = np.zeros((4, 0))
    sure = 1000 * np.eye(4)
    assert inception_score(sure, none) == pytest.approx(4)
    assert inception_score(sure[:1].repeat(4, axis=0), none) == pytest.approx(1)  # always the same class
    assert inception_score(np.zeros((4, 4)), none) == pytest.approx(1)  # never sure
    assert inception_score(np.full((4, 4), np.nan), none) == pytest.approx(1)


def test_every_kind_of_task_has_a_metric_of_its_own() -> None:
    assert {kind: default_metric(kind) for kind in get_args(TaskKind)} == {
        "classification": "accuracy", "regression": "mean-squared-error", "anomaly": "auroc",
        "generation": "inception-score", "control": "return",
    }  # fmt: skip
    assert all(metric_of(name).name == name for name in METRICS)


def test_only_shares_are_shown_in_percent() -> None:
    assert shown("accuracy", 0.975) == shown("bit-accuracy", 0.975) == "97.5 %"
    assert (shown("auroc", 0.975), shown("mean-squared-error", 0.975), shown("auroc", None)) == ("0.975", "0.975", "-")
    assert (change("accuracy", 0.95, 0.96), change("mean-squared-error", 0.5, 0.25)) == ("+1.0", "-0.25")
