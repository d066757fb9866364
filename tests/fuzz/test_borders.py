"""Damaged files are read, or refused in words: a short run of `borders.py`, which goes on for as long as one likes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from fuzz import borders, samples


def found(seed: int, numbers: Iterator[int]) -> tuple[list[str], Counter[str]]:
    """What crashes among some cases of a seed, and all outcomes."""
    borders.warm_up()
    counts: Counter[str] = Counter()
    crashes = borders.crashes(seed, numbers, counts)
    return [f"case {number} of seed {seed}: {detail}" for number, _, _, detail in crashes], counts


def test_damaged_files_are_read_or_refused() -> None:
    crashes, counts = found(0, iter(range(40)))
    assert not crashes
    assert sum(counts.values()) == 40


@pytest.mark.slow
def test_damaged_files_for_ten_minutes() -> None:
    crashes, counts = found(1, borders.until(time.monotonic() + 600))
    assert not crashes
    assert all(counts[f"{kind} refused"] for kind in borders.FILES)


@pytest.mark.parametrize("kind", borders.FILES)
def test_sound_files_are_read(kind: str) -> None:
    """Without damage there is nothing to refuse, so that damage is what the fuzzer tries."""
    assert borders.outcome(kind, samples.files(kind)[0]) == borders.Outcome("read")


def test_a_case_is_always_the_same_file() -> None:
    assert borders.case(3, 14) == borders.case(3, 14)
    assert borders.case(3, 14) != borders.case(4, 14)
