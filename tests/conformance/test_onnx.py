"""Every conformance case of ONNX whose operations are listed as supported passes, or is a documented limit."""

from __future__ import annotations

import pytest

from conformance import onnx_suite as suite
from conformance import onnx_suite_page as suite_page


@pytest.mark.filterwarnings("ignore")
def test_listed_cases_pass_and_the_page_says_so() -> None:
    """Import gives the case's outputs by the reference, and after export by ONNX Runtime."""
    found = suite_page.outcome(suite.KINDS)
    assert not found.wrong
    assert found.passed["node"] >= 930
    assert found.passed["pytorch-converted"] >= 69
    page = suite_page.PAGE.read_text(encoding="utf-8")
    assert suite_page.updated(page, suite_page.part(found)) == page, f"run python {suite_page.__file__}"
