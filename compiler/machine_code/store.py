"""Machine code on disk: found by what it was made of, loaded by llvmlite, made anew where it is missing or damaged."""

from __future__ import annotations

import ctypes
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType

from nmc.system.cache import cache_directory

ENTRY = "entry"
_DIGEST = hashlib.sha256


@dataclass(frozen=True, eq=False)
class Entry:
    """Machine code in memory: call it with the address of its arguments. The memory is held as long as this is."""

    engine: object
    address: int
    function: Callable[[int], int]

    def __call__(self, arguments: int) -> None:
        self.function(arguments)


def loaded(function: Callable[..., None], is_array: Sequence[bool], types: Sequence[tuple[str, int]]) -> Entry:
    """The machine code of a function for arrays of these types (element type, axes)."""
    path = cache_directory() / "kernels" / f"{function.__name__}-{_key(function, is_array, types)}"
    code = _read(path)
    if code is None:
        from nmc.machine_code.build import built

        code = built(function, is_array, types)
        _write(path, code)
    return _linked(code)


def called(function: Callable[..., object]) -> Iterator[tuple[str, object]]:
    """What a function refers to beside its arguments: (name, value), in the order of their names."""
    code, known = function.__code__, function.__globals__
    return ((name, known[name]) for name in sorted(set(code.co_names)) if name in known)


def _key(function: Callable[..., None], is_array: Sequence[bool], types: Sequence[tuple[str, int]]) -> str:
    """Whatever the machine code depends on, as a short name."""
    build = [Path(__file__).with_name(name).read_bytes() for name in ("build.py", "intrinsics.py")]
    content = (build, _machine(), _content(function), tuple(is_array), tuple(types))
    return _DIGEST(repr(content).encode()).hexdigest()[:24]


@cache
def _machine() -> tuple[str, ...]:
    import llvmlite
    from llvmlite import binding

    features = binding.get_host_cpu_features().flatten()
    return llvmlite.__version__, binding.get_process_triple(), binding.get_host_cpu_name(), features


def _content(function: Callable[..., object]) -> tuple[object, ...]:
    """A function's instructions, with those of the functions that it calls."""
    code = function.__code__
    used = [
        (name, _content(value) if isinstance(value, FunctionType) else repr(value))
        for name, value in called(function)
        if not isinstance(value, ModuleType)
    ]
    return code.co_code, code.co_consts, code.co_names, code.co_varnames, tuple(used)


def _read(path: Path) -> bytes | None:
    """The machine code in a file; None where there is none, or not what was written."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    size = _DIGEST().digest_size
    return content[size:] if _DIGEST(content[size:]).digest() == content[:size] else None


def _write(path: Path, code: bytes) -> None:
    """Keep machine code, whole or not at all; where the disk does not take it, the next process makes it again."""
    import tempfile

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(prefix=".", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(_DIGEST(code).digest() + code)
        Path(scratch).replace(path)
    except OSError:
        pass


def _linked(code: bytes) -> Entry:
    """Machine code put into memory."""
    from llvmlite import binding

    target = _target()
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), target.create_target_machine(jit=True))
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    address = engine.get_function_address(ENTRY)
    return Entry(engine, address, ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(address))


@cache
def _target():  # type: ignore[no-untyped-def]  # noqa: ANN202 - llvmlite has no types
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding.Target.from_default_triple()
