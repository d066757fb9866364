"""Networks of other tools spike here as they do there, at every step; golden/make.py made the files."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import nmc
from needs import left_out, once, pip
from nmc import reference
from nmc.errors import ToolError

GOLDEN = Path(__file__).parent / "golden"
PROFILES = {
    "snntorch_dense": "snntorch", "snntorch_synaptic": "snntorch", "snntorch_recurrent": "snntorch",
    "snntorch_rsynaptic": "snntorch", "snntorch_conv": "snntorch", "snntorch_zero": "snntorch-zero",
    "norse_lif": "norse", "norse_cuba": "norse", "norse_if": "norse", "norse_written": "norse-to-nir",
    "spikingjelly_lif": "spikingjelly", "spikingjelly_cuba": "spikingjelly", "sinabs_dense": "sinabs-single",
    "norse_recurrent": "norse", "norse_conv": "norse", "snntorch_conv_recurrent": "snntorch",
    "sinabs_multi": "sinabs", "snntorch_readout": "snntorch,3=snntorch-none",
}  # fmt: skip
"""The conventions of each case. snnTorch's exporter has a step of 0.1 ms, the others were given 1 ms."""


def spikes(folder: Path, name: str, profile: str) -> tuple[np.ndarray, np.ndarray]:
    """What the network of a golden case puts out here, and what it put out in its tool: [steps, *shape]."""
    with np.load(folder / "golden.npz") as golden:
        x, expected = golden[f"{name}.x"], golden[f"{name}.y"]
    model = nmc.load(folder / f"{name}.nir", dt="100 us" if "snntorch" in name else "1 ms", profile=profile)
    (y,) = reference.run(model, np.moveaxis(x, 0, 1)).values()
    return y[0], expected[:, 0]


@pytest.mark.parametrize("name", PROFILES)
def test_spikes_are_those_of_the_tool(name: str) -> None:
    y, expected = spikes(GOLDEN, name, PROFILES[name])
    np.testing.assert_array_equal(y, expected)
    assert 0.02 < expected.mean() < (4 if name == "sinabs_multi" else 0.9)


def test_other_conventions_give_other_spikes() -> None:
    """What the profiles differ in shows: here only by when, and how, a neuron resets."""
    y, expected = spikes(GOLDEN, "snntorch_dense", "snntorch-zero")
    assert np.any(y != expected)


def test_several_spikes_a_step_and_neurons_that_do_not_reset_show() -> None:
    """What no file states is the profile's: with another one of the same tool, spikes are others."""
    for name, profile in (("sinabs_multi", "sinabs-single"), ("snntorch_readout", "snntorch")):
        y, expected = spikes(GOLDEN, name, profile)
        assert np.any(y != expected)


def test_the_tools_have_versions() -> None:
    with np.load(GOLDEN / "golden.npz") as golden:
        tools = dict(text.split() for text in golden["versions"].tolist())
    assert tools.keys() >= {"nir", "nirtorch", "snntorch", "norse", "spikingjelly", "sinabs"}


def test_every_golden_file_is_tested() -> None:
    assert {path.stem for path in GOLDEN.glob("*.nir")} == PROFILES.keys()


@pytest.fixture(scope="session")
def tools() -> Path:
    """The tools, importable from this folder by a Python that has torch."""
    lock = GOLDEN / "tools.lock"
    try:
        return once("nir-tools", lambda folder: pip("the NIR tools", [
            "install", "--no-deps", "--target", str(folder), "-r", str(lock)
        ]))  # fmt: skip
    except ToolError as error:
        left_out(error)


def test_the_tools_still_make_these_files(tools: Path, tmp_path: Path) -> None:
    """Runs golden/make.py with the tools, in a process of its own."""
    if find_spec("torch") is None:
        left_out(ToolError("the tools need torch", "install the extra 'torch'"))
    environment = {**os.environ, "PYTHONPATH": str(tools)}
    done = subprocess.run(
        [sys.executable, GOLDEN / "make.py", tmp_path], capture_output=True, text=True, timeout=600, env=environment
    )
    assert done.returncode == 0, done.stderr
    for name, profile in PROFILES.items():
        y, expected = spikes(tmp_path, name, profile)
        np.testing.assert_array_equal(y, expected, err_msg=name)
