"""What comes of holding one run against another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["equal", "follows", "parts"]


@dataclass(frozen=True)
class Place:
    """The first element that differs: its sample, its step (None for what has none), and its index in the shape."""

    sample: int
    step: int | None
    index: tuple[int, ...]
    expected: float
    found: float


@dataclass(frozen=True)
class LayerDifference:
    """A layer that both runs know, of the first run by `name` and of the second by `other`.

    `verdict`: "equal"; it "parts", where it puts out what it should not for what it reads; it "follows", where it
    differs only since what it reads does. `differ` of `elements` values are not the same in both runs; `own` of them
    are not what the layer should put out for what it reads in the second run. `agreement` is the fraction of spikes
    that both have among those that either has, or the correlation of other numbers; None where nothing varies.
    """

    name: str
    other: str
    kind: str
    verdict: Verdict
    differ: int
    own: int
    elements: int
    agreement: float | None
    first: Place | None


@dataclass(frozen=True)
class Other:
    """A rule that explains a difference as well as the one that is named, in a sentence, at a node."""

    rule: str
    sentence: str
    node: str


@dataclass(frozen=True)
class Explanation:
    """A rule that explains what a layer puts out: by its name, in a sentence, at a node, and how much of it.

    Without it, `wrong` values are not as expected; with it, `left` of them still are not. `others` are rules that
    explain all of it, too, so that these samples do not tell which it is.
    """

    rule: str
    sentence: str
    node: str
    wrong: int
    left: int
    others: tuple[Other, ...] = ()

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of all rules that explain it, the likeliest first."""
        return (self.rule, *(other.rule for other in self.others))

    @property
    def whole(self) -> bool:
        """Whether it explains everything."""
        return not self.left


@dataclass(frozen=True)
class Difference:
    """Two runs, `a` and `b` by what they are called, over so many samples and steps (None where there is no time).

    `layers` are in the order in which they compute; `first` is the name of the first that parts; `explanation` the
    rule that explains it, if one is known. `notes` say how the two were put beside one another, and what was not.
    `blamed` is the run that parts from what its graph means, where that is known.
    """

    a: str
    b: str
    samples: int
    steps: int | None
    layers: tuple[LayerDifference, ...]
    first: str | None
    explanation: Explanation | None
    blamed: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether every layer does what it should for what it reads, as far as the arithmetic of both allows."""
        return self.first is None

    @property
    def same(self) -> bool:
        """Whether all values are the same as well, which rounding does not allow for."""
        return self.equal and all(layer.verdict == "equal" for layer in self.layers)

    def layer(self, name: str) -> LayerDifference:
        """A layer by its name in the first run. Raises KeyError."""
        return {layer.name: layer for layer in self.layers}[name]
