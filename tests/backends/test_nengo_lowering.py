"""What becomes an ensemble, a connection or a Node, and what Nengo cannot mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import nmc
from nmc.backends.nengo.lowering import KINDS, NeuronTypes, lower
from nmc.backends.nengo.network import Convolution, Dense, Network, Sparse
from nmc.errors import UnsupportedError, UsageError
from nmc.graph import Graph, Ref
from nmc.model import Array, Model
from nmc.nodes import FAMILIES, elementwise, product, reduction, selection
from nmc.nodes import KINDS as NODES
from nmc.nodes.quantized import BitPlanes
from nmc.nodes.tensor import Input, Relu
from nmc.text import parse


def lowered(text: str, weights: Mapping[str, Array] | None = None, neuron_types: NeuronTypes = "exact") -> Network:
    return lower(Model("m", parse(text), weights or {}, steps=4).checked(), neuron_types)


def wires(network: Network) -> list[str]:
    """Every connection in short: source, how late, the kind of its transform, target."""
    return [
        f"{c.source} -{'' if c.synapse is None else f'synapse {c.synapse:g} '}"
        f"{c.transform.kind if c.transform else ''}-> {c.target}{f'[{c.start}:]' if c.start else ''}"
        for c in network.connections
    ]


def test_layers_are_connections_and_neurons_ensembles() -> None:
    text = (
        "dt = 0.001\nx = Input(shape=(3,), stream=True)\nfc = Linear(x, features=2, weight='w', bias='b')\n"
        "rec = Linear(lif@1, features=2, weight='r')\nlif = LIF(fc, rec, decay=0.9)\nrate = Mean(lif)\nreturn rate"
    )
    bias = np.array([0.5, -0.5])
    network = lowered(text, {"w": np.ones((2, 3)), "b": bias, "r": np.eye(2)})
    assert wires(network) == ["x -dense-> lif", "lif -synapse 0 dense-> lif", "lif --> rate"]
    (lif,) = network.ensembles
    assert (lif.name, lif.neurons.type, lif.neurons.settings["decay"]) == ("lif", "LIF", 0.9)
    np.testing.assert_array_equal(network.arrays["lif.bias"], bias)
    assert network.spiking == ("lif",)


def test_a_layer_that_several_read_is_a_node_of_its_own() -> None:
    text = (
        "x = Input(shape=(3,))\nfc = Linear(x, features=2, weight='w', bias='b')\na = Relu(fc)\nb = Tanh(fc)\n"
        "return a, b"
    )
    network = lowered(text, {"w": np.ones((2, 3)), "b": np.ones(2)})
    assert wires(network) == ["x -dense-> fc", "fc.bias --> fc", "fc --> a", "fc --> b"]
    assert [ensemble.neurons.type for ensemble in network.ensembles] == ["nengo.RectifiedLinear", "nengo.Tanh"]
    assert network.steps == 1


def test_late_reads_are_synapses_of_a_step_behind_a_node_that_remembers() -> None:
    text = "dt = 0.001\nx = Input(shape=(2,), stream=True)\nlif = LIF(x, x@1, x@3, decay=0.5)\nreturn lif"
    network = lowered(text)
    assert wires(network) == ["x --> lif", "x -synapse 0 -> lif", "x --> x@2", "x@2 -synapse 0 -> lif"]
    (node,) = network.nodes
    assert node.process is not None
    assert (node.process.type, node.process.settings["steps"]) == ("Delay", 2)


def test_a_bias_that_is_read_late_is_a_node() -> None:
    text = (
        "dt = 0.001\nx = Input(shape=(2,), stream=True)\nfc = Linear(x, features=2, weight='w', bias='b')\n"
        "lif = LIF(fc@1, decay=0.5)\nreturn lif"
    )
    network = lowered(text, {"w": np.eye(2), "b": np.ones(2)})
    assert wires(network) == ["x -synapse 0 dense-> lif", "fc.bias -synapse 0 -> lif"]


def test_operands_of_a_product_lie_one_after_another() -> None:
    network = lowered("x = Input(shape=(2,))\ny = Input(shape=(2,))\nz = Mul(x, y)\nreturn z")
    assert wires(network) == ["x --> z", "y --> z[2:]"]


@pytest.mark.parametrize(("facts", "expected"), [
    ("kernel=(3, 3)", "valid"),
    ("kernel=(3, 3), padding=(1, 1, 1, 1)", "same"),
    ("kernel=(3, 3), padding=(1, 1, 1, 1), stride=(2, 2)", "sparse"),    # "same" would pad at the ends only
    ("kernel=(3, 3), padding=(0, 0, 1, 1), stride=(2, 2)", "same"),
    ("kernel=(2, 2), padding=(1, 1, 0, 0)", "sparse"),
    ("kernel=(3, 3), dilation=(2, 2)", "sparse"),
])  # fmt: skip
def test_convolutions_are_sparse_where_nengo_has_no_word_for_their_geometry(facts: str, expected: str) -> None:
    text = f"x = Input(shape=(2, 6, 6))\nconv = Conv2d(x, channels=4, groups=2, weight='w', {facts})\nreturn conv"
    kernel = (2, 2) if "(2, 2), padding" in facts else (3, 3)
    (connection,) = lowered(text, {"w": np.ones((4, 1, *kernel))}).connections
    if expected == "sparse":
        assert isinstance(connection.transform, Sparse)
    else:
        assert isinstance(connection.transform, Convolution)
        assert (connection.transform.padding, connection.transform.groups) == (expected, 2)


def test_pooling_is_a_convolution_of_each_channel() -> None:
    network = lowered("x = Input(shape=(3, 4, 4))\npool = AvgPool2d(x, kernel=(2, 2))\nreturn pool")
    (connection,) = network.connections
    assert isinstance(connection.transform, Convolution)
    assert connection.transform.groups == 3
    np.testing.assert_array_equal(network.arrays["pool.weight"], np.full((2, 2, 1, 3), 0.25))


def test_a_normalization_that_is_left_scales_element_by_element() -> None:
    text = "x = Input(shape=(2,))\nnorm = BatchNorm(x, scale='s', bias='b', mean='m', variance='v')\nreturn norm"
    weights = {"s": np.array([2.0, 4.0]), "b": np.zeros(2), "m": np.zeros(2), "v": np.full(2, 4.0 - 1e-5)}
    network = lowered(text, weights)
    (connection,) = network.connections
    assert isinstance(connection.transform, Dense)
    np.testing.assert_allclose(network.arrays["norm.weight"], [1.0, 2.0])


def test_arrays_of_one_name_stay_apart() -> None:
    """A neuron's decays that are called as the layer's matrix will be."""
    text = (
        "dt = 0.001\nx = Input(shape=(2,), stream=True)\nfc = Linear(x, features=2, weight='w')\n"
        "lif = LIF(fc, decay='fc.weight')\nreturn lif"
    )
    network = lowered(text, {"w": np.eye(2), "fc.weight": np.array([0.5, 0.6])})
    facts = json.loads(network.json())
    matrix = facts["connections"][0]["transform"]["weight"]["array"]
    decays = facts["ensembles"][0]["neurons"]["settings"]["decay"]["array"]
    np.testing.assert_array_equal(network.arrays[matrix], np.eye(2))
    np.testing.assert_array_equal(network.arrays[decays], [0.5, 0.6])


def test_a_choice_is_no_array_even_where_one_has_its_name() -> None:
    text = "dt = 0.001\nx = Input(shape=(2,), stream=True)\nlif = LIF(x, decay='zero', reset='zero')\nreturn lif"
    (lif,) = lowered(text, {"zero": np.array([0.5, 0.6])}).ensembles
    assert lif.neurons.settings["reset"] == "zero"


def test_integers_of_a_chip_are_refused() -> None:
    text = "dt = 0.001\nx = Input(shape=(2,), stream=True)\nneuron = FixedLIF(x, du=0, dv=0, vth=10)\nreturn neuron"
    with pytest.raises(UnsupportedError, match="node 'neuron': FixedLIF computes with the integers of a chip"):
        lowered(text)


def test_every_kind_of_node_has_a_place_but_a_chips_integers_and_what_the_host_alone_would_do() -> None:
    foreign = {kind for kind in NODES.values() if kind not in KINDS}
    hosted = {BitPlanes, *product.KINDS, *elementwise.KINDS, *reduction.KINDS, *selection.KINDS}
    assert foreign <= {*FAMILIES["fixed-point"], *hosted}


def test_a_kind_that_is_not_known_is_refused_not_guessed() -> None:
    class Cube(Relu):
        """y = x^3."""

    graph = Graph((Input(name="x", shape=(2,)), Cube(name="cube", inputs=(Ref("x"),))), ("cube",))
    with pytest.raises(UnsupportedError, match="node 'cube': Cube has no counterpart in a Nengo network"):
        lower(Model("m", graph, {}))


@pytest.mark.parametrize(("node", "why"), [
    ("LIF(x, decay=0.5, reset='subtract')", "it resets to 0"),
    ("LIF(x, decay=0.5, reset='value', reset_value=0.25)", "it resets to 0"),
    ("LIF(x, decay=0.5, reset_at='next')", "it resets in the step of the spike"),
    ("LIF(x, decay=0.5, compare='>=')", "it spikes above its threshold, not at it"),
    ("LIF(x, decay=0.5, refractory=2)", "its rest begins within a step"),
    ("LIF(x, decay='decays')", "it has one decay for all neurons"),
    ("LIF(x, decay=1.0)", "its decay lies between 0 and 1"),
    ("LIF(x, decay=0.5, threshold=0.0)", "its threshold is positive"),
    ("IF(x)", "nengo.SpikingRectifiedLinear drops negative input and may spike several times a step"),
    ("CubaLIF(x, decay=0.5, current_decay=0.5)", "CubaLIF is none of Nengo's own neuron types"),
    ("Threshold(x)", "Threshold is none of Nengo's own neuron types"),
])  # fmt: skip
def test_what_nengos_own_neurons_cannot_mean_is_refused_by_name(node: str, why: str) -> None:
    text = f"dt = 0.001\nx = Input(shape=(2,), stream=True)\nneuron = {node}\nreturn neuron"
    weights = {"decays": np.array([0.5, 0.6])}
    with pytest.raises(UnsupportedError, match=r"(?s)node 'neuron': .*neuron_types=exact") as error:
        lowered(text, weights, "nengo")
    assert why in str(error.value)
    assert lowered(text, weights).ensembles


def test_every_refused_node_is_named_at_once() -> None:
    text = "dt = 0.001\nx = Input(shape=(2,), stream=True)\na = IF(x)\nb = Threshold(a)\nreturn b"
    with pytest.raises(UnsupportedError) as error:
        lowered(text, neuron_types="nengo")
    assert [fault.node for fault in error.value.faults] == ["a", "b"]


def test_max_pooling_cannot_become_spiking(tmp_path: Path) -> None:
    text = (
        "x = Input(shape=(1, 4, 4))\nconv = Conv2d(x, channels=1, kernel=(1, 1), weight='w')\nrelu = Relu(conv)\n"
        "pool = MaxPool2d(relu, kernel=(2, 2))\nflat = Flatten(pool)\nfc = Linear(flat, features=2, weight='v')\n"
        "return fc"
    )
    model = Model("m", parse(text), {"w": np.ones((1, 1, 1, 1)), "v": np.ones((2, 4))}).checked()
    with pytest.raises(UnsupportedError, match="MaxPool2d takes the larger of rates"):
        nmc.compile(model, "nengo-sim", tmp_path / "program", neurons="spiking")
    nmc.compile(model, "nengo-sim", tmp_path / "program")


def test_a_wrong_option_is_answered_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'rate' or 'spiking'"):
        nmc.compile("digits-cnn", "nengo-sim", tmp_path / "program", neurons="loud")
    with pytest.raises(UsageError, match="steps is 0"):
        nmc.compile("digits-cnn", "nengo-sim", tmp_path / "program", steps=0)


def test_a_loop_of_nodes_that_only_move_elements_is_kept() -> None:
    """It sums its input over time."""
    text = "dt = 0.001\nx = Input(shape=(2,), stream=True)\nsum = Flatten(x, sum@1)\nlast = Last(sum)\nreturn last"
    assert wires(lowered(text)) == ["x --> sum", "sum -synapse 0 -> sum", "sum --> last"]
