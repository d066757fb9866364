"""How far outputs are from what they should be, as a number that changes smoothly where a score jumps."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from nmc.errors import UsageError
from nmc.model import Array, FloatArray, Task, TaskKind

SIZE = 3.0
"""What the root mean square of class scores is brought to: then nothing is won by scores that are merely larger."""

Loss = Callable[[FloatArray, Array], float]
"""Of outputs [samples, ...] and labels; less is better."""


def cross_entropy(outputs: FloatArray, labels: Array) -> float:
    """The mean cross-entropy, in nats, of class scores [samples, classes] brought to one size."""
    scores = outputs.reshape(len(outputs), -1)
    centred = scores - scores.mean(axis=1, keepdims=True)
    size = float(np.sqrt(np.mean(centred**2)))
    logits = centred * (SIZE / size if size else 0.0)
    highest = logits.max(axis=1, keepdims=True)
    total = highest[:, 0] + np.log(np.exp(logits - highest).sum(axis=1))
    return float(np.mean(total - logits[np.arange(len(logits)), labels.astype(np.intp)]))


def squared_error(outputs: FloatArray, labels: Array) -> float:
    """The mean of squared differences."""
    return float(np.mean((outputs - labels.astype(np.float64).reshape(outputs.shape)) ** 2))


LOSSES: Mapping[TaskKind, Loss] = {"classification": cross_entropy, "regression": squared_error}


def loss_of(task: Task) -> Loss:
    """The loss of a task. Raises UsageError for a task without one."""
    if task.kind not in LOSSES:
        raise UsageError(f"there is no loss for {task.kind}", f"evolve a model for {' or '.join(LOSSES)}")
    return LOSSES[task.kind]
