"""Tasks that are neither classes nor plain errors: what their labels must be, and how a model is scored on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import nmc
from nmc.errors import ModelError
from nmc.frontends.dump import dump

TEXT = """\
nmc: 1
name: tiny
input: {shape: [1, 8, 8]}
nodes:
  same: {kind: Relu, from: input}
  mean: {kind: ReduceMean, from: input, axes: [0, 1, 2]}
output: OUTPUT
task: TASK
"""
RNG = np.random.default_rng(0)
X = RNG.uniform(size=(6, 1, 8, 8))


def tiny(folder: Path, task: str, y: np.ndarray | None = None, output: str = "same") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "model.yaml").write_text(TEXT.replace("OUTPUT", output).replace("TASK", task))
    np.savez(folder / "test.npz", x=X, **({} if y is None else {"y": y}))
    return folder


ANOMALY = "{kind: anomaly, data: {test: test.npz}}"
GENERATION = "{kind: generation, judge: digits-cnn, data: {test: test.npz, train: test.npz}}"


def test_anomalies_are_scored_by_order(tmp_path: Path) -> None:
    brighter = (X.mean(axis=(1, 2, 3)) > np.median(X.mean(axis=(1, 2, 3)))).astype(int)
    comparison = nmc.compare(str(tiny(tmp_path, ANOMALY, brighter, "mean")), ["cpu"], directory=tmp_path / "p")
    (row,) = comparison.rows
    assert (comparison.metric, row.score, row.agreement) == ("auroc", 1.0, None)
    assert "auroc on 6 samples" in str(comparison) and " 1 " in str(comparison)


@pytest.mark.parametrize(
    ("task", "y", "output", "says"),
    [
        (ANOMALY, np.arange(6), "mean", "1 for an anomaly and 0"),
        (ANOMALY, np.arange(6) % 2, "same", r"one number for each sample, but the output has shape \(1, 8, 8\)"),
        ("{kind: regression, metric: bit-accuracy, data: {test: test.npz}}", X, "same", "must hold bits"),
    ],
)
def test_labels_that_do_not_fit(tmp_path: Path, task: str, y: np.ndarray, output: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        nmc.compare(str(tiny(tmp_path, task, y, output)), ["cpu"], directory=tmp_path / "p")


def test_a_judge_scores_what_is_made_up(tmp_path: Path) -> None:
    """Noise is no digit: the judge sees one class in all of it."""
    comparison = nmc.compare(str(tiny(tmp_path, GENERATION)), ["cpu"], directory=tmp_path / "p")
    assert 1 <= comparison.reference_score < 3


@pytest.mark.parametrize(
    ("task", "says"),
    [
        ("{kind: generation}", "nothing says which model judges"),
        ("{kind: generation, judge: digits-cn}", "no model 'digits-cn' in the zoo[\\s\\S]*did you mean 'digits-cnn'"),
        ("{kind: regression, judge: digits-cnn}", "judge does not go with regression"),
        ("{kind: anomaly, metric: accuracy}", "accuracy does not go with anomaly[\\s\\S]*'metric: auroc'"),
    ],
)
def test_tasks_that_do_not_hang_together(tmp_path: Path, task: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        nmc.load(tiny(tmp_path, task))


def test_a_task_is_written_and_read_back(tmp_path: Path) -> None:
    model = nmc.load(tiny(tmp_path / "a", GENERATION))
    dump(model, tmp_path / "b")
    again = nmc.load(tmp_path / "b").task
    assert again is not None and model.task is not None
    assert (again.kind, again.metric, again.judge) == ("generation", "inception-score", "digits-cnn")
    assert again.train == tmp_path / "b" / "train.npz"
