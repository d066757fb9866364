from pathlib import Path

import pytest

from nmc.chips import chip_names
from nmc.chips.table import markdown, updated
from nmc.errors import UsageError

PAGE = Path(__file__).parents[2] / "docs" / "energy.md"


def test_the_docs_show_the_chips_as_they_are():
    page = PAGE.read_text(encoding="utf-8")
    assert page == updated(page), "bring it up to date: python -m nmc.chips.table docs/energy.md"


def test_every_chip_has_its_table():
    text = markdown()
    assert all(f"(`{name}`)" in text for name in chip_names())
    assert "| `prices.sanafe.spike.energy` | 69.3 pJ | 55.4 - 86.6 | silicon |" in text


def test_a_page_without_marks():
    with pytest.raises(UsageError, match="lacks the marks"):
        updated("# Nothing here")
