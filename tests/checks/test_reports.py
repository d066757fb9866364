"""JUnit XML and Markdown: what CI systems and pull requests show of a check."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from checks.conftest import Check
from checks.small import write_small

BUDGETS = "{loihi-sim: {min_accuracy: 0.9, max_energy: 1 uJ, allow_missing: true}, gpu-sim: {max_latency: 1 s}}"

# What Jenkins's xUnit plugin takes, of what is used here (junit-10.xsd): attributes, required ones first, and children.
SCHEMA = {
    "testsuites": ({"name", "tests", "failures", "errors"}, set(), {"testsuite"}),
    "testsuite": ({"name", "tests"}, {"failures", "errors", "skipped"}, {"testcase", "system-out"}),
    "testcase": ({"name", "classname"}, set(), {"failure"}),
    "failure": ({"message", "type"}, set(), set()),
    "system-out": (set(), set(), set()),
}


def check_valid(element: ElementTree.Element) -> None:
    required, optional, children = SCHEMA[element.tag]
    assert required <= set(element.attrib) <= required | optional
    for child in element:
        assert child.tag in children
        check_valid(child)


@pytest.fixture
def reports(check: Check, tmp_path: Path) -> Path:
    """A folder with the reports of a model that breaks its energy budget; its baseline is older and cheaper."""
    write_small(tmp_path, BUDGETS)
    check(".", "--baseline", "b.json", "--update-baseline")
    text = (tmp_path / "b.json").read_text()
    (tmp_path / "b.json").write_text(text.replace('"latency_s": 0.008', '"latency_s": 0.004'))
    assert check(".", "--baseline", "b.json", "--junit", "out/r.xml", "--markdown", "out/r.md").code == 1
    return tmp_path / "out"


def test_junit_has_a_case_for_each_target_and_limit(reports: Path) -> None:
    root = ElementTree.parse(reports / "r.xml").getroot()
    check_valid(root)
    (suite,) = root
    cases = suite.findall("testcase")
    names = [(case.get("classname"), case.get("name")) for case in cases]
    assert len(set(names)) == len(names) == int(suite.get("tests", 0))
    broken = {name for name, case in zip(names, cases, strict=True) if case.find("failure") is not None}
    assert broken == {
        ("nmc.small.loihi-sim", "energy within the budget"),
        ("nmc.small.loihi-sim", "latency held to the baseline"),
    }
    assert len(broken) == int(suite.get("failures", 0))
    failure = suite.find("testcase/failure")
    assert failure is not None and "times the budget of 1 uJ" in failure.get("message", "")


def test_markdown_is_a_table_with_marks_faults_and_details(reports: Path) -> None:
    text = (reports / "r.md").read_text()
    assert text.startswith("### ✗ small: 2 of 11 limits broken\n")
    assert "| ✗ | loihi-sim | energy | at least 831 uJ | ≤ 1 uJ | budget |" in text
    assert "| ✗ | loihi-sim | latency | 8.65 ms | 4.65 ms (+86 %) | baseline |" in text
    assert "| ✓ | gpu-sim | latency | 40 us | ≤ 1 s | budget |" in text
    assert "- ✗ loihi-sim: energy at least 831 uJ" in text
    assert "<details><summary>Energy by layer on loihi-sim</summary>" in text
    assert "| ✓ | loihi-sim | score | 100.0 % | 100.0 % (+0.0 points) | baseline |" in text
    assert "| act | 32 nJ | 0 % |" in text
    assert text.count("<details>") == text.count("</details>") == 2


def test_names_are_shown_as_they_are(check: Check, tmp_path: Path) -> None:
    """Nothing of a message is taken for markup."""
    write_small(tmp_path, "{loihi-sim: {}}", kind="Sigmoid")
    check(".", "--junit", "r.xml", "--markdown", "r.md")
    assert ElementTree.parse(tmp_path / "r.xml").find("testsuite/testcase/failure") is not None
    assert "refuses the model" in (tmp_path / "r.md").read_text()
