"""The same map, learned on chip: the network of digits-stdp, whose neurons excite their neighbours on the map.

A neuron that spikes takes its neighbours along, and the rule of its synapses moves them towards the image, too; all
others it inhibits. No weights are shipped: `python -m nmc.models.digits_som.on_chip` learns them in a few minutes.
"""

from importlib.resources import files
from pathlib import Path

import numpy as np

import nmc
from nmc.models.data import Floats, digits
from nmc.models.digits_som.train import SIDE, distances, names, places, topographic_error
from nmc.models.digits_stdp.train import Pass, learned

EXCITATION, INHIBITION = 10.0, 30.0
RADII = (2, 1, 1)


def neighbourly(radius: int) -> Floats:
    """Weights between neurons [units, units]: those within the radius excite each other, all others inhibit."""
    apart = np.abs(places()[:, None] - places()).max(axis=2)
    return np.asarray(np.where(apart <= radius, EXCITATION, -INHIBITION) * (apart > 0))


if __name__ == "__main__":
    data = digits()
    rates = zip((1.0, 0.5, 0.25), RADII, strict=True)
    passes = [Pass(0.0625 * share, 0.16 * share, 25, neighbourly(radius)) for share, radius in rates]
    weights, _ = learned(nmc.load(Path(str(files("nmc.models.digits_stdp"))) / "learns.yaml"), passes, data.train_x)
    units = weights["fc.weight"]
    called = names(distances(data.train_x, units), data.train_y)
    distance = distances(data.test_x, units)
    print(f"test: quantization error {distance.min(axis=1).mean():.4f}, "
          f"topographic error {topographic_error(distance):.4f}, "
          f"accuracy of the nearest unit {np.mean(called[distance.argmin(axis=1)] == data.test_y):.4f}")  # fmt: skip
    print("\n".join(" ".join(map(str, row)) for row in called.reshape(SIDE, SIDE)))
