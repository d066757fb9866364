"""Connections that learn do the same on every target."""

from __future__ import annotations

import numpy as np
import pytest

from nmc.report.stdp_window import A_MINUS, A_PLUS, FIRST_WEIGHT, rule, window

DELAYS = (-1000, -20, -10, -5, -2, -1, 1, 2, 5, 10, 20, 1000)
"""Steps of 10 ms from the spike before a synapse to the one behind it: up to ten seconds."""
NEEDS = {"lava": "lava_toolchain", "nengo": "nengo_toolchain"}


@pytest.mark.parametrize(
    ("target", "engine", "tolerance"),
    [
        (None, None, 1e-9), ("loihi-sim", "native", 0.04), ("loihi-sim", "lava", 0.04), ("nengo-sim", "nengo", 1e-9),
        ("cpu", "onnxruntime", 1e-5),
    ],
)  # fmt: skip
def test_the_window_of_stdp(
    target: str | None, engine: str | None, tolerance: float, request: pytest.FixtureRequest
) -> None:
    """Pre-then-post strengthens, post-then-pre weakens, less with more delay, and nothing is left at ten seconds."""
    if engine in NEEDS:
        request.getfixturevalue(NEEDS[engine])
    change = dict(zip(DELAYS, window(DELAYS, target, engine), strict=True))
    for sign, largest in ((1, A_PLUS), (-1, -A_MINUS)):
        sizes = [sign * change[sign * delay] for delay in (1, 2, 5, 10, 20)]
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[0] > sizes[2] > sizes[3] > 0
        assert sign * largest / FIRST_WEIGHT > sizes[0]
        assert abs(change[sign * 1000]) < 1e-6
    np.testing.assert_allclose([change[d] for d in DELAYS], [rule(d) for d in DELAYS], atol=tolerance)
