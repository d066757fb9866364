"""What NIR files become, and what is refused: every fault with its node."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nmc
from frontends.nir.trees import chain, graph, graphs, imported, lif, node
from nmc import reference
from nmc.errors import ModelError, NmcError, UsageError
from nmc.frontends.nir.hdf5 import TextArray, Tree


def faults(tree: Tree, **options: object) -> dict[str | None, str]:
    """What is wrong with a graph, by node."""
    with pytest.raises(ModelError) as error:
        imported(tree, **options)
    return {fault.node: fault.what for fault in error.value.faults}


def run(tree: Tree, x: list[list[float]], **options: object) -> list[list[float]]:
    """What a graph puts out for one sample [steps, inputs]."""
    (y,) = reference.run(imported(tree, **options), np.array([x])).values()
    return y[0].tolist()


def test_a_chain() -> None:
    model = imported(chain(node("Affine", weight=np.eye(3, 2), bias=np.ones(3)), lif(3)))
    assert str(model.graph) == """\
dt = 0.001
input = Input(shape=(2,), stream=True)
n0 = Linear(input, features=3, weight='n0.weight', bias='n0.bias')
n1 = LIF(n0, decay=0.9, gain=0.1)
return n1"""


def test_a_graph_without_states_has_no_time() -> None:
    model = imported(chain(node("Linear", weight=np.eye(2)), node("Threshold", threshold=[0.5, 0.5])), dt=None)
    assert model.graph.dt_s is None
    assert not model.graph["input"].stream


def test_parameters_of_each_neuron_are_arrays_beside_the_graph() -> None:
    tree = chain(node("LIF", tau=[0.01, 0.02], r=[1.0, 1.0], v_leak=[0.0, 0.0], v_threshold=[1.0, 1.0]))
    model = imported(tree)
    assert model.graph["n0"].decay == "n0.decay"
    np.testing.assert_allclose(model.weights["n0.decay"], [0.9, 0.95])
    np.testing.assert_allclose(model.weights["n0.gain"], [0.1, 0.05])


def test_an_euler_and_an_exact_step() -> None:
    """tau = 4 ms, dt = 1 ms, r = 2: v(1) = 2 / 4 by Euler, 2 (1 - exp(-1/4)) exactly."""
    tree = chain(node("LI", tau=[0.004], r=[2.0], v_leak=[0.0]), shape=(1,))
    assert run(tree, [[1.0]]) == [[0.5]]
    assert run(tree, [[1.0]], profile="nir-exact") == [[pytest.approx(2 * (1 - np.exp(-0.25)))]]


def test_integrators_take_in_by_the_step() -> None:
    """dv/dt = r I: r = 500 per second and 1 ms give half of the input at each step."""
    assert run(chain(node("I", r=[500.0]), shape=(1,)), [[1.0], [1.0], [0.0]]) == [[0.5], [1.0], [1.0]]


def test_cuba_li_is_two_leaky_integrators() -> None:
    tree = chain(node("CubaLI", tau_syn=[0.002], tau_mem=[0.004], r=[1.0], v_leak=[0.0], w_in=[2.0]), shape=(1,))
    assert [type(part).__name__ for part in imported(tree).graph] == ["Input", "LI", "LI"]
    # i: 2 / 2 = 1, then 1/2; v: 1/4, then 3/4 of that and 1/8.
    assert run(tree, [[1.0], [0.0]]) == [[0.25], [0.1875 + 0.125]]


def test_scale_keeps_its_place_among_several_edges() -> None:
    tree = graph(
        {"a": node("Input", shape=[2]), "b": node("Input", shape=[2]), "s": node("Scale", scale=[2.0, 3.0]),
         "s_sum": node("Scale", scale=[1.0, 1.0]), "output": node("Output")},
        ["a -> s", "b -> s", "s -> s_sum", "s_sum -> output"],
    )  # fmt: skip
    (y,) = reference.run(imported(tree, dt=None), {"a": np.array([[1.0, 1.0]]), "b": np.array([[0.0, 1.0]])}).values()
    assert y.tolist() == [[2.0, 6.0]]


@pytest.mark.parametrize(("kernel", "padding"), [((3, 5), "same"), ((3, 5), [1, 2]), ((2, 2), "same")])
def test_convolutions_with_any_kernel(kernel: tuple[int, int], padding: str | list[int]) -> None:
    """NIR 1.0.8 itself infers a wrong shape for a kernel that is not square; the stated one is not used."""
    layer = node("Conv2d", input_shape=[7, 7], weight=np.ones((4, 1, *kernel)), stride=[1, 1], padding=padding,
                 dilation=[1, 1], groups=2, bias=np.zeros(4))  # fmt: skip
    model = imported(chain(layer, shape=(2, 10, 10)), dt=None)
    assert model.graph.signals["n0"].shape == (4, 10, 10)


def test_average_pooling_counts_its_padding() -> None:
    layer = node("AvgPool2d", kernel_size=[2, 2], stride=[2, 2], padding=[1, 1])
    (y,) = reference.run(imported(chain(layer, shape=(1, 2, 2)), dt=None), np.ones((1, 1, 2, 2))).values()
    assert y.tolist() == [[[[0.25, 0.25], [0.25, 0.25]]]]


def test_flatten_counts_axes_of_a_sample() -> None:
    model = imported(chain(node("Flatten", start_dim=1, end_dim=-1), shape=(2, 3, 4)), dt=None)
    assert model.graph.signals["n0"].shape == (2, 12)


def test_delays_are_whole_steps() -> None:
    tree = chain(node("Delay", delay=[0.002]), shape=(1,))
    assert run(tree, [[1.0], [2.0], [3.0]]) == [[0.0], [0.0], [1.0]]
    assert "0.0025 is not a whole number of steps" in faults(chain(node("Delay", delay=[0.0025]), shape=(1,)))["n0"]


def recurrent(**extra: Tree) -> Tree:
    nodes = {"input": node("Input", shape=[2]), "lif": lif(), "w": node("Affine", weight=np.eye(2), bias=np.ones(2)),
             "output": node("Output"), **extra}  # fmt: skip
    return graph(nodes, ["input -> lif", "lif -> w", "w -> lif", "lif -> output"])


def test_a_loop_reads_the_spikes_of_the_step_before() -> None:
    """Then the bias counts from the first step on, as in recurrent layers of PyTorch."""
    assert [str(part) for part in imported(recurrent()).graph][1:] == [
        "lif = LIF(input, w, decay=0.9, gain=0.1)",
        "w = Linear(lif@1, features=2, weight='w.weight', bias='w.bias')",
    ]


def test_a_loop_through_a_delay_takes_as_long_as_the_delay() -> None:
    nodes = {"input": node("Input", shape=[1]), "lif": lif(1, tau=0.001, r=1.0, v_threshold=0.5),
             "d": node("Delay", delay=[0.003]), "output": node("Output")}  # fmt: skip
    tree = graph(nodes, ["input -> lif", "lif -> d", "d -> lif", "lif -> output"])
    assert [y for (y,) in run(tree, [[1.0]] + [[0.0]] * 9)] == [1, 0, 0, 1, 0, 0, 1, 0, 0, 1]


def test_nested_graphs_are_joined() -> None:
    tree = graph({"input": node("Input", shape=[2]), "0": recurrent(), "output": node("Output")},
                 ["input -> 0", "0 -> output"])  # fmt: skip
    model = imported(tree)
    assert [part.name for part in model.graph] == ["input", "v0_lif", "v0_w"]
    assert model.graph.outputs == ("v0_lif",)


@pytest.mark.parametrize(
    ("unit", "tau"), [("s", 0.01), ("ms", 10.0)]
)
def test_units(unit: str, tau: float) -> None:
    assert imported(chain(lif(tau=tau)), time_unit=unit).graph["n0"].decay == 0.9


def test_without_a_time_step_there_is_no_guess() -> None:
    with pytest.raises(UsageError, match="does not state a time step"):
        imported(chain(lif()), dt=None)


def test_the_file_may_state_its_time_step() -> None:
    tree = chain(lif())
    stated: Tree = {**tree, "metadata": {"dt": np.array(0.002)}}
    assert imported(stated, dt=None).graph.dt_s == 0.002
    with pytest.raises(UsageError, match=r"dt is given as 0.001, but the file states 0.002"):
        imported(stated, dt=1e-3)
    with pytest.raises(ModelError, match="no time"):
        imported({**tree, "metadata": {"dt": np.array(-1.0)}}, dt=None)


def test_r_says_nothing_about_the_time_step() -> None:
    """The file of the NIR paper's first task: r = 1 and tau = 2.5 ms, at 0.1 ms. A dt of tau / r would give decay 0."""
    model = imported(chain(lif(tau=0.0025, r=1.0)), dt=1e-4)
    assert model.graph["n0"].decay == pytest.approx(0.96)
    assert model.graph["n0"].gain == pytest.approx(0.04)


