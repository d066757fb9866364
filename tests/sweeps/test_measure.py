"""What one point says, what it is kept under, and how it is kept."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sweeps.conftest import result_with

from nmc import zoo
from nmc.errors import ToolError
from nmc.model import Model
from nmc.sweeps.details import SHOWN_NEURONS
from nmc.sweeps.grid import Point, grid
from nmc.sweeps.measure import Subject, measure
from nmc.sweeps.result import Execution
from nmc.sweeps.store import decode, encode, opened

NOWHERE = Execution("here", "1", 1e9, 0.5, 0.25, {"python": "3"})


def point(subject: Subject, target: str, **options: object) -> Point:
    (found,) = grid(subject.model, [target], {name: [value] for name, value in options.items()})
    return found


def test_a_point_on_a_chip_of_many_cores(subject: Subject) -> None:
    result, execution = measure(subject, point(subject, "loihi-sim", steps=4, weight_bits=6))
    assert result.score is not None and result.score_interval is not None and result.cost is not None
    assert result.score_interval[0] <= result.score <= result.score_interval[1]
    assert result.steps == 4 and execution.compile_s > 0 < execution.run_s
    words = shlex.split(result.command)
    assert words[:5] == ["nmc", "compare", "digits-cnn", "--targets", "loihi-sim"]
    assert words[5:] == ["-O", "steps=4", "-O", "weight_bits=6", "--samples", "8"]
    conv = next(layer for layer in result.layers if layer.kind == "FixedConv2d")
    neurons = next(layer for layer in result.layers if layer.kind == "FixedLIF" and layer.spikes)
    assert conv.synaptic_operations > 0 and conv.energy_j is not None and 0 < (conv.error or 0) < 0.1
    assert neurons.firing_rate == pytest.approx(neurons.spikes / np.prod(neurons.shape) / 8)  # 4, and a lag of 4
    by_nodes = sum(layer.energy_j.best for layer in result.layers if layer.energy_j)
    assert 0 < by_nodes < result.cost.energy_j.best
    assert sum(core.arrived for core in result.cores) > 0
    assert len({(core.chip, core.x, core.y) for core in result.cores}) == len(result.cores)
    assert result.raster is not None
    assert all(n < SHOWN_NEURONS for pairs in result.raster.populations.values() for _, n in pairs)


def test_a_point_in_eight_bits_knows_its_rounding(subject: Subject) -> None:
    result, _ = measure(subject, point(subject, "tpu-sim"))
    errors = {layer.node: layer.error for layer in result.layers if layer.error is not None}
    assert errors.keys() == {"conv1", "conv2", "conv3", "logits"} and max(errors.values()) < 0.1
    assert result.cores == () and result.raster is None and result.steps is None


def test_a_target_that_refuses_says_why(tmp_path: Path) -> None:
    subject = Subject.of(zoo.load("digits-cnn"), samples=2)
    bare = replace(subject, model=replace(subject.model, task=replace(subject.task, calibration=None)))
    result, _ = measure(bare, point(bare, "loihi-sim"))
    assert result.score is None and "calibration" in (result.refusal or "")
    assert decode(encode(result)) == result


def test_the_key_changes_with_all_that_decides_a_result_and_with_nothing_else(subject: Subject) -> None:
    model = subject.model
    plain = point(subject, "loihi-sim")
    key = subject.key(plain)
    assert key == subject.key(point(subject, "loihi-sim", weight_bits=8))  # the default
    assert key == Subject.of(zoo.load("digits-cnn"), samples=8, source="elsewhere/model.yaml").key(plain)
    others = [
        subject.key(point(subject, "loihi-sim", weight_bits=4)),
        subject.key(point(subject, "loihi2-sim")),
        Subject.of(model, samples=7).key(plain),
        Subject.of(model, samples=8, seed=1).key(plain),
        Subject.of(nudged(model), samples=8).key(plain),
    ]
    assert len({key, *others}) == 6


def nudged(model: Model) -> Model:
    name, weights = next((n, w) for n, w in model.weights.items() if w.ndim == 4)
    return replace(model, weights={**model.weights, name: np.nextafter(weights, np.float32(1))})


def test_a_worker_with_another_version_is_refused(subject: Subject) -> None:
    with pytest.raises(ToolError, match=r"begun by nmc 9"):
        measure(replace(subject, nmc="9"), point(subject, "cpu"))


def test_the_store_gives_back_what_was_put_in(subject: Subject, tmp_path: Path) -> None:
    result, execution = measure(subject, point(subject, "loihi-sim", steps=2))
    path = tmp_path / "new" / "r.duckdb"
    with opened(path) as store:
        store.add(result, execution)
        store.add(result_with("k"), NOWHERE)
    with opened(path) as store:
        assert store.found(["k", "unknown"]) == {"k": result_with("k")}
        assert [row.key for row in store.all()] == sorted(["k", result.key])
        assert store.found([result.key]) == {result.key: result}


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.duckdb"
    path.write_text("not a database " * 1000)
    with pytest.raises(ToolError, match=r"cannot open .*r.duckdb"), opened(path):
        pass
    assert path.read_text().startswith("not a database")
