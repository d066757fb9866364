"""A model without test data can be compared: random samples stand in, and the table says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

import nmc
from nmc.data_source import Arrays
from nmc.datasets import calibration_data
from nmc.datasets.stand_in import FEWEST, MOST, SPIKE_RATE, STEPS, affordable, with_stand_in
from nmc.graph import Graph, Ref
from nmc.model import Model
from nmc.nodes.elementwise import Equal
from nmc.nodes.selection import Embedding
from nmc.nodes.spiking import IF
from nmc.nodes.tensor import Flatten, Input, Linear


def model(*nodes: object, output: str, **arrays: np.ndarray) -> Model:
    dt_s = 1e-3 if any(isinstance(node, IF) for node in nodes) else None
    return Model("net", Graph(nodes=nodes, outputs=(output,), dt_s=dt_s), arrays)


def linear() -> Model:
    weight = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
    layer = Linear(name="y", inputs=(Ref("x"),), features=3, weight="w")
    return model(Input(name="x", shape=(4,)), layer, output="y", w=weight)


def samples(given: Model) -> Arrays:
    stood = with_stand_in(given)
    assert stood.task is not None
    assert isinstance(stood.task.test, Arrays)
    return stood.task.test


def test_targets_are_scored_by_how_far_they_follow_the_model(tmp_path: Path) -> None:
    comparison = nmc.compare(linear(), ("cpu", "tpu-sim"), directory=tmp_path)
    assert comparison.reference_score == 1.0
    assert comparison.rows[0].score == comparison.rows[0].agreement == 1.0
    assert str(comparison).startswith("net: agreement on noise, 200 samples: how far each target follows the model")
    assert "accuracy" not in str(comparison)
    assert [finding.name for finding in comparison.findings] == ["noise-data"]
    assert (comparison.test.role, comparison.test.samples) == ("noise", 200)
    assert comparison.calibration is not None
    assert comparison.calibration.digest != comparison.test.digest


def test_the_samples_are_always_the_same() -> None:
    np.testing.assert_array_equal(samples(linear()).x, samples(linear()).x)


def test_a_stream_is_of_spikes() -> None:
    x = samples(model(Input(name="x", shape=(50,), stream=True), IF(name="y", inputs=(Ref("x"),)), output="y")).x
    assert x.shape[1:] == (STEPS, 50)
    assert set(np.unique(x)) == {0.0, 1.0}
    assert abs(x.mean() - SPIKE_RATE) < 0.02


def test_tokens_are_places_in_their_table() -> None:
    nodes = Input(name="x", shape=(6,)), Embedding(name="e", inputs=(Ref("x"),), rows=5, features=2, weight="w")
    x = samples(model(*nodes, Flatten(name="y", inputs=(Ref("e"),)), output="y", w=np.zeros((5, 2), np.float32))).x
    assert set(np.unique(x)) <= set(range(5))


def test_data_that_are_there_stay() -> None:
    given = nmc.load("digits-cnn")
    assert with_stand_in(given) is given
    assert given.task is not None
    without = replace(given, task=replace(given.task, test=None))
    stood = with_stand_in(without)
    assert stood.task is not None
    assert stood.task.calibration == given.task.calibration
    assert isinstance(stood.task.test, Arrays) and stood.task.test.record is not None
    assert stood.task.test.record.role == "calibration"
    read = calibration_data(given)
    assert read is not None
    np.testing.assert_array_equal(stood.task.test.x, read.x[: len(stood.task.test.x)])


def test_as_many_samples_as_the_reference_runs_in_no_time() -> None:
    assert affordable(linear()) == MOST
    wide = model(Input(name="x", shape=(9000,)), Linear(name="y", inputs=(Ref("x"),), features=9000, weight="w"),
                 output="y", w=np.zeros((9000, 9000), np.float32))  # fmt: skip
    assert FEWEST <= affordable(wide) < 20


def test_marks_are_zero_and_one() -> None:
    """What Equal asks for, and what says which of two values Where takes."""
    marks = Input(name="m", shape=(6,))
    nodes = marks, Equal(name="e", inputs=(Ref("m"), Ref("m"))), Flatten(name="y", inputs=(Ref("e"),))
    assert set(np.unique(samples(model(*nodes, output="y")).x)) == {0.0, 1.0}
