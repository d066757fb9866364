"""Makes machine code of kernels. This alone imports numba, which takes longer than loading what it makes."""

# mypy: disable-error-code="no-untyped-call,import-untyped,misc,assignment"

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FunctionType

import numpy as np
from llvmlite import binding, ir
from numba import njit, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Flags, compile_extra
from numba.core.registry import cpu_target
from numba.np.arrayobj import populate_array
from numba.np.numpy_support import from_dtype

from nmc.machine_code.intrinsics import INTRINSICS
from nmc.machine_code.store import ENTRY, called

_WORD = ir.IntType(64)


def built(function: Callable[..., None], is_array: Sequence[bool], array_types: Sequence[tuple[str, int]]) -> bytes:
    """An object file with `entry`, which takes the address of the arguments as `Call` lays them out."""
    arrays = iter([types.Array(from_dtype(np.dtype(kind)), axes, "C") for kind, axes in array_types])
    arguments = tuple(next(arrays) if array else types.int64 for array in is_array)
    flags = Flags()
    flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = flags.noalias = True
    flags.error_model = "numpy"
    typing = cpu_target.typing_context
    typing.refresh()
    cpu_target.target_context.refresh()
    library = _Library(cpu_target.target_context.codegen(), function.__name__)
    result = compile_extra(
        typing, cpu_target.target_context, _with_compiled_helpers(function), arguments, types.void, flags, {},
        library=library,
    )
    module = binding.parse_assembly(library.code)
    module.link_in(binding.parse_assembly(str(_entry(result.fndesc))))
    missing = [f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")]
    if missing:
        raise TypeError(f"{function.__name__} calls what cannot be compiled into it: {', '.join(missing)}")
    machine = binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(), features=binding.get_host_cpu_features().flatten(), opt=2,
        reloc="default", codemodel="jitdefault", jit=True,
    )
    tuning = binding.create_pipeline_tuning_options(speed_level=2)
    tuning.loop_vectorization, tuning.loop_interleaving = True, False
    builder = binding.create_pass_builder(machine, tuning)
    builder.getModulePassManager().run(module, builder)
    return bytes(machine.emit_object(module))


class _Library(JITCodeLibrary):
    """Takes what numba makes of a function as it is, to be optimized once, with `entry`."""

    def add_ir_module(self, ir_module: ir.Module) -> None:
        self.code = str(ir_module)


def _with_compiled_helpers(function: Callable[..., object]) -> FunctionType:
    """The function, with what it calls made ready to be compiled into it."""
    helpers = {
        name: INTRINSICS.get(value) or njit(inline="always", error_model="numpy")(_with_compiled_helpers(value))
        for name, value in called(function)
        if isinstance(value, FunctionType)
    }
    return FunctionType(
        function.__code__, {**function.__globals__, **helpers}, function.__name__, function.__defaults__
    )


def _entry(compiled) -> ir.Module:  # type: ignore[no-untyped-def]  # noqa: ANN001 - numba has no types
    """A function that reads arguments from memory, and calls what was compiled."""
    context = cpu_target.target_context
    module = context.create_module(ENTRY)
    entry = ir.Function(module, ir.FunctionType(ir.IntType(32), [_WORD.as_pointer()]), ENTRY)
    builder = ir.IRBuilder(entry.append_basic_block())
    kind = context.call_conv.get_function_type(compiled.restype, compiled.argtypes)
    callee = ir.Function(module, kind, compiled.llvm_func_name)
    arrays = [t for t in compiled.argtypes if isinstance(t, types.Array)]
    first_number = sum(1 + t.ndim for t in arrays)
    array_at, number_at = 0, first_number

    def read(place: int) -> ir.Value:
        return builder.load(builder.gep(entry.args[0], [_WORD(place)]))

    arguments = []
    for argument in compiled.argtypes:
        if isinstance(argument, types.Array):
            shape = [read(array_at + 1 + axis) for axis in range(argument.ndim)]
            arguments.append(_array(context, builder, argument, read(array_at), shape))
            array_at += 1 + argument.ndim
        else:
            arguments.append(read(number_at))
            number_at += 1
    status, _ = context.call_conv.call_function(
        builder, callee, compiled.restype, compiled.argtypes, arguments
    )
    builder.ret(status.code)
    return module


def _array(context, builder, kind, address, shape):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """An array without gaps, as numba has them."""
    array = context.make_array(kind)(context, builder)
    item = _WORD(context.get_abi_sizeof(context.get_data_type(kind.dtype)))
    strides = [item]
    for length in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], length))
    data = builder.inttoptr(address, array.data.type)
    populate_array(array, data=data, shape=shape, strides=strides, itemsize=item, meminfo=None)
    return array._getvalue()
