"""The files for Lava and Nengo, read back: models that do what the ones do that they were made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis.strategies import SearchStrategy

import nmc
from conformance.nengo_cases import collected
from conformance.networks import Case, convolutional_network, dense_network
from nmc.backends.lava import read_back as lava
from nmc.backends.lava.lowering import golden, program_files
from nmc.backends.lava.lowering import lower as lower_lava
from nmc.backends.nengo.lowering import KINDS
from nmc.model import Model
from nmc.nodes import KINDS as NODES
from nmc.nodes.plasticity import PlasticLinear
from nmc.program import Manifest, Program
from nmc.reference import run
from strategies.models import models, samples
from strategies.spiking_networks import convolutional, feed_forward, network_samples, recurrent

FOREIGN = frozenset(name for name, kind in NODES.items() if kind not in KINDS or kind is PlasticLinear)


def in_memory(model: Model, target: str, files: Mapping[str, bytes]) -> Program:
    return Program(Path("test-program"), Manifest("test", target, "loihi1", "0", {}, model.steps, {}), model, files)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("make", [dense_network, convolutional_network])
def test_lavas_processes_are_the_chips_part(make: Callable[[int], Case], seed: int) -> None:
    case = make(seed)
    sent, expected = golden(case.model, case.x, case.steps)
    files = program_files(case.model, lower_lava(case.model), sent, expected)
    described = lava.read_back(in_memory(case.model, "loihi-sim", files))
    given = run(described, sent, case.steps + case.model.graph.lag)
    assert given.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(given[name], values, err_msg=name)


@pytest.mark.parametrize("draw", [feed_forward, convolutional, recurrent])
def test_nengos_network_means_what_the_model_does(draw: Callable[[], SearchStrategy[Model]], tmp_path: Path) -> None:
    for case in collected(draw(), network_samples, 15):
        require_read_back(case.model, tmp_path)


def test_every_kind_of_node_is_read_back_from_nengo(tmp_path: Path) -> None:
    """But for what learns, in numbers that do not round, so that sums in another order are the same."""
    for case in collected(models(exact=True, without=FOREIGN), samples, 60):
        require_read_back(case.model, tmp_path)


def require_read_back(model: Model, folder: Path) -> None:
    """Compiling reads the network back and finds no difference."""
    found = nmc.compile(model, "nengo-sim", folder / "p").manifest.verification
    assert found is not None
    assert found.checks[0].what == "network.json and weights.npz read back", found.left_out
