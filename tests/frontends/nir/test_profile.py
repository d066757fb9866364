"""What a profile takes for granted is said; single nodes may have another; a file's own marks must agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from frontends.nir.trees import chain, imported, node
from nmc.errors import ModelError, UsageError
from nmc.frontends.nir.conventions import PROFILES
from nmc.frontends.nir.hdf5 import Tree
from nmc.frontends.nir.load import Options, model_of
from nmc.frontends.nir.primitives import graph_of
from nmc.frontends.nir.save import tree_of
from nmc.model import Model


def leaky() -> Tree:
    """A neuron as snnTorch's exporter writes it: decay 0.9 and gain 1 at a step of 0.1 ms."""
    return node("LIF", tau=[1e-3], r=[10.0], v_leak=[0.0], v_threshold=[1.0])


def two(**options: object) -> Model:
    return imported(chain(leaky(), leaky(), shape=(1,)), dt="0.1 ms", **options)


@pytest.mark.parametrize("profile", PROFILES)
def test_what_is_taken_for_granted_stays_with_the_model(profile: str) -> None:
    conventions = PROFILES[profile]
    tau = {"steps": 10.0, "seconds": 1e-3, "seconds x dt": 1e-7}[conventions.time]
    made = imported(
        chain(node("LIF", tau=[tau], r=[10.0], v_leak=[0.0], v_threshold=[1.0]), shape=(1,)), dt="0.1 ms",
        profile=profile,
    )  # fmt: skip
    assert conventions.granted in made.description and f"profile {profile}." in made.description


def test_profiles_of_one_tool_with_the_same_equations_differ_in_what_they_take_for_granted() -> None:
    assert len({entry.granted for entry in PROFILES.values()}) >= len({entry.tool for entry in PROFILES.values()})
    for name, other in (("sinabs", "sinabs-single"), ("snntorch", "snntorch-none"), ("snntorch", "snntorch-zero")):
        assert PROFILES[name].granted != PROFILES[other].granted and other in PROFILES[name].granted


def test_a_node_may_have_a_profile_of_its_own() -> None:
    made = two(profile="snntorch,n1=snntorch-none")
    assert [made.graph[name].reset for name in ("n0", "n1")] == ["subtract", "none"]
    assert "of n1, reset_mechanism='none'" in made.description
    tree, _ = tree_of(made, Options(profile="snntorch,n1=snntorch-none"))
    again = model_of(graph_of(tree, "m.nir"), Options(), "m", "m.nir")
    assert again.graph["n1"] == replace(made.graph["n1"]) and again.description == made.description


@pytest.mark.parametrize(
    ("profile", "what", "remedy"),
    [
        ("snntorch,n1", "'n1', which is not NODE=PROFILE", "snntorch,readout=snntorch-none"),
        ("snntorch,n1=sinabs", "of another tool", "snntorch-none"),
        ("snntorch,n1=snntorch-never", "is not a profile", "snntorch-none"),
        ("snntorch,n7=snntorch-none", "n7, which is no node", "n1"),
        ("spyx,n1=nir", "of another tool", "leave n1 out"),
    ],
)
def test_profiles_that_are_none(profile: str, what: str, remedy: str) -> None:
    with pytest.raises(UsageError) as error:
        two(profile=profile)
    assert what in str(error.value) and remedy in str(error.value)


def marked(tool: str) -> Tree:
    return {**chain(leaky(), shape=(1,)), "metadata": {"exporter": f"{tool} 1.2"}}


def test_a_file_that_names_another_tool_is_refused() -> None:
    with pytest.raises(UsageError, match="the profile is norse, but the file names snntorch") as error:
        imported(marked("snnTorch"), dt="0.1 ms", profile="norse")
    assert "--profile snntorch or snntorch-none or snntorch-zero" in str(error.value)
    for profile in ("snntorch-zero", "nir", None):
        assert imported(marked("snnTorch"), dt="0.1 ms", profile=profile).graph["n0"]


def test_times_in_seconds_are_no_files_of_a_tool_that_counts_steps() -> None:
    """20 ms as 0.02 steps would forget everything at once."""
    with pytest.raises(ModelError, match="counts in steps"):
        imported(chain(node("LIF", tau=[0.02], r=[1.0], v_leak=[0.0], v_threshold=[1.0]), shape=(1,)), profile="sinabs")


def test_a_multispike_neuron_needs_a_threshold_above_zero() -> None:
    tree = chain(node("IF", r=np.ones(2), v_threshold=np.array([1.0, 0.0])))
    with pytest.raises(ModelError, match="would spike without end"):
        imported(tree, profile="sinabs")
