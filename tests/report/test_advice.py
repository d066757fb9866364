"""Where a model should run, on points made by hand. The float score of all is 98 %."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from nmc.report.advice import advise, energy, front, keeps_score, latency, surely_cheaper
from nmc.sweeps.result import PointResult
from strategies.results import point

CHEAP_AND_WRONG = point("loihi-sim", 0.90, 1e-6)
CHEAP = point("tpu-sim", 0.975, 1e-4, grade="silicon")
RIVAL = point("gpu-sim", 0.98, 1.2e-4)
DEAR = point("cpu", 0.98, 1e-1)


def test_the_choice_is_the_cheapest_that_keeps_the_score() -> None:
    """Alternatives are the best of the other targets; the rival's interval (0.6e-4 to 2.4e-4) reaches below 1e-4."""
    worse = point("tpu-sim", 0.98, 2e-4)
    advice = advise([DEAR, worse, CHEAP_AND_WRONG, RIVAL, CHEAP])
    assert advice.choice is CHEAP
    assert advice.alternatives == (RIVAL, DEAR)
    assert advice.rivals == (RIVAL,)
    assert advice.complete is None


def test_a_lower_bound_may_be_chosen_but_is_never_surely_cheaper() -> None:
    bound = point("loihi-sim", 0.98, 1e-9, missing=("energy of barriers",))
    advice = advise([CHEAP, bound, DEAR])
    assert advice.choice is bound
    assert advice.complete is CHEAP
    assert advice.rivals == (CHEAP, DEAR)
    assert not surely_cheaper(bound, DEAR)
    assert surely_cheaper(CHEAP, DEAR)


def test_without_a_point_that_keeps_the_score_the_closest_is_named() -> None:
    advice = advise([CHEAP_AND_WRONG, point("cpu", 0.95, 1.0)])
    assert advice.choice is None
    assert advice.closest is not None
    assert advice.closest.target == "cpu"
    assert advise([]).closest is None


def test_within_a_point_means_the_edge_too() -> None:
    assert keeps_score(point("cpu", 0.97, 1.0))
    assert not keeps_score(point("cpu", 0.9699, 1.0))
    assert not keeps_score(point("cpu", None, 1.0))


def test_of_an_error_less_is_better() -> None:
    """1 % above the float error of 0.5 is 0.505."""
    good, bad = (
        point("cpu", score, cost, metric="mean-squared-error", reference_score=0.5)
        for score, cost in ((0.505, 2.0), (0.51, 1.0))
    )
    assert advise([bad, good]).choice is good
    assert front([bad, good, point("cpu", 0.6, 3.0, metric="mean-squared-error")], energy) == (bad, good)


def test_energies_above_different_baselines_are_not_compared() -> None:
    assert CHEAP.cost is not None
    other = replace(CHEAP, key="other", cost=replace(CHEAP.cost, baseline="dynamic"))
    advice = advise([DEAR, RIVAL, other])
    assert advice.baseline == "total"
    assert advice.choice is RIVAL


def test_points_without_a_price_or_score_are_left_out() -> None:
    free = replace(CHEAP, cost=None)
    assert front([free, point("cpu", None, 1.0)], energy) == ()
    assert advise([free]).choice is None


def test_of_equals_the_surer_is_chosen_and_all_are_on_the_front() -> None:
    guessed, measured = point("loihi2-sim", 0.98, 1.0, grade="assumed"), point("loihi-sim", 0.98, 1.0, grade="silicon")
    assert advise([guessed, measured]).choice is measured
    assert {p.target for p in front([guessed, measured], energy)} == {"loihi-sim", "loihi2-sim"}


POINTS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(1, 6), st.integers(1, 6)).map(
        lambda t: point("cpu", t[0] / 10, float(t[1]), float(t[2]))
    ),
    max_size=12,
)


@given(POINTS)
def test_the_front_is_what_no_point_beats(points: list[PointResult]) -> None:
    """Held against the definition, pair by pair."""
    for price in (energy, latency):
        beaten = [
            p for p in points
            if any(
                (price(q).best <= price(p).best and q.score >= p.score)  # type: ignore[operator]
                and (price(q).best, q.score) != (price(p).best, p.score)
                for q in points
            )
        ]  # fmt: skip
        kept = front(points, price)
        assert sorted(map(id, kept)) == sorted(id(p) for p in points if not any(p is b for b in beaten))
        assert [price(p).best for p in kept] == sorted(price(p).best for p in kept)
