"""Kernels: functions over arrays of numbers that run as machine code, one piece of it for each choice of types.

A kernel is an ordinary Python function of arrays and whole numbers that returns nothing; it allocates nothing and
calls only its own kind of functions, which are compiled into it. Annotations say which arguments are whole
numbers: `int` and `bool` are, everything else is an array. Other threads run while a kernel does.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import update_wrapper
from inspect import signature
from itertools import accumulate
from operator import is_not, itemgetter
from threading import Lock
from typing import Generic, ParamSpec

import numpy as np
from numpy.typing import NDArray

from nmc.machine_code.store import Entry, loaded

P = ParamSpec("P")
Array = NDArray[np.generic]
ArrayType = tuple[str, int]
"""The letter of an array's element type, as NumPy has it, and how many axes the array has."""


class Kernel(Generic[P]):
    """A function in machine code. To be called often with mostly the same arrays, see `prepared`."""

    def __init__(self, function: Callable[P, None]) -> None:
        update_wrapper(self, function)
        self.function = function
        annotations = [parameter.annotation for parameter in signature(function).parameters.values()]
        self.is_array = tuple(annotation not in ("int", "bool", int, bool) for annotation in annotations)
        self.arrays_of = _picker([i for i, is_array in enumerate(self.is_array) if is_array])
        self.numbers_of = _picker([i for i, is_array in enumerate(self.is_array) if not is_array])
        self._entries: dict[tuple[ArrayType, ...], Entry] = {}
        self._lock = Lock()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Run it once."""
        self.prepared()(*args, **kwargs)

    def prepared(self) -> Call[P]:
        """A call that remembers the arrays of the last time. Not for several threads at once."""
        return Call(self)

    def entry(self, types: tuple[ArrayType, ...]) -> Entry:
        """Its machine code for arrays of these types, made or loaded on first use."""
        found = self._entries.get(types)
        if found is None:
            with self._lock:
                found = self._entries.get(types) or loaded(self.function, self.is_array, types)
                self._entries[types] = found
        return found


def kernel(function: Callable[P, None]) -> Kernel[P]:
    """Make a function a kernel; nothing is compiled before it is called."""
    return Kernel(function)


class Call(Generic[P]):
    """A kernel and the arguments of its last call, in the memory from which machine code reads them.

    There lie, for each array, its address and its shape, and then the whole numbers, 64 bits each.
    """

    def __init__(self, kernel: Kernel[P]) -> None:
        self._kernel = kernel
        self._arrays: tuple[Array, ...] = ()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Run the kernel. Arguments go by place."""
        assert not kwargs
        arrays = self._kernel.arrays_of(args)
        if not self._arrays:
            self._open(arrays)
        elif any(map(is_not, arrays, self._arrays)):
            self._change(arrays)
        self._pack(self._slots, self._offset, *self._kernel.numbers_of(args))
        self._entry(self._address)

    def written(self) -> Written:
        """The last call, to be repeated; see `tape`."""
        return Written(self._entry.address, np.array(self._slots, np.int64))

    def _open(self, arrays: tuple[Array, ...]) -> None:
        numbers = len(self._kernel.is_array) - len(arrays)
        self._places = [0, *accumulate(1 + array.ndim for array in arrays)]
        self._pack = struct.Struct(f"{numbers}q").pack_into
        self._offset = 8 * self._places[-1]
        self._slots = (ctypes.c_int64 * (self._places[-1] + numbers))()
        self._address = ctypes.addressof(self._slots)
        self._arrays = arrays
        for place, array in zip(self._places, arrays, strict=False):
            self._put(place, array)
        self._entry = self._kernel.entry(tuple((array.dtype.char, array.ndim) for array in arrays))

    def _change(self, arrays: tuple[Array, ...]) -> None:
        types = [(array.dtype, array.ndim) for array in arrays]
        if types != [(array.dtype, array.ndim) for array in self._arrays]:
            self._open(arrays)
            return
        for place, array, last in zip(self._places, arrays, self._arrays, strict=False):
            if array is not last:
                self._put(place, array)
        self._arrays = arrays

    def _put(self, place: int, array: Array) -> None:
        if not array.flags.c_contiguous:
            raise ValueError(f"{self._kernel.function.__name__} takes arrays without gaps")
        self._slots[place : place + 1 + array.ndim] = [array.ctypes.data, *array.shape]


@dataclass(frozen=True, eq=False)
class Written:
    """A call as it was made: the machine code, and its arguments in memory of their own.

    The arrays among those are not held: they must live as long as it is repeated.
    """

    entry: int
    arguments: NDArray[np.int64]


def _picker(places: Sequence[int]) -> Callable[[Sequence[object]], tuple[Array, ...]]:
    """Takes the arguments at some places."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda arguments: tuple(arguments[i] for i in places)  # type: ignore[misc]
