"""Random whole models on every target of neurons: engines against one another and the reference, bit for bit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import pytest

from conformance import whole_models as whole
from conformance.nengo_cases import Case, difference, nengo_results, spikes
from conformance.test_nengo_loihi import ask
from nmc.backends.nengo.lowering import lower as lower_to_nengo
from nmc.backends.nengo_loihi.lowering import lower as lower_to_nengo_loihi
from nmc.chips import load_chip
from nmc.chips.chip import ManycoreChip
from nmc.errors import UnsupportedError
from nmc.model import Model
from strategies.seed import model_seed, seed_line
from strategies.whole_models import Drawn, drawn

LOIHI = cast(ManycoreChip, load_chip("loihi1"))
FEW, ALL, PART = 200, 5000, 25
"""How many models `make test` and `make test-full` draw, and how many a test takes."""
LIVELY = 0.6
"""The share of models in which every population must put out something."""
LEAST = {"loihi-sim": 0.35, "loihi2-sim": 0.35, "nengo-loihi-sim": 0.25, "nengo-sim": 0.7}
"""The share of models that must compile on each target, in any part: far fewer than do, but enough to compare."""
VENDORS = {"lava": (40, 1000), "nengo-loihi": (30, 1000), "nengo": (60, ALL)}
"""How many models each vendor's own simulator gets in `make test`, and in `make test-full`."""


def parts(count: int, size: int = PART) -> list[object]:
    """The first numbers of parts of `count` models; all but the first `FEW` are slow."""
    return [pytest.param(n, marks=[pytest.mark.slow] if n >= FEW else []) for n in range(0, count, size)]


def cases(numbers: Iterable[int]) -> list[Drawn]:
    return [drawn(model_seed(), number) for number in numbers]


@pytest.mark.parametrize("first", parts(ALL))
def test_every_way_to_run_the_native_engine_equals_the_reference(first: int) -> None:
    """Spikes, voltages and currents at every step, results, and counts of events."""
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for case in cases(range(first, first + PART)):
        done: list[Model] = []
        for target in whole.INTEGER_TARGETS:
            found = whole.compiled(case, target)
            counts[target] += found is not None
            if found is None or any(whole.same(found.executed, other) for other in done):
                continue
            done.append(found.executed)
            meant = whole.Meant.of(found.executed, case.x)
            counts["run"] += 1
            counts["lively"] += meant.lively
            wrong += [f"{target}: {said}\n{case.said}" for said in whole.differences(case, found.executed, meant)]
    assert not wrong, f"{seed_line()}\n{len(wrong)} differences; the first:\n{wrong[0]}"
    assert all(counts[target] >= LEAST[target] * PART for target in whole.INTEGER_TARGETS), counts
    assert counts["lively"] >= LIVELY * counts["run"], counts


def vendor_parts(vendor: str) -> list[object]:
    """Parts of the models that a vendor's simulator gets, as numbers of models: the first one is not slow."""
    few, count = VENDORS[vendor]
    slow = [range(n, min(n + 100, count)) for n in range(few, count, 100)]
    return [pytest.param(part, marks=[pytest.mark.slow] if part.start else []) for part in (range(few), *slow)]


@pytest.mark.parametrize("numbers", vendor_parts("lava"))
def test_lavas_models_do_what_the_reference_says(numbers: range, tmp_path: Path, lava_toolchain: None) -> None:
    """Every spike, current and voltage at every step."""
    wrong = whole.lava_differences(cases(numbers), tmp_path)
    assert not wrong, f"{seed_line()}\n{len(wrong)} differences; the first:\n{wrong[0]}"


@pytest.mark.parametrize("numbers", vendor_parts("nengo-loihi"))
def test_nengo_loihis_emulator_spikes_as_the_native_engine(
    numbers: range, tmp_path: Path, nengo_loihi_toolchain: None
) -> None:
    programs, kept = [], []
    for case in cases(numbers):
        found = whole.compiled(case, "nengo-loihi-sim")
        if found is not None:
            programs.append(lower_to_nengo_loihi(found.prepared, LOIHI))
            kept.append(case)
    results = ask(programs, tmp_path)
    wrong = [case.said for case, found in zip(kept, results, strict=True) if any(found["differences"].values())]
    assert not wrong, f"{seed_line()}\n{len(wrong)} of {len(kept)} models differ; the first:\n{wrong[0]}"
    assert len(kept) >= LEAST["nengo-loihi-sim"] * len(numbers)
    assert sum(found["spikes"] > 0 for found in results) > 0.6 * len(kept)


@pytest.mark.parametrize("numbers", vendor_parts("nengo"))
def test_nengo_spikes_as_the_reference(numbers: range, tmp_path: Path, nengo_toolchain: None) -> None:
    kept, said = [], []
    for case in cases(numbers):
        found = whole.compiled(case, "nengo-sim")
        try:
            if found is not None:
                shown = whole.all_shown(found.executed)
                lower_to_nengo(shown)
                kept.append(Case(shown, case.x))
                said.append(case.said)
        except UnsupportedError as error:
            assert all(fault.node for fault in error.faults), error
    results = nengo_results(kept, tmp_path)
    wrong = [f"{of}\n{d}" for c, r, of in zip(kept, results, said, strict=True) if (d := difference(c, r))]
    assert not wrong, f"{seed_line()}\n{len(wrong)} of {len(kept)} models differ; the first:\n{wrong[0]}"
    assert len(kept) >= LEAST["nengo-sim"] * len(numbers)
    assert sum(spikes(case, result) for case, result in zip(kept, results, strict=True)) > 1000
