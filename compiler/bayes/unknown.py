"""Samples that no class is right for, to see whether a model doubts them."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path

import numpy as np

from nmc.datasets import read_samples
from nmc.datasets.fitting import fitting_samples, only_input
from nmc.model import FloatArray, Model


def unknown_samples(model: Model, x: FloatArray, seed: int, extra: Path | None = None) -> Mapping[str, FloatArray]:
    """Sets of unknown samples by name, made of test samples x [samples, ...], and those of a file if one is given.

    "permuted" are the samples with the values of each in an order of its own; "noise" are independent values, uniform
    between the smallest and largest of x. Where the input streams, a sample has one order for all its steps. Raises
    UsageError or ModelError for a file that is none or does not fit.
    """
    rng = np.random.default_rng(seed)
    values = prod(only_input(model, "the test data").shape)
    order = rng.permuted(np.tile(np.arange(values), (len(x), 1)), axis=1)
    permuted = np.take_along_axis(x.reshape(len(x), -1, values), order[:, None], axis=2).reshape(x.shape)
    sets = {"permuted": permuted, "noise": rng.uniform(x.min(), x.max(), x.shape)}
    if extra is None:
        return sets
    return {**sets, extra.name: fitting_samples(model, str(extra), read_samples(extra, model).x)}
