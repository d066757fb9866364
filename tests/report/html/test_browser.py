"""The page in a real browser: what it draws, how it is used, and that everybody can."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browser import Opened, address_of, browser, opened
from nmc.report.html.page import write_report
from nmc.report.html.site import write_site
from nmc.sweeps.rows import dump_rows
from strategies.results import PLAIN, many, measured

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

EVIL = "<img src=x onerror=alert(1)></script>"
REFUSED = replace(PLAIN, key="r", target="tpu-v1-sim", score=None, cost=None, refusal=f"{EVIL} cannot be held")
UNPRICED = replace(PLAIN, key="u", target="nengo-sim", chip="reference", cost=None)
RESULTS = (*many(20), UNPRICED, REFUSED)


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    page = tmp_path_factory.mktemp("page") / "report.html"
    write_report(RESULTS, page, title="Twenty points")
    return address_of(page)


@pytest.fixture(scope="module")
def shown(chrome: Browser, address: str) -> Opened:
    """One page for tests that leave it as it is, or say what they start from."""
    return opened(chrome, address)


def marks(page: Opened, plot: str = "energy") -> Locator:
    return page.page.locator(f"[data-plot={plot}] [role=option]")


def test_it_draws_every_priced_point_twice_in_silence(shown: Opened) -> None:
    """Once by energy, once by latency; nothing on the console, and nothing asked of the network."""
    assert (marks(shown).count(), marks(shown, "latency").count()) == (20, 20)
    assert shown.page.locator(".front").count() == 2
    assert "1 without a price or a score is only in the table" in shown.page.locator(".hint").first.inner_text()
    assert (shown.said, shown.asked) == ([], [])


def test_what_is_drawn_agrees_with_the_table(shown: Opened) -> None:
    """The script's words for numbers are those of the tables, which Python wrote."""
    for mark in marks(shown).all():
        row = shown.page.locator(f"table.points tr[data-point='{mark.get_attribute('data-index')}']")
        cells = [" ".join(text.split()) for text in row.locator("td").all_inner_texts()]
        label = (mark.get_attribute("aria-label") or "").replace("\N{NO-BREAK SPACE}", " ")
        energy, latency, score = (label.split("; ")[i] for i in (1, 2, 3))
        assert energy == f"energy {cells[4].replace('J ', 'J, ', 1)}"
        assert latency == f"latency {cells[5].replace('s ', 's, ', 1)}"
        assert score == f"accuracy {' '.join(cells[1].split()[:2])}"


def test_better_points_lie_higher_and_cheaper_ones_to_the_left(shown: Opened) -> None:
    places = [mark.locator(".ring") for mark in marks(shown).all()]
    across = [float(ring.get_attribute("cx") or "") for ring in places]
    up = [-float(ring.get_attribute("cy") or "") for ring in places]
    labels = [mark.get_attribute("aria-label") or "" for mark in marks(shown).all()]
    scores = [float(label.split("accuracy ")[1].split("\N{NO-BREAK SPACE}")[0]) for label in labels]
    assert across == sorted(across)
    assert sorted(range(20), key=lambda i: (scores[i], up[i])) == sorted(range(20), key=lambda i: (up[i], scores[i]))


def test_the_pointer_shows_and_opens_a_point(shown: Opened) -> None:
    ring = marks(shown).last.locator(".ring")
    box = ring.bounding_box()
    assert box is not None
    ring.scroll_into_view_if_needed()
    box = ring.bounding_box()
    assert box is not None
    shown.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tip = shown.page.locator(".tip").inner_text()
    assert "Energy" in tip and "Latency" in tip and "Grade" in tip
    shown.page.mouse.down()
    shown.page.mouse.up()
    assert marks(shown).last.get_attribute("aria-selected") == "true"
    assert tip.splitlines()[0] in shown.page.locator(".detail h2").inner_text()
    shown.page.mouse.move(0, 0)
    assert shown.page.locator(".tip").count() == 0


def test_the_keyboard_reaches_and_opens_a_point(chrome: Browser, address: str) -> None:
    """Tab through the page until a plot has the focus; it is one stop, and arrows move within it."""
    page = opened(chrome, address)
    for _ in range(30):
        page.page.keyboard.press("Tab")
        if page.page.evaluate("document.activeElement.getAttribute('role')") == "option":
            break
    page.page.keyboard.press("Home")
    page.page.keyboard.press("ArrowRight")
    focused = page.page.locator("[role=option]:focus")
    assert focused.get_attribute("data-index") == marks(page).nth(1).get_attribute("data-index")
    assert page.page.locator(".tip").count() == 1
    page.page.keyboard.press("Enter")
    assert marks(page).nth(1).get_attribute("aria-selected") == "true"
    assert page.page.locator("#said").inner_text().startswith("Opened ")
    page.page.keyboard.press("Tab")
    assert page.page.evaluate("document.activeElement.closest('.plot').dataset.plot") == "latency"
    assert page.said == []


def test_a_point_opens_with_all_that_is_known(shown: Opened) -> None:
    """From the table, whose row takes the reader to it."""
    shown.page.get_by_role("button", name="loihi-sim steps=11").click()
    detail = shown.page.locator(".detail")
    text = detail.inner_text()
    for said in ("nmc compare digits --targets loihi-sim", "the vendor's page 0", "silicon", "Quantization error",
                 "Firing rate", "Never published: energy of barriers", "layer19"):  # fmt: skip
        assert said in text, said
    assert detail.locator("svg .core").count() == 2 * 160
    assert "4,000 spikes of the first 64 of 1,024 neurons, 128 steps" in text
    assert len(detail.locator("svg .spikes").first.get_attribute("d") or "") > 10_000
    assert shown.page.evaluate("document.activeElement.className").startswith("card detail")


