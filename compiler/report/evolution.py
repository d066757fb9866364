"""What evolution made of a program, for a terminal and as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from nmc.report.printing import say
from nmc.report.scores import shown
from nmc.report.terminal import print_table

if TYPE_CHECKING:
    from nmc.evolution.evolve import Evolution


def print_evolution(done: Evolution) -> None:
    """Print score and loss before and after, and what the search took."""
    again = f", {done.continued} of them known from before" if done.continued else ""
    say(f"{done.program.name} on {done.program.target}: {done.genes} genes, {done.generations} generations{again}")
    if done.samples_per_s == done.samples_per_s:
        say(f"the emulator ran {done.samples_per_s:,.0f} samples/s, all candidates together")
    header = ("", f"{done.metric}, {done.test_samples} test samples", f"loss, {done.train_samples} training samples")
    rows = [
        (what, shown(done.metric, fitness.score), f"{fitness.loss:.4f}")
        for what, fitness in (("as compiled", done.before), ("evolved", done.after))
    ]
    print_table(header, rows)
    say(f"program: {done.program.path}")


def evolution_facts(done: Evolution) -> Mapping[str, object]:
    """The same as plain values."""
    return {
        "program": done.program.path,
        "target": done.program.target,
        "metric": done.metric,
        "before": asdict(done.before),
        "after": asdict(done.after),
        "genes": done.genes,
        "generations": done.generations,
        "continued": done.continued,
        "train_samples": done.train_samples,
        "test_samples": done.test_samples,
        "samples_per_s": None if done.samples_per_s != done.samples_per_s else done.samples_per_s,
    }
