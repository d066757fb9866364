"""Training: a model's weights fitted to its task's training data. One table of methods, imported on first use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from nmc.datasets import train_data
from nmc.datasets.fitting import only_input
from nmc.errors import ToolError, UsageError, closest
from nmc.model import Model

METHODS: Mapping[str, str] = {
    "backprop": "nmc.training.backprop:train",
    "synthetic-gradients": "nmc.training.synthetic_gradients:train",
    "es": "nmc.training.evolution:train",
}
"""What each method is, as "module:function": a `Method`."""

Progress = Callable[[int, int, float], None]
"""Called after each epoch with how many are done, how many there are, and the mean loss."""


@dataclass(frozen=True)
class TrainingOptions:
    """What every method takes. `fine_tune` starts from the model's weights instead of from random ones of the seed."""

    seed: int = 0
    epochs: int = 60
    learning_rate: float = 0.003
    batch_size: int = 64
    fine_tune: bool = False

    def __post_init__(self) -> None:
        for what, value in (("epochs", self.epochs), ("batch size", self.batch_size)):
            if value < 1:
                raise UsageError(f"{what} is {value}", "give 1 or more")
        if self.seed < 0:
            raise UsageError(f"the seed is {self.seed}", "give 0 or more")
        if not 0 < self.learning_rate < float("inf"):
            raise UsageError(f"the learning rate is {self.learning_rate:g}", "give a number above 0, as in 0.003")


@dataclass(frozen=True)
class Training:
    """A trained model, and the mean loss of each epoch."""

    model: Model
    losses: tuple[float, ...]


Method = Callable[[Model, NDArray[np.float64], NDArray[np.generic], TrainingOptions, Progress], Training]
"""A way to train: the model, its training samples and labels, the options, and whom to tell."""


def train(
    model: Model, method: str = "backprop", options: TrainingOptions | None = None, progress: Progress | None = None
) -> Training:
    """Train a model on its task's training data. The same seed gives the same weights on the same machine.

    Raises UsageError for an unknown method, ModelError without training data, UnsupportedError with every node that
    cannot be trained through, and ToolError without torch.
    """
    if method not in METHODS:
        raise UsageError(f"{method!r} is not a way to train", closest(method, METHODS))
    data = train_data(model)
    only_input(model, "training data")
    module, function = METHODS[method].split(":")
    try:
        chosen: Method = getattr(import_module(module), function)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ToolError("training takes PyTorch, which is not installed", "pip install 'nmc[torch]'") from None
    return chosen(model, data.x, data.y, options or TrainingOptions(), progress or (lambda done, of, loss: None))
