"""Quantities as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmc.units.parse import UNITS, Quantity, UnitError, energy_j, quantity, step_s, time_s, written


@pytest.mark.parametrize(
    ("text", "value", "dimension"),
    [
        ("10 ms", 0.01, "time"),
        ("10ms", 0.01, "time"),
        ("  1.5e1 us ", 15e-6, "time"),
        ("0.1 ms", 1e-4, "time"),
        ("3 µs", 3e-6, "time"),
        ("50 uJ", 50e-6, "energy"),
        (".5 nJ", 0.5e-9, "energy"),
        ("1 kHz", 1000.0, "frequency"),
        ("-70 mV", -0.07, "voltage"),
    ],
)
def test_a_number_and_a_unit(text: str, value: float, dimension: str) -> None:
    """Exactly, as if the decimal places had been written out."""
    assert quantity(text) == Quantity(value, dimension)


@pytest.mark.parametrize(
    "text", ["10", "ms", "10 Ms", "10 m s", "1_0 ms", "0x10 ms", "ten ms", "1e9999 s", "", "\u0661 ms", 10]
)
def test_what_is_no_quantity(text: object) -> None:
    assert quantity(text) is None


@pytest.mark.parametrize(
    ("value", "says", "remedy"),
    [
        ("10 mV", "tau takes a time, got '10 mV', which is a voltage", "'10 ms'"),
        (10, "tau takes a time, got 10 without a unit", "as in '10 ms'"),
        ("10 sec", "got '10 sec'", "did you mean"),
        ("0 ms", "got '0 ms'", "positive"),
        ("-1 ms", "got '-1 ms'", "positive"),
        (None, "got None", "a number and a unit"),
    ],
)
def test_a_value_of_another_dimension_is_told(value: object, says: str, remedy: str) -> None:
    with pytest.raises(UnitError) as caught:
        time_s(value, "tau")
    assert says in str(caught.value)
    assert remedy in caught.value.remedy


def test_a_time_step_may_be_a_rate() -> None:
    assert step_s("1 kHz") == 0.001
    assert step_s("2 ms") == 0.002
    with pytest.raises(UnitError, match="dt takes a time"):
        step_s("2 mJ")


def test_energy() -> None:
    assert energy_j("50 uJ") == 50e-6
    with pytest.raises(UnitError, match="an energy, got '50 us', which is a time"):
        energy_j("50 us")


@given(st.floats(min_value=1e-300, max_value=1e300), st.sampled_from(["time", "energy"]))
def test_what_is_written_reads_back_exactly(value: float, dimension: str) -> None:
    assert quantity(written(value, dimension)) == Quantity(value, dimension)


def test_round_values_are_written_short() -> None:
    assert written(0.001, "time") == "1 ms"
    assert written(50e-6, "energy") == "50 uJ"
    assert written(2.0, "time") == "2 s"


def test_every_unit_has_one_meaning() -> None:
    units = [unit for table in UNITS.values() for unit in table]
    assert len(units) == len(set(units))
