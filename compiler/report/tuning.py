"""What a search found, as a table and notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from nmc.report.comparison import header, heading, notes, result_cells, setting_text, warnings
from nmc.report.printing import say
from nmc.report.scores import score_name
from nmc.report.terminal import print_table

if TYPE_CHECKING:
    from nmc.tuning.tune import Tuning

def print_tuning(tuning: Tuning) -> None:
    """Print the best trade-offs within the budgets, how much was measured, and how to get each row again."""
    say("\n".join([heading(tuning.measured), *warnings(tuning.measured)]))
    say(
        f"measured {len(tuning.measured)} of {tuning.space} settings;"
        f" {len(tuning.chosen)} best trade-offs within the budgets"
    )
    if tuning.chosen:
        names = ("target", "setting", *header(tuning.measured)[-6:])
        print_table(names, [(row.target, setting_text(row), *result_cells(row)) for row in tuning.chosen])
    else:
        say("no setting that was measured is within the budgets: give more --trials, or wider limits")
    say("\n".join([*notes(tuning.measured), *(f"again: {row.command}" for row in tuning.chosen)]))


def tuning_facts(tuning: Tuning) -> Mapping[str, object]:
    """The same as plain values."""
    return {
        "settings": tuning.space,
        "score_means": score_name(tuning.measured.metric, tuning.measured.test.role),
        "findings": tuning.measured.findings,
        "measured": [asdict(row) for row in tuning.measured],
        "chosen": [row.key for row in tuning.chosen],
    }
