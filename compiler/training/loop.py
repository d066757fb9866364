"""The loop over epochs and batches that gradient methods share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from nmc.errors import ModelError
from nmc.model import Model
from nmc.nodes.parameters import initial_arrays
from nmc.training import Progress, Training, TrainingOptions
from nmc.training.losses import labels_for
from nmc.training.network import Network

if TYPE_CHECKING:
    from torch import Tensor

Gradients = Callable[["Tensor", "Tensor"], float]
"""Given samples and labels of a batch, leaves gradients on the network's trained arrays; gives the loss."""

LONGEST = 5.0
"""The longest gradient that is followed as it is: longer ones, which loops give at times, are scaled down to it."""


def started(model: Model, options: TrainingOptions) -> Network:
    """The network before training: random weights of the seed, or the model's to fine-tune."""
    arrays = {} if options.fine_tune else initial_arrays(model.graph, options.seed)
    network = Network(model.with_(model.graph, arrays))
    if not network.trained:
        raise ModelError("the model has no weights to train", "add a layer such as Linear")
    return network


def fit(
    network: Network,
    x: NDArray[np.float64],
    y: NDArray[np.generic],
    options: TrainingOptions,
    gradients: Gradients,
    progress: Progress,
) -> Training:
    """Train by Adam with a learning rate that falls as a cosine to zero; batches are drawn anew in each epoch.

    Raises ModelError where the loss is no longer a number.
    """
    samples = torch.from_numpy(x.astype(np.float32))
    labels = labels_for(network.model, torch.from_numpy(np.ascontiguousarray(y)))
    optimizer = torch.optim.Adam(network.trained, lr=options.learning_rate)
    batches = -(-len(samples) // options.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.epochs * batches)
    order = torch.Generator().manual_seed(options.seed)
    losses = []
    for epoch in range(options.epochs):
        total = 0.0
        for batch in torch.split(torch.randperm(len(samples), generator=order), options.batch_size):
            optimizer.zero_grad()
            total += gradients(samples[batch], labels[batch]) * len(batch)
            torch.nn.utils.clip_grad_norm_(network.trained, LONGEST)
            optimizer.step()
            schedule.step()
        losses.append(total / len(samples))
        if not np.isfinite(losses[-1]):
            raise ModelError(f"the loss is {losses[-1]} after {epoch + 1} epochs", "lower the learning rate")
        progress(epoch + 1, options.epochs, losses[-1])
    return Training(network.trained_model(), tuple(losses))
