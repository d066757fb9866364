"""Facts given as times, written out per time step: time constants, and counts of steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp

from nmc.nodes.build import FactFault
from nmc.units.parse import UnitError, quantity, time_s


@dataclass(frozen=True)
class TimeConstant:
    """The facts that say how a state decays: as a time `tau` with a `factor`, or as `decay` and `gain` a step.

    With k the decay:   exact: k = exp(-dt / tau), gain = factor (1 - k);
    euler: k = 1 - dt / tau, gain = factor dt / tau. A gain that is given stands as it is.
    These are the steps of tau dv/dt = (leak - v) + r x and, for a synapse, tau_syn di/dt = -i + w_in x,
    as in NIR.
    """

    tau: str
    factor: str
    decay: str
    gain: str


_MEMBRANE = TimeConstant("tau", "r", "decay", "gain")
TIME_CONSTANTS: Mapping[str, tuple[TimeConstant, ...]] = {
    "LIF": (_MEMBRANE,),
    "LI": (_MEMBRANE,),
    "CubaLIF": (
        TimeConstant("tau_mem", "r", "decay", "gain"),
        TimeConstant("tau_syn", "w_in", "current_decay", "current_gain"),
    ),
}
"""The kinds of node whose decay may be given as a time constant."""

STEP_COUNTS: Mapping[str, tuple[str, ...]] = {
    "LIF": ("refractory",),
    "CubaLIF": ("refractory",),
    "IF": ("refractory",),
    "Delay": ("steps", "longest"),
    "LatencyEncode": ("window",),
}
"""The facts that count time steps, and may be given as a time that is a whole number of them."""

INTEGRATORS = ("exact", "euler")


def time_facts(kind: str) -> tuple[str, ...]:
    """The facts that model files add to a kind of node."""
    constants = TIME_CONSTANTS.get(kind, ())
    own = tuple(fact for constant in constants for fact in (constant.tau, constant.factor))
    return (*own, "integrator") if own else ()


def in_steps(
    kind: str, facts: Mapping[str, object], dt_s: float
) -> tuple[dict[str, object], list[FactFault]]:
    """The node's own facts, with every time written out in steps of `dt_s`, and what is wrong with the times.

    Where a time is at fault, some value stands in its place.
    """
    plain = {fact: value for fact, value in facts.items() if fact not in time_facts(kind)}
    faults: list[FactFault] = []
    for fact in STEP_COUNTS.get(kind, ()):
        read = quantity(facts.get(fact))
        if read is not None:
            try:
                plain[fact] = _count(fact, facts[fact], dt_s)
            except UnitError as error:
                faults.append(FactFault(fact, str(error), error.remedy))
                plain[fact] = 1
    constants = TIME_CONSTANTS.get(kind, ())
    for constant in constants:
        try:
            plain.update(_per_step(constant, facts, dt_s))
        except UnitError as error:
            faults.append(FactFault(_stated(constant, facts), str(error), error.remedy))
            plain.setdefault(constant.decay, 0.0)
    if "integrator" in facts and constants and not any(constant.tau in facts for constant in constants):
        faults.append(FactFault("integrator", "an integrator goes with a time constant", "remove it, or give tau"))
    return plain, faults


def _stated(constant: TimeConstant, facts: Mapping[str, object]) -> str | None:
    """The fact that a fault of the constant is placed at."""
    return next((fact for fact in (constant.tau, constant.factor) if fact in facts), None)


def _count(fact: str, value: object, dt_s: float) -> int:
    """How many steps a time is."""
    seconds = 0.0 if _is_zero(value) else time_s(value, fact)
    steps = round(seconds / dt_s)
    if abs(steps * dt_s - seconds) > 1e-9 * seconds:
        nearest = f"{max(steps, 1)} or {max(steps, 1) + 1}"
        raise UnitError(
            f"{fact} is {value}, which is not a whole number of steps of {dt_s:g} s",
            f"give a multiple of dt, or a number of steps such as {nearest}",
        )
    return steps


def _is_zero(value: object) -> bool:
    read = quantity(value)
    return read is not None and read.dimension == "time" and read.value == 0


def _per_step(constant: TimeConstant, facts: Mapping[str, object], dt_s: float) -> dict[str, object]:
    tau, factor, decay, gain = constant.tau, constant.factor, constant.decay, constant.gain
    if tau not in facts:
        if factor in facts:
            raise UnitError(f"{factor} goes with {tau}", f"give {tau}, or {gain} instead of {factor}")
        if decay not in facts:
            raise UnitError(
                f"neither {decay} nor {tau} is given",
                f"give '{decay}: 0.9' (per step), or '{tau}: 10 ms' with an integrator",
            )
        return {}
    for fact, others in ((decay, tau), (gain, factor)):
        if fact in facts and others in facts:
            raise UnitError(f"{fact} and {others} say the same thing twice", f"give {fact} or {others}, not both")
    seconds = time_s(facts[tau], tau)
    integrator = facts.get("integrator")
    if integrator not in INTEGRATORS:
        given = f"got {integrator!r}" if "integrator" in facts else "there is none"
        raise UnitError(
            f"{tau} needs an integrator, {given}",
            "give 'integrator: exact' (exp(-dt/tau)) or 'integrator: euler' (1 - dt/tau); tools differ in this",
        )
    r = facts.get(factor, 1.0)
    if isinstance(r, bool) or not isinstance(r, int | float) or not abs(r) < float("inf"):
        raise UnitError(f"{factor} takes a number, got {r!r}", f"give a number; arrays go with {decay} and {gain}")
    if integrator == "euler" and seconds < dt_s:
        raise UnitError(
            f"{tau} is {facts[tau]}, shorter than a step of {dt_s:g} s: euler would make the decay negative",
            "use 'integrator: exact', or a shorter dt",
        )
    k = exp(-dt_s / seconds) if integrator == "exact" else 1 - dt_s / seconds
    derived: dict[str, object] = {decay: k}
    if gain not in facts:
        derived[gain] = r * (1 - k) if integrator == "exact" else r * dt_s / seconds
    return derived
