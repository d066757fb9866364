"""Every target on every model of the zoo, on its whole test set, held to the reference interpreter."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

import nmc
from nmc import datasets, reference, zoo
from nmc.datasets import Dataset, score
from nmc.metrics import metric_of
from nmc.model import FloatArray, Model
from nmc.nodes.parameters import initial_arrays

MODELS = zoo.names()
CLASSIFIERS = [name for name in MODELS if (task := zoo.load(name).task) is not None and task.kind == "classification"]


@cache
def expected(name: str) -> tuple[Model, Dataset, FloatArray]:
    """A model, its test set, and what it means on it."""
    model = nmc.load(name)
    data = datasets.test_data(model)
    return model, data, reference.run(model, data.x)[model.graph.outputs[0]]


def outputs(name: str, target: str, directory: Path, **options: object) -> FloatArray:
    program = nmc.compile(name, target, directory / "program", **options)
    return nmc.run(program, expected(name)[1].x).outputs[program.model.graph.outputs[0]]


def accuracy(name: str, values: FloatArray) -> float:
    model, data, _ = expected(name)
    assert model.task is not None
    return score(model.task, values, data.y)


def agreement(name: str, values: FloatArray) -> float:
    return float(np.mean(values.argmax(-1) == expected(name)[2].argmax(-1)))


CARDS = {
    "autoencoder-anomaly": 0.95,
    "cartpole": 475.0,
    "digits-bayes": 0.96,
    "digits-cnn": 0.98,
    "digits-dni": 0.97,
    "digits-es": 0.99,
    "digits-resnet": 0.98,
    "digits-snn": 0.965,
    "digits-som": 0.93,
    "digits-stdp": 0.88,
    "dnc-copy": 0.99,
    "gan-digits": 3.2,
    "kmeans": 0.94,
    "pca-anomaly": 0.95,
    "vae-digits": 0.16,
    "vowels-rsnn": 0.95,
    "xor-backprop": 0.01,
}


@pytest.mark.parametrize(("name", "bound"), CARDS.items())
def test_the_model_itself_is_as_good_as_its_card_says(name: str, bound: float) -> None:
    """At least the bound, or at most where less is better."""
    model = nmc.load(name)
    assert model.task is not None
    found = nmc.rollout(model).mean_return if model.task.control else accuracy(name, expected(name)[2])
    assert found >= bound if metric_of(model.task.metric).direction == "higher" else found <= bound


def test_every_model_of_the_zoo_is_listed_above() -> None:
    assert set(MODELS) == set(CARDS)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("target", ["cpu", "gpu-sim", "jetson-orin-sim"])
def test_float_targets_equal_the_reference(name: str, target: str, tmp_path: Path) -> None:
    """To 1e-5 of the largest output."""
    want = expected(name)[2]
    got = outputs(name, target, tmp_path, precision="fp32")
    assert np.max(np.abs(got - want)) <= 1e-5 * np.max(np.abs(want))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_half_precision_agrees_in_class(name: str, tmp_path: Path) -> None:
    assert agreement(name, outputs(name, "gpu-sim", tmp_path, precision="fp16")) >= 0.99


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("target", ["tpu-sim", "tpu-v1-sim"])
def test_int8_targets_agree_in_class(name: str, target: str, tmp_path: Path) -> None:
    got = outputs(name, target, tmp_path)
    assert agreement(name, got) >= 0.99
    assert accuracy(name, got) >= accuracy(name, expected(name)[2]) - 0.005


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_loihi_keeps_the_accuracy(name: str, tmp_path: Path) -> None:
    """Within 1 point of float, at 64 steps or fewer."""
    steps = expected(name)[0].steps or 64
    assert steps <= 64
    got = outputs(name, "loihi-sim", tmp_path, steps=steps)
    assert accuracy(name, got) >= accuracy(name, expected(name)[2]) - 0.01


def test_a_converted_network_is_as_good_as_the_literatures(tmp_path: Path) -> None:
    """Within half a point of float at 32 steps."""
    got = outputs("digits-cnn", "loihi-sim", tmp_path, steps=32)
    assert accuracy("digits-cnn", got) >= accuracy("digits-cnn", expected("digits-cnn")[2]) - 0.005


def test_few_steps_do_with_a_first_charge(tmp_path: Path) -> None:
    """Ten convolutions in 4 steps: from under 70 % to over 90 %; with reset by subtraction, within 1 point in 8."""
    plain, charged = (
        accuracy("digits-resnet", outputs("digits-resnet", "loihi-sim", tmp_path / str(charge), steps=4, charge=charge))
        for charge in (0.0, 0.5)
    )
    assert plain < 0.7 and charged > 0.9
    soft = outputs("digits-resnet", "cpu", tmp_path, form="spiking", reset="subtract", charge=0.5, steps=8)
    assert accuracy("digits-resnet", soft) >= accuracy("digits-resnet", expected("digits-resnet")[2]) - 0.01


def test_loihi_saturates_nowhere_on_the_vowels(tmp_path: Path) -> None:
    """Inhibition drives voltages there far below zero; what a spike leaves on the chip is all that is doubtful."""
    program = nmc.compile("vowels-rsnn", "loihi-sim", tmp_path / "program")
    result = nmc.run(program, expected("vowels-rsnn")[1].x, strict=True)
    assert {warning.zone for warning in result.warnings} == {"reset"}


@pytest.mark.parametrize("name", [name for name in CLASSIFIERS if name not in ("digits-som", "kmeans")])  # no neurons
def test_nengo_loihi_keeps_the_accuracy(name: str, tmp_path: Path) -> None:
    """Within 1.5 points of float, and what the emulator gives is what the program's own graph means."""
    program = nmc.compile(name, "nengo-loihi-sim", tmp_path / "program")
    x, (output,) = expected(name)[1].x, program.model.graph.outputs
    got = nmc.run(program, x).outputs[output]
    assert accuracy(name, got) >= accuracy(name, expected(name)[2]) - 0.015
    assert np.array_equal(got[:4], reference.run(program.model, x[:4])[output])


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_samples_do_not_touch_one_another(name: str, tmp_path: Path) -> None:
    """A sample gives the same alone as among others, on an engine that batches."""
    x = expected(name)[1].x[:5]
    program = nmc.compile(name, "loihi-sim", tmp_path / "program")
    (output,) = program.model.graph.outputs
    together = nmc.run(program, x).outputs[output]
    alone = [nmc.run(program, sample[None]).outputs[output][0] for sample in x]
    assert np.array_equal(together, np.stack(alone))


def test_training_made_the_generator_better() -> None:
    """Than one of random weights."""
    model, data, made = expected("gan-digits")
    before = model.with_(model.graph, initial_arrays(model.graph, seed=0))
    random = reference.run(before, data.x)["image"]
    assert accuracy("gan-digits", made) > 2 * accuracy("gan-digits", random)
