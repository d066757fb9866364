"""Nodes from facts as files give them: short forms, defaults, and every fault named."""

from __future__ import annotations

import pytest

from nmc.graph import Node, Ref
from nmc.nodes import FAMILIES, KINDS
from nmc.nodes.build import build, facts_of, kind_named

X = (Ref("x"),)


def made(kind: str, **facts: object) -> Node:
    return build(kind_named(kind), "y", X, facts)


@pytest.mark.parametrize(
    ("kind", "facts", "full"),
    [
        ("Conv2d", {"kernel": 3}, {"kernel": (3, 3), "stride": (1, 1), "padding": (0,) * 4, "dilation": (1, 1)}),
        ("Conv2d", {"kernel": [3, 5], "padding": 1}, {"kernel": (3, 5), "padding": (1, 1, 1, 1)}),
        ("Conv2d", {"kernel": 3, "padding": (1, 2)}, {"padding": (1, 2, 1, 2)}),
        ("Conv2d", {"kernel": 3, "padding": [1, 2, 3, 4], "stride": 2}, {"padding": (1, 2, 3, 4), "stride": (2, 2)}),
        ("Conv1d", {"kernel": 3, "padding": 1, "dilation": 2}, {"kernel": (3,), "padding": (1, 1), "dilation": (2,)}),
        ("Conv1d", {"kernel": 3, "padding": [1, 2]}, {"padding": (1, 2)}),
        ("MaxPool2d", {"kernel": 2}, {"stride": (2, 2), "padding": (0, 0, 0, 0)}),
        ("AvgPool1d", {"kernel": 3, "stride": 1, "padding": 1}, {"stride": (1,), "padding": (1, 1)}),
        ("FixedConv2d", {"kernel": 3, "padding": 1}, {"kernel": (3, 3), "padding": (1, 1, 1, 1)}),
    ],
)
def test_short_forms(kind: str, facts: dict[str, object], full: dict[str, object]) -> None:
    needed = {"channels": 2, "weight": "w"} if "Conv" in kind else {}
    node = made(kind, **needed, **facts)
    assert {fact: getattr(node, fact) for fact in full} == full


def test_a_list_is_as_good_as_a_tuple_and_a_whole_number_as_a_real_one() -> None:
    assert made("Reshape", shape=[2, -1]) == made("Reshape", shape=(2, -1))
    assert made("LI", decay=1) == made("LI", decay=1.0)
    assert hash(made("Reshape", shape=[2, -1])) == hash(made("Reshape", shape=(2, -1)))


