"""Train digits-stdp: 100 spiking neurons that compete for scikit-learn digits and learn them without labels.

The network of learns.yaml learns on loihi-sim's native emulator, in the chip's integers: it sees the training images one
after another, three times, at half the rate each time. Labels come last: a neuron votes for the class that made it spike
most.
"""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import nmc
from nmc.model import Model
from nmc.models.data import Classes, Digits, Floats, digits, some, write_samples, write_weights
from nmc.nodes.plasticity import PlasticLinear

NEURONS = 100
CLASSES = 10
INHIBITION = 200.0
RATE = 0.0625
TIRES, RECOVERS = 0.16, 0.0096
SHARES = (1.0, 0.5, 0.25)
UNITS = {"fc": 1 / 255, "rest": 16 / 255}
"""What one of the chip's weights means: its largest, 255, is the rule's bound."""


def untrained(seed: int = 0) -> dict[str, Floats]:
    """The arrays of learns.yaml before learning."""
    rng = np.random.default_rng(seed)
    return {
        "one": np.ones(1),
        "fc.weight": rng.uniform(0.1, 0.5, (NEURONS, 64)),
        "rest.weight": np.full((NEURONS, 1), -6.0),
        "others.weight": -INHIBITION * (1 - np.eye(NEURONS)),
    }


def slowed(model: Model, share: float) -> Model:
    """The model, learning at a share of its rates."""
    fc, rest = model.graph["fc"], model.graph["rest"]
    assert isinstance(fc, PlasticLinear) and isinstance(rest, PlasticLinear)
    rate = RATE * share
    return model.with_(model.graph.replace(
        replace(fc, dw=f"{rate}*y0*x1 - {rate}*y0*w"),
        replace(rest, dw=f"{RECOVERS * share}*u6 - {TIRES * share}*y0"),
    ))  # fmt: skip


def learned(model: Model, data: Digits, scratch: Path, seed: int = 0) -> tuple[dict[str, Floats], Floats]:
    """The weights after all passes, and how often each neuron then spikes for each training image [N, neurons]."""
    rng = np.random.default_rng(seed)
    weights = {name: value.astype(np.float64) for name, value in model.weights.items()}
    for share in SHARES:
        program = nmc.compile(replace(slowed(model, share), weights=weights), "loihi-sim", scratch / "before")
        order = rng.permutation(len(data.train_x))
        lesson = nmc.learn(program, data.train_x[order], scratch / "after", freeze=True)
        found = {f"{name}.weight": lesson.learned.weights[name] * unit for name, unit in UNITS.items()}
        weights = {**weights, **found}
        spikes = lesson.learned.result.outputs["lif"].sum(axis=1)
        print(f"{spikes.sum(axis=1).mean():.1f} spikes an image, from {(spikes > 0).sum(axis=1).mean():.1f} neurons")
    return weights, nmc.run(lesson.program, data.train_x).outputs["lif"].sum(axis=1)


def votes(spikes: Floats, classes: Classes) -> Floats:
    """[classes, neurons]: each neuron has the class that made it spike most, and the neurons of a class one vote."""
    mean = np.array([spikes[classes == k].mean(axis=0) for k in range(CLASSES)])
    own = np.eye(CLASSES)[mean.argmax(axis=0)].T
    return np.asarray(own / np.maximum(own.sum(axis=1, keepdims=True), 1))


def main(folder: Path) -> None:
    """Write weights and samples into the model's folder."""
    data = digits()
    write_samples(folder, "test", data.test_x, data.test_y)
    write_samples(folder, "calibration", some(data.train_x))
    write_weights(folder, untrained())
    with TemporaryDirectory() as scratch:
        weights, spikes = learned(nmc.load(folder / "learns.yaml"), data, Path(scratch))
    write_weights(folder, {**weights, "votes.weight": votes(spikes, data.train_y)})
    print(nmc.compare(folder, ["loihi-sim"]))


if __name__ == "__main__":
    main(Path(__file__).resolve().parent)
