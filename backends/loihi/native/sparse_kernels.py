"""The inner loops of sparse synapses, compiled; conventions as in `kernels`.

A matrix is kept by source: `starts` [inputs + 1] says where each input's synapses begin in `targets` and `weight`.
"""

# mypy: disable-error-code="untyped-decorator,no-untyped-def,no-untyped-call,import-untyped,call-arg"

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from nmc.backends.loihi.native.kernels import Counts, _events, _shifted, _wrap32
from nmc.model import Array

_compiled = njit(cache=True, nogil=True)
_LINE_BYTES, _AHEAD_BYTES = 64, 4096


@intrinsic
def _prefetch(context, array, index):  # noqa: ANN001, ANN202 - compiled
    """Ask for the cache line of array[index]; it may lie beyond the end."""

    def generate(context, builder, signature, arguments):  # noqa: ANN001, ANN202 - compiled
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        address = builder.bitcast(builder.gep(data, [arguments[1]]), byte)
        builder.call(function, [address, word(0), word(2), word(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@_compiled
def sparse_spikes(
    x: Array, row: int, steps: int, starts: Counts, targets: Array, weight: Array, zero: Array, shift: int,
    out: Array, out_row: int, operations: Counts,
) -> None:
    """Sums of the synapses whose inputs spike, times 2^shift; `zero` gives a type that surely holds them.

    While one spike's synapses are added, the next one's are on their way from memory.
    """
    target_line, weight_line = _LINE_BYTES // targets.itemsize, _LINE_BYTES // weight.itemsize
    for b in range(x.shape[0]):
        total, index = np.empty_like(zero), np.empty(len(starts), np.int32)
        count = np.int64(0)
        for t in range(steps):
            total[:] = 0
            n = _events(x[b, row + t], index)
            for k in range(n):
                if k + 1 < n:
                    ahead, end = starts[index[k + 1]], starts[index[k + 1] + 1]
                    end = min(end, ahead + _AHEAD_BYTES // targets.itemsize)
                    for s in range(ahead, end, target_line):
                        _prefetch(targets, s)
                    for s in range(ahead, end, weight_line):
                        _prefetch(weight, s)
                first, last = starts[index[k]], starts[index[k] + 1]
                count += last - first
                reached, added = targets[first:last], weight[first:last]
                for s in range(len(reached)):
                    total[reached[s]] += added[s]
            y = out[b, out_row + t]
            for j in range(len(total)):
                y[j] = _shifted(total[j], shift)
        operations[b] += count


@_compiled
def sparse_graded(
    x: Array, row: int, steps: int, starts: Counts, targets: Array, weight: Array, shift: int,
    out: Array, out_row: int, operations: Counts,
) -> None:
    """The same for graded messages, in 32-bit numbers that wrap before they are shifted."""
    for b in range(x.shape[0]):
        total = np.empty(out.shape[2], np.int64)
        count = np.int64(0)
        for t in range(steps):
            total[:] = 0
            for i in range(len(starts) - 1):
                message = np.int64(x[b, row + t, i])
                if message != 0:
                    count += starts[i + 1] - starts[i]
                    for s in range(starts[i], starts[i + 1]):
                        total[targets[s]] += message * np.int64(weight[s])
            for j in range(len(total)):
                out[b, out_row + t, j] = _shifted(_wrap32(total[j]), shift)
        operations[b] += count


@_compiled
def by_source(indptr: Counts, indices: Array, weight: Array, starts: Counts, targets: Array, sorted_: Array) -> None:
    """Turn a matrix kept by target into one kept by source, zeros left out; `starts` comes in as zeros."""
    for k in range(len(indices)):
        starts[indices[k] + 1] += weight[k] != 0
    for i in range(1, len(starts)):
        starts[i] += starts[i - 1]
    place = starts.copy()
    for target in range(len(indptr) - 1):
        for k in range(indptr[target], indptr[target + 1]):
            if weight[k] != 0:
                source = indices[k]
                targets[place[source]] = target
                sorted_[place[source]] = weight[k]
                place[source] += 1


@_compiled
def largest_sums(targets: Array, weight: Array, up: Counts, down: Counts) -> None:
    """Add every target's positive weights to `up`, and its negative ones to `down`."""
    for k in range(len(targets)):
        if weight[k] > 0:
            up[targets[k]] += weight[k]
        else:
            down[targets[k]] += weight[k]
