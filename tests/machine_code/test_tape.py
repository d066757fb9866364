"""Kernel calls that are written down and repeated do what the calls themselves do."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from nmc.machine_code import kernel
from nmc.machine_code.tape import called, moved, play

Longs = NDArray[np.int64]


@kernel
def accumulated(x: Longs, factor: int, total: Longs) -> None:
    for i in range(len(x)):
        total[i] += factor * x[i]


def test_calls_and_moves_are_repeated_in_their_order() -> None:
    x, total, first = np.zeros((1, 3), np.int64), np.zeros((1, 3), np.int64), np.array([[100, 200, 300]])
    call = accumulated.prepared()
    written = []
    for factor in (2, 5):
        call(x[0], factor, total[0])
        written.append(call.written())
    given, results = np.arange(12).reshape(4, 3), np.zeros((4, 3), np.int64)
    play(np.concatenate([moved([(total, first), (x, given)]), called(written), moved([(results, total)])]), 4)
    assert np.array_equal(results, first + 7 * given)
    assert np.array_equal(x, given[3:])


def test_nothing_is_written_beyond_what_there_is() -> None:
    with pytest.raises(ValueError, match="one size"):
        moved([(np.zeros((2, 3)), np.zeros((2, 4)))])
    with pytest.raises(ValueError, match="without gaps"):
        moved([(np.zeros((2, 3)), np.zeros((2, 6))[:, ::2])])


def test_an_empty_tape_does_nothing() -> None:
    play(called([]), 5)
