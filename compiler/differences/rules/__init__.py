"""The rules in which tools and chips differ, each with how it would change what a layer puts out."""

from __future__ import annotations

from nmc.differences.rules import fixed_neurons, neurons, synapses, trace_rules, values
from nmc.differences.rules.rule import Family, Rule, Trial

RULES: tuple[Rule, ...] = (
    *trace_rules.FIRST, *values.RULES, *neurons.RULES, *fixed_neurons.RULES, *trace_rules.RULES, *synapses.RULES,
    *values.LAST,
)  # fmt: skip
"""Every rule, the likelier first: of those that explain as much, the first is named."""

__all__ = ["RULES", "Family", "Rule", "Trial"]
