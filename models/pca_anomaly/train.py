"""Train pca-anomaly: images of one digit by their principal components; all other digits are anomalies.

The reconstruction error |(x - mean) - V V^T (x - mean)|^2 of the first components V is the squared length of what the
remaining components W say of x, |W^T (x - mean)|^2: one linear layer, and a mean of squares.
"""

from pathlib import Path

import numpy as np

from nmc.metrics import auroc
from nmc.models.data import digits, some, write_samples, write_weights

NORMAL = 8
"""The digit that is told apart worst: the card has all ten."""
EXPLAINED = 0.9
"""The first components are those that explain this part of the variance."""


def residual(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return W^T [64 - k, 64], -W^T mean, and k, of the samples x [N, 64]."""
    mean = x.mean(axis=0)
    _, sizes, components = np.linalg.svd(x - mean, full_matrices=True)
    kept = int(np.searchsorted(np.cumsum(sizes**2) / np.sum(sizes**2), EXPLAINED)) + 1
    rest = components[kept:]
    return rest, -rest @ mean, kept


if __name__ == "__main__":
    folder = Path(__file__).resolve().parent
    data = digits()
    for digit in range(10):
        weight, bias, kept = residual(data.train_x[data.train_y == digit])
        found = auroc(((data.test_x @ weight.T + bias) ** 2).mean(axis=1), data.test_y != digit)
        print(f"digit {digit}: {kept} components, AUROC {found:.4f}")
    normal = data.train_x[data.train_y == NORMAL]
    weight, bias, _ = residual(normal)
    write_weights(folder, {"residual.weight": weight, "residual.bias": bias})
    write_samples(folder, "test", data.test_x, (data.test_y != NORMAL).astype(np.int64))
    write_samples(folder, "calibration", some(normal))
