"""Programs evolved on the emulator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nmc import datasets, zoo
from nmc.backends import able, target_named
from nmc.backends.loihi.engine import run_model
from nmc.backends.target import VARIANTS
from nmc.comparison import compare_targets
from nmc.data_source import Arrays
from nmc.errors import ModelError, UsageError
from nmc.evolution.evolve import Evolution, evolve
from nmc.evolution.generations import EvolutionOptions
from nmc.evolution.genome import Genome
from nmc.evolution.search import Strategy
from nmc.evolution.subject import Subject
from nmc.model import Model

FOUR_BITS = {"weight_bits": 4, "steps": 8}
LOIHI = target_named("loihi-sim")


def few_samples() -> Model:
    """digits-cnn with the first 60 of its training samples."""
    model = zoo.load("digits-cnn")
    data = datasets.train_data(model)
    assert model.task is not None
    return replace(model, task=replace(model.task, train=Arrays(data.x[:60], data.y[:60])))


CNN = few_samples()


def evolved(place: Path, seed: int = 0, generations: int = 2, workers: int = 1, model: Model = CNN) -> Evolution:
    options = EvolutionOptions(generations, 30, strategy=Strategy(4, seed=seed), workers=workers)
    return evolve(model, "loihi-sim", place, options, target_options=FOUR_BITS, samples=20)


def weights(done: Evolution) -> bytes:
    return (done.program.path / "weights.safetensors").read_bytes() + (done.program.path / "graph.txt").read_bytes()


@pytest.mark.parametrize("name", ["digits-cnn", "digits-snn"])
def test_a_variant_gives_what_its_own_program_gives(name: str) -> None:
    subject = Subject.of(zoo.load(name), LOIHI, LOIHI.configured(FOUR_BITS))
    x = datasets.test_data(zoo.load(name)).x[:20]
    run = able(LOIHI, VARIANTS)(subject.program, x)
    genome = Genome.of(subject, "channels")
    for vector in np.random.default_rng(0).normal(0, 0.1, (3, genome.size)):
        variant = genome.expressed(vector)
        for output, value in run_model(variant, x).outputs.items():
            assert np.array_equal(run(variant)[output], value)


def test_a_seed_decides_whatever_the_workers(tmp_path: Path) -> None:
    one, two, other = (evolved(tmp_path / name, s, workers=w) for name, s, w in [("a", 1, 1), ("b", 1, 2), ("c", 2, 2)])
    assert weights(one) == weights(two) != weights(other)
    assert one.after.loss < one.before.loss


def test_it_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """After one generation and a later call for the other, everything is as after two at once."""
    at_once = evolved(tmp_path / "a")
    evolved(tmp_path / "b", generations=1)
    later = evolved(tmp_path / "b")
    assert (later.generations, later.continued) == (2, 1)
    assert weights(later) == weights(at_once)
    with pytest.raises(UsageError, match="another search"):
        evolved(tmp_path / "b", seed=5)


def test_a_generation_that_began_ends_though_time_is_up(tmp_path: Path) -> None:
    """Each call has its own time; what is known from before takes none of it."""
    options = EvolutionOptions(5, 30, strategy=Strategy(4), seconds=1e-9, workers=1)
    for call in (1, 2):
        done = evolve(CNN, "loihi-sim", tmp_path / "p", options, target_options=FOUR_BITS, samples=20)
        assert (done.generations, done.continued) == (call, call - 1)


def test_what_cannot_evolve(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="runs no variants"):
        evolve(CNN, "cpu", tmp_path / "p")
    with pytest.raises(ModelError, match="no train data"):
        evolve(zoo.load("digits-resnet"), "loihi-sim", tmp_path / "p")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("words")
    with pytest.raises(UsageError, match="not nmc's to replace"):
        evolved(tmp_path / "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_digits_es_wins_back_half_of_what_the_integers_lost() -> None:
    """Of digits-cnn, at 4 bits and 8 steps, on the whole test set; the evolved network compiles to its integers."""
    (before,) = compare_targets(zoo.load("digits-cnn"), ["loihi-sim"], {"weight_bits": [4], "steps": [8]})
    (after,) = compare_targets(zoo.load("digits-es"), ["loihi-sim"], {"weight_bits": [4]})
    assert before.score is not None and after.score is not None
    assert after.score - before.score >= 0.5 * (before.reference_score - before.score) > 0
