"""The parts of the docs that are made from the code are current, and complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from nmc.backends import targets
from nmc.chips import chip_names
from nmc.nodes import KINDS
from nmc.report.pages import PARTS, updated

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_pages_are_current(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == updated(text), "bring it up to date: python -m nmc.report.pages docs"


def test_each_part_stands_in_a_page() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))
    assert all(f"<!-- {name}: made by python -m nmc.report.pages -->" in pages for name in PARTS)


def test_every_chip_has_its_table() -> None:
    text = PARTS["chips"]()
    assert all(f"(`{name}`)" in text for name in chip_names())
    assert "| `prices.sanafe.spike.energy` | 69.3 pJ | 55.4 - 86.6 | silicon |" in text


def test_every_node_and_target_is_listed() -> None:
    assert all(f"| `{name}` |" in PARTS["nodes"]() for name in KINDS)
    assert all(f"| `{name}` |" in PARTS["targets"]() for name in targets())


def test_text_around_the_marks_stays() -> None:
    marks = "<!-- targets: made by python -m nmc.report.pages -->\nold\n<!-- end of targets -->"
    page = updated(f"before\n{marks}\nafter\n")
    assert page.startswith("before\n") and page.endswith("\nafter\n") and "\nold\n" not in page and "loihi-sim" in page
