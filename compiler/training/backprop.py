"""Backpropagation: the gradient of the loss, through time where the network works in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nmc.model import Model
from nmc.training import Progress, Training, TrainingOptions
from nmc.training.loop import fit, started
from nmc.training.losses import loss_of

if TYPE_CHECKING:
    from torch import Tensor


def train(
    model: Model, x: NDArray[np.float64], y: NDArray[np.generic], options: TrainingOptions, progress: Progress
) -> Training:
    """Train by backpropagation; spikes have a surrogate gradient. Raises what `nmc.training.train` raises."""
    network, loss = started(model, options), loss_of(model)

    def gradients(samples: Tensor, labels: Tensor) -> float:
        value = loss(network(samples, training=True), labels)
        value.backward()
        return float(value.detach())

    return fit(network, x, y, options, gradients, progress)
