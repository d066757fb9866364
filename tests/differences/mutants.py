"""Mutants of any model: one node that works otherwise, as an engine, a lowering, a pass or a board may get it wrong.

A `Kind` is one such mistake. `mutants` draws of those that a model has room for; each says at which node it is, and the
rules that describe it. Rules do not see these kinds, and they are not drawn from the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from nmc.errors import NmcError
from nmc.graph import Node
from nmc.model import Array, Model
from nmc.reference.meaning import Meaning


@dataclass(frozen=True, eq=False)
class Mutant:
    """A model in which the node `node` is wrong; `meanings` are of nodes that no facts can say."""

    kind: str
    node: str
    rules: tuple[str, ...]
    model: Model
    meanings: Mapping[str, Meaning] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Site:
    """A node of a model in which a mistake is to be made."""

    model: Model
    node: Node
    rng: np.random.Generator

    def array(self, fact: str) -> Array:
        """One of the node's arrays."""
        return self.model.weights[getattr(self.node, fact)]

    def facts(self, **facts: object) -> Made:
        """The node with other facts."""
        return Made(self.model.with_(self.model.graph.replace(replace(self.node, **facts))))

    def arrays(self, **arrays: Array) -> Made:
        """The node with other arrays for some of its facts."""
        names = {fact: f"{self.node.name}.{fact}.wrong" for fact in arrays}
        found = {names[fact]: np.ascontiguousarray(array) for fact, array in arrays.items()}
        return Made(self.model.with_(self.model.graph.replace(replace(self.node, **names)), found))

    def nodes(self, *nodes: Node) -> Made:
        """Several nodes in place of the one."""
        graph = self.model.graph
        every = [new for node in graph for new in (nodes if node.name == self.node.name else (node,))]
        return Made(self.model.with_(replace(graph, nodes=tuple(every))))

    def means(self, meaning: Meaning) -> Made:
        """The node with another meaning."""
        return Made(self.model, {self.node.name: meaning})

    def pick(self, *choices: object) -> object:
        """One of several."""
        return choices[self.rng.integers(len(choices))]


@dataclass(frozen=True, eq=False)
class Made:
    """A model with the mistake, and rules beside those of its kind that describe it as well."""

    model: Model
    meanings: Mapping[str, Meaning] = field(default_factory=dict)
    rules: tuple[str, ...] = ()

    def also(self, *rules: str) -> Made:
        """Described by these rules, too."""
        return replace(self, rules=(*self.rules, *rules))


@dataclass(frozen=True, eq=False)
class Kind:
    """A mistake by name, the rules that describe it, and how it is made at a node; None where there is no room."""

    name: str
    rules: tuple[str, ...]
    nodes: tuple[type[Node], ...]
    make: Callable[[Site], Made | None]

    def at(self, model: Model, node: Node, rng: np.random.Generator) -> Mutant | None:
        """The mutant, if this mistake can be made here."""
        try:
            made = self.make(Site(model, node, rng))
            if made is None:
                return None
            sound = made.model.checked()
        except (NmcError, ValueError):
            return None
        return Mutant(self.name, node.name, (*self.rules, *made.rules), sound, made.meanings)


def mutants(model: Model, kinds: tuple[Kind, ...], rng: np.random.Generator) -> Iterator[Mutant]:
    """Mutants without end, kind after kind in an order from the generator, each at a node that it can be made at."""
    while True:
        for index in rng.permutation(len(kinds)):
            kind = kinds[index]
            nodes = [node for node in model.graph if isinstance(node, kind.nodes)]
            rng.shuffle(nodes)
            made = (kind.at(model, node, rng) for node in nodes)
            found = next((mutant for mutant in made if mutant is not None), None)
            if found is not None:
                yield found
