"""The operations of kernels as numba takes them in."""

# mypy: disable-error-code="no-untyped-call,no-untyped-def,import-untyped"
# ruff: noqa: ANN001, ANN202 - the arguments and results are numba's

from __future__ import annotations

from collections.abc import Callable, Mapping

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from nmc.machine_code.operations import (
    LANES,
    add_double_lanes,
    add_lanes,
    copy_bytes,
    count_ones,
    invoke,
    lowest_bits,
    mac,
    nonzero_bits,
    prefetch,
    trailing_zeros,
)

_BYTE, _WORD = ir.IntType(8), ir.IntType(64)


def _element(context, builder, array, value, index):
    """The address of an element."""
    return builder.gep(context.make_array(array)(context, builder, value).data, [index])


@intrinsic
def _add_lanes(context, total, first, added, place, runs, begin, end):
    return types.void(total, types.intp, added, types.intp, runs, types.intp, types.intp), _adding(1)


@intrinsic
def _add_double_lanes(context, total, first, added, place, runs, begin, end):
    return types.void(total, types.intp, added, types.intp, runs, types.intp, types.intp), _adding(2)


def _adding(times):
    """A loop over runs that is not unrolled: most inputs have but a few."""

    def generate(context, builder, signature, arguments):
        sums, _, summands, _, runs, _, _ = signature.args
        total, first, added, place, runs_value, begin, end = arguments
        to_base = _element(context, builder, sums, total, first)
        of_base = _element(context, builder, summands, added, place)
        pairs = context.make_array(runs)(context, builder, runs_value).data
        before, loop, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
        builder.cbranch(builder.icmp_signed("<", begin, end), loop, after)
        builder.position_at_end(loop)
        run = builder.phi(_WORD)
        run.add_incoming(begin, before)
        to, of = (
            builder.sext(builder.load(builder.gep(pairs, [builder.add(builder.shl(run, _WORD(1)), _WORD(k))])), _WORD)
            for k in range(2)
        )
        for lane in range(times):
            _add_lane(
                context, builder, (sums, builder.gep(to_base, [builder.add(to, _WORD(LANES * lane))])),
                (summands, builder.gep(of_base, [builder.add(of, _WORD(LANES * lane))])),
            )
        following = builder.add(run, _WORD(1))
        run.add_incoming(following, loop)
        builder.cbranch(builder.icmp_signed("<", following, end), loop, after)
        builder.position_at_end(after)
        return context.get_dummy_value()

    return generate


def _add_lane(context, builder, to, of):
    """Add LANES elements; `to` and `of` are each the type of an array and an address in it."""
    (sums, to_address), (summands, of_address) = to, of
    wide, narrow = (ir.VectorType(context.get_data_type(array.dtype), LANES) for array in (sums, summands))
    to_lanes, of_lanes = (
        builder.bitcast(address, kind.as_pointer()) for address, kind in ((to_address, wide), (of_address, narrow))
    )
    lanes = builder.load(of_lanes, align=summands.dtype.bitwidth // 8)
    if sums.dtype != summands.dtype:
        lanes = builder.sext(lanes, wide)
    align = sums.dtype.bitwidth // 8
    builder.store(builder.add(builder.load(to_lanes, align=align), lanes), to_lanes, align=align)


@intrinsic
def _prefetch(context, array, index):
    def generate(context, builder, signature, arguments):
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [_BYTE.as_pointer(), number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        address = builder.bitcast(_element(context, builder, signature.args[0], *arguments), _BYTE.as_pointer())
        builder.call(function, [address, number(0), number(2), number(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@intrinsic
def _nonzero_bits(context, array, first):
    def generate(context, builder, signature, arguments):
        lanes = ir.VectorType(_BYTE, 64)
        address = _element(context, builder, signature.args[0], *arguments)
        elements = builder.load(builder.bitcast(address, lanes.as_pointer()), align=1)
        return builder.bitcast(builder.icmp_unsigned("!=", elements, lanes(None)), _WORD)

    return types.uint64(array, types.intp), generate


@intrinsic
def _trailing_zeros(context, bits):
    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.IntType(1)(0))

    return types.int64(types.uint64), generate


@intrinsic
def _count_ones(context, bits):
    def generate(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


@intrinsic
def _mac(context, total, x, y):
    def generate(context, builder, signature, arguments):
        return builder.add(arguments[0], builder.mul(*arguments[1:]))

    return types.int32(types.int32, types.int32, types.int32), generate


@intrinsic
def _lowest_bits(context, x, spare):
    def generate(context, builder, signature, arguments):
        bits, spare = arguments[0], builder.trunc(arguments[1], ir.IntType(32))
        return builder.ashr(builder.shl(bits, spare), spare)

    return types.int32(types.int32, types.int64), generate


@intrinsic
def _invoke(context, entry, arguments):
    def generate(context, builder, signature, values):
        kind = ir.FunctionType(ir.IntType(32), [_WORD.as_pointer()])
        function = builder.inttoptr(values[0], kind.as_pointer())
        builder.call(function, [builder.inttoptr(values[1], _WORD.as_pointer())])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def _copy_bytes(context, to, of, count):
    def generate(context, builder, signature, values):
        addresses = [builder.inttoptr(value, _BYTE.as_pointer()) for value in values[:2]]
        cgutils.raw_memcpy(builder, *addresses, values[2], 1)  # type: ignore[call-arg]
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


INTRINSICS: Mapping[Callable[..., object], object] = {
    add_double_lanes: _add_double_lanes, add_lanes: _add_lanes, copy_bytes: _copy_bytes, count_ones: _count_ones,
    invoke: _invoke, lowest_bits: _lowest_bits, mac: _mac, nonzero_bits: _nonzero_bits, prefetch: _prefetch,
    trailing_zeros: _trailing_zeros,
}  # fmt: skip
