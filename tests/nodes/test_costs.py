"""What each kind of node asks of a chip that runs kernels."""

from __future__ import annotations

import pytest

from nmc.estimates.workload import workload
from nmc.graph import Node
from nmc.nodes import FAMILIES
from nmc.text import parse

KINDS = [kind for family, kinds in FAMILIES.items() if family != "fixed-point" for kind in kinds]
"""Fixed-point kinds run on chips that are priced by their events."""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_says_what_it_costs(kind: type[Node]) -> None:
    """In one way: none for a view or a move, so much for each element, or of its own."""
    ways = [kind.view, kind.moves, hasattr(kind, "per_element"), kind.operations is not Node.operations]
    assert ways.count(True) == 1, "give it view, moves or per_element, or its own operations"


def operations(text: str, **settings: int) -> dict[str, float]:
    return {kernel.name: kernel.operations for kernel in workload(parse(text), **settings).kernels}


@pytest.mark.parametrize("mean", [
    "GlobalAvgPool(x)", "AvgPool2d(x, kernel=(4, 4))", "ReduceMean(x, axes=(1, 2))"
])  # fmt: skip
def test_one_mean_has_one_price_however_it_is_written(mean: str) -> None:
    """8 channels of 4 x 4: every element is added once."""
    assert operations(f"x = Input(shape=(8, 4, 4))\ny = {mean}\nreturn y\n") == {"y": 128}


def test_the_batch_counts() -> None:
    text = "x = Input(shape=(8, 4, 4))\ny = GlobalAvgPool(x)\nreturn y\n"
    assert operations(text, batch=3) == {"y": 3 * 128}


def test_sums_count_their_terms() -> None:
    text = """
x = Input(shape=(6,))
a = Relu(x)
b = Add(x, a, x)
c = Maximum(x, a)
return b, c
"""
    assert operations(text) == {"a": 6, "b": 2 * 6, "c": 6}
