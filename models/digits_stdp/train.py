"""Train digits-stdp: 100 spiking neurons that compete for scikit-learn digits and learn them without labels.

The network of learns.yaml learns on loihi-sim's native emulator, in the chip's integers: it sees the training images
one after another, three times, at half the rate each time. Labels come last: a neuron votes for the class that made it
spike most.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import nmc
from nmc.model import Model
from nmc.models.data import Classes, Floats, digits, some, write_samples, write_weights
from nmc.nodes.plasticity import PlasticLinear

NEURONS = 100
CLASSES = 10
RIVALRY, INHIBITION = 200.0, 30.0
"""Between neurons, while they learn and after: less, because the 8 bits of NengoLoihi's weights span all of them."""
UNITS = {"fc": 1 / 255, "rest": 16 / 255}
"""What one of the chip's weights means: its largest, 255, is the rule's bound."""


@dataclass(frozen=True, eq=False)
class Pass:
    """Once over the images: rates, and the weights between neurons [neurons, neurons].

    A neuron that spikes moves its weights by `rate` of the way and is `tires` harder to excite; every image, all
    neurons recover by as much as makes up for `spikes` spikes an image of all together.
    """

    rate: float
    tires: float
    spikes: float
    lateral: Floats

    def of(self, model: Model, weights: Mapping[str, Floats]) -> Model:
        """The model of learns.yaml with these rates, and with weights."""
        fc, rest = model.graph["fc"], model.graph["rest"]
        assert isinstance(fc, PlasticLinear) and isinstance(rest, PlasticLinear)
        recovers = self.spikes * self.tires / NEURONS
        graph = model.graph.replace(
            replace(fc, dw=f"{self.rate}*y0*x1 - {self.rate}*y0*w"),
            replace(rest, dw=f"{recovers:.6f}*u6 - {self.tires}*y0"),
        )
        return replace(model, graph=graph, weights={**weights, "rivals.weight": self.lateral})


def all_others(inhibition: float) -> Floats:
    """Inhibition of all other neurons alike, so that the winner takes all."""
    return -inhibition * (1 - np.eye(NEURONS))


def untrained(seed: int = 0) -> dict[str, Floats]:
    """The arrays of learns.yaml before learning."""
    weights = np.random.default_rng(seed).uniform(0.1, 0.5, (NEURONS, 64))
    return {
        "one": np.ones(1), "fc.weight": weights, "rest.weight": np.full((NEURONS, 1), -6.0),
        "rivals.weight": all_others(RIVALRY),
    }  # fmt: skip


def learned(model: Model, passes: Sequence[Pass], x: Floats, seed: int = 0) -> tuple[dict[str, Floats], Floats]:
    """The weights after all passes, and how often each neuron then spikes for each image [N, neurons]."""
    rng = np.random.default_rng(seed)
    weights = untrained(seed)
    with TemporaryDirectory() as scratch:
        for once in passes:
            program = nmc.compile(once.of(model, weights), "loihi-sim", Path(scratch) / "before")
            lesson = nmc.learn(program, x[rng.permutation(len(x))], Path(scratch) / "after", freeze=True)
            found = {f"{name}.weight": np.multiply(lesson.learned.weights[name], unit) for name, unit in UNITS.items()}
            weights = {**weights, **found, "rivals.weight": once.lateral}
            spikes = lesson.learned.result.outputs["lif"].sum(axis=1)
            neurons = (spikes > 0).sum(axis=1).mean()
            print(f"{spikes.sum(axis=1).mean():.1f} spikes an image, from {neurons:.1f} neurons")
        return weights, nmc.run(lesson.program, x).outputs["lif"].sum(axis=1)


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
    passes = [Pass(0.0625 * share, 0.16 * share, 6, all_others(RIVALRY)) for share in (1, 0.5, 0.25)]
    weights, spikes = learned(nmc.load(folder / "learns.yaml"), passes, data.train_x)
    readout = {"others.weight": all_others(INHIBITION), "votes.weight": votes(spikes, data.train_y)}
    write_weights(folder, {**weights, **readout})
    print(nmc.compare(folder, ["loihi-sim"]))


if __name__ == "__main__":
    main(Path(__file__).resolve().parent)
