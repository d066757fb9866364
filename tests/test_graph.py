"""Graphs: order, loops, shapes, timing, element kinds, and changes to them."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from nmc.errors import Location, ModelError
from nmc.graph import ArraySpec, Graph, Ref, fresh, widest
from nmc.nodes.spiking import LIF, Delay
from nmc.nodes.tensor import Input, Linear, Relu
from nmc.text import parse

RECURRENT = """\
dt = 0.001
rec = Linear(lif, features=2, weight='w')
lif = LIF(x, rec@1, decay=0.9)
x = Input(shape=(2,))
return lif"""


def faults(text: str) -> list[str]:
    """What is wrong with a graph, one line for each fault, without the remedies."""
    return [str(replace(fault, remedy=None)) for fault in parse(text, "net").check()]


def timings(text: str) -> dict[str, str]:
    return {name: signal.timing for name, signal in parse(text).signals.items()}


def dtypes(text: str) -> dict[str, str]:
    return {name: signal.dtype for name, signal in parse(text).signals.items()}


# ------------------------------------------------------------------ order and loops


def test_order_follows_same_step_reads_and_not_the_file() -> None:
    assert parse(RECURRENT).order == ("x", "lif", "rec")


def test_delayed_reads_order_nothing() -> None:
    graph = parse("dt = 0.001\na = Relu(b@2, x)\nb = Relu(a@1)\nx = Input(shape=(1,))\nreturn a")
    assert set(graph.order) == {"a", "b", "x"}
    assert graph.order.index("x") < graph.order.index("a")


def test_a_loop_without_delay_is_spelled_out() -> None:
    with pytest.raises(ModelError) as caught:
        _ = parse(RECURRENT.replace("rec@1", "rec"), "net.yaml").order
    (fault,) = caught.value.faults
    assert fault.what == "rec -> lif -> rec: a loop needs a delay"
    assert fault.remedy == "read one of these nodes a step late, as in 'rec@1'"
    assert fault.where == Location("net.yaml", 2)


def test_a_node_that_reads_itself_needs_a_delay() -> None:
    assert faults("x = Input(shape=(1,))\na = Relu(x, a)\nreturn a") == [
        "net:2: node 'a': a -> a: a loop needs a delay"
    ]


def test_a_negative_delay_is_refused() -> None:
    with pytest.raises(ValueError, match="a delay is 0 steps or more"):
        Ref("a", -1)


def test_consumers_read_at_any_delay_and_are_named_once() -> None:
    graph = parse("dt = 0.001\nx = Input(shape=(1,))\na = Relu(x, x@1)\nb = Relu(x@3)\nreturn a, b")
    assert {name: [node.name for node in nodes] for name, nodes in graph.consumers.items()} == {
        "x": ["a", "b"], "a": [], "b": [],
    }  # fmt: skip


# ------------------------------------------------------------------ shapes


def test_shapes_pass_through_delayed_reads() -> None:
    """b's shape is known only through c, which is written after it and read late."""
    graph = parse("dt = 0.001\nb = Relu(c@1)\nc = Linear(x, features=7, weight='w')\nx = Input(shape=(3,))\nreturn b")
    assert graph.signals["b"].shape == (7,)


def test_a_sum_in_a_loop_takes_its_shape_from_the_input_outside() -> None:
    assert parse(RECURRENT).signals["lif"].shape == (2,)


def test_a_loop_fed_from_nowhere_has_no_shape() -> None:
    assert faults("dt = 0.001\na = Relu(b@1)\nb = Relu(a)\nreturn a") == [
        "net:2: node 'a': the shapes of a, b depend only on one another"
    ]


def test_several_reads_add_up_and_must_be_equal_in_shape() -> None:
    text = """\
x = Input(shape=(3,))
small = Linear(x, features=2, weight='w')
y = Relu(x, x, small)
return y"""
    assert faults(text) == ["net:3: node 'y': its inputs add up, but small has shape (2,) and x (3,)"]


def test_a_fault_in_a_shape_says_what_the_node_takes_and_got() -> None:
    text = "x = Input(shape=(3,))\ny = Conv2d(x, channels=1, kernel=(3, 3), weight='w')\nz = Relu(y)\nreturn z"
    assert faults(text) == ["net:2: node 'y': Conv2d takes [channels, height, width], got shape (3,)"]


