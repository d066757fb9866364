"""Which values a node takes, and which range 8-bit integers shall cover."""

import numpy as np
import pytest

from nmc.errors import UsageError
from nmc.model import Model
from nmc.passes.int8_grid import Grid, grid_of
from nmc.passes.value_ranges import SAMPLE, Values, chosen_range, measure
from nmc.text import parse


def values(array: np.ndarray) -> Values:
    found = Values()
    for part in np.array_split(array, 3):
        found.add(part)
    return found


def test_a_grid_holds_zero_and_both_ends():
    """From -1 to 1.55 in 255 steps of 0.01, with -1 at -128 and so 0 at -28; ends far apart saturate."""
    grid = grid_of((-1.0, 1.55))
    assert grid == Grid(float(np.float32(0.01)), -28)
    np.testing.assert_allclose(grid.rounded(np.array([-7.0, -0.004, 0.006, 9.0])), [-1.0, 0.0, 0.01, 1.55], atol=1e-7)
    assert grid_of((0.5, 2.55)).zero_point == -128
    assert grid_of((0.0, 0.0)) == grid_of((-3.0, 100.0), whole=True) == Grid()


def test_means_ends_and_a_bounded_sample():
    array = np.random.default_rng(0).normal(size=(3000, 50))
    found = values(array)
    assert (found.low, found.high) == (array.min(), array.max())
    np.testing.assert_allclose(found.mean, array.mean(axis=0), atol=1e-12)
    assert len(found.sample) == SAMPLE and np.isin(found.sample, array).all()
    assert abs(found.sample.mean() - array.mean()) < 4 / np.sqrt(SAMPLE)
    np.testing.assert_array_equal(found.sample, values(array).sample)


def test_percentiles_leave_outliers_out():
    """6 values are 0.01 % of 60,000: the 3 outliers are fewer, and left out."""
    array = np.linspace(0.0, 1.0, 60_000)
    array[:3] = 1e6
    assert chosen_range(values(array[:, None]), "min-max") == (pytest.approx(5e-5, rel=0.1), 1e6)
    low, high = chosen_range(values(array[:, None]), "percentile")
    assert 0 < low < 2e-4 and 0.999 < high <= 1.0


def test_least_squared_error_trades_saturation_for_finer_steps():
    """Steps are all that counts for uniform values; a value of 20 among 60,000 normal ones is worth a little error."""
    rng = np.random.default_rng(1)
    uniform, normal = rng.uniform(-1, 1, (60_000, 1)), rng.normal(size=(60_000, 1))
    outliers = np.concatenate([normal, [[20.0]]])
    for array in (uniform, normal, outliers):
        found = values(array)
        ends, shrunk = (chosen_range(found, method) for method in ("min-max", "mse"))
        errors = [np.mean((grid_of(e).rounded(array) - array) ** 2) for e in (ends, shrunk)]
        assert errors[1] <= errors[0]
        assert shrunk[0] / ends[0] == pytest.approx(shrunk[1] / ends[1])
    assert chosen_range(values(uniform), "mse") == pytest.approx((-1.0, 1.0), rel=1e-3)
    assert 10 < shrunk[1] < 20


def test_what_is_held_counts_once_and_readouts_count_at_the_end():
    text = "dt = 0.001\nx = Input(shape=(1,))\nv = I(x)\ny = Sum(v)\nreturn y"
    model = Model("m", parse(text), {}, steps=3).checked()
    found = measure(model, ["x", "v", "y"], np.array([[1.0], [2.0]]))
    assert sorted(found["x"].sample) == [1, 2]
    assert sorted(found["v"].sample) == [1, 2, 2, 3, 4, 6]
    assert sorted(found["y"].sample) == [6, 12]


def test_samples_that_do_not_fit():
    model = Model("m", parse("x = Input(shape=(2,))\ny = Relu(x)\nreturn y"), {}).checked()
    with pytest.raises(UsageError, match="takes shape"):
        measure(model, ["y"], np.ones((3, 5)))
