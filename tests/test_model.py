"""Models: a graph and the arrays it names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from nmc.errors import ModelError
from nmc.model import Array, Model
from nmc.text import parse
from strategies import models

TEXT = """\
dt = 0.001
x = Input(shape=(3,))
fc = Linear(x, features=2, weight='w', bias='b')
lif = LIF(fc, decay='decay')
late = Delay(lif, steps='steps', longest=4)
return late"""
SOUND: dict[str, Array] = {
    "w": np.ones((2, 3)), "b": np.zeros(2), "decay": np.float32([0.5, 0.9]), "steps": np.array([0, 4]),
}  # fmt: skip


def complaints(**changed: Array) -> list[str]:
    """What is wrong with the model above once some arrays are changed, without the remedies."""
    model = Model("m", parse(TEXT, "net"), {**SOUND, **changed})
    return [str(replace(fault, remedy=None)) for fault in model.check()]


def test_a_sound_model_is_itself_when_checked() -> None:
    model = Model("m", parse(TEXT), SOUND)
    assert model.check() == []
    assert model.checked() is model


def test_every_faulty_array_is_named_at_its_node_and_line() -> None:
    nowhere, halves = np.array([np.nan, np.inf]), np.array([0.5, 1.0])
    assert complaints(w=np.ones((3, 2)), b=nowhere, decay=np.ones(3), steps=halves) == [
        "net:3: node 'fc': the array 'w' has shape (3, 2), but Linear takes shape (2, 3)",
        "net:3: node 'fc': the array 'b' holds 2 values that are NaN or infinite",
        "net:4: node 'lif': the array 'decay' has shape (3,), but LIF takes a shape that broadcasts to (2,)",
        "net:5: node 'late': the array 'steps' must hold whole numbers",
    ]


def test_a_missing_array_is_answered_with_the_shape_it_needs() -> None:
    model = Model("m", parse(TEXT), {**{k: v for k, v in SOUND.items() if k != "decay"}, "decays": np.ones(2)})
    (fault,) = model.check()
    assert fault.what == "it reads the array 'decay', which the weights do not have"
    assert fault.remedy == "add it with shape (2,); did you mean 'decays'?"


@pytest.mark.parametrize("array", [np.array(["a", "b"]), np.array([1j, 2j]), np.array([None, 1.0])])
def test_arrays_hold_real_numbers(array: Array) -> None:
    assert complaints(b=array) == [f"net:3: node 'fc': the array 'b' holds {array.dtype}, not real numbers"]


@pytest.mark.parametrize(("least", "most"), [(-1, 4), (0, 5)])
def test_delays_lie_within_the_longest(least: int, most: int) -> None:
    """Longer ones would read beyond the delay line, negative ones its far end."""
    assert complaints(steps=np.array([least, most])) == [
        f"net:5: node 'late': the array 'steps' must hold values from 0 to 4, has {least} to {most}"
    ]


def test_a_variance_is_not_negative() -> None:
    graph = parse("x = Input(shape=(1,))\nn = BatchNorm(x, scale='s', bias='b', mean='m', variance='v')\nreturn n")
    model = Model("m", graph, {"s": np.ones(1), "b": np.ones(1), "m": np.ones(1), "v": -np.ones(1)})
    (fault,) = model.check()
    assert fault.what == "the array 'v' must hold values from 0 to inf, has -1.0 to -1.0"


def test_fixed_point_weights_are_whole() -> None:
    graph = parse("dt = 1.0\nx = Input(shape=(1,))\ny = FixedDense(x, features=1, weight='w')\nreturn y")
    assert Model("m", graph, {"w": np.array([[2.0]])}).check() == []
    (fault,) = Model("m", graph, {"w": np.array([[2.5]])}).check()
    assert fault.what == "the array 'w' must hold whole numbers"


SPARSE = parse("""
dt = 0.001
x = Input(shape=(4,), stream=True)
s = FixedDelaySparse(x, features=3, synapses=5, weight='w', column='c', row_start='r', delay='d', longest=2)
return s
""")
ROWS = {"w": np.arange(5), "c": np.array([0, 3, 1, 2, 3]), "r": np.array([0, 2, 2, 5]), "d": np.array([0, 2, 1, 0, 0])}


@pytest.mark.parametrize("kind", [np.int8, np.uint16, np.int64, np.uint64, np.float32])
def test_sparse_arrays_may_be_of_any_type(kind: type[np.number]) -> None:
    assert Model("m", SPARSE, {name: array.astype(kind) for name, array in ROWS.items()}).check() == []


@pytest.mark.parametrize(("name", "values", "what"), [
    ("r", [0, 5, 3, 5], "must rise from 0 to 5, falls after entry 1"),
    ("r", [1, 2, 2, 5], "must rise from 0 to 5, goes from 1 to 5"),
    ("r", [0, 2, 2, 4], "must rise from 0 to 5, goes from 0 to 4"),
    ("r", [0, -7, 2, 5], "must hold values from 0 to 5, has -7 to 5"),
    ("r", [0, 6, 6, 5], "must hold values from 0 to 5, has 0 to 6"),
    ("r", [0, 2.5, 3, 5], "must hold whole numbers"),
    ("c", [0, 3, 1, 2, 4], "must hold values from 0 to 3, has 0 to 4"),
    ("c", [0, 3, 1, 2, 2**62], "must hold values from 0 to 3, has 0 to 4611686018427387904"),
    ("c", [-1, 3, 1, 2, 3], "must hold values from 0 to 3, has -1 to 3"),
    ("c", [0, 3, 1, 1, 3], "must rise within each row of 'r', does not at entry 3"),
    ("c", [3, 0, 1, 2, 3], "must rise within each row of 'r', does not at entry 1"),
    ("d", [0, 2, 3, 0, 0], "must hold values from 0 to 2, has 0 to 3"),
    ("w", [0, 2**31, 3, 0, 0], "must hold values from -2147483648 to 2147483647, has 0 to 2147483648"),
])
def test_arrays_that_kernels_follow_are_checked_whole(name: str, values: list[float], what: str) -> None:
    """Range, order and ends: else sums would be written beyond the end of an array, or lost."""
    (fault,) = Model("m", SPARSE, {**ROWS, name: np.array(values)}).check()
    assert (fault.node, fault.what) == ("s", f"the array {name!r} {what}")


def test_faults_of_the_graph_come_before_those_of_arrays() -> None:
    model = Model("m", parse("y = Linear(x, features=2, weight='w')\nreturn y"), {})
    with pytest.raises(ModelError, match="reads 'x', which is not a node"):
        model.checked()


@pytest.mark.parametrize("steps", [0, -3])
def test_a_run_lasts_a_step_or_more(steps: int) -> None:
    (fault,) = Model("m", parse(TEXT), SOUND, steps=steps).check()
    assert fault.what == f"steps is {steps}"


def test_with_keeps_only_the_arrays_that_the_graph_reads() -> None:
    model = Model("m", parse(TEXT), SOUND, steps=5, description="kept")
    smaller = parse("x = Input(shape=(3,))\nfc = Linear(x, features=1, weight='w', bias='new')\nreturn fc")
    changed = model.with_(smaller, {"new": np.ones(1), "unread": np.ones(9), "w": np.zeros((1, 3))})
    assert sorted(changed.weights) == ["new", "w"]
    assert changed.weights["w"].shape == (1, 3)
    assert (changed.steps, changed.description) == (5, "kept")
    assert model.weights["w"].shape == (2, 3)


def test_a_parameter_is_its_value_or_its_array_in_double() -> None:
    model = Model("m", parse(TEXT), SOUND)
    assert model.param(0.25) == 0.25
    assert np.array_equal(model.param("decay"), np.float32([0.5, 0.9]).astype(np.float64))


@given(models())
@settings(max_examples=30, deadline=None)
def test_random_models_are_sound_and_lose_soundness_with_any_array(model: Model) -> None:
    assert model.check() == []
    for name in model.weights:
        rest = {other: array for other, array in model.weights.items() if other != name}
        assert Model("m", model.graph, rest, model.steps).check() != []
