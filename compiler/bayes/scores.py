"""What class probabilities are worth: their doubt, and how far it can be believed."""

from __future__ import annotations

import numpy as np

from nmc.model import Array, FloatArray

BINS = 15
"""Bins of the calibration error, as in Guo et al. 2017."""
_TINY = np.finfo(np.float64).tiny


def softmax(scores: FloatArray, temperature: float = 1.0) -> FloatArray:
    """Probabilities of scores [..., classes], the scores divided by the temperature; equal where one is not finite."""
    finite = np.isfinite(scores).all(axis=-1, keepdims=True)
    scaled = np.where(finite, scores, 0.0) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    shares: FloatArray = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def entropy(probabilities: FloatArray) -> FloatArray:
    """-sum p ln p over classes, [...], of probabilities [..., classes], in nats: 0 where sure, ln(classes) at most."""
    found: FloatArray = -(probabilities * np.log(np.maximum(probabilities, _TINY))).sum(axis=-1)
    return found


def mutual_information(draws: FloatArray) -> FloatArray:
    """What the class of each sample would say of the weights, in nats, from probabilities [draws, samples, classes].

    The entropy of the mean less the mean of the entropies (Houlsby et al. 2011, arXiv:1112.5745, equation 2): the
    part of the doubt in which the draws contradict one another. 0 for one draw.
    """
    found: FloatArray = np.maximum(entropy(draws.mean(axis=0)) - entropy(draws).mean(axis=0), 0.0)
    return found


def negative_log_likelihood(probabilities: FloatArray, labels: Array) -> float:
    """The mean of -ln p(label) of probabilities [samples, classes], in nats; p is at least the smallest double."""
    right = probabilities[np.arange(len(labels)), labels.astype(np.intp)]
    return float(-np.log(np.maximum(right, _TINY)).mean())


def calibration_error(probabilities: FloatArray, labels: Array, bins: int = BINS) -> float:
    """Expected calibration error: how far the probability of the likeliest class is from how often it is right.

    The mean of |right - probability| over bins of equal width (l, h] of the largest probability, each weighed by its
    samples (Guo et al. 2017, arXiv:1706.04599, equation 3).
    """
    sure = probabilities.max(axis=-1)
    right = (probabilities.argmax(axis=-1) == labels).astype(np.float64)
    place = np.clip(np.ceil(sure * bins).astype(np.intp) - 1, 0, bins - 1)
    gaps = np.bincount(place, weights=right - sure, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))
