"""The page of some results, read as a file."""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nmc.data_source import DataRecord
from nmc.errors import ToolError, UsageError
from nmc.report.html.page import report_page, title_of, write_report
from nmc.sweeps.result import PointResult
from strategies.results import PLAIN, many, point

SIGNS = str.maketrans({"\N{EN DASH}": "-", "\N{MINUS SIGN}": "-", "\N{MULTIPLICATION SIGN}": "x"})
EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&"
REFUSED = replace(PLAIN, key="refused", target="tpu-sim", score=None, score_interval=None, agreement=None, cost=None,
                  refusal="node 'pool': MaxPool over 3 axes\n    -> pool over 2")  # fmt: skip


class Outline(HTMLParser):
    """The elements of a page, with their attributes, and its text outside of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        """With the plain forms of the signs for dash, minus and times."""
        return " ".join(" ".join(self.words).split()).translate(SIGNS)


def drawn(page: str) -> dict[str, object]:
    """What the page's script draws."""
    found = re.search(r'id="drawn">([A-Za-z0-9+/=]*)</script>', page)
    assert found is not None
    facts: dict[str, object] = json.loads(gzip.decompress(base64.b64decode(found[1])))
    return facts


def text_of(*results: PointResult) -> str:
    return Outline(report_page(results, title="t")).text


def test_it_answers_where_the_model_should_run() -> None:
    """10 µJ and 1 mJ of grade datasheet: 5 to 20 µJ against 0.5 to 2 mJ, which is surely more."""
    text = text_of(point("tpu-sim", 0.975, 1e-5), point("gpu-sim", 0.98, 1e-3), point("cpu", 0.5, 1e-9))
    assert "Where should digits run? On tpu-sim tpu, default options" in text
    assert "Energy an inference (total) 10 µJ 5 µJ - 20 µJ" in text
    assert "-0.5 points" in text
    assert "gpu-sim default options 1 mJ 500 µJ - 2 mJ 100x yes" in text
    assert "360 samples tell accuracy no closer than 96.5 % - 99.0 %" in text


def test_a_lower_bound_is_named_with_what_is_missing() -> None:
    text = text_of(point("loihi-sim", 0.98, 1e-6, missing=("energy of barriers",)), point("cpu", 0.98, 1e-3))
    assert "at least 1 µJ" in text
    assert "Its energy is a lower bound. Never published: energy of barriers." in text
    assert "The cheapest whose every price is known is cpu" in text
    assert "energy of barriers (loihi)" in text


def test_it_says_when_no_point_keeps_the_score() -> None:
    assert "Nowhere yet no point stays within 1 point of the float score" in text_of(point("cpu", 0.5, 1.0))
    assert "Not known" in text_of(replace(PLAIN, cost=None))
    assert "No target could hold the model." in text_of(REFUSED)


def test_everything_of_a_point_is_in_the_tables() -> None:
    text = text_of(PLAIN, REFUSED)
    for said in ("gpu-sim", "a100", "98.0 % 96.5 % - 99.0 %", "+0.0", "99.0 %", "1 mJ 500 µJ - 2 mJ", "datasheet",
                 "energy, latency nmc compare digits --targets gpu-sim", "part 0 a100 datasheet the vendor's page 0",
                 "node 'pool': MaxPool over 3 axes -> pool over 2", "360 samples of digits/test.npz"):  # fmt: skip
        assert said in text, said


def test_what_cannot_be_compared_stands_apart() -> None:
    """Another data set, another model: each has its own answer."""
    other = replace(PLAIN, key="o", data=DataRecord("other.npz", "ff" * 32, 10))
    page = report_page([PLAIN, other, replace(PLAIN, key="m", model="m2")], title="t")
    assert page.count("Where should digits run?") == 2
    assert page.count("Where should m2 run?") == 1


def test_text_of_results_is_never_markup() -> None:
    """Names, options, sources, refusals and the title, wherever they are shown."""
    assert PLAIN.cost is not None
    part = replace(PLAIN.cost.components[0], name=EVIL, source=EVIL)
    evil = replace(
        PLAIN, model=EVIL, target=EVIL, chip=EVIL, given={EVIL: EVIL}, options={EVIL: EVIL}, command=EVIL, nmc=EVIL,
        data=replace(PLAIN.data, name=EVIL), cost=replace(PLAIN.cost, components=(part,), missing=(EVIL,)),
    )  # fmt: skip
    outline = Outline(report_page([evil, replace(evil, key="r", cost=None, score=None, refusal=EVIL)], title=EVIL))
    scripts = [attributes for tag, attributes in outline.elements if tag == "script"]
    assert len(scripts) == 2
    assert not [tag for tag, _ in outline.elements if tag == "img"]
    assert not [name for _, attributes in outline.elements for name in attributes if name.startswith("on")]
    assert outline.text.count(EVIL) >= 10


def test_it_needs_nothing_else() -> None:
    """No address anywhere, and a policy that forbids to fetch any."""
    page = report_page(many(5), title="t")
    assert not re.search(r'(?:src|href)="(?!#|data:,)', page)
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest", page)
    assert set(re.findall(r"https?://[^\"' ]+", page)) == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in page


def test_equal_results_give_equal_pages() -> None:
    assert report_page(many(4), title="t") == report_page(many(4), title="t")


def test_a_page_of_100_points_is_small() -> None:
    """With 160 cores and 4500 spikes on each spiking one."""
    assert len(report_page(many(100), title="t")) < 5_000_000


def test_too_many_spikes_are_thinned_to_whole_trains() -> None:
    """Of 64 neurons that fire in every step, evenly spaced ones stay, with all of their spikes."""
    spikes = tuple((step, neuron) for step in range(1000) for neuron in range(64))
    first = many(5)[3]
    assert first.raster is not None
    raster = replace(first.raster, steps=1000, populations={"layer0": spikes}, neurons={"layer0": 64})
    groups = drawn(report_page([replace(first, raster=raster)], title="t"))["groups"]
    assert isinstance(groups, list)
    (population,) = groups[0]["points"][0]["raster"]["populations"]
    assert (population["spikes"], population["every"], len(population["places"])) == (64_000, 4, 16_000)


def test_a_result_that_is_there_twice_counts_once() -> None:
    assert "1 point on 1 target" in text_of(PLAIN, PLAIN)


def test_it_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    page = tmp_path / "new" / "report.html"
    write_report([PLAIN], page, title=title_of([PLAIN]))
    assert "<title>digits on 1 target</title>" in page.read_text()
    assert [file.name for file in page.parent.iterdir()] == ["report.html"]
    with pytest.raises(ToolError, match="cannot write"):
        write_report([PLAIN], page / "report.html", title="t")


@pytest.mark.parametrize(("name", "results"), [("report.pdf", [PLAIN]), ("report.html", [])])
def test_what_cannot_be_a_page_is_refused(name: str, results: list[PointResult], tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        write_report(results, tmp_path / name, title="t")
    assert not list(tmp_path.iterdir())