# ------------------------------------------------------------------ timing


def test_timing_runs_from_held_samples_through_streams_to_results() -> None:
    text = """\
dt = 0.001
x = Input(shape=(2,))
before = Relu(x)
lif = LIF(before, decay=0.9)
after = Relu(lif)
count = Sum(after)
share = Softmax(count)
return share"""
    assert timings(text) == {
        "x": "static", "before": "static", "lif": "stream", "after": "stream", "count": "final", "share": "final",
    }  # fmt: skip


def test_a_streaming_input_and_a_late_read_change_at_every_step() -> None:
    text = """\
dt = 0.001
x = Input(shape=(1,))
s = Input(shape=(1,), stream=True)
a = Relu(s)
b = Relu(x@1)
return a, b"""
    assert timings(text) == {"x": "static", "s": "stream", "a": "stream", "b": "stream"}


@pytest.mark.parametrize(
    "line",
    [
        "y = Relu(count, lif)",  # a result and a stream
        "y = LIF(count, decay=0.5)",  # a state fed by a result
        "y = Relu(count@1)",  # a result read late
        "y = Max(count)",  # a readout of a readout
    ],
)
def test_a_result_is_known_only_after_the_last_step(line: str) -> None:
    text = f"dt = 0.001\nx = Input(shape=(2,))\nlif = LIF(x, decay=0.9)\ncount = Sum(lif)\n{line}\nreturn y"
    assert faults(text) == [
        "net:5: node 'y': it reads the result of a readout, which is known only after the last step"
    ]


def test_a_result_may_be_joined_with_what_is_known_before_the_run() -> None:
    text = "dt = 0.001\nx = Input(shape=(2,))\nlif = LIF(x, decay=0.9)\ncount = Sum(lif)\ny = Add(count, x)\nreturn y"
    assert timings(text)["y"] == "final"


def test_a_readout_of_what_never_changes_is_a_fault() -> None:
    assert faults("dt = 0.001\nx = Input(shape=(2,))\ny = Mean(x)\nreturn y") == [
        "net:3: node 'y': Mean reads out over time, but its input never changes"
    ]


@pytest.mark.parametrize("line", ["y = LI(x, decay=0.9)", "y = Relu(x@1)", "y = RateEncode(x)"])
def test_nodes_in_time_need_a_time_step_said_once(line: str) -> None:
    kind = line.split()[2].split("(")[0]
    assert faults(f"x = Input(shape=(2,))\n{line}\nz = Relu(y)\nreturn z") == [
        f"net:2: node 'y': {kind} works in time, but the graph has no time step"
    ]


@pytest.mark.parametrize("dt", [0.0, -0.001, float("inf"), float("nan")])
def test_the_time_step_is_positive_and_finite(dt: float) -> None:
    (fault,) = Graph((Input(name="x", shape=(1,)),), ("x",), dt).check()
    assert fault.what == f"dt is {dt} s"


@pytest.mark.parametrize(("dt", "lag"), [(0.001, -1), (None, 1)])
def test_a_lag_is_not_negative_and_takes_time(dt: float | None, lag: int) -> None:
    (fault,) = Graph((Input(name="x", shape=(1,)),), ("x",), dt, lag=lag).check()
    assert fault.what == f"lag is {lag}"


# ------------------------------------------------------------------ kinds of element


def test_spikes_stay_spikes_only_where_nothing_adds_to_them() -> None:
    text = """\
dt = 0.001
x = Input(shape=(1, 4, 4))
spikes = LIF(x, decay=0.9)
moved = Flatten(spikes)
pooled = SumPool2d(spikes, kernel=(2, 2))
added = Relu(spikes, spikes)
gated = Mul(spikes, spikes)
weighed = Conv2d(spikes, channels=1, kernel=(3, 3), weight='w')
count = Sum(spikes)
rate = Mean(spikes)
return moved, pooled, added, gated, weighed, count, rate"""
    assert dtypes(text) == {
        "x": "real", "spikes": "spike", "moved": "spike", "pooled": "integer", "added": "integer", "gated": "spike",
        "weighed": "real", "count": "integer", "rate": "real",
    }  # fmt: skip


