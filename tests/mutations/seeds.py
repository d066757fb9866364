"""Ways to put a fault into the compiler for as long as a `with` block lasts, and to take it out again whole.

Code is changed in place and given back afterwards. Machine code is found by the instructions that it was made of, so
that an edited kernel gets code of its own, and nobody's kept kernels change.
"""

from __future__ import annotations
import __future__

import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import FunctionType
from unittest.mock import patch

import numpy as np

from nmc.backends.lava import lowering as lava_lowering
from nmc.backends.loihi import encoding
from nmc.backends.loihi.host import Host
from nmc.backends.loihi.native.plan import Plan
from nmc.backends.nengo import files as nengo_files
from nmc.backends.onnx import lowering as onnx_lowering
from nmc.machine_code import Kernel
from nmc.model import FloatArray, Model
from nmc.nodes.quantized import QuantizeLinear
from nmc.reference import interpreter
from nmc.reference.meaning import Step

Seed = Callable[[], AbstractContextManager[None]]
Change = Callable[[Model], Model]


def in_code(function: Callable[..., object], old: str, new: str) -> Seed:
    """A function, or a kernel or what kernels call, in whose source `new` stands for `old`, wherever that is."""
    kernel = isinstance(function, Kernel)
    target = function.function if kernel else function
    assert isinstance(target, FunctionType)

    @contextmanager
    def seeded() -> Iterator[None]:
        before = target.__code__
        target.__code__ = _edited(target, old, new)
        try:
            with _kernels_forgotten():
                yield
        finally:
            target.__code__ = before

    return seeded


def in_emulator(change: Change) -> Seed:
    """The native emulator runs another model than the one that it is given."""

    @contextmanager
    def seeded() -> Iterator[None]:
        sound = Plan.of
        with patch.object(Plan, "of", staticmethod(lambda model: sound(change(model)))):
            yield

    return seeded


def in_onnx(change: Change) -> Seed:
    """The ONNX files say another model than the one that is lowered."""

    @contextmanager
    def seeded() -> Iterator[None]:
        sound = onnx_lowering.lower
        with patch.object(onnx_lowering, "lower", lambda model, half=False: sound(change(model), half)):
            yield

    return seeded


def in_lava(change: Change) -> Seed:
    """Lava's files say another model than the one that is lowered."""

    @contextmanager
    def seeded() -> Iterator[None]:
        sound = lava_lowering.lower
        with patch.object(lava_lowering, "lower", lambda model: sound(change(model))):
            yield

    return seeded


def in_nengo(change: Change) -> Seed:
    """Nengo's files say another model than the one that is lowered."""

    @contextmanager
    def seeded() -> Iterator[None]:
        sound = nengo_files.lower
        with patch.object(nengo_files, "lower", lambda model, types: sound(change(model), types)):
            yield

    return seeded


def in_host(change: Change) -> Seed:
    """The host beside the native emulator does its part of another model."""

    @contextmanager
    def seeded() -> Iterator[None]:
        sound = Host.of
        with patch.object(Host, "of", staticmethod(lambda model, *names: sound(change(model), *names))):
            yield

    return seeded


def rounding_of_host(rounded: Callable[[FloatArray], FloatArray]) -> Seed:
    """The host beside the native emulator rounds otherwise what it sends."""

    def quantized(node: QuantizeLinear, step: Step) -> FloatArray:
        return np.clip(rounded(step.x / node.scale) + node.zero_point, *node.limits)

    def run(*given: object) -> Mapping[str, FloatArray]:
        with patch.dict(interpreter.MEANINGS, {QuantizeLinear: quantized}):
            return interpreter.run(*given)

    return set_to(encoding, "run", run)


def after_pass(kind: type, change: Change) -> Seed:
    """A pass gives another model than it should."""

    @contextmanager
    def seeded() -> Iterator[None]:
        sound = kind.__call__
        with patch.object(kind, "__call__", lambda self, *given: change(sound(self, *given))):
            yield

    return seeded


def set_to(place: object, name: str, value: object) -> Seed:
    """An attribute of a module or class, or an entry of a table, with another value."""

    @contextmanager
    def seeded() -> Iterator[None]:
        changed = patch.dict(place, {name: value}) if isinstance(place, Mapping) else patch.object(place, name, value)
        with changed:
            yield

    return seeded


def together(*seeds: Seed) -> Seed:
    """Several at once."""

    @contextmanager
    def seeded() -> Iterator[None]:
        with ExitStack() as stack:
            for seed in seeds:
                stack.enter_context(seed())
            yield

    return seeded


def _edited(function: FunctionType, old: str, new: str) -> object:
    """The code of a function with another source. Raises AssertionError where there is nothing to change."""
    source = textwrap.dedent(inspect.getsource(function))
    source = source[source.index("def ") :] if source.startswith("@") else source
    assert old in source, f"{function.__qualname__} has no {old!r}"
    flags = __future__.annotations.compiler_flag
    found: dict[str, FunctionType] = {}
    exec(compile(source.replace(old, new), f"<{function.__qualname__}>", "exec", flags), function.__globals__, found)
    return found[function.__name__].__code__


@contextmanager
def _kernels_forgotten() -> Iterator[None]:
    """All kernels look for their machine code anew, and later go back to what they had."""
    modules = [module for name, module in sorted(sys.modules.items()) if name.startswith("nmc.backends.loihi")]
    kernels = {id(value): value for module in modules for value in vars(module).values() if isinstance(value, Kernel)}
    kept = {key: kernel._entries for key, kernel in kernels.items()}
    for kernel in kernels.values():
        kernel._entries = {}
    try:
        yield
    finally:
        for key, kernel in kernels.items():
            kernel._entries = kept[key]
