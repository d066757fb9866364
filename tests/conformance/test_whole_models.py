"""Random whole models on every target of neurons: engines against one another and the reference, bit for bit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from conformance import whole_models as whole
from conformance.nengo_cases import Case, difference, nengo_results, spikes
from conformance.test_nengo_loihi import ask
from nmc.backends.nengo.lowering import lower as lower_to_nengo
from nmc.backends.nengo_loihi.lowering import lower as lower_to_nengo_loihi
from nmc.errors import UnsupportedError
from strategies.seed import model_seed
from strategies.whole_models import Drawn, drawn

FEW, ALL, PART = 200, 5000, 25
"""How many models `make test` and `make test-full` draw, and how many a test takes."""
LEAST = {"loihi-sim": 0.5, "loihi2-sim": 0.5, "nengo-loihi-sim": 0.4, "nengo-sim": 0.6}
"""The share of models that must compile on each target at least, in any part: else there is nothing to compare."""
VENDORS = {"lava": 40, "nengo-loihi": 30, "nengo": 60}
"""How many models `make test` gives to each vendor's own simulator; `make test-full` gives it twenty times as many."""


def parts(count: int, size: int = PART) -> list[object]:
    """The first numbers of parts of `count` models; all but the first `FEW` are slow."""
    return [pytest.param(n, marks=[pytest.mark.slow] if n >= FEW else []) for n in range(0, count, size)]


def cases(numbers: Iterable[int]) -> list[Drawn]:
    return [drawn(model_seed(), number) for number in numbers]


@pytest.mark.parametrize("first", parts(ALL))
def test_every_way_to_run_the_native_engine_equals_the_reference(first: int) -> None:
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for case in cases(range(first, first + PART)):
        done: list[whole.Compiled] = []
        for target in whole.INTEGER_TARGETS:
            found = whole.compiled(case, target)
            if found is None:
                continue
            counts[target] += 1
            if not any(whole.same(found.executed, other.executed) for other in done):
                wrong += [f"{target}: {said}\n{case.said}" for said in whole.differences(case, found.executed)]
            done.append(found)
    assert not wrong, f"{len(wrong)} differences; the first:\n{wrong[0]}"
    for target in whole.INTEGER_TARGETS:
        assert counts[target] >= LEAST[target] * PART, counts


def vendor_parts(vendor: str) -> list[object]:
    """Parts of the models that a vendor's simulator gets."""
    return [pytest.param(part * VENDORS[vendor], marks=[pytest.mark.slow] if part else []) for part in range(20)]


@pytest.mark.parametrize("first", vendor_parts("lava"))
def test_lavas_models_do_what_the_reference_says(first: int, tmp_path: Path, lava_toolchain: None) -> None:
    """Every spike, current and voltage at every step."""
    wrong = whole.lava_differences(cases(range(first, first + VENDORS["lava"])), tmp_path)
    assert not wrong, f"{len(wrong)} differences; the first:\n{wrong[0]}"


@pytest.mark.parametrize("first", vendor_parts("nengo-loihi"))
def test_nengo_loihis_emulator_spikes_as_the_native_engine(
    first: int, tmp_path: Path, nengo_loihi_toolchain: None
) -> None:
    programs, kept = [], []
    for case in cases(range(first, first + VENDORS["nengo-loihi"])):
        found = whole.compiled(case, "nengo-loihi-sim")
        if found is not None:
            programs.append(lower_to_nengo_loihi(found.prepared, "loihi1"))
            kept.append(case)
    results = ask(programs, tmp_path)
    wrong = [case.said for case, found in zip(kept, results, strict=True) if any(found["differences"].values())]
    assert not wrong, f"{len(wrong)} of {len(kept)} models differ; the first:\n{wrong[0]}"
    assert len(kept) >= LEAST["nengo-loihi-sim"] * VENDORS["nengo-loihi"]
    assert sum(found["spikes"] > 0 for found in results) > 0.6 * len(kept)


@pytest.mark.parametrize("first", vendor_parts("nengo"))
def test_nengo_spikes_as_the_reference(first: int, tmp_path: Path, nengo_toolchain: None) -> None:
    kept, said = [], []
    for case in cases(range(first, first + VENDORS["nengo"])):
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
    assert not wrong, f"{len(wrong)} of {len(kept)} models differ; the first:\n{wrong[0]}"
    assert len(kept) >= LEAST["nengo-sim"] * VENDORS["nengo"]
    assert sum(spikes(case, result) for case, result in zip(kept, results, strict=True)) > 1000
