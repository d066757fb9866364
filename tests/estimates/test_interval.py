import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmc.units.interval import SPREAD, Interval, largest, total, worst

numbers = st.floats(0, 1e6, allow_nan=False)
intervals = st.tuples(numbers, numbers, numbers).map(lambda three: Interval(*sorted(three)))


def test_bounds_of_a_sum_add_because_the_parts_err_together():
    assert Interval(1, 2, 4) + Interval(10, 20, 40) == Interval(11, 22, 44)


def test_a_quotient_is_low_where_its_divisor_is_high():
    assert Interval(10, 20, 30) / Interval(1, 2, 5) == Interval(2, 10, 30)


def test_scales_from_either_side():
    assert Interval(1, 2, 3) * 2 == 2 * Interval(1, 2, 3) == Interval(2, 4, 6)


def test_the_largest_of_several():
    assert largest(Interval(1, 5, 6), Interval(2, 3, 9)) == Interval(2, 5, 9)


def test_above_another():
    assert Interval(30, 80, 100).above(Interval(20, 30, 40)) == Interval(10, 50, 60)
    assert Interval(1, 2, 3).above(Interval(4, 5, 6)) == Interval.exact(0)


def test_contains_its_values():
    assert 2 in Interval(1, 2, 3)
    assert 3.1 not in Interval(1, 2, 3)


@pytest.mark.parametrize("bounds", [(2, 1, 3), (1, 4, 3), (-1, 0, 1), (0, 1, math.inf), (math.nan, 1, 2)])
def test_refuses_bounds_out_of_order(bounds):
    with pytest.raises(ValueError, match="low <= best <= high"):
        Interval(*bounds)


def test_worse_grades_spread_wider():
    spreads = [SPREAD[grade] for grade in ("silicon", "simulated", "datasheet", "extrapolated", "assumed")]
    assert spreads == sorted(set(spreads))
    assert Interval.graded(8.0, "assumed") == Interval(2.0, 8.0, 32.0)


def test_the_worst_grade():
    assert worst("silicon", "extrapolated", "datasheet") == "extrapolated"


@given(st.lists(intervals), intervals)
def test_a_sum_never_shrinks_when_a_part_is_added(parts, extra):
    less, more = total(parts), total([*parts, extra])
    assert less.low <= more.low
    assert less.best <= more.best
    assert less.high <= more.high


@given(intervals, intervals)
def test_products_keep_their_order(first, second):
    product = first * second
    assert product.low <= product.best <= product.high
