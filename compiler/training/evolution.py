"""Training by evolution: no gradient and no PyTorch, through whatever the reference computes; for small networks."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np
from numpy.typing import NDArray

from nmc.errors import ModelError
from nmc.evolution.fitness import loss_of
from nmc.evolution.search import Strategy, search
from nmc.model import Array, FloatArray, Model
from nmc.nodes.parameters import initial_arrays, trained_arrays
from nmc.reference import run
from nmc.training import Progress, Training, TrainingOptions

SPREAD = 30.0
"""How far the first candidates spread, in learning rates."""


def train(
    model: Model, x: NDArray[np.float64], y: NDArray[np.generic], options: TrainingOptions, progress: Progress
) -> Training:
    """Fit the trained arrays by separable CMA-ES, a generation to a batch; see `nmc.evolution.search`.

    The loss of an epoch is the mean of all its candidates. Raises UsageError for a task without a loss, ModelError
    for a model with fewer than two numbers to train, and ToolError without the package cmaes.
    """
    assert model.task is not None  # its training data was read
    loss, output = loss_of(model.task), model.graph.outputs[0]
    first = model if options.fine_tune else model.with_(model.graph, initial_arrays(model.graph, options.seed))
    names = tuple(dict.fromkeys(name for node in model.graph for name in trained_arrays(node)))
    size = sum(first.weights[name].size for name in names)
    if size < 2:
        raise ModelError(f"the model has {size} numbers to train", "add a layer such as Linear")
    batches = -(-len(x) // options.batch_size)
    heard: list[float] = []

    def losses(generation: int, vectors: Sequence[FloatArray]) -> Sequence[float]:
        epoch, batch = divmod(generation, batches)
        order = np.random.default_rng([options.seed, epoch]).permutation(len(x))
        chosen = order[batch * options.batch_size : (batch + 1) * options.batch_size]
        found = [loss(run(_moved(first, names, vector), x[chosen])[output], y[chosen]) for vector in vectors]
        heard.append(float(np.mean(found)))
        if batch == batches - 1:
            progress(epoch + 1, options.epochs, float(np.mean(heard[-batches:])))
        return [value if np.isfinite(value) else np.inf for value in found]

    population = 2 * round(2 + 1.5 * log(size))
    strategy = Strategy(population, SPREAD * options.learning_rate, options.seed)
    mean = search(size, strategy, options.epochs * batches, losses, lambda: True)
    by_epoch = np.array(heard).reshape(options.epochs, batches).mean(axis=1)
    return Training(_moved(first, names, mean), tuple(map(float, by_epoch)))


def _moved(model: Model, names: Sequence[str], vector: FloatArray) -> Model:
    """The model with a vector added to its arrays of these names, in single precision."""
    arrays: dict[str, Array] = {}
    place = 0
    for name in names:
        before = model.weights[name]
        added = vector[place : place + before.size].reshape(before.shape)
        arrays[name] = (before.astype(np.float64) + added).astype(np.float32)
        place += before.size
    return model.with_(model.graph, arrays)
