"""Decoupled neural interfaces: each layer learns from a gradient that a small network predicts for it.

Jaderberg et al. 2017, arXiv:1608.05343, with predictors that see the label ("cDNI", their section 3.1). No gradient of
the loss reaches a layer but the last: a layer's own is what its predictor says of the layer's output, and a predictor
learns from what the next layer makes of its own prediction, in the end from the loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from nmc.errors import UnsupportedError
from nmc.graph import Graph
from nmc.model import Model
from nmc.nodes.parameters import trained_arrays
from nmc.training import Progress, Training, TrainingOptions
from nmc.training.loop import fit, started
from nmc.training.losses import labels_for, loss_of

if TYPE_CHECKING:
    from torch import Tensor

HIDDEN = 256
"""Hidden units of a predictor."""


def train(
    model: Model, x: NDArray[np.float64], y: NDArray[np.generic], options: TrainingOptions, progress: Progress
) -> Training:
    """Train by synthetic gradients. Raises UnsupportedError for a network in time, where layers have no order."""
    if model.graph.dt_s is not None:
        raise UnsupportedError(
            "synthetic gradients here are for networks without time steps", "train this one with --method backprop"
        )
    network, loss = started(model, options), loss_of(model)
    told = _told(model, labels_for(model, torch.from_numpy(np.ascontiguousarray(y))))
    draw = torch.Generator().manual_seed(options.seed)
    predictors = {
        name: _Predictor.random(prod(model.graph.signals[name].shape), told.width, draw)
        for name in interfaces(model.graph)
    }
    weights = [weight for predictor in predictors.values() for weight in predictor.weights]
    learning = torch.optim.Adam(weights, lr=options.learning_rate) if weights else None

    def gradients(samples: Tensor, labels: Tensor) -> float:
        made: dict[str, Tensor] = {}
        read: dict[str, Tensor] = {}

        def cut(name: str, y: Tensor) -> Tensor:
            if name not in predictors:
                return y
            made[name], read[name] = y, y.detach().requires_grad_()
            return read[name]

        value = loss(network(samples, training=True, watch=cut), labels)
        context = told.of(labels)
        predicted = {name: predictors[name](read[name].detach(), context) for name in predictors}
        shares = [(made[name] * predicted[name].detach()).sum() / len(samples) for name in predictors]
        sum(shares, start=value).backward()
        if learning is not None:
            learning.zero_grad()
            sum(functional.mse_loss(predicted[name], read[name].grad * len(samples)) for name in predictors).backward()
            learning.step()
        return float(value.detach())

    return fit(network, x, y, options, gradients, progress)


def interfaces(graph: Graph) -> tuple[str, ...]:
    """The signals at which a network is cut: what layers with trained weights read from others."""
    depends: set[str] = set()
    for name in graph.order:
        if trained_arrays(graph[name]) or any(ref.node in depends for ref in graph[name].inputs):
            depends.add(name)
    layers = [node for node in graph if "weight" in type(node).__dataclass_fields__ and trained_arrays(node)]
    return tuple(dict.fromkeys(ref.node for node in layers for ref in node.inputs if ref.node in depends))


@dataclass(frozen=True)
class _Told:
    """What of the labels a predictor is told, as [B, width]."""

    width: int
    of: Callable[[Tensor], Tensor]


def _told(model: Model, labels: Tensor) -> _Told:
    assert model.task is not None
    if model.task.kind == "classification":
        classes = prod(model.graph.signals[model.graph.outputs[0]].shape)
        return _Told(classes, lambda y: functional.one_hot(y, classes).to(torch.float32))
    if model.task.kind == "regression":
        return _Told(prod(labels.shape[1:]), lambda y: y.reshape(len(y), -1))
    return _Told(0, lambda y: torch.zeros(len(y), 0))


@dataclass(frozen=True)
class _Predictor:
    """Two layers: Relu(h W1 + b1) W2 + b2. W2 starts at zero, and with it every prediction."""

    weights: list[Tensor] = field(default_factory=list)

    @classmethod
    def random(cls, features: int, told: int, draw: torch.Generator) -> _Predictor:
        limit = (6 / (features + told)) ** 0.5
        first = (2 * torch.rand(features + told, HIDDEN, generator=draw) - 1) * limit
        arrays = (first, torch.zeros(HIDDEN), torch.zeros(HIDDEN, features), torch.zeros(features))
        return cls([array.requires_grad_() for array in arrays])

    def __call__(self, h: Tensor, told: Tensor) -> Tensor:
        """The predicted gradient of the loss of each sample, of the shape of h."""
        first, bias, second, offset = self.weights
        hidden = torch.relu(torch.cat((h.flatten(1), told), dim=1) @ first + bias)
        return (hidden @ second + offset).reshape(h.shape)
