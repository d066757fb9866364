"""What was verified of a program, as its manifest keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Level = Literal["brief", "full", "none"]
"""How much compiling verifies: within a bound of time, everything there is, or nothing."""


@dataclass(frozen=True)
class Check:
    """One comparison that held: what was compared with what, on how many samples and steps, and how nearly.

    `steps` is None for what has no time; `samples` is 0 where numbers were compared without a run.
    """

    what: str
    samples: int
    steps: int | None
    result: str

    @property
    def size(self) -> str:
        """How much was run, in words; empty where nothing was."""
        if not self.samples:
            return ""
        samples = f"{self.samples} sample" + "s" * (self.samples != 1)
        return samples if self.steps is None else f"{samples} x {self.steps} step" + "s" * (self.steps != 1)

    def __str__(self) -> str:
        return f"{self.what}: " + ", ".join(filter(None, (self.size, self.result)))


@dataclass(frozen=True)
class Verification:
    """All comparisons, the main one first; `data` says of what samples, `left_out` what was not compared, and why."""

    level: Level
    data: str
    checks: tuple[Check, ...]
    left_out: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """The main comparison in a few words, as "16 samples x 32 steps, equal"."""
        if not self.checks:
            return "nothing"
        return ", ".join(filter(None, (self.checks[0].size, self.checks[0].result)))

    def lines(self) -> Sequence[str]:
        """Everything, a line each."""
        return [*map(str, self.checks), *(f"not verified: {what}" for what in self.left_out)]
