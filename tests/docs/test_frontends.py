"""The pages about other tools' models say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import nmc
from nmc.frontends.nir import PROFILES
from nmc.frontends.nir.primitives import PRIMITIVES
from nmc.frontends.torch.aten import OPERATIONS

DOCS = Path(__file__).parents[2] / "docs"


def unnamed(page: str, words: object) -> set[str]:
    """The words that a page does not have in backquotes."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return {word for word in words if f"`{word}`" not in text}


def test_every_profile_is_described_with_its_tool() -> None:
    assert not unnamed("nir.md", PROFILES)
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (.*) \|$", (DOCS / "nir.md").read_text(encoding="utf-8"), re.MULTILINE))
    for name, conventions in PROFILES.items():
        tool, _, step, _, compares, resets = (cell.strip() for cell in rows[name].split("|"))
        assert tool == conventions.tool
        assert step.startswith({"euler": "Euler", "exact": "exponential"}[conventions.integrator])
        assert compares == f"{conventions.compare} threshold"
        said = {"value": "to v_reset", "subtract": "by subtraction", "none": "not"}
        assert resets.startswith(said[conventions.reset])


def test_what_every_profile_takes_for_granted_is_said() -> None:
    page = (DOCS / "nir.md").read_text(encoding="utf-8")
    assert [name for name, entry in PROFILES.items() if f"- `{name}`: {entry.granted}." not in page] == []


def test_every_primitive_and_operation_is_named() -> None:
    assert not unnamed("nir.md", PRIMITIVES)
    assert not unnamed("pytorch.md", OPERATIONS)


def test_pages_that_messages_name_are_there() -> None:
    folder = Path(nmc.__file__).parent
    named = {page for path in folder.rglob("*.py") for page in re.findall(r"docs/([\w-]+\.md)", path.read_text())}
    assert "nir.md" in named
    assert {page for page in named if not (DOCS / page).is_file()} == set()
