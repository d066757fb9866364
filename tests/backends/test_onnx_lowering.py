"""Every kind of node as ONNX gives what the reference gives, as a whole run and step by step."""

import numpy as np
import onnx
import pytest

from nmc.backends.onnx.engine import run, run_stepwise
from nmc.backends.onnx.lowering import lower
from nmc.errors import UnsupportedError
from nmc.nodes import FAMILIES
from nmc.reference import run as reference

from .onnx_harness import assert_equals_reference, check_files, dyadic, model_of, program_of

STATIC = {
    "Linear": ((5,), "Linear(x, features=3, weight='w', bias='b')", {"w": dyadic(3, 5), "b": dyadic(3)}),
    "Linear without bias": ((5,), "Linear(x, features=3, weight='w')", {"w": dyadic(3, 5)}),
    "Linear over more axes": (
        (2, 5), "Linear(x, features=3, weight='w', bias='b')", {"w": dyadic(3, 5), "b": dyadic(3)},
    ),
    "Linear int8": (
        (5,), "Linear(x, features=3, weight='w', bias='b', weight_scale='s')",
        {"w": np.arange(-7, 8).reshape(3, 5), "b": dyadic(3), "s": np.array([0.5, 0.25, 2.0])},
    ),
    "Linear int8 over more axes": (
        (2, 5), "Linear(x, features=3, weight='w', weight_scale='s')",
        {"w": np.arange(-7, 8).reshape(3, 5), "s": np.array([0.5, 0.25, 2.0])},
    ),
    "SparseLinear": (
        (3,), "SparseLinear(x, features=4, synapses=3, weight='w', row='r', column='c')",
        {"w": dyadic(3), "r": np.array([0, 2, 0]), "c": np.array([1, 2, 1])},
    ),
    "Conv1d": (
        (2, 9), "Conv1d(x, channels=4, kernel=3, stride=2, padding=(1, 2), dilation=2, weight='w', bias='b')",
        {"w": dyadic(4, 2, 3), "b": dyadic(4)},
    ),
    "Conv2d": (
        (4, 6, 5), "Conv2d(x, channels=6, kernel=(3, 2), stride=(2, 1), padding=(1, 0, 2, 1), groups=2, weight='w')",
        {"w": dyadic(6, 2, 3, 2)},
    ),
    "Conv2d int8": (
        (1, 4, 4), "Conv2d(x, channels=2, kernel=2, weight='w', bias='b', weight_scale='s')",
        {"w": np.array([[[[127, -128], [3, 0]]], [[[1, 2], [3, 4]]]]), "b": dyadic(2), "s": np.array([0.25, 0.5])},
    ),
    "Linear with scaled reals": (
        (5,), "Linear(x, features=3, weight='w', weight_scale='s')", {"w": dyadic(3, 5), "s": dyadic(3, seed=1)},
    ),
    "BatchNorm": (
        (3, 4), "BatchNorm(x, scale='g', bias='b', mean='m', variance='v', epsilon=0.001)",
        {"g": dyadic(3), "b": dyadic(3, seed=1), "m": dyadic(3, seed=2), "v": np.array([0.5, 1.0, 2.0])},
    ),
    "BatchNorm of a vector": (
        (3,), "BatchNorm(x, scale='g', bias='b', mean='m', variance='v')",
        {"g": dyadic(3), "b": dyadic(3, seed=1), "m": dyadic(3, seed=2), "v": np.array([0.5, 1.0, 2.0])},
    ),
    "ConvTranspose1d": (
        (4, 5), "ConvTranspose1d(x, channels=6, kernel=3, stride=2, padding=(1, 0), output_padding=1, groups=2, "
        "weight='w', bias='b')", {"w": dyadic(4, 3, 3), "b": dyadic(6)},
    ),
    "ConvTranspose2d": (
        (2, 3, 4), "ConvTranspose2d(x, channels=3, kernel=(3, 2), stride=(1, 2), padding=(0, 1, 2, 0), "
        "dilation=(2, 1), weight='w')", {"w": dyadic(2, 3, 3, 2)},
    ),
    "MatMul": ((2, 3), "MatMul(x, c)", {"c": dyadic(3, 4)}),
    "MatMul over more axes": ((1, 2, 3), "MatMul(x, c)", {"c": dyadic(4, 3, 2)}),
    "Affine": ((6,), "Affine(x, gain=0.5, offset=-0.25)", {}),
    **{kind: ((6,), f"{kind}(x)", {}) for kind in (
        "Abs", "Exp", "Erf", "Sin", "Cos", "Atan", "Floor", "Round", "Sign",
    )},
    **{f"{kind} of a square": ((6,), f"{kind}(s)", {}) for kind in ("Log", "Sqrt")},
    **{kind: ((2, 3), f"{kind}(x, c)", {"c": dyadic(2, 1)}) for kind in (
        "Sub", "Maximum", "Minimum", "Equal", "Greater", "GreaterOrEqual",
    )},
    "Div": ((2, 3), "Div(x, c)", {"c": np.array([[0.5], [-4.0]])}),
    "Pow": ((2, 3), "Pow(x, c)", {"c": np.array([[2.0], [3.0]])}),
    "Where": ((2, 3), "Where(c, x, s)", {"c": np.array([[0.0], [2.0]])}),
    **{kind: ((2, 3, 4), f"{kind}(x, axes=(0, -1))", {}) for kind in (
        "ReduceSum", "ReduceMean", "ReduceMax", "ReduceProd",
    )},
    "ArgMax": ((2, 3), "ArgMax(x, axis=1)", {}),
    "Slice": ((2, 7), "Slice(x, axis=-1, start=1, stop=6, step=2)", {}),
    "Gather": ((2, 4), "Gather(x, axis=1, indices='i', count=3)", {"i": np.array([3, 0, 3])}),
    "Embedding": ((2, 6), "Embedding(a, rows=9, features=2, weight='w')", {"w": dyadic(9, 2)}),
    "Expand": ((2, 1, 3), "Expand(x, shape=(2, 4, 3))", {}),
    "Constant": ((3,), "Constant(value='c', shape=(3,))", {"c": dyadic(3)}),
    "Relu": ((6,), "Relu(x)", {}),
    "Relu of a sum": ((6,), "Relu(x, x, x)", {}),
    "LeakyRelu": ((6,), "LeakyRelu(x, alpha=0.125)", {}),
    "Sigmoid": ((6,), "Sigmoid(x)", {}),
    "Tanh": ((6,), "Tanh(x)", {}),
    "Clip": ((6,), "Clip(x, minimum=-0.5, maximum=0.25)", {}),
    "Clip above": ((6,), "Clip(x, maximum=0.25)", {}),
    "Clip nothing": ((6,), "Clip(x)", {}),
    "Softmax": ((2, 3), "Softmax(x, axis=0)", {}),
    "Softmax of the last axis": ((2, 3), "Softmax(x)", {}),
    "Add": ((2, 3), "Add(x, c, x)", {"c": dyadic(2, 1)}),
    "Mul": ((2, 3), "Mul(x, c, x)", {"c": dyadic(2, 1)}),
    "Concat": ((2, 3), "Concat(x, c, x, axis=1)", {"c": dyadic(2, 1)}),
    "Concat from the end": ((2, 3), "Concat(x, c, axis=-1)", {"c": dyadic(2, 1)}),
    "MaxPool1d": ((2, 7), "MaxPool1d(x, kernel=3, stride=2, padding=1)", {}),
    "MaxPool2d": ((2, 6, 6), "MaxPool2d(x, kernel=(2, 3))", {}),
    "AvgPool1d": ((2, 7), "AvgPool1d(x, kernel=3, stride=2, padding=1)", {}),
    "AvgPool2d": ((2, 6, 6), "AvgPool2d(x, kernel=2, padding=1)", {}),
    "AvgPool2d counting": ((2, 6, 6), "AvgPool2d(x, kernel=2, padding=1, count_include_pad=True)", {}),
    "GlobalAvgPool": ((2, 4, 3), "GlobalAvgPool(x)", {}),
    "Flatten": ((2, 3, 2), "Flatten(x)", {}),
    "Flatten of a scalar": ((), "Flatten(x)", {}),
    "Reshape": ((2, 3, 2), "Reshape(x, shape=(4, -1))", {}),
    "Transpose": ((2, 3, 4), "Transpose(x, permutation=(2, 0, 1))", {}),
    "Pad": ((2, 3), "Pad(x, padding=(0, 1, 2, 0), value=0.5)", {}),
    "BitPlanes": ((3, 4), "BitPlanes(x, bits=4)", {}),
    "QuantizeLinear": ((40,), "QuantizeLinear(x, scale=0.015625, zero_point=3)", {}),
    "DequantizeLinear of reals": ((6,), "DequantizeLinear(x, scale=0.25, zero_point=-3)", {}),
    "SumPool2d": ((2, 5, 5), "SumPool2d(x, kernel=3, stride=1, padding=1)", {}),
    "Threshold": ((6,), "Threshold(x, threshold=0.25)", {}),
    "Threshold, inclusive": ((6,), "Threshold(x, threshold='th', compare='>=')", {"th": dyadic(6)}),
}


