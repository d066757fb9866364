"""Programs: written whole or not at all, and believed only if they are as they were written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmc import program
from nmc.errors import ModelError, NmcError, ProgramError, ToolError, UsageError
from nmc.model import Model
from nmc.program import Program, load
from nmc.text import parse
from strategies import models

OPTIONS = {"precision": "int8", "steps": 12, "scale": 0.5, "share": True, "seed": None}
MODEL = Model(
    "tiny",
    parse("x = Input(shape=(2,))\ny = Linear(x, features=2, weight='w', bias='b')\nreturn y"),
    {"w": np.arange(4.0).reshape(2, 2), "b": np.zeros(2, np.float32)},
    description="a test — of ünicode",
)


def write(directory: Path, model: Model = MODEL, **files: bytes) -> Program:
    return program.write(
        directory, model, target="cpu", chip="cpu", options=OPTIONS, files={"extra/data.bin": b"\0\1\2", **files}
    )


def snapshot(directory: Path) -> dict[str, bytes]:
    """Every file below a directory and what it holds."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a program, to be altered."""
    directory = tmp_path_factory.mktemp("written") / "program"
    write(directory)
    return snapshot(directory)


def put(directory: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(data)
    return directory


def forged(files: dict[str, bytes], change: Callable[[dict[str, object]], object]) -> dict[str, bytes]:
    """The program with its manifest changed, by someone who knows how to compute the digest."""
    facts = json.loads(files["manifest.json"])
    del facts["digest"]
    change(facts)
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    data = (json.dumps({**facts, "digest": digest}, indent=2) + "\n").encode()
    return {**files, "manifest.json": data}


# ------------------------------------------------------------------ round trip


def test_what_is_written_is_what_is_loaded(tmp_path: Path) -> None:
    write(tmp_path / "p")
    loaded = load(tmp_path / "p")
    assert (loaded.name, loaded.target, loaded.chip, loaded.steps) == ("tiny", "cpu", "cpu", None)
    assert loaded.manifest.options == OPTIONS
    assert {type(value) for value in loaded.manifest.options.values()} == {str, int, float, bool, type(None)}
    assert loaded.model.graph == MODEL.graph
    assert loaded.model.description == MODEL.description
    assert loaded.file("extra/data.bin") == b"\0\1\2"
    for name, array in MODEL.weights.items():
        assert loaded.model.weights[name].dtype == array.dtype
        assert np.array_equal(loaded.model.weights[name], array)


@given(models())
@settings(max_examples=25, deadline=None)
def test_any_model_survives_being_a_program(tmp_path_factory: pytest.TempPathFactory, model: Model) -> None:
    loaded = write(tmp_path_factory.mktemp("random") / "p", model).model
    assert (loaded.graph, loaded.steps) == (model.graph, model.steps)
    assert loaded.weights.keys() == model.weights.keys()
    assert all(np.array_equal(loaded.weights[name], array) for name, array in model.weights.items())


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint8, np.int32, np.int64, np.float16, np.float32, ">f8"])
def test_arrays_keep_type_shape_and_order(tmp_path: Path, dtype: str) -> None:
    """Transposed, big-endian and zero-dimensional arrays too."""
    graph = parse("c = Constant(value='c', shape=(3, 2))\ns = Constant(value='s', shape=())\nreturn c, s")
    c = (np.arange(6).reshape(2, 3) % 2).astype(dtype).T
    loaded = write(tmp_path / "p", Model("m", graph, {"c": c, "s": np.array(1).astype(dtype)})).model
    assert np.array_equal(loaded.weights["c"], c)
    assert loaded.weights["c"].dtype == c.dtype.newbyteorder("=")
    assert loaded.weights["s"].shape == ()


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a")
    write(tmp_path / "b")
    assert snapshot(tmp_path / "a") == snapshot(tmp_path / "b")


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match=r"has no file 'model\.onnx'"):
        write(tmp_path / "p").file("model.onnx")


# ------------------------------------------------------------------ whole or not at all


