"""What training makes small, for each metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from nmc.errors import UnsupportedError
from nmc.model import MetricName, Model
from nmc.nodes.tensor import Sigmoid, Softmax

if TYPE_CHECKING:
    from torch import Tensor

Loss = Callable[["Tensor", "Tensor"], "Tensor"]
"""`loss(outputs, labels)`, a number; the mean over the samples."""

_TINY = 1e-7


def loss_of(model: Model) -> Loss:
    """The loss for the model's task. Raises UnsupportedError where there is none."""
    assert model.task is not None  # its training data was read
    last, metric = model.graph[model.graph.outputs[0]], model.task.metric
    if metric == "accuracy" and isinstance(last, Softmax):
        return lambda outputs, labels: functional.nll_loss(outputs.clamp(min=_TINY).log(), labels)
    if metric == "bit-accuracy" and isinstance(last, Sigmoid):
        return _scored(functional.binary_cross_entropy)
    if metric not in LOSSES:
        raise UnsupportedError(
            f"no loss tells how good {metric} is", "train a generator by a script of its own, as in models/gan_digits"
        )
    return LOSSES[metric]


def _scored(loss: Callable[[Tensor, Tensor], Tensor]) -> Loss:
    """The loss where labels are not -1."""
    return lambda outputs, labels: loss(outputs[labels >= 0], labels[labels >= 0])


def _anomaly(outputs: Tensor, labels: Tensor) -> Tensor:
    """The mean score of normal samples: training sees no anomaly, whatever is in the data."""
    return outputs[labels == 0].mean()


LOSSES: Mapping[MetricName, Loss] = {
    "accuracy": functional.cross_entropy,
    "mean-squared-error": functional.mse_loss,
    "root-mean-squared-error": functional.mse_loss,
    "mean-absolute-error": functional.mse_loss,
    "bit-accuracy": _scored(functional.mse_loss),
    "auroc": _anomaly,
}


def labels_for(model: Model, labels: Tensor) -> Tensor:
    """Labels in the type that the losses take: class numbers and marks whole, values in single precision."""
    assert model.task is not None
    return labels.long() if model.task.kind in ("classification", "anomaly") else labels.to(torch.float32)
