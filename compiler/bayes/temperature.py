"""The temperature that makes probabilities bolder or meeker, fitted on samples that were not trained on."""

from __future__ import annotations

import numpy as np

from nmc.bayes.scores import negative_log_likelihood, softmax
from nmc.model import Array, FloatArray

COLDEST, HOTTEST = 0.01, 100.0
_GRID = 41
_ROUNDS = 4


def tempered(probabilities: FloatArray, temperature: float) -> FloatArray:
    """Probabilities [..., classes] to the power 1 / temperature, scaled to a sum of 1.

    Of the softmax of scores that is the softmax of scores / temperature.
    """
    return softmax(np.log(np.maximum(probabilities, np.finfo(np.float64).tiny)), temperature)


def fitted_temperature(probabilities: FloatArray, labels: Array) -> float:
    """The temperature at which probabilities [samples, classes] make the labels likeliest.

    Of one network this is temperature scaling (Guo et al. 2017, arXiv:1706.04599, section 4.2); of the mean over
    several it is theirs once they are pooled (Rahaman & Thiery 2021, arXiv:2007.08792). A grid on the logarithm
    between 0.01 and 100, each time finer around its best.
    """
    low, high = np.log(COLDEST), np.log(HOTTEST)
    best = 0.0
    for _ in range(_ROUNDS):
        grid = np.linspace(low, high, _GRID)
        losses = [negative_log_likelihood(tempered(probabilities, float(np.exp(t))), labels) for t in grid]
        best = float(grid[int(np.argmin(losses))])
        step = (high - low) / (_GRID - 1)
        low, high = max(best - step, np.log(COLDEST)), min(best + step, np.log(HOTTEST))
    return float(np.exp(best))
