"""What genes stand for: programs with legal integers."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmc import pipeline, zoo
from nmc.backends import target_named
from nmc.backends.loihi.engine import run_model
from nmc.errors import UsageError
from nmc.evolution.genome import Genes, Genome, genes_named
from nmc.evolution.neurons import as_neurons
from nmc.evolution.subject import Subject
from nmc.model import Model
from nmc.nodes.fixed_point import FixedLIF
from nmc.passes import apply
from nmc.passes.fuse_synapses import FuseSynapses
from nmc.passes.quantize_fixed_point import QuantizeFixedPoint
from nmc.text import parse

LOIHI = target_named("loihi-sim")
FOUR_BITS = LOIHI.configured({"weight_bits": 4, "steps": 8})
CNN = Subject.of(zoo.load("digits-cnn"), LOIHI, FOUR_BITS)
SNN = Subject.of(zoo.load("digits-snn"), LOIHI, FOUR_BITS)
WIDE = Genome.of(CNN, "weights")


@pytest.mark.parametrize("genes", get_args(Genes))
@pytest.mark.parametrize("subject", [CNN, SNN], ids=["digits-cnn", "digits-snn"])
def test_no_change_is_the_program_itself(subject: Subject, genes: Genes) -> None:
    genome = Genome.of(subject, genes)
    same = genome.expressed(np.zeros(genome.size))
    assert same.graph == subject.program.graph
    assert all(np.array_equal(same.weights[name], array) for name, array in subject.program.weights.items())


def test_more_genes_reach_further() -> None:
    sizes = [Genome.of(CNN, genes).size for genes in get_args(Genes)]
    assert sizes[0] == 3
    assert sizes[1] == 3 + 2 * (16 + 32 + 32 + 10)
    assert sizes[2] == sizes[1] + 16 * 9 + 32 * 16 * 9 + 32 * 32 * 9 + 10 * 512


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), spread=st.sampled_from([0.01, 0.3, 5.0]))
def test_every_integer_is_legal_whatever_the_genes(seed: int, spread: float) -> None:
    """Weights of 4 bits with signs that mix are multiples of 32 from -256 to 224; biases have 13 bits."""
    vector = np.random.default_rng(seed).normal(0, spread, WIDE.size)
    found = WIDE.expressed(vector).checked()
    for name in ("conv1.weight", "conv2.weight", "conv3.weight", "logits_current.weight"):
        weights = found.weights[name].astype(np.int64)
        assert np.all(weights % 32 == 0) and weights.min() >= -256 and weights.max() <= 224
    for node in found.graph:
        if isinstance(node, FixedLIF) and isinstance(node.bias_mant, str):
            assert 1 <= node.vth < 2**17
            assert np.all(np.abs(found.weights[node.bias_mant].astype(np.int64)) < 2**12)


@pytest.mark.parametrize("subject", [CNN, SNN], ids=["digits-cnn", "digits-snn"])
def test_evolved_integers_are_a_network_that_compiles_to_them_again(subject: Subject) -> None:
    genome = Genome.of(subject, "channels")
    evolved = genome.expressed(np.random.default_rng(0).normal(0, 0.1, genome.size))
    network = as_neurons(subject.neurons, evolved)
    again = pipeline.prepare(network, LOIHI, LOIHI.configured({"weight_bits": 4}))
    x = np.random.default_rng(1).integers(0, 17, (20, 1, 8, 8)) / 16
    (have,), (want,) = (run_model(program, x).outputs.values() for program in (again, evolved))
    np.testing.assert_allclose(have, want, rtol=1e-6)


def test_names_of_genes() -> None:
    assert genes_named("layers") == "layers"
    with pytest.raises(UsageError, match="no kind of genes"):
        genes_named("chanels")


@pytest.mark.parametrize(("bias", "neuron"), [
    *[(bias, f"{neuron}, compare='>=')") for bias in ("", ", bias='b'")
      for neuron in ("LIF(y, decay=0.9", "IF(y", "Threshold(y")],
    ("", "LIF(y, decay=0.9)"), ("", "CubaLIF(y, decay=0.5, current_decay=0.5, compare='>=')"),
    ("", "CubaLIF(y, decay=1.0, current_decay=0.5, compare='>=')"),
])  # fmt: skip
def test_thresholds_that_are_reached_come_back(bias: str, neuron: str) -> None:
    """The integers of a network in real numbers, as a network again, compile to themselves."""
    graph = parse(f"dt = 0.001\nx = Input(shape=(3,), stream=True)\ny = Linear(x, features=2, weight='w'{bias})\n"
                  f"n = {neuron}\nreturn n")
    x = (np.random.default_rng(0).random((2, 9, 3)) < 0.5) * 1.0
    arrays = {"w": np.array([[1, 0.5, -0.25], [0.75, 0.25, 1]]), "b": np.array([0.3, 0.11])}
    model = apply([FuseSynapses()], Model("m", graph, {}, 9).with_(graph, arrays).checked())
    program = apply([QuantizeFixedPoint()], model, lambda: x)
    again = apply([QuantizeFixedPoint()], as_neurons(model, program), lambda: x)
    assert str(again.graph) == str(program.graph)
    assert all(np.array_equal(array, program.weights[name]) for name, array in again.weights.items())
