"""nmc models: the zoo."""

from __future__ import annotations

from typing import Annotated

from nmc.cli.output import JSON, print_json


def command(json: Annotated[bool, JSON] = False) -> None:
    """List the models of the zoo."""
    from nmc import zoo
    from nmc.report.plain import zoo_facts
    from nmc.report.terminal import print_table

    facts = [zoo_facts(name, zoo.load(name)) for name in zoo.names()]
    if json:
        print_json(facts)
        return
    print_table(
        ("model", "nodes", "parameters", "steps", "what it is"),
        [
            (fact.name, str(fact.nodes), f"{fact.parameters:,}", str(fact.steps or "-"), fact.description)
            for fact in facts
        ],
    )
