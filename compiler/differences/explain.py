"""Looks for the rule by which a layer puts out what it should not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nmc.differences.result import Explanation, Other
from nmc.differences.rules import ESTIMATED, RULES, Family, Rule, Trial
from nmc.differences.segment import Segment
from nmc.differences.tolerance import Tolerance
from nmc.graph import Node
from nmc.model import FloatArray

ENOUGH = 0.4
"""The fraction of what is wrong that the best rule may leave, to be named at all."""
_BETTER = 0.2
"""How much less a rule must leave than one that comes before it, to be the better one."""
_COARSE, _FINE, _ROUNDS = 17, 9, 9
_PATIENCE = 400
"""How many ways are tried of rules that have very many."""
_VALUES = 2**19
"""How many values a segment computes at most in a trial: of more, some of the samples are looked at."""
_OTHERS_VALUES = 2**22
"""How many values are computed to look for rules that explain it as well."""
_NAMED = 3
"""How many of those are named at most."""


@dataclass(frozen=True, eq=False)
class _Found:
    """A rule that was tried at a node, and what it leaves: how much differs, and by how much in all."""

    rule: Rule
    trial: Trial
    node: Node
    left: int
    error: float


@dataclass
class _Search:
    """What has been tried so far on a segment, of which so much is wrong; `best` leaves least."""

    segment: Segment
    tolerance: Tolerance
    wrong: int
    best: _Found | None = None

    def __post_init__(self) -> None:
        self.spikes = self.segment.graph.signals[self.segment.name].dtype == "spike"
        self.error = self._error(self.segment.expected)

    @property
    def done(self) -> bool:
        """Whether nothing is left to explain."""
        return self.best is not None and not self.best.left

    def tried(self, rule: Rule, node: Node, trial: Trial) -> _Found | None:
        """What is left wrong if a node works so; None where it cannot."""
        try:
            with np.errstate(all="ignore"):
                produced = self.segment.changed(trial.change)
        except (ValueError, IndexError, TypeError, OverflowError, ZeroDivisionError):
            return None
        if produced.shape != self.segment.found.shape or not np.all(np.isfinite(produced)):
            return None
        left = int(np.count_nonzero(self.tolerance.differs_from(self.segment, produced)))
        found = _Found(rule, trial, node, left, left if self.spikes else self._error(produced))
        if self._is_better(found):
            self.best = found
        return found

    def _error(self, produced: FloatArray) -> float:
        of = self.segment.known
        return float(np.sum(abs(produced[:, of] - self.segment.found[:, of])))

    def _is_better(self, found: _Found) -> bool:
        if self.best is None:
            return found.left < self.wrong or found.error < self.error
        if not found.left:
            return bool(self.best.left)
        return found.error < self.best.error * (1 - _BETTER)

    def refined(self, rule: Rule, node: Node, family: Family) -> None:
        """The best of a family, coarsely at first, then around the best."""
        low, high, points = family.low, family.high, _COARSE
        seen: dict[float, float] = {}
        for _ in range(20 if family.whole else _ROUNDS):
            values = np.linspace(low, high, points)
            values = np.unique(np.rint(values)) if family.whole else values
            for value in values.tolist():
                if value not in seen:
                    seen[value] = self._of(rule, node, family, value)
                if self.done:
                    return
            best = min(seen, key=lambda value: seen[value])
            gap = (high - low) / (points - 1)
            if seen[best] >= self.error or (family.whole and gap <= 1):
                return
            low, high, points = max(family.low, best - gap), min(family.high, best + gap), _FINE

    def _of(self, rule: Rule, node: Node, family: Family, value: float) -> float:
        try:
            found = self.tried(rule, node, family.trial(value))
        except ValueError:
            found = None
        return self.error if found is None else found.error


def explain(segment: Segment, tolerance: Tolerance) -> Explanation | None:
    """The rule that leaves least of what a segment does unexplained; None where every one leaves much."""
    segment = _of_few_samples(segment, tolerance)
    wrong = int(np.count_nonzero(tolerance.differs_from(segment, segment.expected)))
    if not wrong:
        return None
    search = _Search(segment, tolerance, wrong)
    families: list[tuple[Rule, Node, Family]] = []
    others: list[Other] = []
    more = _most_others(segment)
    for rule, node, way in _all_ways(segment, RULES):
        if isinstance(way, Family):
            families.append((rule, node, way))
            continue
        if search.done and (not more or len(others) == _NAMED):
            break
        was_done = search.done
        found = search.tried(rule, node, way)
        if was_done:
            more -= 1
            if found is not None and not found.left and _is_another(search, found, others):
                others.append(Other(rule.name, way.says, node.name))
    for rule, node, family in families:
        if search.done:
            break
        search.refined(rule, node, family)
        if search.done:
            others += _as_good(search, families, {rule.name})
    for rule, node, way in _all_ways(segment, ESTIMATED):
        if search.done:
            break
        if isinstance(way, Family):
            search.refined(rule, node, way)
        else:
            search.tried(rule, node, way)
    return _named(search, tolerance, tuple(others))


def _of_few_samples(segment: Segment, tolerance: Tolerance) -> Segment:
    """A segment that is quick to compute: of its samples, some in a row, the first that is wrong among them."""
    each = max(segment.found[0].size * len(segment.nodes), 1)
    count = max(_VALUES // each, 2)
    if len(segment.found) <= count:
        return segment
    differs = tolerance.differs_from(segment, segment.expected)
    first = int(np.argmax(differs.reshape(len(differs), -1).any(axis=1)))
    start = min(max(first - 1, 0), len(segment.found) - count)
    return segment.of_samples(slice(start, start + count))


def _most_others(segment: Segment) -> int:
    """How many ways are tried once one is found that explains all: fewer, the more there is to compute."""
    return max(_OTHERS_VALUES // (segment.found.size * len(segment.nodes)), 1)


def _as_good(search: _Search, families: Sequence[tuple[Rule, Node, Family]], named: set[str]) -> Iterator[Other]:
    """Rules with a number that explain it all, too, among the first few."""
    tried = 0
    for rule, node, family in families:
        if rule.name not in named and tried < _most_others(search.segment):
            tried += _COARSE + _FINE * _ROUNDS
            again = _Search(search.segment, search.tolerance, search.wrong)
            again.refined(rule, node, family)
            if again.done and again.best is not None:
                named.add(rule.name)
                yield Other(rule.name, again.best.trial.says, node.name)


def _is_another(search: _Search, found: _Found, others: list[Other]) -> bool:
    """Whether a rule is none of those that were found to explain it all."""
    assert search.best is not None
    return found.rule.name not in {search.best.rule.name, *(other.rule for other in others)}


def _all_ways(segment: Segment, rules: Sequence[Rule]) -> Iterator[tuple[Rule, Node, Trial | Family]]:
    """All ways to be tried, rule by rule, at the node that was seen first, then at those before it."""
    nodes = segment.nodes[-1:] if segment.loops else segment.nodes[::-1]
    for rule in rules:
        for node in nodes:
            for way in _ways(rule, node, segment):
                yield rule, node, way


def _ways(rule: Rule, node: Node, segment: Segment) -> Iterator[Trial | Family]:
    """The ways of a rule, as far as they make sense for a node."""
    try:
        for count, way in enumerate(rule.of(node, segment)):
            if count >= _PATIENCE:
                return
            yield way
    except (ValueError, IndexError, TypeError):
        return


def _named(search: _Search, tolerance: Tolerance, others: tuple[Other, ...]) -> Explanation | None:
    best = search.best
    if best is None:
        return None
    slight = best.left <= tolerance.forgiven(search.segment, search.wrong)
    if not slight and best.left > ENOUGH * search.wrong and (search.spikes or best.error > search.error / 50):
        return None
    return Explanation(
        best.rule.name, best.trial.says, best.node.name, search.wrong, 0 if slight else best.left, others
    )
