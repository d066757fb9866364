"""The published JSON Schema is the one that the code makes, and knows every kind of node."""

from __future__ import annotations

import json
from importlib.resources import files

from nmc.frontends.schema import json_schema
from nmc.nodes import KINDS
from nmc.nodes.build import facts_of

PUBLISHED = json.loads(files("nmc.frontends").joinpath("model.schema.json").read_text())


def test_the_published_schema_is_current() -> None:
    """If this fails: python -m nmc.frontends.schema."""
    assert json.loads(json.dumps(json_schema())) == PUBLISHED


def test_every_kind_has_its_facts() -> None:
    definitions = PUBLISHED["$defs"]
    for name, kind in KINDS.items():
        if name == "Input":
            continue
        properties = definitions[name]["properties"]
        assert set(facts_of(kind)) <= set(properties)
        assert ("from" in properties) == (name != "Constant")
        assert definitions[name]["additionalProperties"] is False


def test_a_decay_is_given_per_step_or_as_a_time() -> None:
    lif = PUBLISHED["$defs"]["LIF"]
    assert lif["required"] == ["kind", "from"]
    assert lif["allOf"] == [{"oneOf": [{"required": ["decay"]}, {"required": ["tau", "integrator"]}]}]
    assert lif["properties"]["tau"]["type"] == "string"
