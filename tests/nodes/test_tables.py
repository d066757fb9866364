"""Tables by kind of node: each has an entry for every kind that it is asked about."""

from __future__ import annotations

from collections import Counter

import pytest

from nmc.estimates.layers import ROLES
from nmc.graph import Node
from nmc.nodes import FAMILIES, KINDS
from nmc.nodes.build import facts_of
from nmc.nodes.parameters import TRAINED
from nmc.nodes.tensor import Input
from nmc.passes import STAGES
from nmc.passes.int8_reads import READS
from nmc.reference.interpreter import MEANINGS
from nmc.training.network import FORWARDS

EVERY = pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.__name__)


@EVERY
def test_every_kind_has_a_meaning(kind: type[Node]) -> None:
    assert kind is Input or kind in MEANINGS, "say in nmc.reference what it means"


@EVERY
def test_every_kind_is_legal_at_some_stage(kind: type[Node]) -> None:
    assert any(kind in kinds for kinds in STAGES.values()), "add it to a family or a stage in nmc.passes"


@EVERY
def test_every_kind_has_a_role_on_a_chip_of_neurons(kind: type[Node]) -> None:
    assert kind in ROLES, "say in nmc.estimates.layers what it becomes there, or that it is refused"


@pytest.mark.parametrize("kind", FAMILIES["tensor"], ids=lambda kind: kind.__name__)
def test_every_tensor_kind_does_one_thing_with_8_bit_integers(kind: type[Node]) -> None:
    found = Counter(each for kinds in READS.values() for each in kinds)
    assert found[kind] == 1, "say in nmc.passes.int8_reads whether it moves, reads or takes them"


@pytest.mark.parametrize("kind", FORWARDS, ids=lambda kind: kind.__name__)
def test_what_of_a_kind_is_trained_is_said(kind: type[Node]) -> None:
    arrays = any("the name of an array" in fact.takes for fact in facts_of(kind).values())
    assert not arrays or kind in TRAINED, "say in nmc.nodes.parameters which of its arrays are trained, or ()"
