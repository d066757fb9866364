"""What a reader must know before trusting a result: warnings, each with a name that stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

FindingName = Literal[
    "noise-data", "calibration-as-test", "few-samples", "events-left-out", "empty-steps", "data-range",
    "constant-data", "one-label", "labels-shifted", "one-answer", "no-better-than-guessing", "silent-network",
    "silent-layer", "saturated-network", "saturated-layer", "score-above-float",
]  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """A warning about a result: its name for scripts, what was found, and what to do.

    `target` is the one that it was found on; None where it is of the data or the model.
    """

    name: FindingName
    what: str
    remedy: str
    target: str | None = None

    def __str__(self) -> str:
        place = f"{self.target}: " if self.target else ""
        return f"{place}{self.what} ({self.name})\n    -> {self.remedy}"


def each_once(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings in their order, those that differ in their target alone as one that names all of these."""
    targets: dict[Finding, dict[str, None]] = {}
    for finding in findings:
        named = targets.setdefault(replace(finding, target=None), {})
        named.update({finding.target: None} if finding.target else {})
    return tuple(replace(found, target=", ".join(names) or None) for found, names in targets.items())