@pytest.mark.parametrize("what", STATIC)
def test_static_node(what):
    shape, node, weights = STATIC[what]
    lines = [f"x = Input(shape={shape})", "s = Mul(x, x)", "f = Floor(x)", "a = Abs(f)", f"y = {node}", "return y"]
    if "c" in weights and not node.startswith("Constant"):
        lines.insert(1, f"c = Constant(value='c', shape={weights['c'].shape})")
    model = model_of("\n".join(lines), **weights)
    assert_equals_reference(model, dyadic(3, *shape, seed=5, denominator=16, low=-40, high=40))


LEAK = "decay=0.75, leak=0.25, gain=0.5"
IN_TIME = {
    "LIF": "LIF(x, decay=0.75)",
    "LIF with a leak": f"LIF(x, {LEAK})",
    "LIF, inclusive": "LIF(x, decay=0.5, threshold=0.5, compare='>=')",
    "LIF, reset to a value": "LIF(x, decay=0.75, reset='value', reset_value=-0.25)",
    "LIF, reset by subtraction": "LIF(x, decay=0.75, reset='subtract', threshold=0.75)",
    "LIF, reset in the next step": "LIF(x, decay=0.75, reset='subtract', threshold=0.5, reset_at='next')",
    "LIF, reset to zero in the next step": "LIF(x, decay=0.75, threshold=0.5, reset_at='next')",
    "LIF, never reset": "LIF(x, decay=0.75, reset='none')",
    "LIF, several spikes a step": (
        "LIF(x, decay=0.75, reset='subtract', threshold=0.25, compare='>=', multispike=True)"
    ),
    "LIF, refractory": "LIF(x, decay=0.75, threshold=0.5, refractory=2)",
    "LIF, refractory, reset to a value": f"LIF(x, {LEAK}, refractory=1, reset='value', reset_value=0.125)",
    "LIF, every parameter an array": (
        "LIF(x, decay='p0', gain='p1', leak='p2', threshold='p3', reset='value', reset_value='p4', initial='p5')"
    ),
    "LIF that starts high": "LIF(x, decay=0.75, initial=3.0)",
    "CubaLIF": "CubaLIF(x, decay=0.75, current_decay=0.5)",
    "CubaLIF, old current": f"CubaLIF(x, {LEAK}, current_decay=0.5, current_gain=0.75, current='old')",
    "CubaLIF, refractory": "CubaLIF(x, decay=0.75, current_decay=0.5, refractory=3, threshold=0.5)",
    "CubaLIF, subtract next": "CubaLIF(x, decay=0.75, current_decay=0.5, reset='subtract', reset_at='next')",
    "CubaLIF, every parameter an array": (
        "CubaLIF(x, decay='p0', current_decay='p1', gain='p2', current_gain='p3', leak='p4', initial='p5')"
    ),
    "IF": "IF(x)",
    "IF with gain": "IF(x, gain=0.5, reset='subtract', compare='>=')",
    "LI": "LI(x, decay=0.75)",
    "LI with a leak": f"LI(x, {LEAK}, initial='p0')",
    "I": "I(x)",
    "I with gain": "I(x, gain=0.5, initial=1.0)",
    "SigmaDelta": "SigmaDelta(x, threshold=0.25)",
    "SigmaDelta, biased": "SigmaDelta(x, bias='p0', activation='unit')",
    "Delta": "Delta(x, threshold=0.25)",
    "Delay": "Delay(x, steps=3)",
    "Delay by nothing": "Delay(x, steps=0)",
    "Delay by an array": "Delay(x, steps='ages', longest=4)",
    "PlasticLinear": (
        "PlasticLinear(x, x@1, features=3, weight='square', dw='0.25*x1*y0 - 0.125*u1*w', w_min=-1.0, w_max=2.0)"
    ),
    "PlasticLinear with tags": (
        "PlasticLinear(x, y@1, x, features=3, weight='square', dw='0.25*r*t', dt='0.5*x0 - 0.5*t*sgn(w - 1)')"
    ),
    "ConstantCurrent": "ConstantCurrent(x, gain=0.5)",
    "ConstantCurrent as it is": "ConstantCurrent(x)",
    "BernoulliEncode": "BernoulliEncode(x, seed=2147483646, gain=0.7)",
    "RateEncode": "RateEncode(x, gain=0.7, initial=0.3)",
    "LatencyEncode": "LatencyEncode(x, window=7, minimum=0.1)",
    "DeltaEncode": "DeltaEncode(x, threshold=0.3)",
    "DeltaEncode upwards": "DeltaEncode(x, threshold=0.3, falling=False)",
}
PARAMS = {f"p{i}": dyadic(3, seed=20 + i, low=1, high=7) for i in range(6)}

