import pytest

from nmc.chips import load_chip
from nmc.errors import UsageError
from nmc.validation.fit import fit, fitted_chips, with_values


@pytest.mark.parametrize("name", fitted_chips())
def test_the_files_state_what_the_fit_gives(name):
    for one in fit(load_chip(name)):
        assert one.fitted == pytest.approx(one.stated, rel=0.01), one.path


@pytest.mark.parametrize("name", fitted_chips())
def test_the_fit_does_not_depend_on_where_it_starts(name):
    chip = load_chip(name)
    stated = {one.path: one.stated for one in fit(chip)}
    for one in fit(with_values(chip, {path: 2 * value for path, value in stated.items()})):
        assert one.fitted == pytest.approx(stated[one.path], rel=0.02), one.path


def test_values_are_replaced_in_their_own_unit():
    chip = with_values(load_chip("quadro-k4000"), {"modes.default.idle_power": 20, "kernel_launch": 50})
    assert chip.modes["default"].idle_power.interval.best == 20
    assert chip.kernel_launch.base == pytest.approx(50e-6)


def test_nothing_to_fit_to():
    with pytest.raises(UsageError, match="no calibration run is on h100"):
        fit(load_chip("h100"))
