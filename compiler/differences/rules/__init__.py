"""The rules in which tools and chips differ, each with how it would change what a layer puts out."""

from __future__ import annotations

from nmc.differences.rules import (
    channels,
    fixed_neurons,
    fixed_synapses,
    neurons,
    other_weights,
    single_synapses,
    synapses,
    trace_rules,
    values,
    weights,
    windows,
)
from nmc.differences.rules.rule import Family, Rule, Trial

RULES: tuple[Rule, ...] = (
    *trace_rules.FIRST, *values.RULES, *neurons.RULES, *fixed_neurons.RULES, *trace_rules.RULES,
    *synapses.MISSING, *weights.LAID_OUT, *windows.RULES, *single_synapses.RULES, *trace_rules.LAST,
    *channels.RULES, *weights.SIZED, *fixed_synapses.RULES, *synapses.BIASES,
)  # fmt: skip
"""Every rule, the likelier first: of those that explain as much, the first is named."""
ESTIMATED: tuple[Rule, ...] = (
    *channels.ASSEMBLED, *other_weights.RULES, *single_synapses.ESTIMATED, *synapses.ESTIMATED, *values.ESTIMATED,
)  # fmt: skip
"""Rules that take from what was found how a layer works: of use where no other explains it."""

__all__ = ["ESTIMATED", "RULES", "Family", "Rule", "Trial"]
