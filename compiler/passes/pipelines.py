"""Pipelines as text: `str(pipeline)` writes one, `parse` reads it back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, fields, is_dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from nmc.errors import UsageError, closest
from nmc.passes import Pass

if TYPE_CHECKING:
    from pydantic import TypeAdapter

PASSES: Mapping[str, str] = {
    "dequantize": "nmc.passes.dequantize:Dequantize",
    "factors-as-norms": "nmc.passes.element_maps:FactorsAsNorms",
    "fold-batchnorm": "nmc.passes.fold_batchnorm:FoldBatchnorm",
    "fuse-synapses": "nmc.passes.fuse_synapses:FuseSynapses",
    "half-masks": "nmc.passes.half_masks:HalfMasks",
    "place-on-chip": "nmc.backends.nengo_loihi.place_on_chip:PlaceOnChip",
    "quantize-fixed-point": "nmc.passes.quantize_fixed_point:QuantizeFixedPoint",
    "quantize-int8": "nmc.passes.quantize_int8:QuantizeInt8",
    "quantize-nengo-loihi": "nmc.backends.nengo_loihi.quantize:QuantizeNengoLoihi",
    "replace-max-pools": "nmc.passes.replace_max_pools:ReplaceMaxPools",
    "set-steps": "nmc.passes.set_steps:SetSteps",
    "spike-logic": "nmc.passes.spike_logic:SpikeLogic",
    "to-sigma-delta": "nmc.passes.to_sigma_delta:ToSigmaDelta",
    "to-spiking": "nmc.passes.to_spiking:ToSpiking",
}
"""Every pass by name, as "module:CLASS", imported on first use."""
_ENTRY = re.compile(r"\s*(@?[\w.-]+)\s*(?:\{([^{}]*)\}\s*)?(?:,|$)")
_FORM = "write passes separated by commas, as in 'fold-batchnorm,quantize-int8{ranges=min-max}'"

T = TypeVar("T")


@dataclass(frozen=True)
class Pipeline:
    """Passes in their order. Its text is their names, each with those of its options that are not the default."""

    passes: tuple[Pass, ...]

    def __iter__(self) -> Iterator[Pass]:
        return iter(self.passes)

    def __str__(self) -> str:
        return ",".join(map(_written, self.passes))


def parse(text: str) -> Pipeline:
    """The passes that a text names, as `name` or `name{option=value,...}`; `@target` stands for all of a target's.

    Raises UsageError for what is no such text, and an unknown pass, target, option or value.
    """
    found: list[Pass] = []
    place = 0
    while place < len(text):
        entry = _ENTRY.match(text, place)
        if entry is None:
            raise UsageError(f"{text[place:][:60]!r} is not a pass", _FORM)
        found += _passes(entry[1], dict(_options(entry[1], entry[2] or "")))
        place = entry.end()
    if not found:
        raise UsageError("the pipeline names no pass", _FORM)
    return Pipeline(tuple(found))


def pass_named(name: str) -> type[Pass]:
    """The class of a pass. Raises UsageError with the names nearest to it."""
    from nmc.backends import targets

    if name not in PASSES:
        remedy = f"write '@{name}' for the passes of that target" if name in targets() else closest(name, PASSES)
        raise UsageError(f"there is no pass {name!r}", remedy)
    module, kind = PASSES[name].split(":")
    found: type[Pass] = getattr(import_module(module), kind)
    return found


def options_of(kind: type[T], given: Mapping[str, object], owner: str) -> T:
    """A dataclass of options with the given values, which may be text, for the pass or target that has them.

    Raises UsageError for an unknown option or value.
    """
    from pydantic import ValidationError

    known = [option.name for option in _fields(kind)]
    if unknown := [name for name in given if name not in known]:
        remedy = closest(unknown[0], known) if known else "leave it out: it has none"
        raise UsageError(f"{owner} has no option {', '.join(map(repr, unknown))}", remedy)
    try:
        # To mypy a class is not hashable where its instances are not.
        made: T = _adapter(kind).validate_python(dict(given))  # type: ignore[arg-type]
    except ValidationError as error:
        faults = "; ".join(
            f"{detail['loc'][0] if detail['loc'] else 'options'}: {detail['msg']}, got {detail['input']!r}"
            for detail in error.errors(include_url=False)
        )
        raise UsageError(f"{owner} cannot be used so: {faults}") from None
    return made


@cache
def _adapter(kind: type[T]) -> TypeAdapter[T]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _fields(kind: object) -> tuple[Field[object], ...]:
    """The fields of a dataclass, or of an object of one; a pass that is none has no options."""
    return fields(kind) if is_dataclass(kind) else ()


def _written(step: Pass) -> str:
    said = ((option, getattr(step, option.name)) for option in _fields(step))
    options = ",".join(
        f"{option.name.replace('_', '-')}={_value(value)}" for option, value in said if value != option.default
    )
    return f"{step.name}{{{options}}}" if options else step.name


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _passes(name: str, options: Mapping[str, object]) -> tuple[Pass, ...]:
    """The passes that one entry stands for."""
    from nmc.backends import target_named

    if not name.startswith("@"):
        return (options_of(pass_named(name), options, f"the pass {name}"),)
    target = target_named(name[1:])
    return *target.passes(target.configured(options)), *target.executed()


def _options(name: str, text: str) -> Iterator[tuple[str, object]]:
    """The options of an entry, by the names of their fields."""
    for option in filter(None, map(str.strip, text.split(","))):
        key, equals, value = option.partition("=")
        if not equals:
            raise UsageError(f"{option!r} of {name} is not OPTION=VALUE", f"write it as in '{name}{{{key}=1}}'")
        yield key.strip().replace("-", "_"), value.strip()
