"""Every model of the zoo on every default target: a score that holds, or a refusal that names what is in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

import nmc
from nmc import zoo
from nmc.comparison import DEFAULT_TARGETS
from nmc.metrics import metric_of

REFUSED = {
    ("xor-backprop", "loihi-sim"): "node 'hidden': Sigmoid stands between layers, where spiking neurons can do Relu",
    ("dnc-copy", "loihi-sim"): "is read a step late beside the chip, which has no memory for what neurons cannot hold",
}
"""Why a target cannot hold a model."""
LOSS = {
    "autoencoder-anomaly": 0.02,
    "cartpole": 50,
    "dnc-copy": 0.15,  # 8-bit activations cost that much on tpu-sim
    "gan-digits": 0.5,
    "pca-anomaly": 0.01,
    "vae-digits": 0.01,
    "xor-backprop": 0.001,
}
"""How much worse, in the task's own metric, a target may be than the model itself; classes have a test of their own."""
EPISODES = {"cartpole": 10}
"""In how many episodes a controller acts here; its budgets are held to all of them."""


@pytest.mark.parametrize("name", LOSS)
def test_each_target_scores_or_says_why_not(name: str, tmp_path: Path) -> None:
    comparison = nmc.compare(name, DEFAULT_TARGETS, samples=EPISODES.get(name), directory=tmp_path)
    higher = metric_of(comparison.metric).direction == "higher"
    for row in comparison.rows:
        refusal = REFUSED.get((name, row.target))
        if refusal is not None:
            assert row.score is None and refusal in (row.refusal or "")
        else:
            assert row.score is not None, row.refusal
            gain = row.score - comparison.reference_score
            assert (gain if higher else -gain) >= -LOSS[name], row.target


def test_every_other_model_is_of_classes() -> None:
    """Which `test_zoo` holds to each target."""
    assert {task.kind for name in set(zoo.names()) - set(LOSS) if (task := zoo.load(name).task)} == {"classification"}