def test_writing_makes_the_folders_above_and_leaves_no_scratch(tmp_path: Path) -> None:
    write(tmp_path / "some" / "where" / "p")
    assert [path.name for path in (tmp_path / "some" / "where").iterdir()] == ["p"]


def test_an_older_program_is_replaced_without_leftovers(tmp_path: Path) -> None:
    write(tmp_path / "p", **{"old.bin": b"old"})
    write(tmp_path / "p")
    assert sorted(snapshot(tmp_path)) == [
        "p/extra/data.bin", "p/graph.txt", "p/manifest.json", "p/weights.safetensors",
    ]  # fmt: skip


def test_an_empty_directory_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    write(tmp_path / "p")
    assert load(tmp_path / "p").name == "tiny"


@pytest.mark.parametrize("operation", ["write_bytes", "mkdir", "rename"])
@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_at_any_moment_leaves_the_old_program_and_no_scratch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str, failure: BaseException
) -> None:
    """The n-th call of an operation fails, for every n until one run needs fewer calls than that."""
    write(tmp_path / "p")
    before = snapshot(tmp_path)
    real = getattr(Path, operation)
    for allowed in range(20):
        calls = 0

        def failing(path: Path, *arguments: object, allowed: int = allowed, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls == allowed + 1:
                raise failure
            return real(path, *arguments, **options)

        with monkeypatch.context() as patch:
            patch.setattr(Path, operation, failing)
            try:
                write(tmp_path / "p")
            except ToolError as error:
                assert "No space left on device" in str(error)
            except KeyboardInterrupt:
                pass
            else:
                break
        assert snapshot(tmp_path) == before
        assert [path.name for path in tmp_path.iterdir()] == ["p"]
    assert allowed > 1


def test_a_place_that_cannot_be_written_is_an_error_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ToolError, match="cannot write"):
        write(tmp_path / "file" / "p")


def test_an_unsound_model_touches_nothing(tmp_path: Path) -> None:
    write(tmp_path / "p")
    before = snapshot(tmp_path)
    with pytest.raises(ModelError):
        write(tmp_path / "p", Model("m", MODEL.graph, {}))
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    "files",
    [
        {"thesis.tex": b"years of work"},
        {"manifest.json": b'{"name": "a browser extension", "version": 3}', "background.js": b""},
        {"manifest.json": b"[]"},
        {"manifest.json": b"not json"},
    ],
)
def test_what_is_not_a_program_is_never_overwritten(tmp_path: Path, files: dict[str, bytes]) -> None:
    put(tmp_path / "mine", files)
    with pytest.raises(UsageError, match="is there already"):
        write(tmp_path / "mine")
    assert snapshot(tmp_path / "mine") == files


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        write(tmp_path / "p")
    assert (tmp_path / "p").read_text() == "mine"


# ------------------------------------------------------------------ damage


def test_what_is_not_a_program_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "absent", tmp_path, tmp_path / "file"):
        with pytest.raises(UsageError, match="is not a program"):
            load(path)


@pytest.mark.parametrize("name", ["graph.txt", "weights.safetensors", "extra/data.bin"])
def test_a_file_missing_cut_or_changed(tmp_path: Path, written: dict[str, bytes], name: str) -> None:
    data = written[name]
    for changed, complaint in [(data[:-1], "truncated"), (data + b" ", "altered"), (b"?" + data[1:], "altered")]:
        put(tmp_path, {**written, name: changed})
        with pytest.raises(ProgramError, match=f"{name} was {complaint} since it was compiled"):
            load(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ProgramError, match=f"lacks {name}"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "is damaged"),
        (b"{", "is damaged"),
        (b"\xff\xfe\x00", "is damaged"),
        (b"[" * 100_000, "is damaged"),
        (b"null", "is not the manifest of a program"),
        (b'{"format": "zip"}', "is not the manifest of a program"),
        (b'{"format": "nmc-program", "version": 1}', "was altered"),
        (b'{"format": "nmc-program", "version": 2}', "has version 2 of the format, this nmc reads 1"),
    ],
)
def test_a_manifest_that_is_none(tmp_path: Path, written: dict[str, bytes], data: bytes, complaint: str) -> None:
    with pytest.raises(ProgramError, match=complaint):
        load(put(tmp_path, {**written, "manifest.json": data}))


