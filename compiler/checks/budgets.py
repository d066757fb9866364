"""Which targets a model is held to, and what the budget of each is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from nmc.backends import distinct, target_named
from nmc.comparison import DEFAULT_TARGETS
from nmc.errors import UsageError
from nmc.model import Budget, Model

if TYPE_CHECKING:
    from nmc.backends.target import Options, Target

EVERY = "*"


def checked_targets(model: Model, chosen: Sequence[str] | None = None) -> tuple[Target[Options], ...]:
    """The targets that are to be checked, in order.

    Without `chosen`, these are the targets that the model's budgets name, and where they have one for '*' the default
    targets too. Raises UsageError where there are no budgets, a target is unknown, or a chosen one has no budget.
    """
    wanted = None if chosen is None else distinct(chosen)
    named = _named(model, wanted or ())
    written = _budgets(model)
    if wanted is None:
        return distinct([*named.values(), *(DEFAULT_TARGETS if EVERY in written else ())])
    own = {target.name for target in named.values()}
    if EVERY not in written and (without := [target.name for target in wanted if target.name not in own]):
        what = f"the model {model.name} has no budget for {', '.join(without)}"
        raise UsageError(what, f"add one to its task, or '*' for all targets; it has budgets for {', '.join(named)}")
    return wanted


def budgets_of(model: Model, targets: Sequence[Target[Options]]) -> Mapping[str, Budget]:
    """The budget of each of these targets, by its name."""
    written = _budgets(model)
    own = {target.name: written[name] for name, target in _named(model, targets).items()}
    return {target.name: merged(own.get(target.name), written.get(EVERY)) for target in targets}


def _budgets(model: Model) -> Mapping[str, Budget]:
    written = model.task.budgets if model.task is not None else {}
    if not written:
        remedy = "add them to its task, as in 'budgets: {loihi-sim: {min_accuracy: 0.96, max_latency: 5 ms}}'"
        raise UsageError(f"the model {model.name} has no budgets", remedy)
    return written


def _named(model: Model, given: Sequence[Target[Options]]) -> Mapping[str, Target[Options]]:
    """The targets that a model's budgets name, as they do; a chip of the user's own by its file, or if it is given."""
    found, faults = {target.name: target for target in given}, []
    names = [name for name in _budgets(model) if name != EVERY]
    for name in names:
        try:
            found[name] = found.get(name) or target_named(name)
        except UsageError as error:
            faults += [replace(fault, what=f"the budgets of {model.name}: {fault.what}") for fault in error.faults]
    if faults:
        raise UsageError.of(faults)
    return {name: found[name] for name in names}


def merged(own: Budget | None, everywhere: Budget | None) -> Budget:
    """A target's own budget; what it does not say is what the one for all targets says."""
    own, everywhere = own or Budget(), everywhere or Budget()
    values = {f.name: getattr(own, f.name) for f in fields(Budget)}
    return Budget(**{
        name: getattr(everywhere, name) if value == getattr(Budget(), name) else value
        for name, value in values.items()
    })
