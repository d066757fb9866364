"""The reference equals Lava's own process models, bit for bit, on random networks."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance import networks
from conformance.oracle import differences, lava_traces, reference_trace

KINDS = {
    "dense": (networks.dense_network, 300),
    "direct": (networks.direct_network, 120),
    "graded": (networks.graded_network, 300),
    "convolutional": (networks.convolutional_network, 120),
}


@pytest.mark.parametrize("kind", KINDS)
def test_reference_equals_lava(kind: str, tmp_path: Path, lava_toolchain: None) -> None:
    make, count = KINDS[kind]
    cases = [make(seed) for seed in range(count)]
    wrong = []
    for case, expected in zip(cases, lava_traces(cases, tmp_path), strict=True):
        if difference := differences(case, reference_trace, expected):
            wrong.append(difference)
    assert not wrong, f"{len(wrong)} of {count} networks differ; the first:\n{wrong[0]}"
