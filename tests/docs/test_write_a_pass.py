"""The steps of the page on writing a pass, followed as they are written."""

from __future__ import annotations

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from nmc import passes
from nmc.model import Model
from nmc.passes import pipelines
from nmc.text import parse

PAGE = (Path(__file__).parents[2] / "docs" / "write-a-pass.md").read_text(encoding="utf-8")


def fenced(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_steps_lead_to_a_pass(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One file and one line: then the pass runs by name, and the page's own test of it passes."""
    (file,), (line, _, test) = fenced("python"), fenced("text")
    found = re.fullmatch(r'\s*"([\w-]+)": "([\w.]+):(\w+)",\s*', line)
    assert found is not None
    name, module, kind = found.groups()
    (tmp_path / "written.py").write_text(file, encoding="utf-8")
    spec = spec_from_file_location(module, tmp_path / "written.py")
    assert spec is not None and spec.loader is not None
    monkeypatch.setitem(sys.modules, module, module_from_spec(spec))
    spec.loader.exec_module(sys.modules[module])
    monkeypatch.setattr(pipelines, "PASSES", {**pipelines.PASSES, name: f"{module}:{kind}"})

    pipeline = pipelines.parse(name)
    assert str(pipeline) == name
    scope = {"Model": Model, "parse": parse, "passes": passes, kind: pipelines.pass_named(name)}
    exec(test, scope)
    scope["test_rectifiers_in_a_row_are_one"]()
