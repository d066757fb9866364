"""Learning rules as text: sums of products of traces, spikes, weights and constants, as Loihi has them.

    2^-2*x1*y0 - 2^-2*y1*x0
    0.01*r*t
    -2^-7*u4*(w - 32)

A product is numbers, each as in `3`, `0.01` or `2^-2`, and factors: a variable, a variable with a constant in brackets,
or a sign, as in `sgn(w)`. The grammar is that of Lava's learning rules, with decimal numbers and r besides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

TRACES = ("x1", "x2", "y1", "y2", "y3")
SYNAPTIC = ("w", "t", "d")
"""The variables of a synapse: its weight, and two tags."""
VARIABLES: Mapping[str, str] = {
    "x0": "what arrives", "x1": "a trace of what arrives", "x2": "another one",
    "y0": "what the neurons behind sent", "y1": "a trace of what they sent", "y2": "another one", "y3": "another one",
    "w": "the weight", "t": "a tag", "d": "another one", "r": "the third factor",
}  # fmt: skip
_TOKEN = re.compile(
    r"\s*(?:(?P<power>(?<![\d.])2\^[+-]?\d+)|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[a-z]+\d*)|(?P<mark>[()+*-]))"
)


@dataclass(frozen=True)
class Factor:
    """A variable plus a constant, or the sign of that."""

    variable: str
    constant: float = 0.0
    sign: bool = False

    def __str__(self) -> str:
        inside = self.variable
        if self.constant:
            inside += f" {'-' if self.constant < 0 else '+'} {_plain(abs(self.constant))}"
        if self.sign:
            return f"sgn({inside})"
        return f"({inside})" if self.constant else inside


@dataclass(frozen=True)
class Product:
    """mantissa 2^exponent times all factors, in the order in which they were written."""

    mantissa: float
    exponent: int
    factors: tuple[Factor, ...]

    @property
    def coefficient(self) -> float:
        """The number in front."""
        return float(self.mantissa * 2.0**self.exponent)

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables of its factors."""
        return tuple(factor.variable for factor in self.factors)

    def __str__(self) -> str:
        size = abs(self.mantissa)
        numbers = [_plain(size)] if size != 1 or not (self.exponent or self.factors) else []
        numbers += [f"2^{self.exponent}"] if self.exponent else []
        return f"{'-' if self.mantissa < 0 else ''}{'*'.join([*numbers, *map(str, self.factors)])}"


Rule = tuple[Product, ...]


class RuleError(ValueError):
    """A text that is no learning rule."""


def parse_rule(text: str) -> Rule:
    """The products of a rule. Raises RuleError saying what is wrong."""
    if not text.strip():
        return ()
    return _Parser(text).rule()


def format_rule(rule: Iterable[Product]) -> str:
    """The text of a rule; `parse_rule` reads it back."""
    said = " + ".join(map(str, rule))
    return said.replace("+ -", "- ")


def decimation(variable: str) -> int | None:
    """k of a variable uk, which is 1 in every 2^k-th step (or epoch) and else 0; None for other variables."""
    return int(variable[1:]) if re.fullmatch(r"u\d", variable) else None


def uses(*rules: Rule) -> frozenset[str]:
    """All variables of some rules."""
    return frozenset(variable for rule in rules for product in rule for variable in product.variables)


class _Parser:
    """Reads a rule from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        place = 0
        while place < len(text.rstrip()):
            match = _TOKEN.match(text, place)
            if match is None or match.lastgroup is None:
                raise RuleError(f"{text[place:].strip()!r} cannot be read: a rule is a sum of products, as in "
                                "'2^-2*x1*y0 - 2^-2*y1*x0'")
            self.tokens.append((match.lastgroup, match[match.lastgroup]))
            place = match.end()
        self.tokens.append(("end", ""))

    def rule(self) -> Rule:
        products = [self._product(self._sign(True))]
        while self.tokens[0] != ("end", ""):
            products.append(self._product(self._sign(False)))
        return tuple(products)

    def _sign(self, optional: bool) -> int:
        if self.tokens[0][1] in ("+", "-"):
            return 1 if self._take() == "+" else -1
        if not optional:
            raise RuleError(f"there is {self.tokens[0][1]!r} where a product ends: join factors by '*'")
        return 1

    def _product(self, sign: int) -> Product:
        mantissa, exponent, factors = float(sign), 0, []
        while True:
            kind = self.tokens[0][0]
            if kind == "power":
                exponent += int(self._take()[2:])
            elif kind == "number":
                mantissa *= float(self._take())
            else:
                turned, factor = self._factor()
                mantissa *= turned
                factors += [factor] if factor else []
            if self.tokens[0][1] != "*":
                return Product(mantissa, exponent, tuple(factors))
            self._take()

    def _factor(self) -> tuple[float, Factor | None]:
        """A factor, and the number that comes with it."""
        kind, text = self.tokens[0]
        sign = text == "sgn"
        if kind == "name" and not sign:
            return 1.0, Factor(self._variable())
        if sign:
            self._take()
        self._expect("(")
        turned, constant, variable = 1.0, 0.0, ""
        while self.tokens[0][1] != ")":
            if self.tokens[0][0] == "end":
                raise RuleError("a bracket is not closed")
            direction = self._sign(not variable and not constant)
            if self.tokens[0][0] == "number":
                constant += direction * float(self._take())
            elif not variable:
                turned, variable = float(direction), self._variable()
            else:
                raise RuleError("there are two variables in one pair of brackets: write a product for each")
        self._expect(")")
        if not variable and not sign:
            return constant, None
        if sign and (variable not in SYNAPTIC or turned < 0):
            raise RuleError("sgn takes w, t or d, and a constant added to it")
        return turned, Factor(variable, turned * constant + 0.0, sign)

    def _variable(self) -> str:
        name = self._take()
        if name not in VARIABLES and decimation(name) is None:
            raise RuleError(f"{name!r} is not a variable of a rule: these are {', '.join(VARIABLES)} and u0 to u9")
        return name

    def _expect(self, mark: str) -> None:
        if self.tokens[0][1] != mark:
            found = repr(self.tokens[0][1]) if self.tokens[0][1] else "nothing"
            raise RuleError(f"there is {found} where {mark!r} or a variable belongs")
        self._take()

    def _take(self) -> str:
        return self.tokens.pop(0)[1]


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) and abs(number) < 2**53 else repr(number)
