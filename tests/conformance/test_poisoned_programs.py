"""A program may come from a stranger: engines take data from it, and run nothing of it."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import nmc
from nmc import backends
from nmc.backends.lava.processes import KINDS
from nmc.errors import ToolError
from nmc.program import MANIFEST, Program, load

SCRIPT = "import pathlib; pathlib.Path({place!r}).write_text('was here'); raise SystemExit(7)\n"
ENGINES = [
    ("loihi-sim", "native"), ("loihi-sim", "lava"), ("loihi2-sim", "lava"), ("nengo-sim", "nengo"),
    ("nengo-loihi-sim", "native"), ("nengo-loihi-sim", "nengo-loihi"), ("cpu", "onnxruntime"),
    ("cpu", "onnxruntime-stepwise"),
]  # fmt: skip


def signed(folder: Path, files: Mapping[str, bytes]) -> Program:
    """The program with these files in place of its own: whoever alters a program can write a sound manifest for it."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    del manifest["digest"]
    for name, data in files.items():
        (folder / name).write_bytes(data)
        manifest["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    (folder / MANIFEST).write_text(json.dumps({**manifest, "digest": digest}, indent=2) + "\n")
    return load(folder)


@pytest.fixture(scope="session", autouse=True)
def _toolchains(lava_toolchain: None, nengo_toolchain: None, nengo_loihi_toolchain: None) -> None:
    """These engines run."""


def test_every_engine_is_tried() -> None:
    """But for those that need hardware."""
    known = {engine for name in backends.targets() for engine in backends.target_named(name).engines}
    assert {engine for _, engine in ENGINES} == known - {"cuda"}


@pytest.mark.parametrize(("target", "engine"), ENGINES)
def test_no_script_of_a_program_is_run(target: str, engine: str, tmp_path: Path) -> None:
    program = nmc.compile("digits-snn", target, tmp_path / "program")
    x = np.random.default_rng(0).random((1, 1, 8, 8))
    expected = nmc.run(program, x, engine=engine).outputs
    mark = tmp_path / "mark"
    poison = SCRIPT.format(place=str(mark)).encode()
    scripts = {name: poison for name in program.manifest.files if name.endswith(".py")}
    folders = {Path(name).parent for name in scripts}
    beside = {f"{folder}/{name}": poison for folder in folders for name in ("numpy.py", "json.py")}
    poisoned = signed(program.path, scripts | beside)
    found = nmc.run(poisoned, x, engine=engine).outputs
    assert not mark.exists()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize(("target", "engine", "file", "path", "name"), [
    ("loihi-sim", "lava", "lava/graph.json", ("processes", 0, "kind"), "subprocess:Popen"),
    ("nengo-sim", "nengo", "nengo/network.json", ("ensembles", 0, "neurons", "type"), "main"),
    ("nengo-sim", "nengo", "nengo/network.json", ("ensembles", 0, "neurons", "type"), "nengo.Network"),
    ("nengo-loihi-sim", "nengo-loihi", "nengo-loihi/network.json", ("ensembles", 0, "neurons", "type"), "check"),
])  # fmt: skip
def test_data_do_not_say_what_is_called(
    target: str, engine: str, file: str, path: tuple[str | int, ...], name: str, tmp_path: Path
) -> None:
    program = nmc.compile("digits-snn", target, tmp_path / "program")
    described = json.loads(program.file(file))
    entry = described
    for step in path[:-1]:
        entry = entry[step]
    entry[path[-1]] = name
    altered = signed(program.path, {file: json.dumps(described).encode()})
    with pytest.raises(ToolError, match=f"names '{name}', which is no part of a program"):
        nmc.run(altered, np.zeros((1, 1, 8, 8)), engine=engine)


def test_pickles_are_not_read(tmp_path: Path) -> None:
    program = nmc.compile("digits-snn", "nengo-sim", tmp_path / "program")
    with np.load(io.BytesIO(program.file("nengo/weights.npz"))) as file:
        arrays = dict(file)
    buffer = io.BytesIO()
    np.savez(buffer, **{name: np.array([print], dtype=object) for name in arrays})
    altered = signed(program.path, {"nengo/weights.npz": buffer.getvalue()})
    with pytest.raises(ToolError, match="allow_pickle=False"):
        nmc.run(altered, np.zeros((1, 1, 8, 8)), engine="nengo")


def test_lava_programs_may_name_what_the_lowering_writes() -> None:
    classes = import_module("nmc.backends.lava.run").CLASSES
    assert {f"lava.proc.{module}.process:{kind}" for kind, (module, _) in KINDS.items()} <= classes