OTHERS = {"ages": np.array([0, 4, 2]), "square": dyadic(3, 3, low=1, high=7)}


@pytest.mark.parametrize("what", IN_TIME)
@pytest.mark.parametrize("stream", [False, True])
def test_node_in_time(what, stream):
    """Every state, spike and readout, of a held and of a streamed input."""
    node = IN_TIME[what]
    arrays = {
        name: array for name, array in {**PARAMS, **OTHERS}.items() if f"'{name}'" in node
    }
    model = model_of(
        f"""
        dt = 0.001
        x = Input(shape=(3,), stream={stream})
        y = {node}
        li = LI(y, decay=0.5)
        last = Last(li)
        total = Sum(y)
        mean = Mean(y)
        most = Max(li)
        return y, last, total, mean, most
        """.replace("        ", ""),
        steps=11,
        **arrays,
    )
    x = dyadic(4, 11, 3, seed=7) if stream else dyadic(4, 3, seed=7)
    expected = assert_equals_reference(model, x)
    assert np.any(expected["y"]), "the example should do something"


def test_every_kind_is_tried():
    tried = {what.split()[0].rstrip(",") for what in (*STATIC, *IN_TIME)} | {"Input", "Last", "Sum", "Mean", "Max"}
    kinds = {kind.__name__ for family, kinds in FAMILIES.items() if family != "fixed-point" for kind in kinds}
    assert kinds <= tried


