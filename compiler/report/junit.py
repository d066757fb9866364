"""A check as JUnit XML, which every CI system shows: one test case for each target and limit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from nmc.cleaning import clean

if TYPE_CHECKING:
    from nmc.checks.check import Check
    from nmc.checks.verdict import Verdict

_UNPRINTABLE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold."""


def check_junit(check: Check) -> str:
    """A check as an XML document, by the schema of Jenkins's xUnit plugin."""
    counts = {"tests": str(len(check.verdicts)), "failures": str(len(check.faults)), "errors": "0"}
    root = ElementTree.Element("testsuites", {"name": "nmc check", **counts})
    named = {"name": _sound(f"nmc check {check.model}")}
    suite = ElementTree.SubElement(root, "testsuite", {**named, **counts, "skipped": "0"})
    for verdict in check.verdicts:
        _add_case(suite, check.model, verdict)
    if check.notes:
        ElementTree.SubElement(suite, "system-out").text = _sound("\n".join(check.notes))
    ElementTree.indent(root)
    return f"<?xml version='1.0' encoding='utf-8'?>\n{ElementTree.tostring(root, encoding='unicode')}\n"


def _add_case(suite: ElementTree.Element, model: str, verdict: Verdict) -> None:
    names = {"target": "compiles", "budget": f"{verdict.quantity} within the budget",
             "baseline": f"{verdict.quantity} held to the baseline"}  # fmt: skip
    classname = _sound(f"nmc.{model}.{verdict.target}")
    case = ElementTree.SubElement(suite, "testcase", {"classname": classname, "name": names[verdict.against]})
    if verdict.fault is not None:
        about = {"message": _sound(verdict.fault.what), "type": f"{verdict.against}.{verdict.quantity}"}
        ElementTree.SubElement(case, "failure", about).text = _sound(str(verdict.fault))


def _sound(text: str) -> str:
    return _UNPRINTABLE.sub("�", clean(text))
