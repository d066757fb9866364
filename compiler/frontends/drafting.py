"""One node of a model file: its kind, reads and facts, or everything that is wrong with them."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterator, Mapping
from math import isinf
from typing import TYPE_CHECKING

from nmc.errors import Fault, closest
from nmc.frontends.assembly import Draft
from nmc.frontends.document import Document
from nmc.frontends.learning import written_out
from nmc.frontends.timed import in_steps, time_facts
from nmc.graph import Node, Ref
from nmc.nodes import KINDS
from nmc.nodes.build import FactFault, FactsError, build, facts_of
from nmc.units.parse import quantity

if TYPE_CHECKING:
    from nmc.frontends.schema import NodeSpec

_REF = re.compile(r"([^@\s]+)(?:@([0-9]{1,9}))?")


def draft(document: Document, name: str, spec: NodeSpec, dt_s: float) -> tuple[Draft, list[Fault]]:
    """The node as written at `nodes.<name>`, and its faults, each at its own place."""
    if spec.kind == "Linear" and "learn" in spec.facts:
        return _learning(document, name, spec, dt_s)
    reads, faults = _reads(document, name, spec)
    if spec.kind not in KINDS or spec.kind == "Input":
        remedy = closest(spec.kind, KINDS.keys() - {"Input"})
        if spec.kind == "Input":
            remedy = "inputs are written above the nodes, as in 'input: {shape: [64]}'"
        what = f"{reprlib.repr(spec.kind)} is not a kind of node"
        faults.append(document.fault(("nodes", name, "kind"), what, remedy))
        return Draft(name, reads, None), faults
    kind = KINDS[spec.kind]
    if not spec.reads and kind.operands[0]:
        remedy = "name what it reads, as in 'from: input'"
        faults.append(document.fault(("nodes", name), "it reads nothing", remedy))
    node, wrong = _built(kind, name, reads, spec.facts, dt_s)
    for fault in wrong:
        place = ("nodes", name, fault.fact) if fault.fact is not None else ("nodes", name)
        faults.append(document.fault(place, fault.what, fault.remedy))
    return Draft(name, reads, None if faults else node), faults


def _learning(document: Document, name: str, spec: NodeSpec, dt_s: float) -> tuple[Draft, list[Fault]]:
    """A Linear node that learns, as the PlasticLinear that it is."""
    learnt, wrong = written_out(spec.facts["learn"], dt_s)
    faults = [document.fault(("nodes", name, "learn"), fault.what, fault.remedy) for fault in wrong]
    given = {fact: value for fact, value in spec.facts.items() if fact != "learn"}
    if wrong:
        reads, _ = _reads(document, name, spec)
        return Draft(name, reads, None), faults
    plastic = spec.model_copy(
        update={"kind": "PlasticLinear", "reads": [*spec.reads, *learnt.reads]}
    )
    reads, faults = _reads(document, name, plastic)
    node, wrong = _built(KINDS["PlasticLinear"], name, reads, {**given, **learnt.facts}, dt_s)
    for fault in wrong:
        own = fault.fact is not None and fault.fact in given
        place = ("nodes", name, fault.fact or "") if own else ("nodes", name, "learn")
        faults.append(document.fault(place, fault.what, fault.remedy))
    return Draft(name, reads, None if faults else node), faults


def default_facts(kind: type[Node], name: str) -> Mapping[str, object]:
    """Facts that a file may leave out because the node's name gives them."""
    return {"weight": f"{name}.weight"} if "weight" in facts_of(kind) else {}


def _reads(document: Document, name: str, spec: NodeSpec) -> tuple[tuple[Ref, ...], list[Fault]]:
    refs, faults = [], []
    for index, text in enumerate(spec.reads):
        match = _REF.fullmatch(text)
        if match is None:
            what = f"{reprlib.repr(text)} is not a read"
            remedy = "write 'node', or 'node@1' for its value one step ago"
            faults.append(document.fault(("nodes", name, "from", index), what, remedy))
        else:
            refs.append(Ref(match[1], int(match[2] or 0)))
    return tuple(refs), faults


def _built(
    kind: type[Node], name: str, reads: tuple[Ref, ...], given: Mapping[str, object], dt_s: float
) -> tuple[Node | None, list[FactFault]]:
    known = {*facts_of(kind), *time_facts(kind.__name__)}
    faults = [
        FactFault(
            fact,
            f"{kind.__name__} has no fact {reprlib.repr(fact)}",
            closest(fact, {*known, "from"}),
        )
        for fact in given
        if fact not in known
    ]
    facts, timed = in_steps(kind.__name__, {fact: given[fact] for fact in given if fact in known}, dt_s)
    faults += [*timed, *_value_faults(kind, facts)]
    try:
        node = build(kind, name, reads, {**default_facts(kind, name), **facts})
    except FactsError as error:
        told = {fault.fact for fault in faults if fault.fact is not None}
        return None, [*faults, *(fault for fault in error.faults if fault.fact not in told)]
    return node, faults


def _value_faults(kind: type[Node], facts: Mapping[str, object]) -> Iterator[FactFault]:
    """Values that a node would take, but that no person means."""
    table = facts_of(kind)
    for fact, value in facts.items():
        takes = table[fact].takes
        if isinstance(value, float) and isinf(value) and table[fact].default not in (float("inf"), float("-inf")):
            yield FactFault(fact, f"{fact} is infinite", f"{fact} takes {takes}")
        elif isinstance(value, str) and "array" in takes and (quantity(value) or not value or value != value.strip()):
            remedy = f"{fact} has no unit; it takes {takes}" if quantity(value) else f"{fact} takes {takes}"
            yield FactFault(fact, f"{fact} takes {takes}, got {reprlib.repr(value)}", remedy)
