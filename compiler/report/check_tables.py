"""A check as a table for a terminal, and as Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from nmc.cleaning import clean
from nmc.metrics import counted_in
from nmc.report.markdown import escaped, table
from nmc.report.scores import shown
from nmc.report.terminal import table_text
from nmc.units.text import si

if TYPE_CHECKING:
    from nmc.checks.check import Check
    from nmc.checks.verdict import Verdict
    from nmc.errors import Fault
    from nmc.sweeps.result import PointResult

HEADER = ("", "target", "quantity", "held", "limit", "from")
PASSED, FAILED = "✓", "✗"

_UNITS = {"energy": "J", "latency": "s"}


def check_text(check: Check) -> str:
    """A check as text: heading, table, notes, faults."""
    return clean("\n".join([check_table(check), *(f"{FAILED} {fault}" for fault in check.faults)]))


def check_table(check: Check) -> str:
    """A check as text without its faults: heading, table, notes."""
    lines = (line.rstrip() for line in table_text(HEADER, rows(check)).splitlines())
    return clean("\n".join([_heading(check), *lines, *(f"note: {note}" for note in check.notes)]))


def check_markdown(check: Check) -> str:
    """A check as Markdown: verdict, table, faults, and in details the energy of every layer."""
    count = len(check.faults)
    mark = FAILED if count else PASSED
    verdict = f"{count} of {len(check.verdicts)} limits broken" if count else "all within limits"
    title = f"### {mark} {escaped(check.model)}: {verdict}"
    lines = [title, "", escaped(_heading(check)), "", table(HEADER, rows(check)), ""]
    lines += [_bullet(fault) for fault in check.faults]
    lines += [f"- note: {escaped(note)}" for note in check.notes]
    for measured in check.results:
        if layers := list(_layers(check, measured)):
            lines += ["", f"<details><summary>Energy by layer on {measured.target}</summary>", "",
                      table(("layer", "energy", "change"), layers), "", "</details>"]  # fmt: skip
    return clean("\n".join([*lines, ""]))


def check_facts(check: Check) -> Mapping[str, object]:
    """A check in plain values: what `--json` prints. Of the results, all but cores and spikes."""
    results = [replace(result, cores=(), raster=None) for result in check.results]
    return {**vars(check), "results": results, "passed": not check.faults, "faults": check.faults}


def rows(check: Check) -> Iterator[tuple[str, ...]]:
    """A row for each verdict: mark, target, quantity, value, limit, and what the limit comes from."""
    missing = {each.target for each in check.results if each.cost is not None and each.cost.missing}
    for verdict in check.verdicts:
        least = "at least " if verdict.quantity == "energy" and verdict.target in missing else ""
        value = "-" if verdict.value is None else least + _value(check, verdict, verdict.value)
        yield (
            FAILED if verdict.fault else PASSED,
            verdict.target,
            verdict.quantity,
            ("refused" if verdict.fault else "taken") if verdict.quantity == "compile" else value,
            "" if verdict.limit is None else _limit(check, verdict, verdict.limit),
            {"target": "", "budget": "budget", "baseline": "baseline"}[verdict.against],
        )


def _heading(check: Check) -> str:
    data = check.data
    counted = counted_in(check.metric)
    return f"{check.model}: {check.metric} on {data.samples} {counted} of {data.name} (sha256 {data.digest[:12]})"


def _value(check: Check, verdict: Verdict, value: float) -> str:
    return shown(check.metric, value) if verdict.quantity == "score" else si(value, _UNITS[verdict.quantity])


def _limit(check: Check, verdict: Verdict, limit: float) -> str:
    from nmc.checks.regression import change
    from nmc.metrics import lower_is_better

    text = _value(check, verdict, limit)
    if verdict.against == "budget":
        more_is_better = verdict.quantity == "score" and not lower_is_better(check.metric)
        return f"{'≥' if more_is_better else '≤'} {text}"
    if verdict.value is None:
        return text
    points = verdict.quantity == "score" and not lower_is_better(check.metric)
    moved = f"{100 * (verdict.value - limit):+.1f} points" if points else change(verdict.value, limit)
    return f"{text} ({moved})"


def _layers(check: Check, measured: PointResult) -> Iterator[tuple[str, str, str]]:
    """The layers in the order of the graph, with their change from the baseline."""
    from nmc.checks.regression import change

    before: Mapping[str, float] = {}
    if check.baseline is not None and measured.target in check.baseline.targets:
        before = check.baseline.targets[measured.target].energy_by_layer_j
    for layer in measured.layers:
        if layer.energy_j is not None:
            name, energy = layer.node, layer.energy_j.best
            yield name, si(energy, "J"), change(energy, before[name]) if name in before else "-"


def _bullet(fault: Fault) -> str:
    remedy = f" → {fault.remedy}" if fault.remedy else ""
    return f"- {FAILED} {escaped(fault.what)}{escaped(remedy)}"
