"""Options of conversion in a sweep: they make points only where something is converted."""

from __future__ import annotations

import nmc
from nmc.sweeps.grid import grid


def test_a_processor_that_converts_nothing_is_one_point() -> None:
    axes = {"charge": (0.0, 0.5), "steps": (4, 8)}
    points = grid(nmc.load("digits-cnn"), ("cpu", "loihi-sim"), axes)
    assert [point.given for point in points if point.target == "cpu"] == [{}]
    assert len([point for point in points if point.target == "loihi-sim"]) == 4


def test_one_that_does_is_a_point_for_each_value() -> None:
    axes = {"form": ("given", "spiking"), "reset": ("zero", "subtract")}
    points = grid(nmc.load("digits-cnn"), ("cpu",), axes)
    assert [point.given for point in points] == [
        {"form": "given"}, {"form": "spiking", "reset": "zero"}, {"form": "spiking", "reset": "subtract"},
    ]
