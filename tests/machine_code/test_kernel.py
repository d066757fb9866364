"""Kernels in machine code do what their Python does, are kept on disk, and then run without numba."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from nmc.backends.loihi.native.kernels import events, room_for
from nmc.machine_code import Kernel, kernel
from nmc.machine_code.store import loaded

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]
OFFSET = 3


def plus_offset(x: int) -> int:
    return x + OFFSET


@kernel
def scaled(x: Longs, factor: int, out: Longs) -> None:
    """out = factor x + OFFSET, over two axes."""
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            out[i, j] = plus_offset(x[i, j] * factor)


@kernel
def listed(x: Bytes, index: NDArray[np.int32], count: Longs) -> None:
    count[0] = events(x, index)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("NMC_CACHE", str(tmp_path))
    return tmp_path / "kernels"


def result(run: Kernel[...], x: Longs, factor: int = 2) -> list[list[int]]:
    out = np.zeros_like(x)
    run(x, factor, out)
    return out.tolist()


def test_a_kernel_does_what_its_python_does() -> None:
    assert result(scaled, np.array([[1, 2], [3, 4]])) == [[5, 7], [9, 11]]


@settings(max_examples=30, deadline=None)
@given(arrays(np.uint8, st.integers(0, 200), elements=st.sampled_from([0, 0, 0, 1, 255])))
def test_spikes_are_found_64_at_a_time_and_one_by_one(x: Bytes) -> None:
    index, count = room_for(len(x)), np.zeros(1, np.int64)
    listed(x, index, count)
    assert index[: count[0]].tolist() == np.flatnonzero(x).tolist()
    with np.errstate(over="ignore"):
        assert events(x, room_for(len(x))) == count[0]


def test_a_prepared_call_follows_other_arrays_shapes_and_types() -> None:
    call = scaled.prepared()
    out = np.zeros((2, 2), np.int64)
    for x in (np.ones((2, 2), np.int64), np.full((2, 2), 5), np.full((2, 2), 7, np.int16)):
        call(x, 10, out)
        assert out.tolist() == [[10 * x[0, 0] + 3] * 2] * 2
    wider = np.zeros((1, 3), np.int64)
    call(np.ones((1, 3), np.int64), 1, wider)
    assert wider.tolist() == [[4, 4, 4]]


def test_an_array_with_gaps_is_refused() -> None:
    with pytest.raises(ValueError, match="without gaps"):
        result(scaled, np.zeros((4, 4), np.int64)[:, ::2])


def test_a_kernel_that_cannot_be_compiled_whole_is_refused(cache) -> None:
    def converts(x: Longs) -> None:
        x[0] = int(x[1])

    with pytest.raises(TypeError, match="converts calls what cannot be compiled into it"):
        kernel(converts)(np.zeros(3, np.int64))


def test_machine_code_is_kept_and_runs_without_numba(cache) -> None:
    """Of two processes the first compiles, the second only loads."""
    code = """
import sys
import numpy as np
from nmc.backends.loihi.native.sparse_kernels import by_source
n, long = np.zeros(2, np.int64), np.zeros(3, np.int64)
by_source(long, n.astype(np.int32), n, 0, long, long.copy(), n.copy(), n.copy(), n.copy(), n.copy())
print("numba" in sys.modules)
"""
    said = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)]
    assert [process.stdout.strip() for process in said] == ["True", "False"]
    assert len(list(cache.iterdir())) == 1


def test_damaged_machine_code_is_made_anew(cache) -> None:
    x = np.array([[1]])
    assert result(Kernel(scaled.function), x) == [[5]]
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    for damaged in (b"", whole[:-1], whole[:100] + b"!" + whole[101:]):
        file.write_bytes(damaged)
        assert result(Kernel(scaled.function), x) == [[5]]
        kept = file.read_bytes()
        assert hashlib.sha256(kept[32:]).digest() == kept[:32]


def test_without_a_place_to_keep_it_a_kernel_still_runs(tmp_path, monkeypatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NMC_CACHE", str(tmp_path / "file"))
    assert result(Kernel(scaled.function), np.array([[1]])) == [[5]]


def test_machine_code_follows_the_constants_and_functions_it_was_made_of(cache, monkeypatch) -> None:
    types = (("l", 2), ("l", 2))
    loaded(scaled.function, scaled.is_array, types)
    monkeypatch.setitem(globals(), "OFFSET", 4)
    assert result(Kernel(scaled.function), np.array([[1]])) == [[6]]
    assert len(list(cache.iterdir())) == 2