def test_a_manifest_changed_by_hand(tmp_path: Path, written: dict[str, bytes]) -> None:
    changed = written["manifest.json"].replace(b'"int8"', b'"fp16"')
    assert changed != written["manifest.json"]
    with pytest.raises(ProgramError, match="was altered: its digest does not match"):
        load(put(tmp_path, {**written, "manifest.json": changed}))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda facts: facts.update(version=99), "version 99"),
        (lambda facts: facts.pop("target"), "is damaged: Field required"),
        (lambda facts: facts.update(steps="7"), "altered: it is not as nmc writes it"),
        (lambda facts: facts.update(options=[1]), "is damaged"),
        (lambda facts: facts.update(files={}), r"lacks graph\.txt"),
        (lambda facts: facts["files"].pop("weights.safetensors"), r"lacks weights\.safetensors"),
        (lambda facts: facts["files"].update({"": facts["files"]["graph.txt"]}), "lacks"),
        (lambda facts: facts["files"].update({"extra": facts["files"]["graph.txt"]}), "lacks extra"),
        (lambda facts: facts["files"].update({"\0": facts["files"]["graph.txt"]}), "lacks"),
        (lambda facts: facts.update(steps=-1), "does not hold together: steps is -1"),
    ],
)
def test_a_forged_manifest(
    tmp_path: Path, written: dict[str, bytes], change: Callable[[dict[str, object]], object], complaint: str
) -> None:
    with pytest.raises(ProgramError, match=complaint):
        load(put(tmp_path, forged(written, change)))


@pytest.mark.parametrize("name", ["../secret", "extra/../../secret", "{absolute}"])
def test_a_program_reads_nothing_outside_itself(tmp_path: Path, written: dict[str, bytes], name: str) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    name = name.format(absolute=tmp_path / "secret")
    record = {"bytes": 6, "sha256": hashlib.sha256(b"secret").hexdigest()}
    files = forged(written, lambda facts: facts["files"].update({name: record}))
    with pytest.raises(ProgramError, match="names a file outside itself"):
        load(put(tmp_path / "p", files))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("weights.safetensors", b""),
        ("weights.safetensors", b"\x80\x04K\x01."),  # a pickle
        ("weights.safetensors", b"\xff" * 64),
        ("weights.safetensors", (2**60).to_bytes(8, "little") + b"{}"),
        ("weights.safetensors", (2).to_bytes(8, "little") + b"{}"),  # sound, but without the arrays
        ("weights.safetensors", (60).to_bytes(8, "little")
         + b'{"w":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}     ' + b"\0\0"),
        ("graph.txt", b""),
        ("graph.txt", b"\xff\xfe"),
        ("graph.txt", b"import os"),
        ("graph.txt", b"y = Linear(x, features=2, weight='w')\nreturn y"),
    ],
)  # fmt: skip
def test_garbage_with_a_matching_digest(tmp_path: Path, written: dict[str, bytes], name: str, data: bytes) -> None:
    """Even where manifest and content agree, what cannot be a program is refused."""
    record = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    files = forged({**written, name: data}, lambda facts: facts["files"].update({name: record}))
    with pytest.raises(ProgramError, match="does not hold together"):
        load(put(tmp_path, files))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_byte_changed_anywhere_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, written: dict[str, bytes], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(written)))
    at = data.draw(st.integers(0, len(written[name]) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda value: value != written[name][at]))
    changed = written[name][:at] + bytes([value]) + written[name][at + 1 :]
    directory = put(tmp_path_factory.mktemp("flipped"), {**written, name: changed})
    with pytest.raises((ProgramError, UsageError)):
        load(directory)


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_arrays_or_an_error(data: bytes) -> None:
    try:
        program.read_safetensors(data, "weights.safetensors")
    except NmcError as error:
        assert "weights.safetensors is not a sound safetensors file" in str(error)
