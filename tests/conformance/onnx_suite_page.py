"""What the conformance suite shows, as part of a docs page: `python tests/conformance/onnx_suite_page.py`."""

from __future__ import annotations

import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "onnx-import.md"
BEGIN = "<!-- conformance: made by python tests/conformance/onnx_suite_page.py -->"
END = "<!-- end of conformance -->"


@dataclass
class Outcome:
    """Which cases pass, what the others are refused for, and how many pass for each operation."""

    passed: Counter[str] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    limits: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def outcome(kinds: Iterable[str]) -> Outcome:
    """Run every case whose operations are listed as supported."""
    from conformance import onnx_suite as suite
    from nmc.errors import NmcError

    found = Outcome()
    for kind in kinds:
        for case in suite.cases(kind):
            if not suite.is_listed(case):
                continue
            try:
                suite.check(case)
            except NmcError as error:
                found.limits[reason(error.faults[0].what)] += 1
            except Exception as error:
                found.wrong.append(f"{case.name}: {' '.join(str(error).split())[:300]}")
            else:
                found.passed[kind] += 1
                found.operations.update(suite.operations(case.proto))
    return found


def reason(what: str) -> str:
    """Why a case is refused, without the names and numbers of that case."""
    text = what.split(" cannot be imported: ")[-1].partition(" (")[0]
    text = re.sub(r"'[^']*' ", "", text)
    return re.sub(r"\[[-\d, ]*\]", "[...]", re.sub(r"\b\d+\b(?! spatial)", "...", text))


def part(found: Outcome) -> str:
    """The generated part of the page."""
    from nmc.frontends.onnx.control import CONTROL
    from nmc.frontends.onnx.ops import OPERATIONS
    from nmc.report.markdown import table

    counts = ", ".join(f"{count} of the kind `{kind}`" for kind, count in found.passed.items())
    listed = ", ".join(f"`{name}` {found.operations[name]}" for name in sorted({*OPERATIONS, *CONTROL}))
    limits = table(("why", "cases"), sorted((why, str(count)) for why, count in found.limits.items()))
    return (
        f"{sum(found.passed.values())} cases pass: {counts}.\n\n"
        f"The operations, each with the number of cases that it passes in: {listed}.\n\n"
        f"Cases of these operations that are refused:\n\n{limits}"
    )


def updated(page: str, made: str) -> str:
    """The page with its generated part made anew."""
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}\n\n{made}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "tests"))
    warnings.simplefilter("ignore")
    from conformance import onnx_suite as suite

    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8"), part(outcome(suite.KINDS))), encoding="utf-8")
