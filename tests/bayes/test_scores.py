"""Doubt and calibration, held to their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nmc.bayes.scores import calibration_error, entropy, mutual_information, negative_log_likelihood, softmax
from nmc.bayes.temperature import fitted_temperature
from nmc.model import FloatArray

SCORES = arrays(np.float64, (3, 4, 5), elements=st.floats(-50, 50))


def test_softmax_of_known_scores() -> None:
    assert softmax(np.log([[1.0, 3.0]])) == pytest.approx(np.array([[0.25, 0.75]]))
    assert softmax(np.log([[1.0, 9.0]]), temperature=2.0) == pytest.approx(np.array([[0.25, 0.75]]))


def test_scores_that_are_not_finite_say_nothing() -> None:
    assert softmax(np.array([[np.nan, 1.0], [np.inf, 0.0]])) == pytest.approx(np.full((2, 2), 0.5))


def test_entropy_ends() -> None:
    assert entropy(np.array([[1.0, 0.0], [0.5, 0.5]])) == pytest.approx([0.0, np.log(2)])


@given(SCORES)
def test_doubt_is_that_of_the_draws_and_that_between_them(scores: FloatArray) -> None:
    draws = softmax(scores)
    between, all_of_it = mutual_information(draws), entropy(draws.mean(axis=0))
    assert np.all(between >= 0)
    assert np.all(between <= all_of_it + 1e-9)
    assert np.all(all_of_it <= np.log(5) + 1e-9)


def test_draws_that_contradict_one_another() -> None:
    agreed = np.array([[[0.5, 0.5]], [[0.5, 0.5]]])
    opposed = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    assert entropy(agreed.mean(axis=0)) == pytest.approx(entropy(opposed.mean(axis=0)))
    assert mutual_information(agreed) == pytest.approx([0.0])
    assert mutual_information(opposed) == pytest.approx([np.log(2)])


def test_negative_log_likelihood() -> None:
    found = negative_log_likelihood(np.array([[0.5, 0.5], [0.25, 0.75]]), np.array([0, 1]))
    assert found == pytest.approx(-(np.log(0.5) + np.log(0.75)) / 2)


def test_calibration_error_of_two_bins() -> None:
    """Three samples at 0.9, of which two are right, and one at 0.6, which is: 3/4 |2/3 - 0.9| + 1/4 |1 - 0.6|."""
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.6, 0.4]])
    assert calibration_error(probabilities, np.array([0, 1, 1, 0])) == pytest.approx(0.175 + 0.1)


def test_a_bin_takes_in_its_upper_end() -> None:
    """Of two bins the lower holds 0.4, which is wrong, and 0.5, which is right; apart they would not make up for it."""
    probabilities = np.array([[0.4, 0.3, 0.3], [0.5, 0.25, 0.25]])
    assert calibration_error(probabilities, np.array([1, 0]), bins=2) == pytest.approx((1 - 0.5 - 0.4) / 2)


def test_a_temperature_undoes_a_scale() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(5000, 4)) * 2
    labels = np.array([rng.choice(4, p=each) for each in softmax(scores)])
    assert fitted_temperature(7 * scores[None], labels) == pytest.approx(7, rel=0.1)


def test_draws_share_a_temperature() -> None:
    """Where draws contradict one another, the mean is unsure whatever the temperature: it lies within its bounds."""
    opposed = np.array([[[9.0, 0.0]], [[0.0, 9.0]]])
    temperature = fitted_temperature(opposed, np.array([0]))
    assert 0.01 <= temperature <= 100.0
    assert softmax(opposed, temperature).mean(axis=0) == pytest.approx(np.array([[0.5, 0.5]]))
