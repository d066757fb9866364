"""What nodes make of shapes: what they put out, the arrays they read, the state they keep."""

from __future__ import annotations

import pytest

from nmc.graph import ArraySpec, Node, Ref, Shape, ShapeError, State
from nmc.text import parse


def node(text: str) -> Node:
    return parse(f"y = {text}")["y"]


@pytest.mark.parametrize(
    ("text", "shapes", "out"),
    [
        ("Linear(x, features=7, weight='w')", [(3,)], (7,)),
        ("Linear(x, features=7, weight='w')", [(2, 3)], (2, 7)),
        # (10 + 1 + 2 - (2 * 2 + 1)) // 3 + 1 = 3
        ("Conv1d(x, channels=4, kernel=3, stride=3, dilation=2, padding=(1, 2), weight='w')", [(2, 10)], (4, 3)),
        # rows: (8 + 1 + 0 - 3) // 2 + 1 = 4; columns: (9 + 2 + 1 - 2) // 1 + 1 = 11
        ("Conv2d(x, channels=4, kernel=(3, 2), stride=(2, 1), padding=(1, 2, 0, 1), weight='w')",
         [(3, 8, 9)], (4, 4, 11)),
        ("MaxPool2d(x, kernel=2)", [(3, 5, 4)], (3, 2, 2)),
        ("AvgPool1d(x, kernel=3, stride=1, padding=1)", [(3, 5)], (3, 5)),
        ("SumPool2d(x, kernel=2)", [(1, 2, 2)], (1, 1, 1)),
        ("GlobalAvgPool(x)", [(3, 5, 4)], (3, 1, 1)),
        ("Flatten(x)", [(3, 5, 4)], (60,)),
        ("Flatten(x)", [()], (1,)),
        ("Reshape(x, shape=(2, -1))", [(3, 4)], (2, 6)),
        ("Transpose(x, permutation=(2, 0, 1))", [(3, 5, 4)], (4, 3, 5)),
        ("Pad(x, padding=(0, 1, 2, 3))", [(4, 4)], (6, 8)),
        ("Concat(x, y, z, axis=-1)", [(2, 3), (2, 1), (2, 4)], (2, 8)),
        ("Add(x, y)", [(2, 1), (1, 3)], (2, 3)),
        ("Mul(x, y, z)", [(2, 1), (1, 3), (1, 1)], (2, 3)),
        ("LIF(x, decay=0.5)", [(2, 3)], (2, 3)),
        ("FixedDense(x, features=3, weight='w')", [(4,)], (3,)),
        ("FixedConv2d(x, channels=2, kernel=3, padding=1, weight='w')", [(1, 4, 4)], (2, 4, 4)),
    ],
)  # fmt: skip
def test_output_shapes(text: str, shapes: list[Shape], out: Shape) -> None:
    assert node(text).output_shape(*shapes) == out


@pytest.mark.parametrize(
    ("text", "shapes", "complaint"),
    [
        ("Linear(x, features=7, weight='w')", [()], "takes at least one axis"),
        ("Conv1d(x, channels=1, kernel=3, weight='w')", [(3,)], r"Conv1d takes \[channels, length\], got shape \(3,\)"),
        ("Conv2d(x, channels=2, kernel=1, groups=2, weight='w')", [(3, 2, 2)], "2 groups, which do not divide its 3"),
        ("Conv2d(x, channels=2, kernel=3, dilation=2, weight='w')", [(1, 4, 9)], "a window of 5 along spatial axis 0"),
        ("MaxPool2d(x, kernel=3)", [(1, 2, 2)], "wider than its input of 2"),
        ("BatchNorm(x, scale='s', bias='b', mean='m', variance='v')", [()], "takes at least one axis"),
        ("Softmax(x, axis=1)", [(3,)], r"along axis 1, which shape \(3,\) does not have"),
        ("Softmax(x, axis=-2)", [(3,)], "along axis -2"),
        ("Add(x, y)", [(2, 3), (3,)], "takes operands of one rank"),
        ("Add(x, y)", [(2, 3), (2, 2)], r"cannot broadcast shapes \(2, 3\), \(2, 2\)"),
        ("Concat(x, y, axis=0)", [(2, 3), (2, 2)], "takes shapes equal elsewhere"),
        ("GlobalAvgPool(x)", [(3,)], "at least one spatial axis"),
        ("Reshape(x, shape=(2, -1))", [(3,)], "does not hold the 3 elements"),
        ("Reshape(x, shape=(2, 2))", [(3,)], "does not hold the 3 elements"),
        ("Transpose(x, permutation=(0, 1))", [(3,)], "permutes 2 axes"),
        ("Pad(x, padding=(1, 1))", [(3, 3)], "takes 4 numbers"),
        ("FixedDense(x, features=3, weight='w')", [(4, 4)], r"takes \[inputs\]"),
        ("FixedProduct(x, y)", [(3,), (4,)], r"FixedProduct takes operands of one shape, got \(3,\), \(4,\)"),
        ("FixedNormDelay(x, y)", [(3,), (1,)], "takes operands of one shape"),
        ("FixedResonator(x, y, sin_decay=0, cos_decay=0, decay_bits=8, vth=1)", [(3,), (4,)], "operands of one shape"),
        ("FixedConv2d(x, channels=2, kernel=3, weight='w', groups=2)", [(3, 4, 4)], "do not divide its 3"),
    ],
)
def test_shapes_that_do_not_fit(text: str, shapes: list[Shape], complaint: str) -> None:
    with pytest.raises(ShapeError, match=complaint):
        node(text).output_shape(*shapes)


