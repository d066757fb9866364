"""What a reader is told: of networks that their target converts, of many layers, and of every target."""

from __future__ import annotations

import numpy as np
import pytest

import nmc
from mutations.changes import facts
from mutations.networks import network, samples
from nmc import backends, reference
from nmc.errors import UnsupportedError
from nmc.report.differences import difference_text


@pytest.mark.parametrize("target", ["loihi-sim", "nengo-loihi-sim"])
def test_an_ordinary_network_is_held_against_its_conversion(target: str) -> None:
    difference = nmc.diff("autoencoder-anomaly", target=target, samples=4)
    assert difference.a == "the model autoencoder-anomaly-spiking"
    assert {"relu1", "relu2"} <= {layer.name for layer in difference.layers}
    assert difference.equal


@pytest.mark.parametrize("target", backends.targets())
@pytest.mark.parametrize("name", ["dense", "images"])
def test_a_sound_program_of_any_target_is_equal(name: str, target: str) -> None:
    try:
        difference = nmc.diff(network(name), x=samples(network(name).graph), target=target)
    except UnsupportedError as error:
        assert (name, "Tanh" in str(error)) == ("images", True)
        return
    assert difference.equal
    assert "equal" in difference_text(difference).splitlines()[-1]


def test_many_equal_layers_are_one_row() -> None:
    model = network("conv")
    x = samples(model.graph)
    names = [node.name for node in model.graph if node.name != "x"]
    found = reference.run(facts("total", inputs=lambda node: model.graph["out"].inputs)(model), x, record=names)
    text = difference_text(nmc.diff(model, {name: np.asarray(found[name]) for name in names}, x))
    assert "a .. out" in text
    assert "7 layers" in text
    assert "second" not in text


def test_a_network_without_time_has_no_steps() -> None:
    text = difference_text(nmc.diff(network("images"), target="cpu"))
    assert text.splitlines()[2] == "3 samples"
