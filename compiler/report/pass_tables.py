"""Tables of passes and of every target's pipeline, for the docs."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import Field, fields
from typing import Literal, get_args, get_origin, get_type_hints

from nmc.backends import target_named, targets
from nmc.backends.target import Options, Target
from nmc.errors import UsageError
from nmc.passes.pipelines import PASSES, pass_named
from nmc.pipeline import pipeline_of
from nmc.report.markdown import table

_NUMBERS = (0.5, 6)
"""Values to try for an option that is a number."""


def passes() -> str:
    """Every pass with its options, what it keeps of a model's meaning, and the stage of its result."""
    rows = []
    for name in PASSES:
        kind = pass_named(name)
        what = " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())
        options = ", ".join(f"`{_default(option)}`" for option in fields(kind))  # type: ignore[arg-type]
        rows.append((f"`{name}`", what, options or "-", str(kind.keeps), str(kind.stage)))
    return table(("pass", "what it does", "options with their defaults", "keeps", "stage"), rows)


def pipelines() -> str:
    """Every target's passes by default, and with each option that changes them."""
    alike: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for target in map(target_named, targets()):
        alike.setdefault(tuple(_variants(target)), []).append(target.name)
    rows = []
    for variants, names in alike.items():
        for number, (option, text) in enumerate(variants):
            rows.append((", ".join(f"`{name}`" for name in names) if number == 0 else "", option, f"`{text}`"))
    return table(("target", "option", "passes"), rows)


def _variants(target: Target[Options]) -> Iterator[tuple[str, str]]:
    """The text of a target's pipeline by default, then with each option that changes it, as (option, text)."""
    plain = str(pipeline_of(target, target.options))
    yield "", plain
    hints = get_type_hints(type(target.options))
    for option in fields(target.options):
        for value in _others(hints[option.name], getattr(target.options, option.name)):
            changed = _text(target, {option.name: value})
            if changed not in (None, plain):
                yield f"`{option.name}={_shown(value)}`", str(changed)
                if not _is_choice(hints[option.name]):
                    break


def _text(target: Target[Options], given: Mapping[str, object]) -> str | None:
    """The pipeline with an option; None for a value that the target refuses."""
    try:
        return str(pipeline_of(target, target.configured(given)))
    except UsageError:
        return None


def _others(hint: object, default: object) -> tuple[object, ...]:
    """Values of an option other than its default."""
    if hint is bool:
        return (not default,)
    return tuple(value for value in (get_args(hint) if _is_choice(hint) else _NUMBERS) if value != default)


def _is_choice(hint: object) -> bool:
    return get_origin(hint) is Literal


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _default(option: Field[object]) -> str:
    """An option of a pass with its default, if it has a value without being given."""
    name = option.name.replace("_", "-")
    return name if option.default is None else f"{name}={_shown(option.default)}"
