import re

import pytest

from nmc.chips import chip_names, load_chip
from nmc.chips.chip import ManycoreChip, quantities
from nmc.chips.schema import parse_chip
from nmc.errors import UsageError
from nmc.units.quantity import UNITS, Quantity

MINE = """\
name: mine
kind: cpu
title: My machine
busy_power: {value: 12, unit: W, source: a meter at the wall, grade: silicon}
"""


def faults(text):
    with pytest.raises(UsageError) as caught:
        parse_chip(text, "mine.yaml")
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize("name", chip_names())
def test_every_chip_loads_and_every_number_says_where_it_is_from(name):
    chip = load_chip(name)
    assert chip.name == name
    numbers = dict(quantities(chip))
    assert numbers
    for quantity in numbers.values():
        assert quantity.unit in UNITS
        assert len(quantity.source) > 10
        assert quantity.interval.low <= quantity.interval.best <= quantity.interval.high


@pytest.mark.parametrize("name", chip_names())
def test_recalled_and_assumed_numbers_have_the_lowest_grade(name):
    for quantity in dict(quantities(load_chip(name))).values():
        if re.search("recalled|assumed", quantity.source):
            assert quantity.grade == "assumed"


def test_the_price_profiles_of_loihi_are_kept_apart():
    chip = load_chip("loihi1")
    assert isinstance(chip, ManycoreChip)
    davies = dict(quantities(chip.prices["davies2018"]))
    sanafe = dict(quantities(chip.prices["sanafe"]))
    assert all("Davies" in quantity.source for quantity in davies.values())
    assert all("SANA-FE" in quantity.source for quantity in sanafe.values())
    assert {quantity.grade for quantity in davies.values()} == {"simulated"}


def test_static_power_of_loihi_spans_what_boards_measured():
    chip = load_chip("loihi1")
    power = chip.idle_power.interval + chip.awake_power.interval
    assert power.best == pytest.approx(0.0961)
    # the mean power of runs of Blouw et al. 2019, NxTF (660 uJ in 6.65 ms) and Imam and Cleland (430 uJ in 2.75 ms)
    for measured in (0.1075, 0.1102, 0.1100, 0.1173, 660e-6 / 6.65e-3, 430e-6 / 2.75e-3):
        assert measured in power


def test_a_chip_of_the_users_own(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(MINE)
    assert load_chip(str(path)).busy_power.base == 12


def test_numbers_become_base_units():
    power = Quantity(value=96.2, unit="mW", source="a log", grade="silicon", low=90)
    assert power.base == pytest.approx(0.0962)
    assert power.interval.low == pytest.approx(0.090)
    assert power.interval.high == pytest.approx(0.0962 * 1.25)
    assert str(power) == "96.2 mW"


def test_an_unknown_fact_is_refused_with_its_line():
    assert faults(MINE + "colour: red\n")[0].startswith("mine.yaml:5: colour is not a fact that is known here")


def test_an_unknown_unit_is_refused_with_its_line():
    assert faults(MINE.replace("unit: W", "unit: watts"))[0].startswith(
        "mine.yaml:4: busy_power: 'watts' is not a unit; the units are J, mJ"
    )


def test_a_unit_of_something_else_is_refused():
    assert "busy_power: takes a power, in W, mW, uW, got the unit 'J'" in faults(MINE.replace("unit: W", "unit: J"))[0]


def test_a_number_without_a_source_is_refused():
    assert "busy_power.source is missing" in faults(MINE.replace("source: a meter at the wall, ", ""))[0]


def test_an_unknown_grade_is_refused():
    assert "busy_power.grade" in faults(MINE.replace("grade: silicon", "grade: certain"))[0]


def test_bounds_out_of_order_are_refused():
    assert "low <= value <= high" in faults(MINE.replace("value: 12,", "value: 12, high: 3,"))[0]


@pytest.mark.parametrize("value", [".inf", ".nan", "-1"])
def test_numbers_that_are_no_amount_are_refused(value):
    assert "low <= value <= high" in faults(MINE.replace("value: 12", f"value: {value}"))[0]


def test_a_number_as_text_is_refused():
    assert "busy_power.value" in faults(MINE.replace("value: 12", "value: '12'"))[0]


def test_all_faults_are_told_at_once():
    assert len(faults(MINE.replace("unit: W", "unit: J") + "colour: red\nshape: round\n")) == 3


@pytest.mark.parametrize("text", ["", "- a list", "kind: toaster", "kind: [cpu]"])
def test_what_is_no_chip(text):
    assert "the kinds are cpu, gpu, systolic, manycore" in faults(text)[0]


def test_broken_yaml_is_refused_with_its_line():
    assert faults(MINE + "a: [1, 2\n")[0].startswith("mine.yaml:6: this is not YAML")


def test_an_unknown_chip_is_answered_with_near_names():
    with pytest.raises(UsageError, match="'loihi' is not a chip"):
        load_chip("loihi")
    with pytest.raises(UsageError, match="did you mean"):
        load_chip("loihi-1")
    with pytest.raises(UsageError, match="there is no chip file"):
        load_chip("nowhere/chip.yaml")
