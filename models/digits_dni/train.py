"""Train digits-dni by synthetic gradients, and the same network by backpropagation, with several seeds of each."""

from pathlib import Path

import numpy as np

import nmc
from nmc.datasets import score, test_data
from nmc.frontends.weights import as_bytes
from nmc.model import Model
from nmc.models.data import digits, some, write_samples
from nmc.reference import run
from nmc.training import TrainingOptions, train

SEEDS = range(5)
SHIPPED = 0
EPOCHS = 100


def accuracy(model: Model) -> float:
    """Return the share of test images that a model reads rightly."""
    data = test_data(model)
    assert model.task is not None
    return score(model.task, run(model, data.x)[model.graph.outputs[0]], data.y)


if __name__ == "__main__":
    folder = Path(__file__).resolve().parent
    data = digits()
    write_samples(folder, "train", data.train_x, data.train_y)
    write_samples(folder, "test", data.test_x, data.test_y)
    write_samples(folder, "calibration", some(data.train_x))
    for method in ("backprop", "synthetic-gradients"):
        models = [
            train(nmc.load(folder, untrained=True), method, TrainingOptions(seed, EPOCHS)).model for seed in SEEDS
        ]
        found = [accuracy(model) for model in models]
        print(f"{method}: {', '.join(f'{100 * value:.2f}' for value in found)} %, mean {100 * np.mean(found):.2f} %")
        if method == "synthetic-gradients":
            (folder / "weights.safetensors").write_bytes(as_bytes(models[SHIPPED].weights))
