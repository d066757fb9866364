"""Models go to ONNX and come back with the same meaning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nmc
from conformance.onnx_files import check_files
from nmc.errors import UnsupportedError, UsageError
from nmc.frontends.exports import export_file
from nmc.frontends.onnx.load import Options, of_proto
from nmc.model import Model
from nmc.reference import run as reference
from nmc.text import parse
from strategies import models, samples


@pytest.mark.parametrize("name", ["digits-cnn", "digits-snn", "vowels-rsnn"])
def test_the_zoo_passes_the_full_checker(name: str, tmp_path: Path) -> None:
    nmc.export(name, tmp_path / "m.onnx")
    check_files({"m.onnx": (tmp_path / "m.onnx").read_bytes()})


def test_an_ordinary_network_comes_back_as_itself(tmp_path: Path) -> None:
    """Node for node, by kind and facts."""
    nmc.export("digits-cnn", tmp_path / "m.onnx")
    before, after = nmc.load("digits-cnn"), nmc.load(tmp_path / "m.onnx")
    assert [node.kind for node in after.graph] == [node.kind for node in before.graph]
    x = np.random.default_rng(0).random((3, 1, 8, 8))
    (ours,), (theirs,) = reference(before, x).values(), reference(after, x).values()
    np.testing.assert_allclose(theirs, ours, rtol=1e-5, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_static_models_keep_their_meaning(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    model = data.draw(models(timed=False, without=frozenset()))
    x = data.draw(samples(model))
    path = tmp_path_factory.getbasetemp() / "random.onnx"
    export_file(model, path, "onnx")
    again = of_proto(onnx.load(path), path, Options("first")).model
    (ours,), (theirs,) = reference(model, x).values(), reference(again, x).values()
    np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-5)


def test_quantized_models_keep_their_integers(tmp_path: Path) -> None:
    from nmc.passes.quantize_int8 import QuantizeInt8

    digits = nmc.load("digits-cnn")
    x = np.random.default_rng(0).random((8, 1, 8, 8))
    model = QuantizeInt8()(digits, lambda: x)
    export_file(model, tmp_path / "m.onnx", "onnx")
    again = nmc.load(tmp_path / "m.onnx")
    integers = [array for array in again.weights.values() if array.dtype == np.int8]
    assert sorted(a.tobytes() for a in integers) == sorted(
        a.tobytes() for a in model.weights.values() if a.dtype == np.int8
    )
    grids = [
        [(node.scale, node.zero_point) for node in graph if node.kind == "QuantizeLinear"]
        for graph in (model.graph, again.graph)
    ]
    assert grids[0] == grids[1]
    (ours,), (theirs,) = reference(model, x).values(), reference(again, x).values()
    np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-4)


def test_what_onnx_cannot_say_is_refused(tmp_path: Path) -> None:
    graph = parse("dt = 0.001\nx = Input(shape=(3,), stream=True)\ny = FixedLIF(x, du=0, dv=0, vth=1)\nreturn y")
    with pytest.raises(UnsupportedError, match="FixedLIF has no form in ONNX"):
        export_file(Model("m", graph, {}), tmp_path / "m.onnx", "onnx")
    assert not list(tmp_path.iterdir())


def test_unknown_formats() -> None:
    with pytest.raises(UsageError, match="'keras'"):
        nmc.export("digits-cnn", "m.keras", "keras")
