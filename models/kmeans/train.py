"""Train kmeans: 64 centroids of scikit-learn digits, found without labels, as one linear layer.

The nearest centroid c is the one with the largest x c - |c|^2 / 2, since |x - c|^2 = |x|^2 - 2 (x c - |c|^2 / 2). After
that, a centroid is called what most of its images are, and a class is as near as its nearest centroid.
"""

from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans

from nmc.models.data import Digits, digits, some, write_samples, write_weights

CENTROIDS = 64
CLASSES = 10


def clusters(data: Digits, seed: int = 0) -> tuple[np.ndarray, np.ndarray, float]:
    """Return centroids [64, 64], what each is called [64], and the mean squared distance to the nearest."""
    found = KMeans(CENTROIDS, n_init=10, random_state=seed).fit(data.train_x)
    members = [np.bincount(data.train_y[found.labels_ == k], minlength=CLASSES) for k in range(CENTROIDS)]
    return found.cluster_centers_, np.array(members).argmax(axis=1), float(found.inertia_ / len(data.train_x))


def layer(centroids: np.ndarray, names: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weight [classes * m, 64] and bias: m rows a class, where one with fewer centroids repeats its first."""
    rows = int(np.bincount(names, minlength=CLASSES).max())
    order = []
    for name in range(CLASSES):
        own = np.flatnonzero(names == name)
        order += [*own, *[own[0]] * (rows - len(own))]
    chosen = centroids[order]
    return chosen, -(chosen**2).sum(axis=1) / 2


if __name__ == "__main__":
    folder = Path(__file__).resolve().parent
    data = digits()
    centroids, names, inertia = clusters(data)
    weight, bias = layer(centroids, names)
    distance = ((data.test_x[:, None] - centroids) ** 2).sum(axis=2)
    print(f"{len(weight)} rows; inertia {inertia:.4f} in training, {distance.min(axis=1).mean():.4f} in the test")
    print(f"test accuracy {np.mean(names[distance.argmin(axis=1)] == data.test_y):.4f}")
    write_weights(folder, {"nearness.weight": weight, "nearness.bias": bias})
    write_samples(folder, "test", data.test_x, data.test_y)
    write_samples(folder, "calibration", some(data.train_x))
