"""A run that puts out NaN or infinity where the model does not is an error, not a class."""

from dataclasses import replace

import numpy as np
import pytest

import nmc
from nmc.comparison import compare_targets
from nmc.errors import ModelError
from nmc.finite import require_numbers
from nmc.model import Model, Task
from nmc.report.plain import classes_of
from nmc.text import parse

WEIGHTS = {"w": np.array([[200.0, 0.0], [0.0, 1.0]])}


def model(nodes: str) -> Model:
    return Model("test", parse(f"x = Input(shape=(2,))\n{nodes}\nreturn y"), WEIGHTS).checked()


POWERS = "l = Linear(x, features=2, weight='w')\ne = Exp(l)\ny = Log(e)"


def test_an_output_that_overflows_is_an_error_that_names_it(tmp_path):
    """exp(200) is 7e86, beyond 32-bit floats, and its logarithm infinite there; in double precision it is 200."""
    program = nmc.compile(model(POWERS), "gpu-sim", tmp_path / "p")
    assert nmc.run(program, np.zeros((3, 2))).outputs["y"].shape == (3, 2)
    with pytest.raises(ModelError, match=r"on gpu-sim, the output 'y' is inf in sample 2, where the model puts out 200"
                       r"; 1 of 8 values are not finite, in 1 of 4 samples") as caught:
        nmc.run(program, np.array([[0.0, 0.0], [0.1, 1.0], [1.0, 1.0], [0.0, 1.0]]))
    assert caught.value.faults[0].node == "y"
    assert "32-bit floats" in caught.value.faults[0].remedy


def test_the_remedy_names_the_precision(tmp_path):
    narrow = model("l = Linear(x, features=2, weight='w')\ny = Relu(l)")
    program = nmc.compile(narrow, "gpu-sim", tmp_path / "p", precision="fp16")
    with pytest.raises(ModelError, match="fp16 cannot hold"):
        nmc.run(program, np.array([[1.0, 1e5]]))


def test_infinity_that_is_meant_is_put_out(tmp_path):
    program = nmc.compile(model("y = Log(x)"), "cpu", tmp_path / "p")
    assert np.isneginf(nmc.run(program, np.zeros((1, 2))).outputs["y"]).all()


def test_comparisons_say_so_in_place_of_a_score(tmp_path):
    x = np.array([[1.0, 0.0], [0.0, 1.0]])
    np.savez(tmp_path / "t.npz", x=x, y=np.array([0, 1]))
    subject = replace(model(POWERS), task=Task("classification", "accuracy", test=tmp_path / "t.npz"))
    (row,) = compare_targets(subject, ("gpu-sim",), {}).rows
    assert row.score is None
    assert "the output 'y' is inf in sample 0" in row.refusal


def test_a_model_that_is_nan_itself_has_no_score():
    given = {"y": np.array([[0.0, 1.0], [np.nan, 2.0], [-np.inf, 2.0]])}
    with pytest.raises(ModelError, match=r"own output 'y' is NaN in sample 1, and in 1 of 3 samples: 1 of 6 values"):
        require_numbers(model("y = Log(x)"), given)
    require_numbers(model("y = Log(x)"), {"y": given["y"][[0, 2]]})


def test_nan_is_no_class():
    assert classes_of(np.array([[0.0, 1.0], [np.nan, 2.0], [-np.inf, -3.0]])) == [1, None, 1]
