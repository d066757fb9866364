"""What a node reads, added up in the native emulator: any number of reads, in any layout, of any age."""

from __future__ import annotations

import numpy as np
import pytest
from oracles.one_by_one import assert_repeats

from nmc import reference
from nmc.backends.loihi.native import Emulator
from nmc.backends.loihi.native.plan import Plan
from nmc.model import Array, Model
from nmc.nodes import KINDS, fixed_point
from nmc.text import parse

STEPS, CHANNELS, SIDE = 6, 16, 2
N = CHANNELS * SIDE * SIDE
IMAGE = f"({CHANNELS}, {SIDE}, {SIDE})"
ROWS = "features=5, weight='own'"
SPARSE_ROWS = "features=5, synapses=40, weight='kept', column='column', row_start='row_start'"
SUMMING = {
    "FixedLIF": "du=300, dv=410, vth=300, bias_mant='bias', initial='bias'",
    "FixedLIF without current": "du=4095, dv=4096, vth=300, bias_mant='bias', reset_interval=4",
    "FixedLIF of voltage": "du=4095, dv=100, vth=300, emits='voltage'",
    "FixedTernaryLIF": "du=100, dv=100, vth_hi=200, vth_lo=-100, bias_mant='bias'",
    "FixedCompartments": "decay_u=100, decay_v=100, vth='vth', bias='bias', vmin=-900, refractory=2",
    "FixedCompartments without rest": "decay_u=4094, decay_v=100, vth='vth', vmin=-900",
    "FixedResonator": "sin_decay=300, cos_decay=3900, decay_bits=12, vth=100",
    "FixedDelta": "vth=10", "FixedSigma": "", "FixedSigmaDelta": "vth=10, bias='bias'", "FixedGraded": "vth=10",
    "FixedProduct": "vth=10", "FixedNormDelay": "vth=10",
    "FixedDense": ROWS, "FixedDelayDense": f"{ROWS}, delay='late', longest=3",
    "FixedSparse": SPARSE_ROWS, "FixedDelaySparse": f"{SPARSE_ROWS}, delay='kept_late', longest=3",
    "FixedConv2d": "channels=3, kernel=(2, 2), weight='taps', padding=(1, 0, 0, 1)",
}  # fmt: skip
"""Facts of every kind that adds up what it reads, or, of two operands, reads both."""
FLAT = ("FixedDense", "FixedSparse", "FixedDelayDense", "FixedDelaySparse")


def network(rng: np.random.Generator, kind: str, reads: int) -> tuple[str, dict[str, Array]]:
    """A node of a kind that reads convolutions, matrices, a bias, spikes and numbers from outside, and itself.

    There are so many reads, or the nearest number that the kind takes.
    """
    name = kind.split(" ")[0]
    least, most = KINDS[name].operands
    flat = name in FLAT or (name != "FixedConv2d" and rng.random() < 0.4)
    shape = f"({N},)" if flat else IMAGE
    lines, arrays, found = [], facts_of_own(rng, flat), []
    sources = ["c", "d", "b", "x", "s"] + ["n"] * (KINDS[name].sums and name not in (*FLAT, "FixedConv2d"))
    for i in range(max(least, min(reads, most or reads))):
        match source := rng.choice(sources):
            case "c":
                arrays[f"w{i}"] = rng.integers(-20, 20, (CHANNELS, CHANNELS, 3, 3))
                lines.append(f"c{i} = FixedConv2d({rng.choice(['x', 's'])}, channels={CHANNELS}, kernel=(3, 3), "
                             f"padding=(1, 1, 1, 1), weight='w{i}')")
            case "d":
                arrays[f"w{i}"] = rng.integers(-100, 100, (N, N)) * (rng.random((N, N)) < 0.2)
                lines.append(f"d{i} = FixedDense(sf@{rng.integers(3)}, features={N}, weight='w{i}', "
                             f"weight_exp={rng.integers(-3, 4)})")
            case "b":
                arrays[f"w{i}"] = rng.integers(-100, 100, (N, 1))
                lines.append(f"b{i} = FixedDense(on, features={N}, weight='w{i}')")
        read = source if source in ("n", "x", "s") else f"{source}{i}"
        if source != "n":
            lines.append(f"r{i} = Reshape({read}, shape={shape})")
            read = f"r{i}"
        found.append(f"{read}@{rng.integers(source == 'n', 4)}")
    lines.append(f"n = {name}({', '.join(found)}, {SUMMING[kind]})")
    return "\n".join(lines), arrays


def facts_of_own(rng: np.random.Generator, flat: bool) -> dict[str, Array]:
    """The arrays of the node itself."""
    shape = (N,) if flat else (CHANNELS, SIDE, SIDE)
    return {
        "bias": rng.integers(-400, 400, shape), "vth": rng.integers(0, 400, shape),
        "own": rng.integers(-99, 99, (5, N)), "late": rng.integers(0, 4, (5, N)),
        "kept": rng.integers(-99, 99, 40), "kept_late": rng.integers(0, 4, 40),
        "column": np.tile(np.sort(rng.choice(N, 8, replace=False)), 5), "row_start": np.arange(0, 41, 8),
        "taps": rng.integers(-20, 20, (3, CHANNELS, 2, 2)),
    }  # fmt: skip


def test_every_kind_is_tried() -> None:
    """But synapses that learn, whose reads are two populations."""
    kinds = {kind.__name__ for kind in fixed_point.KINDS} - {"FixedPlasticDense"}
    assert kinds == {kind.split(" ")[0] for kind in SUMMING}


@pytest.mark.parametrize("kind", SUMMING)
def test_any_number_of_reads_adds_up(kind: str) -> None:
    """One window, step by step, and one sample after another: all as the reference has it."""
    for reads in range(1, 13):
        rng = np.random.default_rng(reads)
        text, arrays = network(rng, kind, reads)
        graph = parse(
            f"dt = 0.001\nx = Input(shape={IMAGE}, stream=True)\ns = Threshold(x, threshold=0.5)\nsf = Flatten(s)\n"
            f"one = Constant(value='one', shape=(1,))\non = ConstantCurrent(one)\n{text}\nreturn n"
        )
        used = {array for node in graph for array in node.arrays(*graph.operand_shapes(node))}
        model = Model("m", graph, {array: {"one": np.ones(1), **arrays}[array] for array in used}, STEPS).checked()
        x = rng.integers(-3, 4, (2, STEPS, CHANNELS, SIDE, SIDE)) * (rng.random((2, STEPS, 1, SIDE, SIDE)) < 0.5)
        plan = Plan.of(model)
        names = [name for name in plan.computed if graph[name].kind.startswith("Fixed")]
        meant = reference.run(model, x.astype(np.float64), record={*names, *plan.fed})
        feeds = {name: meant[name].astype(np.int32) for name in plan.fed}
        whole = Emulator.of(plan, 2).advance(feeds, STEPS, names)
        chip = Emulator.of(plan, 2)
        parts = [chip.advance({f: v[:, t : t + 1] for f, v in feeds.items()}, 1, names) for t in range(STEPS)]
        for name in names:
            assert np.array_equal(whole[name], meant[name]), f"{name}\n{graph}"
            assert np.array_equal(np.concatenate([part[name] for part in parts], axis=1), meant[name]), f"{graph}"
        assert_repeats(plan, feeds, STEPS, names)
