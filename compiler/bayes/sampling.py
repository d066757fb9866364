"""One set of weights drawn from a model's distributions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nmc.model import Model


def sampled(model: Model, seed: int, draw: int = 0) -> Model:
    """The model with weights drawn from its normal distributions, and no deviations left.

    The same seed and number of the draw give the same weights; different ones are independent. A weight is its mean
    plus its deviation times a standard normal number (Blundell et al. 2015, arXiv:1505.05424, section 3.2).
    """
    rng = np.random.default_rng((seed, draw))
    drawn = {}
    for name, deviation in sorted(model.deviations.items()):
        mean = model.weights[name]
        values = mean.astype(np.float64) + deviation.astype(np.float64) * rng.standard_normal(mean.shape)
        drawn[name] = values.astype(np.result_type(mean.dtype, np.float32))
    return replace(model, weights={**model.weights, **drawn}, deviations={})


def certain(model: Model) -> Model:
    """The point network in the middle of the distributions: every weight is its mean."""
    return replace(model, deviations={})