@pytest.mark.parametrize(
    ("kind", "facts", "complaint"),
    [
        ("Linear", {"features": 0, "weight": "w"}, "features is 0: it must be positive"),
        ("Linear", {"features": 2, "weight": "w", "bias": "w"}, "'w' cannot be both the weight and something else"),
        ("Linear", {"features": "2", "weight": "w"}, "features: input should be a valid integer, got '2'"),
        ("Linear", {"features": True, "weight": "w"}, "features: input should be a valid integer, got True"),
        ("Conv2d", {"channels": 4, "kernel": 3, "weight": "w", "groups": 3}, "groups is 3: it must divide the 4"),
        ("Conv2d", {"channels": 4, "kernel": 3, "weight": "w", "groups": 0}, "groups is 0"),
        ("Conv2d", {"channels": 4, "kernel": (3,), "weight": "w"}, r"kernel is \(3,\): it takes 2 whole numbers"),
        ("Conv2d", {"channels": 4, "kernel": 3, "weight": "w", "stride": 0}, r"stride is \(0, 0\)"),
        ("Conv2d", {"channels": 4, "kernel": 3, "weight": "w", "padding": -1}, "of at least 0"),
        ("FixedConv2d", {"channels": 4, "kernel": 3, "weight": "w", "stride": 0}, r"stride is \(0, 0\)"),
        ("FixedConv2d", {"channels": 4, "kernel": 3, "weight": "w", "groups": 0}, "groups is 0"),
        ("MaxPool2d", {"kernel": 2, "padding": 2}, r"padding \(2, 2, 2, 2\) must be less than the kernel \(2, 2\)"),
        ("Clip", {"minimum": 1.0, "maximum": 0.0}, r"minimum 1\.0 is above maximum 0\.0"),
        ("Reshape", {"shape": [-1, -1]}, "at most one -1"),
        ("Transpose", {"permutation": [0, 2]}, "must name each axis from 0 once"),
        ("Pad", {"padding": [0, -1]}, "must not be negative"),
        ("LIF", {"decay": None}, "decay: .* got None"),
        ("LIF", {"decay": 0.5, "reset_value": 0.5}, "reset_value goes with reset: value"),
        ("LIF", {"decay": 0.5, "reset_at": "next", "refractory": 2}, "exclude each other"),
        ("IF", {"multispike": True}, "multispike goes with reset: subtract"),
        ("IF", {"multispike": True, "reset": "subtract", "compare": ">=", "threshold": 0.0}, "it is above 0"),
        ("Delay", {"steps": -1}, "steps is -1: a delay is 0 steps or more"),
        ("Delay", {"steps": "array"}, "per-element steps need 'longest'"),
        ("LatencyEncode", {"window": 0}, "window is 0: it is at least 1 step"),
        ("DeltaEncode", {"threshold": 0.0}, "must be positive"),
        ("BernoulliEncode", {"seed": 2**31 - 1}, r"it takes a number from 0 to 2\^31 - 2"),
        ("QuantizeLinear", {"scale": 0.0}, "scale is 0.0: it must be positive"),
        ("QuantizeLinear", {"scale": 1.0, "bits": 4, "zero_point": 8}, r"zero_point 8 is outside -8\.\.7"),
        ("FixedLIF", {"du": 4096, "dv": 0, "vth": 1}, "du is 4096: it takes -1 to 4095"),
        ("FixedLIF", {"du": 0, "dv": 0, "vth": 1, "reset_interval": -1}, "reset_interval is -1"),
        ("FixedDense", {"features": 0, "weight": "w"}, "features is 0"),
        ("FixedDense", {"features": 1, "weight": "w", "num_message_bits": -1}, "num_message_bits is -1"),
        ("FixedDense", {"features": 1, "weight": "w", "weight_exp": 40}, "weight_exp is 40"),
        ("FixedDelayDense", {"features": 0, "weight": "w", "delay": "d", "longest": 3}, "features is 0"),
        ("FixedDelayDense", {"features": 1, "weight": "w", "delay": "d", "longest": 64}, "longest is 64"),
        ("FixedTernaryLIF", {"du": 0, "dv": 0, "vth_hi": 1, "vth_lo": 2}, "vth_lo is 2: it takes -131071 to 1"),
        ("FixedResonator", {"sin_decay": 0, "cos_decay": 0, "decay_bits": 10**9, "vth": 1}, "decay_bits is 1000000000"),
    ],
)
def test_a_wrong_fact_is_named(kind: str, facts: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        made(kind, **facts)


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(ValueError) as caught:
        made("Conv2d", kernel="big", chanels=3)
    assert str(caught.value) == (
        "Conv2d has no fact 'chanels'; it has channels, kernel, weight, bias, stride, padding, dilation, groups, "
        "weight_scale; Conv2d needs 'channels'; Conv2d needs 'weight'; kernel: input should be a valid tuple, got 'big'"
    )


def test_the_names_of_kinds_are_their_own() -> None:
    kinds = [kind for family in FAMILIES.values() for kind in family]
    assert len({kind.__name__ for kind in kinds}) == len(kinds) == len(KINDS)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_says_what_it_means(kind: str) -> None:
    """Its docstring is its equation, its own and not its parent's; its facts are frozen and hashable."""
    cls = KINDS[kind]
    assert cls.__doc__
    assert not cls.__doc__.startswith(f"{kind}(")
    assert facts_of(cls).keys().isdisjoint({"name", "inputs"})
    assert cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