GRAPHS = {
    "two layers and recurrence": """
        a = Linear(x, features=4, weight='w')
        rec = Linear(s@1, features=4, weight='r')
        s = LIF(a, rec, decay=0.5)
        out = Linear(s, features=2, weight='o')
        m = LI(out, decay=0.75)
        y = Mean(m)
        return y, s
        """,
    "several delays of one node": """
        a = Linear(x, features=4, weight='w')
        s = LIF(a, s@1, s@3, s@3, decay=0.5, reset='subtract')
        late = Linear(s@2, features=2, weight='o')
        y = Sum(late)
        return y, late
        """,
    "a static node and an input read late": """
        a = Linear(h, features=4, weight='w')
        b = Linear(x@2, features=4, weight='w')
        s = IF(a@1, b, a)
        return s
        """,
    "layers ahead of time that stream out": """
        a = Linear(x, features=4, weight='w')
        b = Relu(a)
        c = Add(b, a)
        s = IF(c)
        d = Mul(c, s)
        y = Max(d)
        return y, b, x
        """,
    "what follows a readout": """
        a = Linear(x, features=4, weight='w')
        s = IF(a)
        n = Sum(s)
        k = Linear(h, features=4, weight='w')
        z = Linear(n, k, features=2, weight='o')
        y = Softmax(z)
        return y, n, k
        """,
    "static and stream side by side": """
        a = Linear(h, features=4, weight='w')
        b = Linear(x, features=4, weight='w')
        c = Add(a, b)
        s = IF(c)
        y = Last(s)
        return y, a
        """,
    "a delay alone, and a node nobody reads": """
        a = Linear(x@1, features=4, weight='w')
        dead = LIF(a, decay=0.5)
        y = Last(a)
        return y
        """,
    "no state at all": """
        a = Linear(x, features=4, weight='w')
        y = Relu(a)
        return y, h
        """,
}
WEIGHTS = {"w": dyadic(4, 3, seed=1), "r": dyadic(4, 4, seed=2), "o": dyadic(2, 4, seed=3)}


def _graph(text):
    used = {name: array for name, array in WEIGHTS.items() if f"weight='{name}'" in text}
    head = "dt = 0.001\nx = Input(shape=(3,), stream=True)\nh = Input(shape=(3,))\n"
    return model_of(head + text.replace("        ", "").strip(), **used)