def test_element_kinds_widen_around_a_loop() -> None:
    """`total` adds a spike to itself of a step ago, so it counts; without a wider input it stays whole."""
    text = """\
dt = 0.001
x = Input(shape=(1,))
s = LIF(x, decay=0.9)
total = Relu(s, total@1)
late = Relu(total@1)
return late"""
    assert dtypes(text) == {"x": "real", "s": "spike", "total": "integer", "late": "integer"}


def test_widest_is_the_larger_of_spike_integer_and_real() -> None:
    assert widest("spike", "integer") == "integer"
    assert widest("real", "spike") == "real"
    assert widest("spike") == "spike"


# ------------------------------------------------------------------ faults


def test_all_faults_come_at_once_each_with_its_place() -> None:
    text = """\
x = Input(shape=(3,))
a = Relu(y)
b = Relu()
c = Add(x, x)
c = Tanh(x)
d = Conv2d(x, channels=1, kernel=(1, 1), weight='w')
p = Relu(q)
q = Relu(p)
return a, nowhere, x, x"""
    assert faults(text) == [
        "net:5: node 'c': this name is used twice",
        "net:2: node 'a': it reads 'y', which is not a node",
        "net:3: node 'b': Relu takes at least 1 input, got 0",
        "the output 'nowhere' is not a node",
        "the output 'x' is named twice",
        "net:7: node 'p': p -> q -> p: a loop needs a delay",
        "net:6: node 'd': Conv2d takes [channels, height, width], got shape (3,)",
    ]


def test_a_misspelt_read_is_answered_with_the_nearest_names() -> None:
    (fault,) = parse("hidden1 = Input(shape=(1,))\ny = Relu(hiden1)\nreturn y").check()
    assert fault.remedy == "did you mean 'hidden1'?"


def test_a_graph_has_an_output() -> None:
    assert faults("x = Input(shape=(1,))") == ["the graph has no output"]


@pytest.mark.parametrize("name", ["", "2nd", "a b", "a.b", "lambda", "größe", "ﬁ"])
def test_a_name_is_an_identifier_that_reads_back_the_same(name: str) -> None:
    (fault,) = Graph((Input(name=name, shape=(1,)),), (name,)).check()
    assert fault.what == f"{name!r} is not a name"


def test_facts_that_would_not_read_back_are_faults() -> None:
    """A NumPy scalar prints as np.float64(0.5), and NaN is unequal to itself."""
    import numpy as np

    nodes = (
        Input(name="x", shape=(1,)),
        LIF(name="y", inputs=(Ref("x"),), decay=np.float64(0.5), threshold=float("nan")),
    )
    assert [fault.what for fault in Graph(nodes, ("y",), 0.001).check()] == [
        "threshold is not a number",
        "decay holds np.float64(0.5) of type float64",
    ]


def test_signals_of_an_unsound_graph_raise() -> None:
    with pytest.raises(ModelError, match="which is not a node"):
        _ = parse("y = Relu(x)\nreturn y").signals


# ------------------------------------------------------------------ changes


def test_replace_puts_nodes_in_place_of_their_namesakes() -> None:
    graph = parse("x = Input(shape=(2,))\ny = Relu(x)\nreturn y")
    changed = graph.replace(Linear(name="y", inputs=(Ref("x"),), features=5, weight="w"))
    assert str(changed) == "x = Input(shape=(2,))\ny = Linear(x, features=5, weight='w')\nreturn y"
    assert str(graph) == "x = Input(shape=(2,))\ny = Relu(x)\nreturn y"


def test_replacing_a_node_that_is_not_there_is_refused() -> None:
    with pytest.raises(KeyError, match="other"):
        parse("x = Input(shape=(2,))\nreturn x").replace(Relu(name="other", inputs=(Ref("x"),)))


def test_map_may_drop_keep_and_add_nodes() -> None:
    graph = parse("x = Input(shape=(2,))\ndrop = Tanh(x)\ny = Relu(x)\nreturn y")
    instead = {"drop": [], "y": [graph["y"], Relu(name="z", inputs=(Ref("y"),))]}
    changed = graph.map(lambda node: instead.get(node.name, [node]))
    assert str(changed) == "x = Input(shape=(2,))\ny = Relu(x)\nz = Relu(y)\nreturn y"


def test_rewire_moves_reads_at_their_delay_and_outputs() -> None:
    graph = parse("dt = 0.001\nx = Input(shape=(2,))\na = Relu(x)\nb = Relu(a, a@2)\nreturn a, b")
    assert str(graph.rewire({"a": "x"})) == (
        "dt = 0.001\nx = Input(shape=(2,))\na = Relu(x)\nb = Relu(x, x@2)\nreturn x, b"
    )