def test_arrays_are_named_with_the_shape_each_must_have() -> None:
    linear = node("Linear(x, features=7, weight='w', bias='b', weight_scale='s')")
    assert linear.arrays((2, 3)) == {"w": ArraySpec((7, 3)), "b": ArraySpec((7,)), "s": ArraySpec((7,))}
    conv = node("Conv2d(x, channels=4, kernel=(3, 2), groups=2, weight='w')")
    assert conv.arrays((6, 8, 8)) == {"w": ArraySpec((4, 3, 3, 2))}
    lif = node("LIF(x, decay='tau', threshold='th', gain=0.5)")
    assert lif.arrays((2, 3)) == {name: ArraySpec((2, 3), broadcast=True) for name in ("tau", "th")}
    facts = "features=2, synapses=5, weight='w', column='c', row_start='r', delay='d', longest=7"
    sparse = node(f"FixedDelaySparse(x, {facts})")
    assert sparse.arrays((4,)) == {
        "w": ArraySpec((5,), whole=True, low=-(2**31), high=2**31 - 1),
        "c": ArraySpec((5,), whole=True, low=0, high=3, rises_in="r"),
        "r": ArraySpec((3,), whole=True, low=0, high=5, spans=True), "d": ArraySpec((5,), whole=True, low=0, high=7),
    }  # fmt: skip
    delay = node("Delay(x, steps='s', longest=4)")
    assert delay.arrays((3,)) == {"s": ArraySpec((3,), broadcast=True, whole=True, low=0, high=4)}


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("Relu(x)", {}),
        ("LI(x, decay=0.5, initial='v0')", {"v": State((3,), "v0")}),
        ("IF(x, initial=0.5)", {"v": State((3,), 0.5)}),
        ("IF(x, refractory=2)", {"v": State((3,)), "rest": State((3,))}),
        ("IF(x, reset_at='next')", {"v": State((3,)), "spike": State((3,))}),
        ("CubaLIF(x, decay=0.5, current_decay=0.5)", {"i": State((3,)), "v": State((3,))}),
        ("Delay(x, steps=2)", {"line": State((2, 3))}),
        ("Delay(x, steps=0)", {}),
        ("RateEncode(x, initial=0.5)", {"a": State((3,), 0.5)}),
        ("Mean(x)", {"sum": State((3,)), "t": State(())}),
        ("Max(x)", {"max": State((3,), float("-inf"))}),
    ],
)
def test_state(text: str, state: dict[str, State]) -> None:
    assert node(text).state((3,)) == state


@pytest.mark.parametrize(
    ("text", "kinds", "out"),
    [
        ("Relu(x)", ["spike"], "spike"),
        ("Linear(x, features=1, weight='w')", ["spike"], "real"),
        ("MaxPool2d(x, kernel=2)", ["integer"], "integer"),
        ("AvgPool2d(x, kernel=2)", ["spike"], "real"),
        ("SumPool2d(x, kernel=2)", ["spike"], "integer"),
        ("Concat(x, y)", ["spike", "real"], "real"),
        ("Add(x)", ["spike"], "spike"),
        ("Add(x, y)", ["spike", "spike"], "integer"),
        ("Mul(x, y)", ["spike", "integer"], "integer"),
        ("Pad(x, padding=(1, 1))", ["spike"], "spike"),
        ("Pad(x, padding=(1, 1), value=0.5)", ["spike"], "real"),
        ("LIF(x, decay=0.5)", ["real"], "spike"),
        ("LI(x, decay=0.5)", ["spike"], "real"),
        ("ConstantCurrent(x)", ["integer"], "integer"),
        ("ConstantCurrent(x, gain=0.5)", ["integer"], "real"),
        ("DeltaEncode(x, threshold=0.5)", ["real"], "integer"),
        ("DeltaEncode(x, threshold=0.5, falling=False)", ["real"], "spike"),
        ("Sum(x)", ["spike"], "integer"),
        ("Mean(x)", ["spike"], "real"),
        ("QuantizeLinear(x, scale=0.5)", ["real"], "integer"),
        ("FixedLIF(x, du=0, dv=0, vth=1)", ["integer"], "spike"),
        ("FixedLIF(x, du=0, dv=0, vth=1, emits='voltage')", ["integer"], "integer"),
    ],
)
def test_kinds_of_element(text: str, kinds: list[str], out: str) -> None:
    assert node(text).output_dtype(*kinds) == out


def test_nodes_differ_by_any_fact_and_are_equal_without_a_difference() -> None:
    assert node("LIF(x, decay=0.5)") == node("LIF(x, decay=0.5, threshold=1.0)")
    assert len({node("LIF(x, decay=0.5)"), node("LIF(x, decay=0.25)"), node("LIF(x@1, decay=0.5)")}) == 3
    assert node("LIF(x@1, decay=0.5)").inputs == (Ref("x", 1),)
