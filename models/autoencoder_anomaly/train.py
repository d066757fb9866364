"""Train autoencoder-anomaly on images of one digit; all other digits are anomalies."""

from pathlib import Path

import numpy as np

import nmc
from nmc.datasets import score, test_data
from nmc.frontends.weights import as_bytes
from nmc.models.data import digits, some, write_samples
from nmc.reference import run
from nmc.training import TrainingOptions, train

NORMAL = 8
"""The digit that principal components tell apart worst; see pca-anomaly."""
SEEDS = range(3)
SHIPPED = 0


if __name__ == "__main__":
    folder = Path(__file__).resolve().parent
    data = digits()
    normal = data.train_x[data.train_y == NORMAL]
    write_samples(folder, "train", normal, np.zeros(len(normal), np.int64))
    write_samples(folder, "test", data.test_x, (data.test_y != NORMAL).astype(np.int64))
    write_samples(folder, "calibration", some(normal))
    untrained = nmc.load(folder, untrained=True)
    test = test_data(untrained)
    for seed in SEEDS:
        model = train(untrained, "backprop", TrainingOptions(seed, epochs=300, batch_size=32)).model
        assert model.task is not None
        print(f"seed {seed}: AUROC {score(model.task, run(model, test.x)['error'], test.y):.4f}")
        if seed == SHIPPED:
            (folder / "weights.safetensors").write_bytes(as_bytes(model.weights))
