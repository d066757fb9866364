"""nmc targets: where a model can run."""

from __future__ import annotations

from typing import Annotated

from nmc.cli.output import JSON, print_json
from nmc.report.printing import say


def command(json: Annotated[bool, JSON] = False) -> None:
    """List the targets, their chips, engines and options."""
    from nmc.backends import target_named, targets, untargeted
    from nmc.report.plain import target_facts
    from nmc.report.terminal import print_table

    facts = [target_facts(target_named(name)) for name in targets()]
    if json:
        print_json(facts)
        return
    print_table(
        ("target", "chip", "engines", "options", "what it is"),
        [
            (
                fact.name,
                fact.chip,
                ", ".join(fact.engines),
                ", ".join(f"{name}={value}" for name, value in fact.options.items()),
                fact.description,
            )
            for fact in facts
        ],
    )
    say("Give options as in '--option precision=fp16'. The YAML file of a chip of your own is a target, too.")
    say("Chips that are no targets; 'nmc estimate MODEL --chip CHIP' prices networks on them from their layers:")
    for name, why in untargeted().items():
        say(f"  {name}: {why}")
