import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmc.estimates.estimate import Component, Estimate
from nmc.units.interval import SPREAD, Interval, total

numbers = st.floats(0, 1e3, allow_nan=False)
intervals = st.tuples(numbers, numbers, numbers).map(lambda three: Interval(*sorted(three)))
components = st.builds(
    Component,
    st.text(min_size=1),
    st.sampled_from(["idle", "awake", "compute", "io"]),
    st.none() | intervals,
    st.none() | intervals,
    st.sampled_from(list(SPREAD)),
    st.text(min_size=1),
)


def part(name, kind="compute", energy=None, latency=None, grade="silicon"):
    def wrapped(value):
        return None if value is None else Interval.exact(value)

    return Component(name, kind, wrapped(energy), wrapped(latency), grade, "a source")


@given(st.lists(components, max_size=6))
def test_components_sum_to_the_totals(parts):
    estimate = Estimate(tuple(parts))
    assert estimate.energy_j == total(p.energy_j for p in parts if p.energy_j is not None)
    assert estimate.latency_s == total(p.latency_s for p in parts if p.latency_s is not None)


@given(st.lists(components, max_size=6))
def test_a_higher_baseline_counts_less_energy_and_the_same_time(parts):
    estimate = Estimate(tuple(parts))
    dynamic, active = estimate.above("dynamic"), estimate.above("active")
    assert active.energy_j.best <= dynamic.energy_j.best <= estimate.energy_j.best
    assert dynamic.latency_s == active.latency_s == estimate.latency_s


def test_baselines_of_one_run():
    # 100 J idle from boot on, 200 J awake after the first run, 48 J of work
    estimate = Estimate((part("idle", "idle", 100), part("awake", "awake", 200), part("work", "compute", 48)))
    assert estimate.energy_j.best == 348
    assert estimate.above("dynamic").energy_j.best == 248
    assert estimate.above("active").energy_j.best == 48


def test_what_was_left_out_cannot_be_brought_back():
    with pytest.raises(ValueError, match="does not know"):
        Estimate((part("work", energy=1),)).above("active").above("total")


def test_the_grade_is_that_of_the_worst_part_that_matters():
    small = part("small", energy=5, grade="assumed")
    assert Estimate((part("large", energy=95, grade="simulated"), small)).grade == "simulated"
    assert Estimate((part("large", energy=40, grade="simulated"), small)).grade == "assumed"


def test_the_grade_is_that_of_energy_and_latency_together():
    energy, latency = part("power", energy=1), part("call", latency=1, grade="datasheet")
    assert Estimate((energy, latency)).grade == "datasheet"


def test_a_missing_price_makes_it_a_lower_bound():
    assert not Estimate((part("work", energy=1),)).at_least
    assert Estimate((part("work", energy=1),), missing=("barrier energy",)).at_least


def test_goes_to_json():
    estimate = Estimate((part("work", energy=2, latency=3),), missing=("x",), by_node={"d": Interval(1, 2, 3)})
    facts = json.loads(json.dumps(estimate.to_json()))
    assert facts["energy_j"] == {"low": 2, "best": 2, "high": 2}
    assert facts["latency_s"]["best"] == 3
    assert facts["missing"] == ["x"]
    assert facts["components"][0]["name"] == "work"
    assert facts["components"][0]["grade"] == "silicon"
    assert facts["by_node"]["d"] == {"low": 1, "best": 2, "high": 3}
