"""How far what is computed in floats may be off."""

from __future__ import annotations

import numpy as np
import pytest

from nmc.text import parse
from nmc.verification.tolerance import Tolerance, limits_of


def test_only_what_levels_off_may_be_off_by_rounding_of_its_largest_value() -> None:
    """What follows from it by arithmetic is as small as it is: a fault there must not hide below the rounding of 1."""
    graph = parse(
        "x = Input(shape=(2,))\ns = Sigmoid(x)\nr = Reshape(s, shape=(1, 2))\n"
        "f = Linear(s, features=1, weight='w')\nreturn s, r, f"
    )
    expected = {"s": np.full((1, 2), 1e-9), "r": np.full((1, 1, 2), 1e-9), "f": np.full((1, 1), 1e-9)}
    limits = limits_of(graph, Tolerance(1e-4, 3e-6), expected)
    assert limits["s"] == limits["r"] == 3e-6
    assert limits["f"] == pytest.approx(1e-13)
