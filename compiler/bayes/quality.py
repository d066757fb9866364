"""What the mean over draws of a model's weights is worth on a target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nmc.bayes import scores
from nmc.bayes.temperature import fitted_temperature, tempered
from nmc.datasets import Dataset
from nmc.metrics import accuracy, auroc
from nmc.model import FloatArray
from nmc.units.interval import Interval, total

TEST, HELD_OUT = "test", "held out"


@dataclass(frozen=True)
class Doubt:
    """How unsure a network is on samples: means over them of predictive entropy and mutual information, in nats.

    `auroc` is how often a sample of the set has more predictive entropy than one of the test set.
    """

    entropy: float
    mutual_information: float
    auroc: float


@dataclass(frozen=True)
class Quality:
    """The probabilities that the mean over draws gives, scored on the test set; see `nmc.bayes.scores`.

    At a `temperature` other than 1 all but the mutual information is of that mean tempered.

    `unknown` are the sets that no class is right for, by name. `energy_j` and `latency_s` are of one inference with one
    draw, in the mean over draws, and None where the target has no chip; `missing` are prices that the energy lacks.
    """

    draws: int
    temperature: float
    accuracy: float
    negative_log_likelihood: float
    calibration_error: float
    entropy: float
    mutual_information: float
    unknown: Mapping[str, Doubt]
    energy_j: Interval | None = None
    latency_s: Interval | None = None
    missing: tuple[str, ...] = ()

    @property
    def total_energy_j(self) -> Interval | None:
        """The energy of an answer: of an inference with each draw."""
        return None if self.energy_j is None else self.energy_j * float(self.draws)

    @property
    def total_latency_s(self) -> Interval | None:
        """The time of an answer on one chip: an inference with each draw, one after another."""
        return None if self.latency_s is None else self.latency_s * float(self.draws)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one set of weights gave: scores [samples, classes] by set of samples, and the cost of an inference."""

    scores: Mapping[str, FloatArray]
    energy_j: Interval | None = None
    latency_s: Interval | None = None
    missing: tuple[str, ...] = ()


def quality_of(outcomes: Sequence[Outcome], data: Dataset, held_out: Dataset | None) -> Quality:
    """What the mean of the draws' probabilities is worth, at the temperature that suits held-out samples, if any."""
    draws = {name: scores.softmax(np.stack([one.scores[name] for one in outcomes])) for name in outcomes[0].scores}
    pooled = {name: each.mean(axis=0) for name, each in draws.items()}
    temperature = 1.0 if held_out is None else fitted_temperature(pooled[HELD_OUT], held_out.y)
    if held_out is not None:
        pooled = {name: tempered(each, temperature) for name, each in pooled.items()}
    test = pooled[TEST]
    unknown = {
        name: Doubt(float(scores.entropy(pooled[name]).mean()), _contradiction(draws[name]), _apart(test, pooled[name]))
        for name in pooled if name not in (TEST, HELD_OUT)
    }  # fmt: skip
    return Quality(
        len(outcomes), temperature, accuracy(test, data.y), scores.negative_log_likelihood(test, data.y),
        scores.calibration_error(test, data.y), float(scores.entropy(test).mean()), _contradiction(draws[TEST]),
        unknown, _mean([one.energy_j for one in outcomes]), _mean([one.latency_s for one in outcomes]),
        outcomes[0].missing,
    )  # fmt: skip


def _contradiction(draws: FloatArray) -> float:
    return float(scores.mutual_information(draws).mean())


def _apart(known: FloatArray, unknown: FloatArray) -> float:
    """How often unknown samples have more entropy than known ones."""
    labels = np.concatenate([np.zeros(len(known)), np.ones(len(unknown))])
    return auroc(scores.entropy(np.concatenate([known, unknown])), labels)


def _mean(intervals: Sequence[Interval | None]) -> Interval | None:
    known = [one for one in intervals if one is not None]
    return total(known) / float(len(known)) if known else None
