"""What the mean over draws of a model's weights is worth on a target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nmc.bayes import scores
from nmc.bayes.temperature import fitted_temperature
from nmc.datasets import Dataset
from nmc.estimates.interval import Interval, total
from nmc.metrics import accuracy, auroc
from nmc.model import FloatArray

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
    """What the mean of the draws' probabilities is worth."""
    temperature = 1.0
    if held_out is not None:
        temperature = fitted_temperature(np.stack([one.scores[HELD_OUT] for one in outcomes]), held_out.y)
    draws = {
        name: scores.softmax(np.stack([one.scores[name] for one in outcomes]), temperature)
        for name in outcomes[0].scores
    }
    mean = draws[TEST].mean(axis=0)
    doubt = {name: _doubt(each, draws[TEST]) for name, each in draws.items() if name != HELD_OUT}
    known = doubt.pop(TEST)
    return Quality(
        len(outcomes), temperature, accuracy(mean, data.y), scores.negative_log_likelihood(mean, data.y),
        scores.calibration_error(mean, data.y), known.entropy, known.mutual_information, doubt,
        _mean([one.energy_j for one in outcomes]), _mean([one.latency_s for one in outcomes]), outcomes[0].missing,
    )  # fmt: skip


def _doubt(draws: FloatArray, known: FloatArray) -> Doubt:
    """The doubt on samples, from probabilities [draws, samples, classes], and beside that on the test set."""
    here, there = scores.entropy(draws.mean(axis=0)), scores.entropy(known.mean(axis=0))
    labels = np.concatenate([np.zeros(len(there)), np.ones(len(here))])
    apart = auroc(np.concatenate([there, here]), labels)
    return Doubt(float(here.mean()), float(scores.mutual_information(draws).mean()), apart)


def _mean(intervals: Sequence[Interval | None]) -> Interval | None:
    known = [one for one in intervals if one is not None]
    return total(known) / float(len(known)) if known else None
