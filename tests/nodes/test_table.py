from pathlib import Path

import pytest

from nmc.errors import UsageError
from nmc.nodes import KINDS
from nmc.nodes.table import markdown, updated

PAGE = Path(__file__).parents[2] / "docs" / "ir.md"


def test_the_docs_show_the_nodes_as_they_are():
    page = PAGE.read_text(encoding="utf-8")
    assert page == updated(page), "bring it up to date: python -m nmc.nodes.table docs/ir.md"


def test_every_kind_has_its_row():
    text = markdown()
    assert all(f"| `{kind}` | " in text for kind in KINDS)
    assert "| `Relu` | a sum |  | y = max(x, 0). |" in text
    assert "| `LeakyRelu` | a sum | `alpha: 0.01` | y = x for x >= 0, alpha x below. |" in text


def test_a_page_without_marks():
    with pytest.raises(UsageError, match="lacks the marks"):
        updated("# Nothing here")
