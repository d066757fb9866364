"""Time constants and times, written out per step; the numbers are worked out by hand."""

from __future__ import annotations

from math import exp

import pytest

from nmc.frontends.timed import in_steps

MS = 1e-3


def test_exact() -> None:
    """dt/tau = 0.1: decay exp(-0.1) = 0.904837, gain 2 (1 - 0.904837) = 0.190325."""
    facts, faults = in_steps("LIF", {"tau": "10 ms", "integrator": "exact", "r": 2, "threshold": 1.0}, MS)
    assert faults == []
    assert facts["decay"] == pytest.approx(0.904837, abs=1e-6)
    assert facts["gain"] == pytest.approx(0.190325, abs=1e-6)
    assert facts["threshold"] == 1.0
    assert facts.keys() == {"decay", "gain", "threshold"}


def test_euler() -> None:
    """dt/tau = 0.1: decay 1 - 0.1 = 0.9, gain 2 x 0.1 = 0.2."""
    facts, _ = in_steps("LI", {"tau": "10 ms", "integrator": "euler", "r": 2}, MS)
    assert facts == {"decay": pytest.approx(0.9), "gain": pytest.approx(0.2)}


def test_euler_with_tau_of_one_step_forgets_everything() -> None:
    facts, faults = in_steps("LIF", {"tau": "1 ms", "integrator": "euler"}, MS)
    assert faults == [] and facts == {"decay": 0.0, "gain": 1.0}


def test_a_given_gain_stands() -> None:
    """As in snnTorch, whose input enters whole: v' = exp(-dt/tau) v + x."""
    facts, faults = in_steps("LIF", {"tau": "10 ms", "integrator": "exact", "gain": 1.0}, MS)
    assert faults == [] and facts == {"decay": exp(-0.1), "gain": 1.0}


def test_membrane_and_synapse() -> None:
    """dt/tau_mem = 0.1, dt/tau_syn = 0.2, w_in = 5: current_gain 5 x 0.2 = 1."""
    facts, faults = in_steps(
        "CubaLIF", {"tau_mem": "10 ms", "tau_syn": "5 ms", "integrator": "euler", "r": 3, "w_in": 5}, MS
    )
    assert faults == []
    assert facts == {
        "decay": pytest.approx(0.9),
        "gain": pytest.approx(0.3),
        "current_decay": pytest.approx(0.8),
        "current_gain": pytest.approx(1.0),
    }


def test_membrane_as_time_and_synapse_per_step() -> None:
    facts, faults = in_steps("CubaLIF", {"tau_mem": "10 ms", "integrator": "euler", "current_decay": 0.5}, MS)
    assert faults == []
    assert facts == {"decay": pytest.approx(0.9), "gain": pytest.approx(0.1), "current_decay": 0.5}


@pytest.mark.parametrize(
    ("kind", "fact", "value", "steps"),
    [
        ("LIF", "refractory", "2 ms", 2),
        ("IF", "refractory", "0 ms", 0),
        ("CubaLIF", "refractory", 3, 3),
        ("Delay", "steps", "0.3 s", 300),
        ("LatencyEncode", "window", "16 ms", 16),
    ],
)
def test_counts_of_steps_may_be_times(kind: str, fact: str, value: object, steps: int) -> None:
    facts, faults = in_steps(kind, {fact: value, "decay": 0.5, "current_decay": 0.5}, MS)
    assert faults == [] and facts[fact] == steps


def test_rounding_of_floats_does_not_make_a_fraction() -> None:
    """0.3 ms / 0.1 ms is 2.9999999999999996 in doubles."""
    assert in_steps("Delay", {"steps": "0.3 ms"}, 1e-4) == ({"steps": 3}, [])


def test_a_fraction_of_a_step_is_told() -> None:
    _, (fault,) = in_steps("Delay", {"steps": "0.25 ms"}, 1e-4)
    assert fault.fact == "steps"
    assert "not a whole number of steps of 0.0001 s" in fault.what
    assert fault.remedy is not None and "2 or 3" in fault.remedy
