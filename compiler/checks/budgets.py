"""Which targets a model is held to, and what the budget of each is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from nmc.backends import target_named, targets
from nmc.comparison import DEFAULT_TARGETS
from nmc.errors import Fault, UsageError, closest
from nmc.model import Budget, Model

EVERY = "*"


def budgets_of(model: Model, chosen: tuple[str, ...] | None = None) -> Mapping[str, Budget]:
    """The budget of each target that is to be checked, in order.

    Without `chosen`, these are the targets that the model's budgets name, and where they have one for '*' the default
    targets too. Raises UsageError where there are no budgets, a target is unknown, or a chosen one has no budget.
    """
    written = model.task.budgets if model.task is not None else {}
    if not written:
        remedy = "add them to its task, as in 'budgets: {loihi-sim: {min_accuracy: 0.96, max_latency: 5 ms}}'"
        raise UsageError(f"the model {model.name} has no budgets", remedy)
    named = [name for name in written if name != EVERY]
    known = targets()
    if unknown := [name for name in named if name not in known]:
        raise _unknown(model, unknown, known)
    if chosen is None:
        wanted = (*named, *(DEFAULT_TARGETS if EVERY in written else ()))
    else:
        wanted = tuple(target_named(name).name for name in chosen)
    everywhere = written.get(EVERY)
    if everywhere is None and (without := [name for name in wanted if name not in written]):
        what = f"the model {model.name} has no budget for {', '.join(without)}"
        raise UsageError(what, f"add one to its task, or '*' for all targets; it has budgets for {', '.join(named)}")
    return {name: merged(written.get(name), everywhere) for name in dict.fromkeys(wanted)}


def _unknown(model: Model, names: list[str], known: Mapping[str, str]) -> UsageError:
    faults = [
        Fault(f"the budgets of {model.name} name {name!r}, which is not a target", closest(name, known))
        for name in names
    ]
    error = UsageError.of(faults)
    assert isinstance(error, UsageError)
    return error


def merged(own: Budget | None, everywhere: Budget | None) -> Budget:
    """A target's own budget; what it does not say is what the one for all targets says."""
    own, everywhere = own or Budget(), everywhere or Budget()
    values = {f.name: getattr(own, f.name) for f in fields(Budget)}
    return Budget(**{
        name: getattr(everywhere, name) if value == getattr(Budget(), name) else value
        for name, value in values.items()
    })
