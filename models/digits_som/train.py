"""Train digits-som: a self-organizing map of scikit-learn digits, found without labels, as one linear layer.

Kohonen's rule (Kohonen 1982): the unit nearest to an image moves towards it, and so do its neighbours on the map, the
less the further away. Rates and neighbourhoods shrink. After that a unit is called what most of its images are.
"""

from pathlib import Path

import numpy as np

from nmc.models.data import Classes, Digits, Floats, digits, some, write_samples, write_weights
from nmc.models.kmeans.train import CLASSES, layer

SIDE = 10
PASSES = 40
RATES = (0.5, 0.02)
WIDTHS = (4.0, 0.5)


def places() -> Floats:
    """Where the units are on the map [units, 2], a row after another."""
    return np.indices((SIDE, SIDE)).reshape(2, -1).T.astype(np.float64)


def organized(x: Floats, seed: int = 0) -> Floats:
    """The units [units, 64] after all passes over the images."""
    rng = np.random.default_rng(seed)
    units: Floats = rng.uniform(0, 1, (SIDE * SIDE, x.shape[1])) * x.mean(axis=0)
    apart = ((places()[:, None] - places()) ** 2).sum(axis=2)
    order = np.concatenate([rng.permutation(len(x)) for _ in range(PASSES)])
    for done, sample in zip(np.linspace(0, 1, len(order)), x[order], strict=True):
        rate, width = (first * (last / first) ** done for first, last in (RATES, WIDTHS))
        winner = int(((units - sample) ** 2).sum(axis=1).argmin())
        units += rate * np.exp(-apart[winner] / (2 * width**2))[:, None] * (sample - units)
    return units


def distances(x: Floats, units: Floats) -> Floats:
    """From each image to each unit [N, units]."""
    return np.asarray(np.sqrt(((x[:, None] - units) ** 2).sum(axis=2)))


def topographic_error(distance: Floats) -> float:
    """The share of images whose second nearest unit is none of the eight around the nearest."""
    first, second = np.argsort(distance, axis=1)[:, :2].T
    return float(np.mean(np.abs(places()[first] - places()[second]).max(axis=1) > 1))


def names(distance: Floats, classes: Classes) -> Classes:
    """What each unit is called [units]: as most of its images, or as the nearest one where it has none."""
    nearest = distance.argmin(axis=1)
    members = np.array([np.bincount(classes[nearest == unit], minlength=CLASSES) for unit in range(SIDE * SIDE)])
    return np.asarray(np.where(members.any(axis=1), members.argmax(axis=1), classes[distance.argmin(axis=0)]))


def main(folder: Path, data: Digits) -> None:
    """Write weights and samples into the model's folder."""
    units = organized(data.train_x)
    called = names(distances(data.train_x, units), data.train_y)
    weight, bias = layer(units, called)
    for split, x in (("training", data.train_x), ("test", data.test_x)):
        distance = distances(x, units)
        print(f"{split}: quantization error {distance.min(axis=1).mean():.4f}, "
              f"topographic error {topographic_error(distance):.4f}")  # fmt: skip
    nearest = distances(data.test_x, units).argmin(axis=1)
    print(f"{len(weight)} rows; test accuracy {np.mean(called[nearest] == data.test_y):.4f}")
    print("\n".join(" ".join(map(str, row)) for row in called.reshape(SIDE, SIDE)))
    write_weights(folder, {"nearness.weight": weight, "nearness.bias": bias})
    write_samples(folder, "test", data.test_x, data.test_y)
    write_samples(folder, "calibration", some(data.train_x))


if __name__ == "__main__":
    main(Path(__file__).resolve().parent, digits())
