"""`learn:` under a Linear node of a model file: a learning rule by name, written out as the rule of a PlasticLinear."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import exp, isfinite

from nmc.errors import closest
from nmc.nodes.build import FactFault
from nmc.nodes.learning_rule import TRACES
from nmc.units.parse import UnitError, time_s

Value = float | str


@dataclass(frozen=True)
class NamedRule:
    """A learning rule with numbers to fill in, all but times with a default.

    `times` are time constants: of the trace that each names, or of the tag t. With `smooth` traces are averages, their
    impulse 1 - exp(-dt / tau), else sums of what came. `third` is what the third factor is called.
    """

    dw: str
    dt: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    times: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    smooth: bool = False
    third: str | None = None


_STDP = "{a_plus}*x1*y0 - {a_minus}*y1*x0"
_WINDOW: Mapping[str, tuple[str, ...]] = {"tau_plus": ("x1",), "tau_minus": ("y1",)}
RULES: Mapping[str, NamedRule] = {
    "stdp": NamedRule(_STDP, numbers={"a_plus": 0.01, "a_minus": 0.01}, times=_WINDOW),
    "reward-stdp": NamedRule(
        "{rate}*r*t", f"{_STDP} - {{forgets}}*t", {"a_plus": 0.01, "a_minus": 0.01, "rate": 1.0},
        {**_WINDOW, "tau_tag": ("t",)}, third="reward",
    ),
    "oja": NamedRule(
        "{rate}*x1*y1 - {rate}*y1*y1*w", numbers={"rate": 0.01}, times={"tau": ("x1", "y1")}, smooth=True
    ),
    "bcm": NamedRule(
        "{rate}*x1*y1*y1 - {rate}*x1*y1*y2", numbers={"rate": 0.01},
        times={"tau": ("x1", "y1"), "tau_threshold": ("y2",)}, smooth=True,
    ),
    "voja": NamedRule("{rate}*y1*x0 - {rate}*y1*w", numbers={"rate": 0.01}, times={"tau": ("y1",)}, smooth=True),
    "pes": NamedRule("-{rate}*r*x1", numbers={"rate": 0.01}, times={"tau": ("x1",)}, smooth=True, third="error"),
}  # fmt: skip
"""Learning rules by name; docs/plasticity.md has their equations and where they come from."""
OWN = "products"
"""The name under which a file gives rules of its own, as dw, dt and dd, and traces as x1_tau, x1_impulse..."""
_OWN_FACTS = ("dw", "dt", "dd", *(f"{trace}_{fact}" for trace in TRACES for fact in ("impulse", "tau")))
_SHARED = ("rule", "post", "w_min", "w_max")


@dataclass(frozen=True)
class Learnt:
    """What `learn` comes to: reads after the node's own, and facts."""

    reads: tuple[str, ...]
    facts: Mapping[str, object]


def written_out(learn: object, dt_s: float) -> tuple[Learnt, list[FactFault]]:
    """The reads and facts of a mapping under `learn`, and its faults; what is at fault is left out."""
    if not isinstance(learn, Mapping):
        remedy = "write it as in 'learn: {rule: stdp, post: lif1, tau_plus: 20 ms, tau_minus: 20 ms}'"
        return Learnt((), {}), [FactFault("learn", f"learn takes a mapping, got {reprlib.repr(learn)}", remedy)]
    name = learn.get("rule")
    if name != OWN and name not in RULES:
        what = f"{reprlib.repr(name)} is not a learning rule" if name is not None else "learn names no rule"
        return Learnt((), {}), [FactFault("learn", what, closest(str(name or ""), {*RULES, OWN}))]
    rule = RULES.get(str(name))
    third = rule.third if rule else "third"
    known = {*_SHARED, *((*rule.numbers, *rule.times) if rule else _OWN_FACTS), *([third] if third else [])}
    faults = [
        FactFault("learn", f"the rule {name} has no {reprlib.repr(key)}", closest(str(key), known))
        for key in learn if key not in known
    ]  # fmt: skip
    reads, wrong = _reads(learn, third, bool(rule))
    faults += wrong
    facts = {bound: learn[bound] for bound in ("w_min", "w_max") if bound in learn}
    try:
        facts |= _named(rule, learn, dt_s) if rule else _own(learn, dt_s)
    except UnitError as error:
        faults.append(FactFault("learn", str(error), error.remedy))
    return Learnt(reads, facts), faults


def _reads(learn: Mapping[str, object], third: str | None, needed: bool) -> tuple[tuple[str, ...], list[FactFault]]:
    """The neurons behind, a step late unless said otherwise, and the third factor."""
    wanted = ("post", *([third] if third and (needed or third in learn) else []))
    faults = [
        FactFault("learn", f"learn names no {key!r}", f"name the node, as in '{key}: lif1'")
        for key in wanted if not isinstance(learn.get(key), str)
    ]  # fmt: skip
    reads = [str(learn[key]) for key in wanted if isinstance(learn.get(key), str)]
    return tuple(read if "@" in read else f"{read}@1" if i == 0 else read for i, read in enumerate(reads)), faults


def _named(rule: NamedRule, learn: Mapping[str, object], dt_s: float) -> dict[str, object]:
    """The facts of a rule by name. Raises UnitError."""
    numbers = {key: _number(key, learn.get(key, default)) for key, default in rule.numbers.items()}
    facts: dict[str, object] = {}
    for key, decaying in rule.times.items():
        if key not in learn and not rule.smooth:
            raise UnitError(f"the rule needs {key}", f"give it, as in '{key}: 20 ms'")
        tau = _steps(key, learn[key], dt_s) if key in learn else 0.0
        lost = 1 - exp(-1 / tau) if tau else 1.0
        for name in decaying:
            if name == "t":
                numbers["forgets"] = lost
            else:
                facts |= {f"{name}_tau": tau, f"{name}_impulse": lost if rule.smooth else 1.0}
    texts = {"dw": rule.dw, "dt": rule.dt}
    return facts | {fact: text.format_map(_shown(numbers)) for fact, text in texts.items() if text}


def _own(learn: Mapping[str, object], dt_s: float) -> dict[str, object]:
    """The facts of a rule that the file gives itself. Raises UnitError."""
    facts = {key: value for key, value in learn.items() if key in _OWN_FACTS}
    return facts | {key: _steps(key, value, dt_s) for key, value in facts.items() if key.endswith("_tau")}


def _shown(numbers: Mapping[str, float]) -> Mapping[str, str]:
    """Numbers as rules have them; a rule says their sign."""
    return {key: repr(abs(value)) if value >= 0 else f"(-{abs(value)!r})" for key, value in numbers.items()}


def _number(key: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise UnitError(f"{key} takes a number, got {reprlib.repr(value)}", f"write it as in '{key}: 0.01'")
    return float(value)


def _steps(key: str, value: object, dt_s: float) -> float:
    """A time constant in steps: a number of them, or a time."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(key, value)
    return time_s(value, key) / dt_s


def parameters() -> Iterator[str]:
    """Every key that a mapping under `learn` may have."""
    thirds = [rule.third for rule in RULES.values() if rule.third]
    own = [key for rule in RULES.values() for key in (*rule.numbers, *rule.times)]
    yield from dict.fromkeys([*_SHARED, "third", *thirds, *own, *_OWN_FACTS])
