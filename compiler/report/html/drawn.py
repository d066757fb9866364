"""What the page's script draws, as plain values for JSON, small enough for a page of hundreds of points."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from nmc.cleaning import clean
from nmc.metrics import is_share, lower_is_better
from nmc.report.advice import energy, latency
from nmc.report.comparison import data_origin
from nmc.report.html.groups import Group
from nmc.report.html.words import called, setting
from nmc.sweeps.details import SHOWN_NEURONS
from nmc.sweeps.result import CoreResult, PointResult, Raster

SPIKES = 600_000
"""How many spikes a page draws, over all of its points."""
SPIKES_PER_POINT = 20_000
CORES = 60_000
"""How many cores a page draws, over all of its points."""
CORES_PER_POINT = 4_096

Plain = Mapping[str, object]


def packed(groups: Sequence[Group]) -> str:
    """All that is drawn, as JSON, compressed, in base64: text that nothing in it can break out of."""
    facts = json.dumps(_cleaned(drawn(groups)), separators=(",", ":"), allow_nan=False).encode()
    return base64.b64encode(gzip.compress(facts, compresslevel=6, mtime=0)).decode("ascii")


def _cleaned(value: object) -> object:
    """The same with every text fit to be shown."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(key): _cleaned(item) for key, item in value.items()}
    return [_cleaned(item) for item in value] if isinstance(value, list | tuple) else value


def drawn(groups: Sequence[Group]) -> Plain:
    """The targets, which have a colour and a shape each, and the groups with their points."""
    targets = tuple(dict.fromkeys(target for group in groups for target in group.targets))
    points = [point for group in groups for point in group.points]
    spikes = _share(SPIKES, sum(point.raster is not None for point in points), SPIKES_PER_POINT)
    cores = _share(CORES, sum(bool(point.cores) for point in points), CORES_PER_POINT)
    return {
        "targets": targets,
        "groups": [
            {
                "metric": called(group.first),
                "share": is_share(group.first.metric),
                "lower": lower_is_better(group.first.metric),
                "reference": group.first.reference_score,
                "baseline": group.advice.baseline,
                "chosen": next((i for i, p in enumerate(group.points) if p is _shown_first(group)), 0),
                "points": [_point(point, group, targets, spikes, cores) for point in group.points],
            }
            for group in groups
        ],
    }


def _shown_first(group: Group) -> PointResult | None:
    return group.advice.choice or group.advice.closest


def _share(all_of: int, points: int, most: int) -> int:
    return min(most, all_of // max(1, points))


def _point(point: PointResult, group: Group, targets: Sequence[str], spikes: int, cores: int) -> Plain:
    return {
        "target": targets.index(point.target),
        "chip": point.chip,
        "setting": setting(point, group.seeds),
        "options": {name: "none" if value is None else str(value) for name, value in point.options.items()},
        "command": point.command,
        "key": point.key,
        "seed": point.seed,
        "nmc": point.nmc,
        "data": data_origin(point.data),
        "calibration": None if point.calibration is None else data_origin(point.calibration),
        "score": point.score,
        "scoreInterval": point.score_interval,
        "reference": point.reference_score,
        "agreement": point.agreement,
        "verified": point.verified,
        "steps": point.steps,
        "energy": None if point.cost is None else asdict(energy(point)),
        "latency": None if point.cost is None else asdict(latency(point)),
        "cost": _cost(point),
        "onEnergyFront": point.key in group.energy_front,
        "onLatencyFront": point.key in group.latency_front,
        "layers": [asdict(layer) for layer in point.layers],
        "cores": [_core(core) for core in point.cores[:cores]],
        "coresInAll": len(point.cores),
        "raster": None if point.raster is None else _raster(point.raster, spikes),
    }


def _cost(point: PointResult) -> Plain | None:
    if point.cost is None:
        return None
    return {
        "baseline": point.cost.baseline,
        "grade": point.cost.grade,
        "missing": point.cost.missing,
        "measured": None if point.cost.measured is None else asdict(point.cost.measured),
        "components": [asdict(component) for component in point.cost.components],
    }


def _core(core: CoreResult) -> Plain:
    return {**asdict(core), "uses": {name: [use.used, use.limit] for name, use in core.uses.items()}}


def _raster(raster: Raster, most: int) -> Plain:
    """Whole spike trains of evenly spaced neurons, so many that about `most` spikes are drawn.

    The spikes of a population are the differences of `neuron * steps + step`, ascending.
    """
    every = max(1, -(-sum(map(len, raster.populations.values())) // max(1, most)))
    return {
        "steps": raster.steps,
        "populations": [
            {
                "name": name,
                "neurons": raster.neurons[name],
                "shown": min(raster.neurons[name], max(SHOWN_NEURONS, *(neuron + 1 for _, neuron in pairs), 0)),
                "spikes": len(pairs),
                "every": every,
                "places": _differences(
                    sorted(neuron // every * raster.steps + step for step, neuron in pairs if neuron % every == 0)
                ),
            }
            for name, pairs in raster.populations.items()
        ],
    }


def _differences(ascending: Sequence[int]) -> list[int]:
    return [place - before for before, place in zip((0, *ascending), ascending, strict=False)]
