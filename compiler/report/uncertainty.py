"""What draws of a model's weights say, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from nmc.report.printing import say
from nmc.report.terminal import NO_CHIP, print_table, spread
from nmc.units.text import percent

if TYPE_CHECKING:
    from nmc.bayes.quality import Quality
    from nmc.bayes.uncertainty import TargetUncertainty, Uncertainty

_SCORES = ("target", "weights", "accuracy", "NLL", "ECE", "entropy", "mutual information", "temperature")
_COSTS = ("target", "weights", "energy / inference", "energy / answer", "latency / answer")


def print_uncertainty(found: Uncertainty) -> None:
    """Print how good the probabilities are, how unknown samples are doubted, and what an answer costs."""
    measured = [
        (row.target, name, quality)
        for row in found.rows
        for name, quality in ((f"{found.draws} draws", row.drawn), ("means", row.point))
        if quality is not None
    ]
    say(f"{found.model}: {found.samples} samples of {found.data}, weights drawn with seed {found.seed}")
    if measured:
        sets = tuple(measured[0][2].unknown)
        unknown = ("target", "weights", *(f"{name}: {what}" for name in sets for what in ("entropy", "AUROC")))
        print_table(_SCORES, [(target, name, *_scores(quality)) for target, name, quality in measured])
        print_table(unknown, [(target, name, *_unknown(quality)) for target, name, quality in measured])
        print_table(_COSTS, [(target, name, *_costs(quality)) for target, name, quality in measured])
        say("NLL: negative log-likelihood; ECE: expected calibration error; entropies in nats")
    for row in found.rows:
        if row.refusal is not None:
            say(f"{row.target} refused: {row.refusal}")
        elif row.point is not None and row.point.energy_j is None:
            say(f"{row.target}: {NO_CHIP}")
        for what in row.point.missing if row.point else ():
            say(f"{row.target}: not included, never published: {what}")


def uncertainty_facts(found: Uncertainty) -> Mapping[str, object]:
    """The same as plain values, with what an answer costs."""
    return {**asdict(found), "rows": [_row_facts(row) for row in found.rows]}


def _row_facts(row: TargetUncertainty) -> Mapping[str, object]:
    costs = {
        name: {**asdict(quality), "total_energy_j": quality.total_energy_j, "total_latency_s": quality.total_latency_s}
        for name, quality in (("drawn", row.drawn), ("point", row.point))
        if quality is not None
    }
    return {**asdict(row), **costs}


def _scores(quality: Quality) -> tuple[str, ...]:
    return (
        percent(quality.accuracy, 2),
        f"{quality.negative_log_likelihood:.3f}",
        f"{quality.calibration_error:.4f}",
        f"{quality.entropy:.3f}",
        f"{quality.mutual_information:.3f}",
        f"{quality.temperature:.2f}",
    )


def _unknown(quality: Quality) -> tuple[str, ...]:
    return tuple(text for doubt in quality.unknown.values() for text in (f"{doubt.entropy:.3f}", f"{doubt.auroc:.3f}"))


def _costs(quality: Quality) -> tuple[str, ...]:
    missing = quality.missing
    return (
        spread(quality.energy_j, "J", missing),
        spread(quality.total_energy_j, "J", missing),
        spread(quality.total_latency_s, "s"),
    )
