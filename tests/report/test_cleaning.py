"""What files say is shown, and steers neither a terminal nor a page."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import nmc
from nmc.cleaning import clean
from nmc.errors import Fault, ModelError
from nmc.graph import Graph, Ref
from nmc.model import Model
from nmc.nodes.tensor import Input, Relu
from nmc.report.markdown import escaped
from nmc.report.printing import say
from nmc.report.terminal import print_table

HOSTILE = {
    "a colour": "\x1b[31mred",
    "a link": "\x1b]8;;http://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "one byte": "\x9b31mred",
    "the title": "\x1b]0;owned\x07",
    "back over": "safe\x08\x08\x08\x08evil\rover",
    "the other way": "abc\u202etxt.exe",
    "isolates": "\u2066x\u2069\u200f",
    "unseen": "a\u200bb\ufeff\u00ad\U000e0041",
    "half a character": "\ud800",
}  # fmt: skip


def safe(text: str) -> bool:
    return text.replace("\n", "").replace("\t", "").isprintable()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_steers_is_written_out(text: str) -> None:
    assert safe(clean(text)) and clean(clean(text)) == clean(text)


@pytest.mark.parametrize("text", ["Ünïcødé 模型 \N{GREEK SMALL LETTER MU}s", "a\tb\nc", "[red] <b> *"])
def test_what_does_not_stays(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_print_shows_it(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    say(text)
    say(str(Fault(text, text, "n")), error=True)
    print_table((text,), [(text,)])
    out, err = capsys.readouterr()
    assert safe(out) and safe(err) and safe(str(ModelError(text)))


def test_marks_of_tables_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("[bold]x[/]",), [("[red]a[/red]",), ("[link=http://evil.example]b[/link]",), ("[/]",)])
    out = capsys.readouterr().out
    assert all(text in out for text in ("[bold]x[/]", "[red]a[/red]", "[link=http://evil.example]b[/link]", "[/]"))


def test_every_report_of_a_hostile_model_is_safe(tmp_path: Path) -> None:
    from nmc.report.files import write_file

    graph = Graph(nodes=(Input(name="x", shape=(4,)), Relu(name="y", inputs=(Ref("x"),))), outputs=("y",))
    name = "[red]" + "".join(text for key, text in HOSTILE.items() if key != "half a character")
    model = Model(name, graph, {}, description=name)
    found = nmc.compare(model, ["cpu"], data=(np.eye(4), np.arange(4)), directory=tmp_path / "p")
    texts = {"text": str(found), "notebook": found._repr_html_()}
    for suffix in ("md", "json", "html"):
        write_file((found,), tmp_path / f"r.{suffix}")
        texts[suffix] = (tmp_path / f"r.{suffix}").read_text()
    for form, text in texts.items():
        assert "\x1b" not in text and "\x9b" not in text and "\u202e" not in text and "\x07" not in text, form
    assert "[red]" in texts["text"]
    assert "\\[red]" in texts["md"]


def test_markdown_shows_what_it_would_obey() -> None:
    assert escaped("<b> *x* [a](b) `c`\nd_e") == "&lt;b> \\*x\\* \\[a](b) \\`c\\` d\\_e"


@pytest.mark.parametrize("folder", ["cli", "report", "checks"])
def test_nothing_prints_but_the_layer_that_cleans(folder: str) -> None:
    """`nmc.report.printing.say` and the tables of `nmc.report.terminal` are what prints."""
    place = Path(nmc.__file__).parent / folder
    for path in sorted(place.rglob("*.py")):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        printing = [
            call.lineno for call in calls
            if (isinstance(call.func, ast.Name) and call.func.id == "print")
            or (isinstance(call.func, ast.Attribute) and call.func.attr in ("echo", "secho"))
        ]  # fmt: skip
        assert not printing or path.name == "printing.py", (path, printing)
