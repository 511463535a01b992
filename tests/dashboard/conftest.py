"""One amp and one Chromium for all tests of the dashboard; each test has a page of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from dashboard.stage import PATIENCE_MS, Amp, amp_process, chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

NOT_SIGNED_IN = "the server responded with a status of 401"
"""How Chromium tells that the page has asked who is signed in."""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """See `chromium`."""
    with chromium() as one:
        yield one


@pytest.fixture(scope="package")
def amp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Amp]:
    """An amp that no test changes for the others."""
    with amp_process(tmp_path_factory.mktemp("amp")) as one:
        yield one


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Cookies and storage of its own."""
    one = browser.new_context(viewport={"width": 1000, "height": 600}, color_scheme="light")
    one.set_default_timeout(PATIENCE_MS)
    yield one
    one.close()


@pytest.fixture
def forgiven() -> list[str]:
    """Words of complaints that a test causes on purpose; it may add some."""
    return [NOT_SIGNED_IN]


@pytest.fixture
def page(context: BrowserContext, forgiven: list[str]) -> Iterator[Page]:
    """A page; at the end neither an error nor a breach of its policy must have happened in it."""
    complaints: list[str] = []
    one = context.new_page()
    one.on("pageerror", lambda error: complaints.append(str(error)))
    one.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield one
    assert [words for words in complaints if not any(known in words for known in forgiven)] == []
