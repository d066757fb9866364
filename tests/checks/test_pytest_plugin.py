"""The fixture nmc_model, as a user's tests have it."""

from __future__ import annotations

import pytest

from checks.small import GENEROUS, write_small

pytest_plugins = ["pytester"]

TEST = """
import pytest

@pytest.mark.nmc("small", target="loihi-sim")
def test_budget(nmc_model):
    nmc_model.check()
"""


def test_three_lines_are_enough(pytester: pytest.Pytester) -> None:
    write_small(pytester.path / "small")
    pytester.makepyfile(TEST)
    pytester.runpytest("--strict-markers").assert_outcomes(passed=1)


def test_a_broken_budget_is_told_in_the_terms_of_the_check(pytester: pytest.Pytester) -> None:
    """The test's own line, and every limit that was broken; nothing of nmc's inside."""
    write_small(pytester.path / "small", "{loihi-sim: {max_energy: 700 uJ, max_latency: 1 ms}}")
    pytester.makepyfile(TEST)
    result = pytester.runpytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([
        ">*nmc_model.check()",
        "*BudgetError: loihi-sim: energy at least 831 uJ (best of *) is over the budget of 700 uJ by 19 %;*",
        "*loihi-sim: latency 8.65 ms *",
    ])
    result.stdout.no_fnmatch_line("*compiler/testing.py*")


def test_values_are_there_to_assert_on(pytester: pytest.Pytester) -> None:
    """And a target runs once for all tests."""
    write_small(pytester.path / "small")
    pytester.makepyfile("""
        import pytest

        pytestmark = pytest.mark.nmc("small", samples=10)
        seen = []

        def test_values(nmc_model):
            assert nmc_model.score == 1.0
            assert 100e-6 < nmc_model.energy_j.best < 1e-3
            assert nmc_model.latency_s.high < 20e-3
            assert nmc_model.result.cost.missing and nmc_model.result.data.samples == 10
            seen.append(nmc_model.result)

        def test_again(nmc_model):
            assert nmc_model.result is seen[0]
    """)
    pytester.runpytest().assert_outcomes(passed=2)


def test_settings_stand_in_for_the_marker(pytester: pytest.Pytester) -> None:
    write_small(pytester.path / "small", f"{{loihi-sim: {GENEROUS}, gpu-sim: {GENEROUS}}}")
    pytester.makeini("[pytest]\nnmc_model = small\nnmc_target = gpu-sim\nnmc_samples = 5")
    pytester.makepyfile("""
        def test_it(nmc_model):
            nmc_model.check()
            assert nmc_model.result.target == "gpu-sim" and nmc_model.result.data.samples == 5
    """)
    pytester.runpytest().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("marker", "says"),
    [
        ("", "*no model: mark the test with*"),
        ("@pytest.mark.nmc('digit-snn')", "*'digit-snn' is neither a model of the zoo nor a file*"),
        ("@pytest.mark.nmc('small', taget='x')", "*the marker nmc takes model, target, samples, baseline*"),
        ("@pytest.mark.nmc('small', target='lohi-sim')", "*'lohi-sim' is not a target*"),
        ("@pytest.mark.nmc('small', baseline='none.json')", "*there is no baseline *none.json*"),
        ("@pytest.mark.nmc('small', target='tpu-sim')", "*small has no budget for tpu-sim*"),
    ],
)
def test_what_is_asked_wrongly(pytester: pytest.Pytester, marker: str, says: str) -> None:
    write_small(pytester.path / "small")
    pytester.makepyfile(f"import pytest\n\n{marker}\ndef test_budget(nmc_model):\n    nmc_model.check()\n")
    pytester.runpytest().stdout.fnmatch_lines([says])


def test_a_baseline_is_held_to(pytester: pytest.Pytester) -> None:
    from nmc import zoo
    from nmc.checks.check import check_model

    folder = write_small(pytester.path / "small")
    check_model(zoo.load(folder), baseline=folder / "baseline.json", update=True)
    text = (folder / "baseline.json").read_text()
    (folder / "baseline.json").write_text(text.replace('"latency_s": 0.008', '"latency_s": 0.004'))
    pytester.makepyfile(TEST.replace("loihi-sim\"", "loihi-sim\", baseline=\"small/baseline.json\""))
    pytester.runpytest().stdout.fnmatch_lines(["*BudgetError: loihi-sim: latency +86 %*"])
