"""A real browser for tests of pages: Chromium without a window, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def chromium() -> str:
    """Where Chromium is. Without one a test is left out, or fails if CI is set."""
    found = [os.environ.get("NMC_CHROMIUM"), *map(shutil.which, NAMES)]
    place = next(filter(None, found), None)
    if place is None:
        lack = "there is no chromium: 'sh tests/browser/install.sh' as root, or name one in NMC_CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(lack)
        pytest.skip(lack)
    return place


@contextmanager
def browser() -> Iterator[Browser]:
    """A running browser, with a profile of its own that is gone afterwards."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        try:
            yield running
        finally:
            running.close()


@dataclass
class Opened:
    """A page that was opened, what its console said, and what it asked for besides itself."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


def opened(
    browser: Browser, address: str, *, width: int = 1280, scheme: str = "light", script: bool = True
) -> Opened:
    """Open a page of this project, and wait until it has drawn itself."""
    page = browser.new_page(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=script,
    )
    page.set_default_timeout(20_000)
    found = Opened(page)
    page.on("console", lambda message: found.said.append(message.text))
    page.on("pageerror", lambda error: found.said.append(str(error)))
    page.on("request", lambda request: found.asked.append(request.url) if request.url != address else None)
    page.goto(address)
    if script:
        page.wait_for_selector("html[data-ready]")
    return found


def address_of(path: Path) -> str:
    """A file as the browser calls it."""
    return path.resolve().as_uri()