@pytest.mark.parametrize("what", GRAPHS)
def test_graph(what):
    feeds = {"x": dyadic(2, 9, 3, seed=4), "h": dyadic(2, 3, seed=5)}
    model = _graph(GRAPHS[what])
    assert_equals_reference(model, feeds)
    assert_equals_reference(model, feeds, steps=1)
    assert_equals_reference(model, feeds, steps=5)


def test_first_layer_of_a_stream_is_computed_ahead_of_the_loop():
    program = program_of(_graph(GRAPHS["two layers and recurrence"]))
    graph = onnx.load_from_string(program.file("model.onnx")).graph
    [scan] = [node for node in graph.node if node.op_type == "Scan"]
    inner = [node.op_type for node in scan.attribute[0].g.node]
    assert [node.op_type for node in graph.node].count("Gemm") == 1
    assert inner.count("Gemm") == 2
    assert inner.count("LIF_zero_gt") == inner.count("LI") == 1


def test_file_runs_in_plain_onnx_runtime():
    """No custom operator, no nmc, and a default number of steps."""
    import onnxruntime

    model = model_of("dt = 0.001\nx = Input(shape=(2,))\ns = RateEncode(x)\ny = Sum(s)\nreturn y", steps=8)
    session = onnxruntime.InferenceSession(lower(model)["model.onnx"], providers=["CPUExecutionProvider"])
    x = np.array([[0.5, 0.25]], np.float32)
    assert session.run(["y"], {"x": x})[0].tolist() == [[4.0, 2.0]]
    assert session.run(["y"], {"x": x, "nmc.steps": np.array(4)})[0].tolist() == [[2.0, 1.0]]


def test_file_means_the_same_to_another_runtime():
    """ONNX's own interpreter shares no code with ONNX Runtime."""
    from onnx.reference import ReferenceEvaluator

    model = model_of(
        """
dt = 0.001
x = Input(shape=(3,))
e = BernoulliEncode(x, seed=5)
a = Linear(e, features=4, weight='w')
rec = Linear(s@2, features=4, weight='r')
s = CubaLIF(a, rec, decay=0.5, current_decay=0.25, refractory=1)
y = Mean(s)
return s, y""",
        9, w=WEIGHTS["w"], r=WEIGHTS["r"],
    )  # fmt: skip
    x = dyadic(4, 3, low=0)
    given = ReferenceEvaluator(onnx.load_from_string(lower(model)["model.onnx"])).run(None, {"x": x.astype(np.float32)})
    for array, expected in zip(given, reference(model, x).values(), strict=True):
        assert expected.any()
        np.testing.assert_allclose(array, expected, rtol=1e-6)


def test_half_precision_keeps_its_borders():
    model = _graph(GRAPHS["two layers and recurrence"])
    feeds = {"x": dyadic(2, 9, 3, seed=4), "h": dyadic(2, 3, seed=5)}
    program = program_of(model, half=True)
    check_files(program._files)
    loaded = onnx.load_from_string(program.file("model.onnx"))
    borders = [*loaded.graph.input, *loaded.graph.output]
    assert {value.type.tensor_type.elem_type for value in borders} == {onnx.TensorProto.FLOAT}
    assert {t.data_type for t in loaded.graph.initializer if t.name in WEIGHTS} == {onnx.TensorProto.FLOAT16}
    expected = reference(model, feeds)
    for engine in (run, run_stepwise):
        given = engine(program, feeds).outputs
        np.testing.assert_array_equal(given["s"], expected["s"])
        np.testing.assert_allclose(given["y"], expected["y"], rtol=2e-3)


REFUSED = {
    "y = QuantizeLinear(x, scale=0.5, bits=4)": "4 bits",
    "y = FixedDense(x, features=2, weight='f')": "no form in ONNX",
}


@pytest.mark.parametrize("node", REFUSED)
def test_what_onnx_cannot_mean_is_refused_by_name(node):
    weights = {"f": np.ones((2, 2))} if "'f'" in node else {}
    model = model_of(f"x = Input(shape=(2,))\n{node}\nreturn y", **weights)
    with pytest.raises(UnsupportedError, match=REFUSED[node]) as caught:
        lower(model)
    assert caught.value.faults[0].node == "y"


def test_late_outputs_are_refused():
    model = model_of("dt = 0.001\nlag = 2\nx = Input(shape=(2,))\ny = IF(x)\nreturn y", steps=3)
    with pytest.raises(UnsupportedError, match="2 steps late"):
        lower(model)
