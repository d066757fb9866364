"""`learn:` under a Linear node of a model file."""

from __future__ import annotations

from math import exp
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from nmc.errors import ModelError
from nmc.frontends.yaml import load
from nmc.nodes.plasticity import PlasticLinear


def learning(folder: Path, learn: str) -> PlasticLinear:
    text = f"""\
nmc: 1
name: learns
weights: weights.safetensors
dt: 1 ms
inputs: {{input: {{shape: [3], stream: true}}, signal: {{shape: [2], stream: true}}}}
nodes:
  fc:
    {{kind: Linear, from: input, features: 2,
     learn: {learn}}}
  lif: {{kind: LIF, from: fc, decay: 0.9}}
output: lif
"""
    (folder / "model.yaml").write_text(text)
    save_file({"fc.weight": np.zeros((2, 3), np.float32)}, folder / "weights.safetensors")
    node = load(folder / "model.yaml").graph["fc"]
    assert isinstance(node, PlasticLinear)
    return node


def test_two_lines_make_a_connection_learn(tmp_path: Path) -> None:
    node = learning(tmp_path, "{rule: stdp, post: lif, a_plus: 0.02, tau_plus: 20 ms, tau_minus: 0.03 s, w_min: 0}")
    assert [str(ref) for ref in node.inputs] == ["input", "lif@1"]
    assert (node.dw, node.x1_tau, node.y1_tau) == ("0.02*x1*y0 - 0.01*y1*x0", 20.0, 30.0)
    assert (node.w_min, node.w_max) == (0.0, float("inf"))


@pytest.mark.parametrize(
    ("learn", "reads", "dw"),
    [
        ("{rule: oja, post: lif}", 2, "0.01*x1*y1 - 0.01*y1*y1*w"),
        ("{rule: bcm, post: lif@2, tau_threshold: 1 s}", 2, "0.01*x1*y1*y1 - 0.01*x1*y1*y2"),
        ("{rule: voja, post: lif, rate: 0.1}", 2, "0.1*y1*x0 - 0.1*y1*w"),
        ("{rule: pes, post: lif, error: signal}", 3, "-0.01*r*x1"),
        ("{rule: products, post: lif, dw: 2^-2*x1*y0, x1_tau: 10 ms}", 2, "2^-2*x1*y0"),
        ("{rule: products, post: lif, third: signal, dw: r*x0}", 3, "r*x0"),
    ],
)
def test_rules_by_name_are_written_out(learn: str, reads: int, dw: str, tmp_path: Path) -> None:
    node = learning(tmp_path, learn)
    assert (len(node.inputs), node.dw) == (reads, dw)


def test_a_tag_forgets(tmp_path: Path) -> None:
    node = learning(
        tmp_path, "{rule: reward-stdp, post: lif, reward: signal, tau_plus: 5 ms, tau_minus: 5 ms, tau_tag: 50 ms}"
    )
    assert (node.dw, node.dt) == ("1.0*r*t", f"0.01*x1*y0 - 0.01*y1*x0 - {1 - exp(-1 / 50)!r}*t")


@pytest.mark.parametrize(
    ("learn", "said"),
    [
        ("stdp", "learn takes a mapping"),
        ("{post: lif}", "learn names no rule"),
        ("{rule: hebb, post: lif}", "'hebb' is not a learning rule"),
        ("{rule: stdp, tau_plus: 20 ms, tau_minus: 20 ms}", "learn names no 'post'"),
        ("{rule: stdp, post: lif, tau_minus: 20 ms}", "the rule needs tau_plus"),
        ("{rule: stdp, post: lif, tau_plus: 20 mV, tau_minus: 20 ms}", "tau_plus"),
        ("{rule: stdp, post: lif, tau_plus: 2 ms, tau_minus: 2 ms, a_plus: much}", "a_plus takes a number"),
        ("{rule: oja, post: lif, w_mim: 0}", "the rule oja has no 'w_mim'"),
        ("{rule: pes, post: lif}", "learn names no 'error'"),
        ("{rule: products, post: lif, dw: x1*z}", "'z' is not a variable of a rule"),
        ("{rule: oja, post: fil}", "'fil', which is not a node"),
    ],
)
def test_faults_are_told_where_they_are(learn: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model.yaml:\d+:\d+: node 'fc'") as raised:
        learning(tmp_path, learn)
    assert said in str(raised.value)
