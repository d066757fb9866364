"""The temperature that turns scores into probabilities, fitted on samples that were not trained on."""

from __future__ import annotations

import numpy as np

from nmc.bayes.scores import negative_log_likelihood, softmax
from nmc.model import Array, FloatArray

COLDEST, HOTTEST = 0.01, 100.0
_GRID = 41
_ROUNDS = 4


def fitted_temperature(draws: FloatArray, labels: Array) -> float:
    """The temperature that makes the labels likeliest under the mean over draws of softmax(scores / temperature).

    Takes scores [draws, samples, classes]. With one draw this is temperature scaling (Guo et al. 2017,
    arXiv:1706.04599, section 4.2). A grid on the logarithm, four times finer around its best: between 0.01 and 100.
    """
    low, high = np.log(COLDEST), np.log(HOTTEST)
    best = 0.0
    for _ in range(_ROUNDS):
        grid = np.linspace(low, high, _GRID)
        losses = [negative_log_likelihood(softmax(draws, float(np.exp(t))).mean(axis=0), labels) for t in grid]
        best = float(grid[int(np.argmin(losses))])
        step = (high - low) / (_GRID - 1)
        low, high = max(best - step, np.log(COLDEST)), min(best + step, np.log(HOTTEST))
    return float(np.exp(best))