def test_graphs_are_equal_and_hash_by_what_they_say_not_by_where() -> None:
    here, there = parse(RECURRENT, "here"), parse("\n\n" + RECURRENT, "there")
    assert here == there
    assert hash(here) == hash(there)
    assert here.sources != there.sources
    assert here != parse(RECURRENT.replace("0.9", "0.8"))


def test_a_delay_in_full_and_in_part_is_one_node() -> None:
    """`longest` follows from one number of steps, so it makes no difference whether it is given."""
    assert Delay(name="d", steps=3) == Delay(name="d", steps=3, longest=3)


def test_array_specs_admit_by_shape_or_by_broadcast() -> None:
    assert ArraySpec((3, 4)).admits((3, 4))
    assert not ArraySpec((3, 4)).admits((4,))
    assert ArraySpec((3, 4), broadcast=True).admits((4,))
    assert ArraySpec((3, 4), broadcast=True).admits(())
    assert ArraySpec((3, 4), broadcast=True).admits((3, 1))
    assert not ArraySpec((3, 4), broadcast=True).admits((3,))
    assert not ArraySpec((4,), broadcast=True).admits((1, 4))


# ------------------------------------------------------------------ size


@pytest.mark.parametrize("delay", [0, 1])
@pytest.mark.parametrize("reverse", [False, True])
def test_ten_thousand_nodes_are_no_trouble(delay: int, reverse: bool) -> None:
    """A chain, read at once or late, written forwards or backwards: linear time, no recursion."""
    count = 10_000
    chain = [Relu(name=f"n{i}", inputs=(Ref(f"n{i - 1}" if i else "x", delay),)) for i in range(count)]
    nodes = [Input(name="x", shape=(4,)), *chain]
    graph = Graph(tuple(nodes[::-1] if reverse else nodes), (f"n{count - 1}",), 0.001 if delay else None)
    start = time.process_time()
    assert graph.signals[f"n{count - 1}"].shape == (4,)
    assert len(graph.consumers["x"]) == 1
    assert parse(str(graph)) == graph
    assert time.process_time() - start < 8, "a chain takes under a second; quadratic work would take minutes"


def test_a_long_loop_without_delay_is_still_found() -> None:
    count = 10_000
    nodes = [Relu(name=f"n{i}", inputs=(Ref(f"n{(i - 1) % count}"),)) for i in range(count)]
    (fault,) = Graph(tuple(nodes), ("n0",)).check()
    loop, complaint = fault.what.split(": ")
    assert loop == "n0 -> n1 -> n2 -> n3 -> n4 -> n5 -> ... -> n9995 -> n9996 -> n9997 -> n9998 -> n9999 -> n0"
    assert complaint == "a loop needs a delay"


# ------------------------------------------------------------------ walks

WALKED = """\
dt = 0.001
x = Input(shape=(2,), stream=True)
unread = Input(shape=(2,))
a = Relu(x, c@1)
b = Tanh(a)
c = Relu(a)
aside = Tanh(c)
return b"""


def test_a_walk_reaches_everything_at_any_delay_and_round_loops() -> None:
    graph = parse(WALKED)
    assert graph.upstream(["b"]) == {"b", "a", "x", "c"}
    assert graph.downstream(["x"]) == {"x", "a", "b", "c", "aside"}
    assert graph.downstream([]) == frozenset()


def test_a_walk_goes_along_the_reads_it_is_told_to() -> None:
    graph = parse(WALKED)
    assert graph.downstream(["x"], lambda _, reader: reader.kind == "Relu") == {"x", "a", "c"}
    assert graph.upstream(["b"], lambda node, _: node.kind == "Tanh") == {"b", "a"}


def test_pruning_leaves_what_outputs_depend_on_and_what_is_fed() -> None:
    assert str(parse(WALKED).pruned()) == WALKED.replace("aside = Tanh(c)\n", "")


def test_a_fresh_name_is_taken_afterwards() -> None:
    taken = {"x", "x_2"}
    assert [fresh("x", taken), fresh("x", taken), fresh("y", taken)] == ["x_3", "x_4", "y"]
    assert taken == {"x", "x_2", "x_3", "x_4", "y"}
