"""Sums that the emulator keeps in 16 bits, sparse synapses, and spikes fed in 8 bits: nothing is lost by any of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nmc import reference
from nmc.backends.loihi.native import Emulator
from nmc.backends.loihi.native.accumulators import largest_sum, narrow_exponent
from nmc.model import Model
from nmc.text import parse

NEURON = "FixedLIF(s@1, du=4095, dv=410, vth=100)"


def rows(matrix: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """A matrix as FixedSparse holds it."""
    row, column = np.nonzero(matrix)
    starts = np.searchsorted(row, np.arange(len(matrix) + 1))
    return {"w": matrix[row, column], "c": column, "p": starts}


def sparse(matrix: NDArray[np.int64], bits: int = 0, neuron: str = NEURON) -> Model:
    """x -> FixedSparse -> FixedLIF."""
    arrays = rows(matrix)
    graph = parse(f"""
dt = 0.001
x = Input(shape=({matrix.shape[1]},), stream=True)
s = FixedSparse(x, features={len(matrix)}, synapses={len(arrays["w"])}, weight='w', column='c', row_start='p', num_message_bits={bits})
n = {neuron}
return n
""")  # noqa: E501
    return Model("m", graph, arrays).checked()


def dense(matrix: NDArray[np.int64], shift: int = 0) -> Model:
    """x -> FixedDense -> FixedLIF."""
    graph = parse(f"""
dt = 0.001
x = Input(shape=({matrix.shape[1]},), stream=True)
s = FixedDense(x, features={len(matrix)}, weight='w', weight_exp={shift})
n = {NEURON}
return n
""")
    return Model("m", graph, {"w": matrix}).checked()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 8]), st.sampled_from([2, 254, 2**15]))
def test_sparse_synapses_mean_what_the_reference_says(seed: int, bits: int, largest: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-largest, largest, (7, 9)) * (rng.random((7, 9)) < 0.5)
    matrix[0, 0] = 1
    model, x = sparse(matrix, bits), rng.integers(-3, 4, (2, 6, 9)).astype(np.int32)
    shown = Emulator(model, 2).advance({"x": x}, 6, ("s", "n"))
    meant = reference.run(model, x.astype(np.float64), record=("s", "n"))
    assert all(np.array_equal(shown[name], meant[name]) for name in ("s", "n"))


def test_sums_at_the_edge_of_16_bits_are_exact() -> None:
    """128 odd weights of 255 and one of 127 sum to 32,767, which 16 bits just hold; one more, and they do not."""
    for last, fits in ((127, True), (129, False)):
        matrix = np.full((2, 129), 255)
        matrix[:, 128] = last
        matrix[1] = -matrix[1]
        x = np.ones((1, 2, 129), np.uint8)
        for model in (dense(matrix), sparse(matrix)):
            shown = Emulator(model, 1).advance({"x": x}, 2, ("s",))["s"]
            assert shown[0, 0].tolist() == [128 * 255 + last, -128 * 255 - last]
        assert (narrow_exponent(largest_sum(matrix.T), 0, 18) == 0) == fits


@pytest.mark.parametrize("shift", [-3, 0, 4, 8])
def test_exponents_move_sums_out_of_16_bits_and_back(shift: int) -> None:
    matrix = np.array([[100, -100, 50], [127, 126, -128]])
    model = dense(matrix, shift)
    x = np.array([[[1, 1, 1], [1, 0, 1], [0, 1, 0]]], np.uint8)
    meant = reference.run(model, x.astype(np.float64), record=("s", "n"))
    shown = Emulator(model, 1).advance({"x": x}, 3, ("s", "n"))
    assert all(np.array_equal(shown[name], meant[name]) for name in ("s", "n"))


def test_more_targets_than_16_bits_count() -> None:
    """The last of 70,000 targets has one synapse, from input 1."""
    graph = parse("""
dt = 0.001
x = Input(shape=(2,), stream=True)
s = FixedSparse(x, features=70000, synapses=1, weight='w', column='c', row_start='p')
return s
""")
    starts = np.zeros(70_001, np.int64)
    starts[-1] = 1
    model = Model("m", graph, {"w": np.array([6]), "c": np.array([1]), "p": starts}).checked()
    shown = Emulator(model, 1).advance({"x": np.array([[[0, 1]]], np.uint8)}, 1, ("s",))["s"]
    assert np.flatnonzero(shown).tolist() == [69_999]
    assert shown[0, 0, -1] == 6


def test_windows_may_be_fed_in_8_bits_and_in_32_by_turns() -> None:
    """A delayed read still sees -5 and 300 of the window before, whatever that one was fed in."""
    graph = parse("""
dt = 0.001
x = Input(shape=(2,), stream=True)
s = FixedDense(x@1, features=2, weight='w', num_message_bits=16)
return s
""")
    chip = Emulator(Model("m", graph, {"w": np.eye(2)}).checked(), 1)
    fed = [np.array([[[-5, 300]]], np.int32), np.ones((1, 1, 2), np.uint8), np.array([[[7, -7]]], np.int32)]
    shown = [chip.advance({"x": x}, 1, ("s",))["s"].ravel().tolist() for x in (*fed, fed[1])]
    assert shown == [[0, 0], [-5, 300], [1, 1], [7, -7]]