def test_a_time_step_that_contradicts_the_file_is_refused() -> None:
    """snnTorch writes r = tau / dt, at 0.1 ms: any other step is a mistake."""
    said = faults(chain(lif(tau=0.01, r=100.0)), dt=1e-3, profile="snntorch")["n0"]
    assert "the file and dt = 0.001 s contradict each other; 0.0001 s would not" in said


def test_time_constants_below_a_step_are_refused() -> None:
    """As Norse's exporter writes them: 10 ms at 1 ms as 10 us."""
    tree = chain(lif(tau=1e-5))
    assert "which is 0.01 of a step" in faults(tree, profile="norse")["n0"]
    assert imported(tree, profile="norse-to-nir").graph["n0"].decay == pytest.approx(0.9)


def test_beta_of_one_is_infinite_in_snntorch() -> None:
    """dt / (1 - beta) and r are infinite; the tool's own gain is 1 all the same."""
    tree = chain(lif(tau=np.inf, r=np.inf))
    neuron = imported(tree, profile="snntorch").graph["n0"]
    assert (neuron.decay, neuron.gain) == (1.0, 1.0)
    assert "not finite" in faults(tree)["n0"]


FAULTS: dict[str, tuple[Tree, str | None, str]] = {
    "unknown primitive": (chain(node("Izhikevich", a=[1.0])), "n0", "'Izhikevich' is not a primitive of NIR 1.0.8"),
    "lacks a parameter": (chain(node("LI", tau=[0.01, 0.01], r=[1.0, 1.0])), "n0", "LI lacks v_leak"),
    "unknown parameter": (chain({**lif(), "refractory": np.ones(2)}), "n0", "LIF has no parameter 'refractory'"),
    "negative tau": (chain(lif(tau=-0.01)), "n0", "tau must be positive, it holds -0.01"),
    "not a number": (chain(lif(v_threshold=np.nan)), "n0", "threshold holds no numbers"),
    "text for numbers": (chain(node("Linear", weight="ones")), "n0", "weight is the text 'ones'"),
    "wrong shape": (chain(node("Linear", weight=np.eye(3))), "n0", "has shape (3, 3), but Linear takes shape (3, 2)"),
    "parameters of another size": (chain(node("LI", tau=[0.01, 0.02, 0.03], r=[1.0], v_leak=[0.0])), "n0",
                                   "but LI takes a shape that broadcasts to (2,)"),
    "batched weights": (chain(node("Linear", weight=np.zeros((2, 2, 2)))), "n0", "it takes [outputs, inputs]"),
    "batch in the input": (chain(node("Linear", weight=np.eye(2)), shape=(1, 2)), "n0", "takes a flat input"),
    "same with stride": (chain(node("Conv1d", weight=np.ones((1, 1, 3)), stride=2, padding="same", dilation=1, groups=1,
                                    bias=[0.0]), shape=(1, 8)), "n0", "PyTorch refuses it"),
    "padding of another kind": (chain(node("Conv1d", weight=np.ones((1, 1, 3)), stride=1, padding="full", dilation=1,
                                           groups=1, bias=[0.0]), shape=(1, 8)), "n0", "padding is 'full'"),
    "window beyond the input": (chain(node("SumPool2d", kernel_size=[9, 9], stride=[1, 1], padding=[0, 0]),
                                      shape=(1, 4, 4)), "n0", "wider than its input"),
    "axes that are not there": (chain(node("Flatten", start_dim=1, end_dim=-1)), "n0", "flattens the axes 1 to -1"),
    "no output": (graph({"input": node("Input", shape=[2])}, []), None, "the graph has no Output"),
    "lost edge": (graph({"input": node("Input", shape=[2]), "output": node("Output")}, ["input -> lif.lif"]), "input",
                  "the edge 'input' -> 'lif.lif' names 'lif.lif', which is not a node"),
    "edge twice": (graph({"input": node("Input", shape=[2]), "output": node("Output")}, ["input -> output"] * 2),
                   "input", "is there twice"),
    "unread": (graph({"input": node("Input", shape=[2]), "n": lif(), "output": node("Output")}, ["input -> output"]),
               "n", "no edge leads to it"),
    "apart": (graph({"input": node("Input", shape=[2]), "a": lif(), "b": lif(), "output": node("Output")},
                    ["input -> output", "a -> b", "b -> a"]), "a", "no path leads to it from an Input"),
    "subgraph of two inputs": (
        graph({"input": node("Input", shape=[2]), "output": node("Output"),
               "g": graph({"a": node("Input", shape=[2]), "b": node("Input", shape=[2]), "output": node("Output")},
                          ["a -> output", "b -> output"])}, ["input -> g", "g -> output"]),
        "g", "the subgraph has 2 Input nodes"),
    "huge input": (chain(lif(), shape=(1 << 20, 1 << 20)), "input", "is not that of a sample"),
    "long delay": (chain(node("Delay", delay=[1e9, 1e9])), "n0", "its longest delay"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_faults_name_the_node(name: str) -> None:
    tree, where, what = FAULTS[name]
    assert what in faults(tree)[where]


def test_all_faults_are_told_at_once() -> None:
    tree = chain(lif(tau=-1.0), lif(v_threshold=np.nan), lif(), lif(tau=1e-9))
    assert faults(tree).keys() == {"n0", "n1", "n3"}


def test_subtracting_neurons_reset_to_no_value() -> None:
    assert "v_reset is not 0" in faults(chain(lif(v_reset=-0.5, r=10.0)), profile="snntorch")["n0"]


def test_unknown_profiles(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'snntorch'"):
        imported(chain(lif()), profile="snn-torch")
    (tmp_path / "a.onnx").write_bytes(b"")
    with pytest.raises(UsageError, match="takes no option 'profile'"):
        nmc.load(tmp_path / "a.onnx", profile="norse")


def test_a_file_without_a_graph() -> None:
    from nmc.frontends.nir.primitives import graph_of

    with pytest.raises(ModelError, match="no group 'node'"):
        graph_of({"data": np.zeros(1)}, "a.h5")
    with pytest.raises(ModelError, match="holds a LIF, not a graph"):
        graph_of({"node": lif()}, "a.h5")


def test_long_chains_are_read() -> None:
    assert len(imported(chain(*[node("Scale", scale=[1.0, 1.0])] * 1000), dt=None).graph) == 2001


@st.composite
def broken(draw: st.DrawFn) -> Tree:
    """A random graph with one value somewhere replaced by another one, or taken out."""
    tree = draw(graphs())
    value = draw(st.sampled_from([
        None, "x", "LIF", "NIRGraph", np.array(-1), np.array(1e300), np.zeros((0,)), np.full((3, 3), np.nan),
        np.array(2**62), {}, TextArray((1, 2), ("input", "n0")), TextArray((3,), ("a", "b", "c")),
        np.array([True, False]), np.arange(5, dtype=np.int8),
    ]))  # fmt: skip

    def changed(part: Tree) -> Tree:
        key = draw(st.sampled_from(list(part)))
        if isinstance(part[key], dict) and part[key] and draw(st.integers(0, 3)):
            return {**part, key: changed(part[key])}
        return {name: old for name, old in part.items() if name != key} | ({} if value is None else {key: value})

    return changed(tree)


@settings(max_examples=400, deadline=None)
@given(tree=broken(), profile=st.sampled_from(["nir", "snntorch", "sinabs", "lava", "spyx"]))
def test_broken_graphs_are_read_or_refused(tree: Tree, profile: str) -> None:
    try:
        model = imported(tree, profile=profile)
    except NmcError as error:
        assert str(error)
    else:
        assert not model.check()
