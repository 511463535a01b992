"""The page for everybody: by keyboard alone, by screen reader, on a phone, in light and dark.

The pictures of docs/dashboard.md are made here, too: ``AMP_SCREENSHOTS=docs/images pytest tests/dashboard``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from dashboard.stage import PATIENCE_MS, Amp, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

AUDIT = (Path(__file__).parent / "audit.js").read_text()
VIEWS = ("servers", "calls", "events", "clients", "query")
SCREENS: dict[str, ViewportSize] = {
    "phone": {"width": 390, "height": 844},
    "desk": {"width": 1120, "height": 640},
}
PICTURES = {
    ("servers", "desk", "light"): "servers",
    ("calls", "desk", "light"): "calls",
    ("events", "desk", "dark"): "events",
    ("clients", "desk", "light"): "clients",
    ("query", "desk", "light"): "query",
    ("calls", "phone", "dark"): "phone",
}
"""Those that docs/dashboard.md shows."""


def show(page: Page, view: str) -> None:
    """Go to a view, and wait until there is something in it."""
    page.locator(f"nav a[href='#{view}']").click()
    page.locator(f"h1:text-is('{view.title()}')").wait_for()
    if view == "query":
        page.get_by_role("button", name="Ask").click()
    page.locator(".server, .grid .body .row").nth(9 if view in ("calls", "events") else 0).wait_for()


def open_first(page: Page) -> None:
    """Show what there is to know of the first row."""
    page.locator(".grid .body .row").first.click()
    page.locator(".details").wait_for()


@pytest.mark.parametrize("screen", ["desk", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wrong_with_any_view(
    amp: Amp, browser: Browser, tmp_path: Path, screen: str, scheme: Literal["light", "dark"]
) -> None:
    """Names, structure, contrast and room; with the details open, and on the page of the login."""
    pictures = Path(os.environ.get("AMP_SCREENSHOTS", tmp_path))
    context = browser.new_context(viewport=SCREENS[screen], color_scheme=scheme, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(amp.origin)
    page.get_by_label("User").wait_for()
    assert page.evaluate(AUDIT) == []
    sign_in(page, amp.origin)
    for view in VIEWS:
        show(page, view)
        assert page.evaluate(AUDIT) == []
        if view in ("calls", "events") and screen == "desk":
            open_first(page)
            assert page.evaluate(AUDIT) == []
        if name := PICTURES.get((view, screen, scheme)):
            page.screenshot(path=pictures / f"dashboard-{name}.png")
        if view in ("calls", "events") and screen == "phone":
            open_first(page)
            assert page.evaluate(AUDIT) == []
            page.keyboard.press("Escape")
    assert page.evaluate("document.getAnimations().length") == 0
    context.close()


def test_the_switch_of_colours(amp: Amp, page: Page) -> None:
    """It counts more than the system, and is remembered."""
    background = "getComputedStyle(document.body).backgroundColor"
    sign_in(page, amp.origin)
    light = page.evaluate(background)
    page.get_by_label("Colours").select_option("Dark")
    dark = page.evaluate(background)
    assert dark != light
    page.reload()
    page.get_by_label("Colours").wait_for()
    assert page.evaluate(background) == dark
    page.get_by_label("Colours").select_option("Auto")
    assert page.evaluate(background) == light
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(background) == dark


FOCUSED = "() => document.activeElement.textContent.trim()"
OUTLINED = """() => {
    const here = document.activeElement;
    return here === document.body ? "the end of the page" : getComputedStyle(here).outlineStyle;
}"""
MOST_TABS = 40


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until that has the focus; whatever has it on the way shows so."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        assert page.evaluate(OUTLINED) != "none", page.evaluate("document.activeElement.className")
        if page.locator(f"{selector}:focus").count():
            return
    raise AssertionError(f"no way to {selector}")


def test_everything_by_keyboard_alone(amp: Amp, page: Page) -> None:
    page.goto(amp.origin)
    page.locator("input:focus").wait_for()
    page.keyboard.type("operator")
    page.keyboard.press("Tab")
    page.keyboard.type("let-the-operator-in")
    page.keyboard.press("Enter")
    page.locator("h1:focus").wait_for()

    page.reload()
    page.locator(".server").first.wait_for()
    tab_to(page, ".skip")
    page.keyboard.press("Enter")
    assert page.evaluate(FOCUSED) == "Servers"
    tab_to(page, "a[href='#events']")
    page.keyboard.press("Enter")
    page.locator("h1:text-is('Events'):focus").wait_for()
    page.locator(".grid .body .row").nth(3).wait_for()

    tab_to(page, "button[aria-pressed]")
    page.keyboard.press("Space")
    tab_to(page, "[role=grid]")
    chosen = page.get_by_role("row", selected=True)
    for key, place in (("Home", 2), ("ArrowDown", 3), ("ArrowUp", 2), ("PageDown", None), ("Home", 2)):
        page.keyboard.press(key)
        assert place is None or chosen.get_attribute("aria-rowindex") == str(place)
        assert page.get_by_role("grid").get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    page.keyboard.press("Enter")
    page.locator(".details h2:focus").wait_for()
    page.keyboard.press("Escape")
    page.locator("[role=grid]:focus").wait_for()

    tab_to(page, "a[href='#calls']")
    page.keyboard.press("Enter")
    page.locator("h1:text-is('Calls'):focus").wait_for()
    tab_to(page, "[role=columnheader] button")
    page.keyboard.press("Enter")
    assert page.get_by_role("columnheader").first.get_attribute("aria-sort") == "ascending"
    tab_to(page, ".who button")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Sign in").wait_for()


def test_a_screen_reader_is_told_what_matters(amp: Amp, page: Page) -> None:
    """How many a search finds, and nothing of what scrolls by."""
    sign_in(page, amp.origin, view="calls")
    page.get_by_label("Search").fill("no such call")
    status = page.get_by_role("status")
    status.filter(has_text="0 of").wait_for()
    page.locator("nav a[href='#events']").click()
    page.locator(".grid .body .row").nth(5).wait_for()
    assert page.locator("[aria-live], [role=status], [role=alert], [role=log]").count() == 1
    assert "0 of" in status.inner_text()
