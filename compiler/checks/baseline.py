"""Baselines: what a model achieved and cost when it was last accepted, as a small JSON file kept with the model.

Keys are sorted and numbers have six digits, so that a change shows as a line of a diff.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from nmc.data_source import DataRecord
from nmc.errors import UsageError
from nmc.model import MetricName, Model
from nmc.program import OptionValue, nmc_version
from nmc.sweeps.result import PointResult
from nmc.system.files import write_text

FORMAT = "nmc-baseline"
VERSION = 1


@dataclass(frozen=True)
class TargetBaseline:
    """One target: energy and latency are best values for one inference; None where the clock says them, or no chip."""

    chip: str
    options: Mapping[str, OptionValue]
    score: float | None = None
    energy_j: float | None = None
    latency_s: float | None = None
    missing: tuple[str, ...] = ()
    energy_by_layer_j: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Baseline:
    """A model's results by target, on which data, and by which nmc."""

    model: str
    metric: MetricName
    data: DataRecord
    nmc: str
    targets: Mapping[str, TargetBaseline]
    format: str = FORMAT
    version: int = VERSION


def baseline_of(model: Model, results: Iterable[PointResult]) -> Baseline:
    """The results as a baseline; targets that refuse the model are left out. There must be a result."""
    kept = list(results)
    assert model.task is not None
    targets = {each.target: _target(each) for each in kept if each.refusal is None}
    return Baseline(model.name, model.task.metric, kept[0].data, nmc_version(), targets)


def write_baseline(baseline: Baseline, path: Path) -> None:
    """Write a baseline, whole or not at all. Raises ToolError."""
    write_text(path, json.dumps(asdict(baseline), indent=2, sort_keys=True) + "\n")


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file. Raises UsageError where there is none, or it is damaged or of a newer nmc."""
    from pydantic import TypeAdapter, ValidationError

    again = "write it anew with --update-baseline"
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise UsageError(f"there is no baseline {path}", "make it with --update-baseline, and commit it") from None
    except OSError as error:
        raise UsageError(f"cannot read the baseline {path}: {error.strerror or error}", "check the path") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the baseline {path} is damaged: {error}", again) from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UsageError(f"{path} is not a baseline of nmc", "give a file that 'nmc check --update-baseline' wrote")
    if content.get("version") != VERSION:
        raise UsageError(
            f"the baseline {path} has version {content.get('version')!r}, this nmc reads version {VERSION}",
            f"update nmc, or {again}",
        )
    try:
        return TypeAdapter(Baseline).validate_python(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise UsageError(f"the baseline {path} is damaged: {place}: {first['msg']}", again) from None


def check_comparable(baseline: Baseline, model: Model, data: DataRecord) -> None:
    """Raise UsageError unless the baseline is of this model, metric and data."""
    assert model.task is not None
    if (baseline.model, baseline.metric) != (model.name, model.task.metric):
        raise UsageError(
            f"the baseline is of {baseline.model} by {baseline.metric}, not of {model.name} by {model.task.metric}",
            "give this model's own, or write one with --update-baseline",
        )
    known = baseline.data
    if (known.digest, known.samples, known.selection) != (data.digest, data.samples, data.selection):
        raise UsageError(
            f"the baseline was measured on {_origin(known)}, this check on {_origin(data)}",
            "check the same data and --samples, or write the baseline anew with --update-baseline",
        )


def _target(measured: PointResult) -> TargetBaseline:
    kept = TargetBaseline(measured.chip, measured.options, _short(measured.score))
    if (cost := measured.cost) is None or measured.clocked:
        return kept
    layers = {each.node: _short(each.energy_j.best) for each in measured.layers if each.energy_j is not None}
    return replace(
        kept, energy_j=_short(cost.energy_j.best), latency_s=_short(cost.latency_s.best), missing=cost.missing,
        energy_by_layer_j={node: energy for node, energy in layers.items() if energy is not None},
    )  # fmt: skip


def _short(value: float | None) -> float | None:
    """A number with six digits."""
    return None if value is None else float(f"{value:.6g}")


def _origin(data: DataRecord) -> str:
    return f"{data.samples} samples of {data.name} (sha256 {data.digest[:12]})"
