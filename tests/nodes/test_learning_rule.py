"""Learning rules as text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmc.nodes.fixed_point.plasticity import LoihiProduct
from nmc.nodes.learning_rule import SYNAPTIC, VARIABLES, Factor, Product, RuleError, format_rule, parse_rule

constants = st.sampled_from([0.0, 1.0, -3.0, 600.0, 0.125, -2.5])
factors = st.builds(Factor, st.sampled_from([*VARIABLES, "u3"]), constants) | st.builds(
    Factor, st.sampled_from(SYNAPTIC), constants, st.just(True)
)
mantissas = st.sampled_from([1.0, -1.0, 3.0, -999.0, 0.1, 1e-9, -2.5e8])
products = st.builds(Product, mantissas, st.integers(-20, 20), st.lists(factors, max_size=4).map(tuple))


@given(st.lists(products, min_size=1, max_size=4).map(tuple))
def test_text_says_the_whole_rule(rule: tuple[Product, ...]) -> None:
    assert parse_rule(format_rule(rule)) == rule


def test_numbers_and_brackets_may_stand_anywhere() -> None:
    (product,) = parse_rule("3*2^-4*x0*(5 - y1)*2*sgn(w + 2)")
    assert product.coefficient == -6 / 16  # 5 - y1 is -(y1 - 5)
    assert product.factors == (Factor("x0"), Factor("y1", -5.0), Factor("w", 2.0, True))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x9", "'x9' is not a variable of a rule"),
        ("x1 y0", "join factors by '*'"),
        ("2^*x1", "a rule is a sum of products"),
        ("(x1 + y1)", "two variables in one pair of brackets"),
        ("3*(x1", "a bracket is not closed"),
        ("sgn(x1)", "sgn takes w, t or d"),
        ("x1*-2", "'-' where"),
    ],
)
def test_what_is_no_rule_is_told(text: str, said: str) -> None:
    with pytest.raises(RuleError, match=re.escape(said)):
        parse_rule(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x1*y1", "has none of x0, y0 and u0 to u9"),
        ("x0*u1*y1", "takes one u, before"),
        ("x0*r", "third factor"),
        ("0.3*x0*y1", "0.3 is no whole number"),
        ("9*x0", "9*2^0 is out of range"),
        ("2^-8*x0", "out of range"),
        ("x0*(y1 + 0.5)", "not a whole number"),
    ],
)
def test_what_lavas_engine_does_not_hold_is_told(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        LoihiProduct.of(parse_rule(text)[0])
