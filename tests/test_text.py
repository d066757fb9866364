"""Graphs as text: what is written reads back the same, and what is wrong is said line by line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmc.errors import Location, ModelError
from nmc.graph import Graph, Ref
from nmc.model import Model
from nmc.nodes import KINDS
from nmc.nodes.build import facts_of
from nmc.text import parse
from strategies import FACTS, graphs, models, nodes

FORM = "write one node a line, as 'name = Kind(input, fact=value)'"


def complaints(text: str) -> list[str]:
    """Every fault of a text, without the remedies."""
    with pytest.raises(ModelError) as caught:
        parse(text, "net")
    return [f"{fault.where}: {fault.what}" for fault in caught.value.faults]


# ------------------------------------------------------------------ round trip


def test_a_graph_reads_as_one_line_a_node() -> None:
    text = """\
dt = 0.001
x = Input(shape=(2, 3), stream=True)
lif = LIF(x, rec@1, threshold='theta', reset='subtract', decay=0.9)
rec = Linear(lif, features=3, weight='w')
limit = Clip(rec, minimum=0.0, maximum=inf)
return lif, limit"""
    printed = text.replace(", maximum=inf", "")  # infinity is the default
    assert str(parse(text)) == printed
    assert parse(printed) == parse(text)


@given(graphs())
@settings(max_examples=100, deadline=None)
def test_any_graph_survives_printing(graph: Graph) -> None:
    assert parse(str(graph)) == graph


@given(models())
@settings(max_examples=50, deadline=None)
def test_any_sound_graph_survives_printing_with_its_signals(model: Model) -> None:
    graph = parse(str(model.graph))
    assert graph == model.graph
    assert graph.signals == model.graph.signals


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(st.data())
@settings(max_examples=15, deadline=None)
def test_every_kind_of_node_survives_printing(kind: str, data: st.DataObject) -> None:
    node = data.draw(nodes(kind))
    assert parse(f"{node}\nreturn node") == Graph((node,), ("node",))


def test_the_random_nodes_know_every_fact_of_every_kind() -> None:
    assert {kind: set(FACTS.get(kind, {})) for kind in KINDS} == {kind: set(facts_of(KINDS[kind])) for kind in KINDS}


def test_infinities_and_quotes_survive() -> None:
    text = "x = Clip(y, minimum=-inf, maximum=inf)\nc = Constant(value='it\\'s \"w\"\\n', shape=())\nreturn x"
    graph = parse(text)
    assert graph["x"].maximum == float("inf")
    assert graph["c"].value == "it's \"w\"\n"
    assert parse(str(graph)) == graph


def test_short_forms_are_written_out() -> None:
    """As in PyTorch: one number for all axes; padding by axis for both ends."""
    graph = parse("c = Conv2d(x, channels=4, kernel=3, stride=[2, 1], padding=(1, 0), weight='w')\nreturn c")
    node = graph["c"]
    assert (node.kernel, node.stride, node.padding, node.dilation) == ((3, 3), (2, 1), (1, 0, 1, 0), (1, 1))


def test_whole_numbers_do_for_real_ones() -> None:
    assert parse("dt = 1\nx = LI(y, decay=0)\nreturn x") == parse("dt = 1.0\nx = LI(y, decay=0.0)\nreturn x")


def test_reads_carry_their_delay() -> None:
    assert parse("a = Add(b@3, c@0, d)\nreturn a")["a"].inputs == (Ref("b", 3), Ref("c"), Ref("d"))


def test_every_node_knows_its_line() -> None:
    graph = parse("# a comment\n\nx = Input(\n    shape=(1,),\n)\ny = Relu(x)\nreturn y", "net.txt")
    assert graph.sources == {"x": Location("net.txt", 3), "y": Location("net.txt", 6)}


# ------------------------------------------------------------------ faults


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("import os", f"'import os' is not a line of a graph: {FORM}"),
        ("a = b = Relu(x)", f"'a = b = Relu(x)' is not a line of a graph: {FORM}"),
        ("a = Relux(x)", "'Relux' is not a kind of node; did you mean 'Relu' or 'ReduceMax' or 'LeakyRelu'?"),
        ("a = nn.Relu(x)", "'nn.Relu' is not a name"),
        ("a = Relu(x, size=3)", "Relu has no fact 'size'; it has none"),
        ("a = LI(x)", "LI needs 'decay'"),
        ("a = LI(x, decay=0.9, decay=0.8)", "decay is given twice"),
        ("a = LI(x, **{'decay': 0.9})", "'**{'decay': 0.9}' is not a fact: write 'fact=value'"),
        ("a = LI(x, decay=tau)", "'tau' is not a plain value"),
        ("a = LI(x, decay=nan)", "'nan' is not a plain value"),
        ("a = LI(x, decay=1 / 2)", "'1 / 2' is not a plain value"),
        ("a = LI(x, decay=True)", "decay: input should be a valid number or input should be a valid string, got True"),
        ("a = LIF(x, decay=0.9, reset='never')",
         "reset: input should be 'zero', 'value', 'subtract' or 'none', got 'never'"),
        ("a = LIF(x, decay=0.9, refractory=-1)", "refractory is -1: it is 0 steps or more"),
        ("a = Linear(x, features=2.5, weight='w')", "features: input should be a valid integer, got 2.5"),
        ("a = Relu(x + y)", "'x + y' is not a read: write 'node' or 'node@delay'"),
        ("a = Relu(x@-1)", "'x @ -1' is not a read: write 'node' or 'node@delay'"),
        ("a = Relu(x@True)", "'x @ True' is not a read: write 'node' or 'node@delay'"),
        ("a = Relu(*x)", "'*x' is not a read: write 'node' or 'node@delay'"),
        ("dt = 'a while'", "dt is 'a while': it takes a number of seconds"),
        ("dt = True", "dt is True: it takes a number of seconds"),
        ("lag = 0.5", "lag is 0.5: it takes a whole number of steps"),
        ("lag = True", "lag is True: it takes a whole number of steps"),
        ("return x + y", "'x + y' is not a name"),
        ("a = (", "this is not the text of a graph: '(' was never closed"),
        ("a = Relu(x", "this is not the text of a graph: '(' was never closed"),
        ("a = \0", "this is not the text of a graph: source code string cannot contain null bytes"),
    ],
)  # fmt: skip
def test_a_bad_line_has_one_clear_message(line: str, complaint: str) -> None:
    assert complaints(f"x = Input(shape=(1,))\n{line}") == [f"net:2: {complaint}"]


def test_all_bad_lines_come_at_once() -> None:
    assert complaints("x = Inptu(shape=(1,))\ny = Relu(x)\nz = LI(y)\nw = Conv2d(z, kernal=3, channels=0)") == [
        "net:1: 'Inptu' is not a kind of node; did you mean 'Input'?",
        "net:3: LI needs 'decay'",
        "net:4: Conv2d has no fact 'kernal'; it has channels, kernel, weight, bias, stride, padding, dilation, groups, "
        "weight_scale; Conv2d needs 'kernel'; Conv2d needs 'weight'",
    ]


def test_every_line_that_python_cannot_read_is_named() -> None:
    assert complaints("a = Relu(x))\nb = Relu(a)\nc = = Relu(b)") == [
        "net:1: this is not the text of a graph: unmatched ')'",
        "net:3: this is not the text of a graph: invalid syntax",
    ]


def test_what_can_be_said_once_is_said_once() -> None:
    assert complaints("dt = 0.1\ndt = 0.2\nlag = 0\nlag = 1\nreturn a\nreturn b") == [
        "net:2: the time step is given twice",
        "net:4: the lag is given twice",
        "net:6: the outputs are given twice",
    ]


def test_depth_and_size_are_no_way_to_break_it() -> None:
    for value in ("-" * 900 + "1", "(" * 150 + ")" * 150, "[" * 80 + "]" * 80, "9" * 5000, "0x" + "9" * 6000):
        assert len(complaints(f"a = LI(x, decay={value})")) == 1
    assert len(complaints("a = " + "-" * 100_000 + "1")) == 1


def test_nothing_in_the_text_is_executed(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    call = f"__import__('pathlib').Path({str(trap)!r}).touch()"
    for line in (f"a = LI(x, decay={call})", f"{call}", f"a = {call}", f"return {call}", f"a = Relu({call})"):
        assert complaints(line)
    assert not trap.exists()


@given(st.text() | st.text(alphabet="abx=()@,'.[]{}\n \t-0123456789LIFReludt#\\"))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_graph_or_an_error(text: str) -> None:
    try:
        graph = parse(text)
    except ModelError as error:
        assert all(fault.where is not None for fault in error.faults)
    else:
        graph.check()
