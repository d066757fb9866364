"""Every model of the zoo on every target: a score and its cost, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nmc import zoo
from nmc.backends import targets as all_targets
from nmc.comparison import Comparison, compare_targets
from nmc.sweeps.sweep import HERE, Progress, Workers


def compare_zoo(
    targets: Sequence[str] | None = None,
    *,
    samples: int | None = None,
    seed: int = 0,
    results: Path | None = None,
    workers: Workers = HERE,
    progress: Progress | None = None,
) -> tuple[Comparison, ...]:
    """A comparison of each model of the zoo, by name; on all targets there are, unless some are named.

    `samples` limits each test set. Results are kept in the file `results`, and those that are there already are not
    measured again. Raises UsageError for an unknown target, ToolError where a target's toolchain is missing.
    """
    chosen = tuple(all_targets()) if targets is None else targets
    tell = progress or (lambda what, done, of: None)
    names = zoo.names()
    found = []
    for number, name in enumerate(names):
        tell(name, number, len(names))
        found.append(compare_targets(
            zoo.load(name), chosen, {}, samples=samples, seed=seed, source=name, results=results, workers=workers,
        ))  # fmt: skip
    tell("done", len(names), len(names))
    return tuple(found)
