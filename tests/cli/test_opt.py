"""Passes by text: graphs before and after, as the command prints them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from nmc.frontends.graph_text import drawn
from nmc.graph import Graph
from nmc.model import Model
from nmc.nodes import KINDS
from nmc.text import parse

from .conftest import Nmc

NORMED = """\
x = Input(shape=(2,))
y = Linear(x, features=2, weight='w')
n = BatchNorm(y, scale='s', bias='b', mean='m', variance='v')
r = Relu(n)
z = Linear(r, features=1, weight='u')
return z
"""
FOLDED = """\
x = Input(shape=(2,))
y = Linear(x, features=2, weight='y.folded_weight', bias='y.folded_bias')
r = Relu(y)
z = Linear(r, features=1, weight='u')
return z
"""
SPIKES = """\
dt = 0.001
x = Input(shape=(3,), stream=True)
s = LIF(x, decay=0.5)
p = Relu(s)
f = Linear(p, features=2, weight='w')
out = LIF(f, decay=0.5)
return out
"""


def test_a_pass_on_a_text(nmc: Nmc, tmp_path: Path) -> None:
    (tmp_path / "net.txt").write_text(NORMED)
    done = nmc("opt", "net.txt", "-p", "fold-batchnorm")
    assert (done.returncode, done.stdout) == (0, FOLDED)
    assert "drawn at random" in done.stderr


def test_the_text_of_a_graph_passes_from_one_command_to_the_next(nmc: Nmc, tmp_path: Path) -> None:
    (tmp_path / "net.txt").write_text(NORMED)
    arrays = {name: np.full(2, value) for name, value in {"s": 2.0, "b": 0.5, "m": 1.0, "v": 1.0}.items()}
    save_file({**arrays, "w": np.eye(2), "u": np.ones((1, 2))}, tmp_path / "net.safetensors")
    np.save(tmp_path / "x.npy", np.array([[0.0, 1.0], [1.0, 0.0]]))
    done = nmc("opt", "net.txt", "-p", "fold-batchnorm", "-o", "folded.txt")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "folded.txt").read_text() == FOLDED
    folded = load_file(tmp_path / "folded.safetensors")
    np.testing.assert_allclose(folded["y.folded_weight"], 2 * np.eye(2), rtol=1e-4)
    both, second = (
        nmc("opt", name, "-p", passes, "--calibration", "x.npy")
        for name, passes in (("net.txt", "fold-batchnorm,quantize-int8"), ("folded.txt", "quantize-int8"))
    )
    assert both.returncode == second.returncode == 0
    assert both.stdout == second.stdout
    assert "x_int8 = QuantizeLinear(x, " in both.stdout


def test_a_text_on_standard_input(nmc: Nmc) -> None:
    """A rectifier of spikes is left out, and the matrix stays the synapse's."""
    done = nmc("opt", "-", "-p", "spike-logic,fuse-synapses", typed=SPIKES)
    assert done.stdout == """\
dt = 0.001
x = Input(shape=(3,), stream=True)
from_x = Linear(x, features=3, weight='from_x.weight')
s = LIF(from_x, decay=0.5)
f = Linear(s, features=2, weight='f.weight')
out = LIF(f, decay=0.5)
return out
"""
    assert "standard input:2: " in nmc("opt", "-", "-p", "@loihi-sim", typed=SPIKES).stderr


def test_all_passes_of_a_target_give_what_its_chip_computes(nmc: Nmc) -> None:
    done = nmc("opt", "digits-snn", "-p", "@loihi-sim{weight-bits=6}")
    assert (done.returncode, done.stderr) == (0, "")
    shown = nmc("inspect", "digits-snn", "-t", "loihi-sim", "-O", "weight-bits=6", "--after", "quantize-fixed-point")
    lines = [line.partition("  #")[0].rstrip() for line in shown.stdout.splitlines()[1:]]
    assert done.stdout.splitlines() == lines


@pytest.mark.parametrize(("arguments", "says"), [
    (("net.txt", "-p", "fold-batchnrm"), "there is no pass 'fold-batchnrm'\n    -> did you mean 'fold-batchnorm'?"),
    (("net.txt", "-p", "quantize-int8{rages=mse}"), "has no option 'rages'\n    -> did you mean 'ranges'?"),
    (("net.txt", "-p", "fold-batchnorm", "-o", "net.onnx"), "net.onnx is no .txt file\n    -> write net.txt"),
    (("gone.txt", "-p", "fold-batchnorm"), "cannot read gone.txt"),
    (("digits-cn", "-p", "fold-batchnorm"), "did you mean 'digits-cnn'"),
    (("net.txt", "-p", "fold-batchnorm", "--calibration", "gone.npy"), "there is no file gone.npy"),
])  # fmt: skip
def test_what_cannot_be_done_is_said_in_one_message(
    nmc: Nmc, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    (tmp_path / "net.txt").write_text(NORMED)
    done = nmc("opt", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert done.stderr.count("nmc: ") - done.stderr.count("nmc: note") == 1


def test_faults_of_a_text_have_their_lines(nmc: Nmc, tmp_path: Path) -> None:
    (tmp_path / "net.txt").write_text("x = Input(shape=(2,))\ny = Relu(z)\nreturn y\n")
    done = nmc("opt", "net.txt", "-p", "fold-batchnorm")
    assert done.returncode == 1
    assert "net.txt:2: node 'y': it reads 'z', which is not a node" in done.stderr


def test_a_refusal_of_a_pass_is_that_of_a_compile(nmc: Nmc, tmp_path: Path) -> None:
    (tmp_path / "net.txt").write_text(NORMED)
    done = nmc("opt", "net.txt", "-p", "quantize-int8")
    assert done.returncode == 1
    assert "there is no calibration data" in done.stderr


@pytest.mark.parametrize("text", [
    "x = Input(shape=(5,))\ny = SparseLinear(x, features=4, synapses=9, weight='w', row='r', column='c')\nreturn y",
    "dt = 0.001\nx = Input(shape=(6,), stream=True)\ns = FixedSparse(x, features=2, synapses=5, weight='w', column='c',"
    " row_start='r')\nreturn s",
    "dt = 0.001\nx = Input(shape=(4,), stream=True)\nd = Delay(x, steps='d', longest=3)\nreturn d",
    NORMED,
])  # fmt: skip
def test_drawn_arrays_are_such_as_their_nodes_take(text: str) -> None:
    graph: Graph = parse(text)
    assert {node.kind for node in graph} <= set(KINDS)
    assert Model("m", graph, drawn(graph)).check() == []
