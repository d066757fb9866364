"""Operations that come to several nodes, in the variants that files have: equal to ONNX Runtime, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx.parser import parse_model

from frontends.onnx_oracle import require_equal
from nmc.errors import ModelError
from nmc.frontends.onnx.load import Options, of_proto
from nmc.model import Array

pytestmark = pytest.mark.filterwarnings("ignore")
HEAD = '<ir_version: 8, opset_import: ["" : 18]>'


def numbers(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def one(
    kind: str, fed: Mapping[str, Array], known: Mapping[str, Array], opset: int = 18, results: int = 1, **facts: object
) -> onnx.ModelProto:
    """A file of one operation, whose operands are what is fed and what is known, in this order."""
    outputs = [f"y{index}" for index in range(results)]
    node = helper.make_node(kind, [*fed, *known], outputs, **facts)
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in fed.items()
    ]
    made = [helper.make_empty_tensor_value_info(name) for name in outputs]
    graph = helper.make_graph([node], "g", inputs, made, [numpy_helper.from_array(a, n) for n, a in known.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def written(body: str, outputs: str = "float[M] y", shape: str = "N, 4", **known: Array) -> onnx.ModelProto:
    """A file of one input x."""
    model = parse_model(f"{HEAD} m (float[{shape}] x) => ({outputs}) {{ {body} }}")
    model.graph.initializer.extend(numpy_helper.from_array(np.asarray(array), name) for name, array in known.items())
    return model


def reason(model: onnx.ModelProto, batch: str = "auto") -> str:
    with pytest.raises(ModelError) as caught:
        of_proto(model, Path("m.onnx"), Options(batch))
    return caught.value.faults[0].what


EQUATIONS = (
    "ij->ji", "ij->i", "ij->", "ii->i", "ii->", "bii->bi", "...ij->...ji", "ij,jk->ik", "ij,jk", "ij,kj->ik", "i,j->ij",
    "bij,bjk->bik", "bij,jk->bik", "bi,bi->b", "bi,bi->bi", "i,i->", "bhid,bhjd->bhij", "bid,bjd->bij",
    "...ij,...jk->...ik", "ijk,jil->kl", "bac,ca->b", "abc,cde->abde", "bij,bj->bi", "ijj,jk->ik", "abcd,cd->ab",
    "ab,bc,cd->ad", "i,ij,j->", "a...b->b...a", "...i,...i->...", "b...ij,bj...->bi...", " b i j , b j k -> b i k",
)  # fmt: skip


@pytest.mark.parametrize(
    ("equation", "known"),
    [(equation, known) for equation in EQUATIONS for known in ((), (0,), (1,)) if not known or "," in equation],
)
def test_einsum(equation: str, known: tuple[int, ...]) -> None:
    parts = equation.replace(" ", "").partition("->")[0].split(",")
    sizes = dict(zip("abcdehijkl", (2, 3, 4, 2, 3, 2, 4, 3, 5, 2), strict=True))
    arrays = {
        f"x{index}": numbers(*(n for c in part.replace("...", "I") for n in ((2, 3) if c == "I" else (sizes[c],))))
        for index, part in enumerate(parts)
    }  # fmt: skip
    fixed = {f"x{index}": arrays[f"x{index}"] for index in known}
    fed = {name: array for name, array in arrays.items() if name not in fixed}
    model = one("Einsum", fed, fixed, equation=equation)
    del model.graph.node[0].input[:]
    model.graph.node[0].input.extend(arrays)
    require_equal(model, fed)


def test_einsum_repeats_axes_of_size_one() -> None:
    fed = {"x": numbers(1, 2, 3), "z": numbers(4, 3, 2)}
    require_equal(one("Einsum", fed, {}, equation="bij,bjk->bik"), fed, "none")
    assert "does not fit" in reason(one("Einsum", fed, {}, equation="bij->bi"))


def _window(kind: str, draw: np.random.Generator) -> tuple[onnx.ModelProto, Array]:
    """A window or convolution over one or two axes with any of its attributes."""
    rank = int(draw.integers(1, 3))

    def axes(low: int, high: int) -> list[int]:
        return [int(n) for n in draw.integers(low, high, rank)]

    x, kernel = numbers(2, 4, *axes(4, 9), seed=int(draw.integers(99))), axes(1, 4)
    facts: dict[str, object] = {"strides": axes(1, 4)}
    mode = str(draw.choice(["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
    facts |= {"auto_pad": mode} if mode != "NOTSET" else {"pads": [int(draw.integers(0, k)) for k in kernel * 2]}
    if draw.random() < 0.5:
        facts["dilations"] = axes(1, 3)
    known = {}
    if kind.startswith("Conv"):
        groups = facts["group"] = int(draw.choice([1, 2]))
        known = {"w": numbers(4, 4 // groups, *kernel), "b": numbers(4)}
    else:
        facts |= {"kernel_shape": kernel, "ceil_mode": int(draw.integers(0, 2))}
    if kind == "AveragePool":
        facts["count_include_pad"] = int(draw.integers(0, 2))
    if kind == "LpPool":
        facts["p"] = int(draw.integers(1, 4))
    if kind == "ConvTranspose" and draw.random() < 0.7:
        stride, dilation = facts["strides"], facts.get("dilations", [1] * rank)
        facts["output_shape"] = [
            max(1, s * (n - 1) + d * (k - 1) + 1 - int(draw.integers(0, 4)))
            for s, n, d, k in zip(stride, x.shape[2:], dilation, kernel, strict=True)
        ]  # fmt: skip
    return one(kind, {"x": x}, known, 22, **facts), x


@pytest.mark.parametrize("kind", ["AveragePool", "Conv", "ConvTranspose", "LpPool", "MaxPool"])
def test_windows_with_any_attributes(kind: str) -> None:
    draw, equal = np.random.default_rng(5), 0
    for _ in range(40):
        model, x = _window(kind, draw)
        try:
            of_proto(model, Path("m.onnx"), Options())
        except ModelError as error:
            what = error.faults[0].what
            assert any(text in what for text in ("auto_pad", "larger than", "leaves nothing")), what
        else:
            require_equal(model, {"x": x})
            equal += 1
    assert equal >= 25


@pytest.mark.parametrize(("mode", "first"), [("NOTSET", 2), ("SAME_UPPER", 1), ("SAME_LOWER", 2), ("VALID", 2)])
def test_where_an_odd_cut_of_a_transposed_convolution_begins(mode: str, first: int) -> None:
    """Three of six elements go; the larger half in front, but for SAME_UPPER."""
    x = np.asarray([[[1, 10, 100]]], np.float32)
    weight = np.arange(1, 5, dtype=np.float32).reshape(1, 1, 4)
    model = one("ConvTranspose", {"x": x}, {"w": weight}, output_shape=[3], auto_pad=mode)
    require_equal(model, {"x": x})
    made = of_proto(model, Path("m.onnx"), Options()).model
    (layer,) = (node for node in made.graph if node.kind == "ConvTranspose1d")
    assert layer.padding == (first, 3 - first)


LOOP = (
    "y, z = Loop (m, go, x) <body = "
    "b (int64 i, bool c, float[N, 4] v) => (bool d, float[N, 4] w, float[N, 4] s) {B}>"
)
LOOPS = {
    "what it carries and collects": LOOP.replace("B", "d = Identity (c) t = Tanh (v) w = Add (t, x) s = Mul (w, k)"),
    "its turn": LOOP.replace("B", "d = Identity (c) f = Cast <to = 1> (i) w = Add (v, f) s = Mul (w, f)"),
    "an end by a condition": LOOP.replace("B", "d = Less (i, two) w = Add (v, x) s = Neg (w)"),
    "a loop inside": LOOP.replace("B", (
        "d = Identity (c) w = Loop (two, c, v) <body = n (int64 j, bool e, float[N, 4] u) => (bool f, float[N, 4] o) "
        "{ f = Identity (e) p = Add (i, j) q = Cast <to = 1> (p) o = Add (u, q) }> s = Neg (w)"
    )),
}  # fmt: skip


@pytest.mark.parametrize("what", LOOPS)
def test_a_loop_is_written_out(what: str) -> None:
    known = {"m": np.asarray(4), "go": np.asarray(True), "two": np.asarray(2), "k": np.float32(0.5).reshape(())}
    model = written(LOOPS[what].replace("{", "{ ").replace("}", " }"), "float[N, 4] y, float[T, N, 4] z", **known)
    require_equal(model, {"x": numbers(3, 4)})


def test_turns_by_computed_numbers() -> None:
    body = "h = Shape <start = 1> (x) m = Squeeze (h) " + LOOPS["what it carries and collects"]
    model = written(body, "float[N, 4] y, float[T, N, 4] z", go=np.asarray(True), k=np.float32(0.5).reshape(()))
    require_equal(model, {"x": numbers(3, 4)})


def test_loops_without_a_known_end() -> None:
    known = {"m": np.asarray(4), "go": np.asarray(True)}
    body = LOOP.replace("B", "t = ReduceMax <keepdims = 0> (v) d = Less (t, x) w = Add (v, x) s = Neg (w)")
    assert "depends on the model's input" in reason(written(body, shape="1, 4", **known), "none")
    body = LOOP.replace("B", "d = Identity (c) w = Add (v, x) s = Neg (w)")
    assert "more than 1,024 times" in reason(written(body, **known | {"m": np.asarray(10**6)}))
    body = LOOP.replace("B", "d = Identity (c) w = Bernoulli (v) s = Neg (w)")
    with pytest.raises(ModelError) as caught:
        of_proto(written(body, **known), Path("m.onnx"), Options("first"))
    assert len([fault for fault in caught.value.faults if "Bernoulli" in fault.what]) == 1


SCAN = (
    "b (float[3, 4] s, float[3, 4] e) => (float[3, 4] t, float[3, 4] o) "
    "{ h = Mul (s, k) t = Add (h, e) o = Tanh (t) }"
)


BRANCH = (
    "y = If (c) <then_branch = g () => (float[N, 4] a) { a = Relu (x) }, "
    "else_branch = h () => (float[N, 4] b) { b = Neg (x) }>"
)


@pytest.mark.parametrize(
    ("condition", "asks"),
    [("Equal (n, three)", True), ("Less (n, three)", True), ("Greater (n, zero)", False), ("Equal (zero, n)", False)],
)
def test_a_branch_by_the_number_of_samples(condition: str, asks: bool) -> None:
    """A condition that holds for any number of samples is known; another is refused."""
    body = f"s = Shape (x) n = Gather (s, zero) c = {condition} {BRANCH}"
    model = written(body, zero=np.asarray(0), three=np.asarray(3))
    if asks:
        assert "not one constant" in reason(model, "first")
    else:
        require_equal(model, {"x": numbers(3, 4)})


@pytest.mark.parametrize(
    "facts",
    ["", "scan_input_directions = [1],", "scan_output_directions = [1],", "scan_output_axes = [-1],",
     "scan_input_axes = [1], scan_output_axes = [1], scan_input_directions = [1],"],
)  # fmt: skip
def test_a_scan_is_written_out(facts: str) -> None:
    shape = (3, 5, 4) if "scan_input_axes" in facts else (5, 3, 4)
    body = f"y, z = Scan <num_scan_inputs = 1, {facts} body = {SCAN}> (s0, x)"
    known = {"s0": np.ones((3, 4), np.float32), "k": np.float32(0.5).reshape(())}
    model = written(body, "float[3, 4] y, float[A, B, C] z", ", ".join(map(str, shape)), **known)
    for batch in ("auto", "none"):
        require_equal(model, {"x": numbers(*shape)}, batch)


@pytest.mark.parametrize("axis", [1, -1])
@pytest.mark.parametrize("largest", [0, 1])
def test_the_largest_elements_and_where_they_are(axis: int, largest: int) -> None:
    for x in (numbers(2, 4, 5), np.rint(numbers(2, 4, 5)), np.full((2, 4, 5), 3e8, np.float32)):
        model = one("TopK", {"x": x}, {"k": np.asarray([3])}, results=2, axis=axis, largest=largest)
        require_equal(model, {"x": x})
    assert "its sorted is 0" in reason(one("TopK", {"x": x}, {"k": np.asarray([3])}, results=2, sorted=0))


@pytest.mark.parametrize(
    ("kind", "known", "facts"),
    [
        ("GatherND", {"i": np.asarray([[0, 1], [1, 3]])}, {}),
        ("GatherND", {"i": np.asarray([[[1], [-1]], [[1], [-1]]])}, {"batch_dims": 1}),
        ("GatherND", {"i": np.asarray([[[[1]] * 2] * 4] * 2)}, {"batch_dims": 2}),
        ("GatherElements", {"i": np.asarray([[[2, 0, -1, 1, 3]]] * 2)}, {"axis": 1}),
        ("GatherElements", {"i": np.arange(24).reshape(2, 4, 3) % 5}, {"axis": 2}),
        ("ScatterND", {"i": np.asarray([[0, 1], [1, 3]]), "u": numbers(2, 5)}, {}),
        ("ScatterElements", {"i": np.asarray([[[2, 0, 1]]] * 2), "u": np.ones((2, 1, 3), np.float32)}, {"axis": 1}),
        ("Compress", {"c": np.asarray([True, False, True])}, {"axis": 1}),
        ("Compress", {"c": np.asarray([True, False, True])}, {}),
    ],
)  # fmt: skip
def test_constant_places(kind: str, known: Mapping[str, Array], facts: Mapping[str, object]) -> None:
    x = numbers(2, 4, 5)
    require_equal(one(kind, {"x": x}, known, **facts), {"x": x})


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [("Acos", -1, 1), ("Asin", -1, 1), ("Atan", -9, 9), ("Acosh", 1, 9), ("Asinh", -9, 9), ("Atanh", -0.99, 0.99),
     ("Cosh", -5, 5), ("Sinh", -5, 5)],
)  # fmt: skip
def test_functions_of_angles(kind: str, low: float, high: float) -> None:
    x = np.linspace(low, high, 21, dtype=np.float32).reshape(3, 7)
    require_equal(one(kind, {"x": x}, {}), {"x": x})


@pytest.mark.parametrize(
    "body",
    [
        "a, b, c = Split <axis = 1> (x, sizes) r = Tanh (b) y = Concat <axis = 1> (c, r, a)",
        "e = Slice (x, one, one, one) y = Concat <axis = 1> (x, e, x)",
        "e = Slice (x, one, one, one) d = Mul (e, w) s = ReduceSum <keepdims = 1> (d, one) y = Add (x, s)",
        "e = Slice (x, one, one, one) f = Slice (w, one, one, zero) m = MatMul (e, f) y = Concat <axis = 1> (m, x)",
        "e = Gather <axis = 1> (x, none) y = Concat <axis = 1> (e, x)",
        "e = Tile (x, tiles) y = Concat <axis = 1> (x, e)",
        "y = Pad (x, zeros)",
        "v, i = TopK (x, zero) y = Concat <axis = 1> (v, x)",
    ],
)
def test_values_without_elements(body: str) -> None:
    known = {
        "sizes": np.asarray([1, 0, 3]), "one": np.asarray([1]), "zero": np.asarray([0]), "tiles": np.asarray([1, 0]),
        "w": numbers(1, 4)[:, :1], "none": np.zeros(0, np.int64), "zeros": np.zeros(4, np.int64),
    }  # fmt: skip
    if "MatMul" in body:
        known["w"] = numbers(2, 3)
    used = {name: array for name, array in known.items() if name in body.replace("(", " ").replace(")", " ").split()
            or f"{name}," in body or f"{name})" in body}  # fmt: skip
    require_equal(written(body, "float[N, M] y", **used), {"x": numbers(3, 4)})


def test_whole_numbers_stay_whole() -> None:
    """A power, and a quotient, of whole numbers loses its fraction."""
    x = np.asarray([[2, 3, 5], [7, 8, 10]])
    for exponent in (0.5, 1.5, 2, -1):
        require_equal(one("Pow", {"x": x}, {"e": np.float32(exponent).reshape(())}), {"x": x})
    require_equal(one("Div", {"x": x - 6}, {"d": np.asarray(4)}), {"x": x - 6})


def test_a_zero_point_for_each_column() -> None:
    """Also where there are as many rows as columns."""
    x = np.asarray([[1, 2, 3], [4, 5, 6]], np.uint8)
    known = {"w": np.arange(9, dtype=np.uint8).reshape(3, 3), "xz": np.uint8(2).reshape(()), "wz": np.uint8([1, 2, 3])}
    require_equal(one("MatMulInteger", {"x": x}, known, 10), {"x": x})


def test_definitions_that_changed() -> None:
    x = numbers(2, 4, 3)
    known = {"s": numbers(2), "b": numbers(2, seed=1)}
    require_equal(one("GroupNormalization", {"x": x}, known, 18, num_groups=2), {"x": x})
    require_equal(one("ReduceLogSumExp", {"x": x}, {}, 18, noop_with_empty_axes=1), {"x": x})
    least = {name: np.asarray([bound]) for name, bound in (("s", -1), ("e", -(2**63)), ("a", 1), ("t", -2))}
    require_equal(one("Slice", {"x": x}, least), {"x": x})
    assert "without elements" in reason(one("Slice", {"x": x}, {**least, "t": np.asarray([2])}))
    image = numbers(1, 1, 1, 5)
    model = one("Resize", {"x": image}, {"s": np.float32([1, 1, 1, 2.6])}, 19)
    for region in ("", "s"):  # which is of those that crop
        model.graph.node[0].input[:] = ["x", region, "s"]
        require_equal(model, {"x": image})


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("y = Relu <wrong = 3> (x)", "gives it no attribute 'wrong', here 3"),
        ("y = Softmax <axis = 1.5> (x)", "its axis is 1.5, of another type"),
        ("y = Cast (x)", "its to is missing"),
        ("k = Cast <to = 2> (x) y = Cast <to = 1> (k)", "to UINT8, in which numbers outside of 0 to 255 wrap"),
        ("d = Clip (x, m, e) k = Cast <to = 3> (d) y = Cast <to = 1> (k)", "outside of -128 to 127 wrap"),
        ("k = Cast <to = 7> (x) d = Cast <to = 3> (k) y = Cast <to = 1> (d)", "it casts to INT8"),
        ("d = CastLike (x, i) y = Cast <to = 1> (d)", "it casts to INT16"),
        ("y = Relu (x, x)", "it has 2 operands, and opset 18 defines 1"),
        ("y = LeakyRelu <alpha = 0.5, beta = 2.0> (x)", "no attribute 'beta', here 2.0"),
        ("y = Gelu <approximate = \"erf\"> (x)", "approximate is 'erf'"),
        ("k = Relu <wrong = 3> (c) y = Add (x, k)", "gives it no attribute 'wrong'"),
        ("h = Shape (x) n = Gather (h, z) m = Add (n, z) y = Slice (x, z, m, o)", "it cuts an axis"),
        ("y = LpNormalization <p = 3> (x)", "its p is 3"),
    ],
)
def test_what_nobody_reads_is_refused(body: str, complaint: str) -> None:
    known = {
        "c": np.ones(4, np.float32), "z": np.asarray([0]), "o": np.asarray([1]),
        "m": np.float32(-200), "e": np.float32(100), "i": np.ones(1, np.int16),
    }
    assert complaint in reason(written(body, **known), "first")


@pytest.mark.parametrize("kind", ["Clip (x, l, h) d = Floor (c)", "Greater (x, l) d = Identity (c)"])
def test_casts_to_few_bits_of_what_they_hold(kind: str) -> None:
    x = 300 * numbers(5, 4)
    limits = {"l": np.float32(0), "h": np.float32(255)}
    require_equal(written(f"c = {kind} k = Cast <to = 2> (d) y = Cast <to = 1> (k)", **limits), {"x": x})


def test_what_a_function_of_the_file_does_not_declare() -> None:
    text = (
        '<ir_version: 8, opset_import: ["" : 18, "own" : 1]> m (float[N, 4] x) => (float[N, 4] y) '
        '{ y = own.f <gain = 2.0> (x) } <domain: "own", opset_import: ["" : 18]> f (a) => (b) { b = Relu (a) }'
    )
    assert "declares no attribute 'gain', here 2.0" in reason(parse_model(text))