def test_other_scores_are_numbers_and_of_errors_less_is_better(chrome: Browser, tmp_path: Path) -> None:
    made = [replace(p, metric="mean-squared-error", score_interval=None, reference_score=0.2) for p in many(5)]
    errors = [replace(p, score=0.1 * (i + 1)) for i, p in enumerate(made)]
    write_report(errors, tmp_path / "report.html", title="Errors")
    page = opened(chrome, address_of(tmp_path / "report.html"))
    assert "mean-squared-error 0.1;" in " ".join(m.get_attribute("aria-label") or "" for m in marks(page).all())
    assert "↙ better" in page.page.locator("[data-plot=energy]").inner_text()
    assert page.said == []


def test_targets_can_be_left_out(chrome: Browser, address: str) -> None:
    page = opened(chrome, address)
    page.page.get_by_role("button", name="loihi2-sim", exact=True).click()
    assert marks(page).count() == 16
    page.page.get_by_role("button", name="loihi2-sim", exact=True).click()
    assert marks(page).count() == 20


def test_the_table_sorts(shown: Opened) -> None:
    """Numbers as numbers; those without one stay last either way."""
    head = shown.page.get_by_role("button", name="Energy", exact=True)
    for order in (1, -1):
        head.click()
        cells = shown.page.locator("table.points tbody tr td:nth-child(6)")
        values = [cell.get_attribute("data-sort") or "" for cell in cells.all()]
        assert values[-1] == ""
        assert [float(v) for v in values[:-1]] == sorted(map(float, values[:-1]), reverse=order < 0)


def test_text_of_results_stays_text(shown: Opened) -> None:
    assert f"{EVIL} cannot be held" in shown.page.locator("main").inner_text()
    assert shown.page.locator("img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(chrome: Browser, tmp_path: Path, scheme: str) -> None:
    """By axe-core's rules: roles, names, contrast, order, and what can be reached."""
    from axe_playwright_python.sync_playwright import Axe

    spiking = replace(many(4)[3], key="s")
    few = replace(spiking, layers=spiking.layers[:3], cores=spiking.cores[:12])
    write_report((few, *many(3), UNPRICED, REFUSED, PLAIN), tmp_path / "report.html", title="Few points")
    page = opened(chrome, address_of(tmp_path / "report.html"), scheme=scheme)
    page.page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    found = Axe().run(page.page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


def test_the_theme_follows_the_system_and_the_button(chrome: Browser, address: str) -> None:
    page = opened(chrome, address, scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.page.evaluate(background)
    page.page.get_by_role("button", name="Light theme").click()
    light = page.page.evaluate(background)
    assert (dark, light) == ("rgb(14, 18, 24)", "rgb(244, 245, 247)")


def test_it_fits_a_narrow_screen_and_paper(chrome: Browser, address: str) -> None:
    """Nothing sticks out of 400 pixels; on paper it is black on white even if the screen is dark."""
    page = opened(chrome, address, width=400, scheme="dark")
    assert page.page.evaluate("document.documentElement.scrollWidth") == 400
    page.page.emulate_media(media="print")
    assert page.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.page.locator("#theme").is_visible()
    assert page.page.locator("table.points").is_visible()
    assert page.page.pdf().startswith(b"%PDF")


def test_without_scripts_the_answer_and_the_tables_are_there(chrome: Browser, address: str) -> None:
    page = opened(chrome, address, script=False)
    text = page.page.locator("main").inner_text()
    assert "Where should digits run?" in text
    assert page.page.locator("table.points tbody tr").count() == 21
    assert not page.page.locator(".plots").is_visible()


def test_a_page_of_500_points_answers_at_once(chrome: Browser, tmp_path: Path) -> None:
    """To draw it and to open a point takes less than 5 s of one core, however busy the machine is."""
    some = many(20)
    results = [replace(some[i % 20], key=str(i), score=0.9 + i / 6000) for i in range(500)]
    write_report(results, tmp_path / "report.html", title="Many")
    page = chrome.new_page()
    watch = page.context.new_cdp_session(page)
    watch.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(address_of(tmp_path / "report.html"))
    page.wait_for_selector("html[data-ready]")
    points = page.locator("[data-plot=energy] [role=option]")
    assert points.count() == 500
    points.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert points.nth(1).get_attribute("aria-selected") == "true"
    spent = {metric["name"]: metric["value"] for metric in watch.send("Performance.getMetrics")["metrics"]}
    assert spent["ThreadTime"] < 5


def test_a_folder_of_results_has_an_index(chrome: Browser, tmp_path: Path) -> None:
    """From the index to a page with two comparisons, of which one is shown; of measured points, too."""
    real = measured("digits-snn", "loihi-sim", tmp_path / "program", 5, {"steps": 4})
    (tmp_path / "mine.json").write_bytes(dump_rows((*many(2), real)))
    (tmp_path / "settings.json").write_text("{}")
    write_site(tmp_path, tmp_path / "site")
    page = opened(chrome, address_of(tmp_path / "site" / "index.html")).page
    assert "settings.json does not hold results" in page.locator("main").inner_text()
    page.get_by_role("link", name="mine.json").first.click()
    page.wait_for_selector("html[data-ready]")
    assert page.locator(".comparison:visible").count() == 1
    page.get_by_label("Comparison", exact=True).select_option(index=1)
    assert "On loihi-sim" in page.locator(".comparison:visible h2").first.inner_text()
    assert page.locator(".comparison:visible [role=option]").count() == 2
