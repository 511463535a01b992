"""A real browser without a screen: Debian's Chromium, driven by playwright."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from programs import program

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["browser_page"]


@contextmanager
def browser_page(*more: str) -> Iterator[Page]:
    """A page of a browser of its own, for one thread that may block; skips where there is no browser.

    Args:
        more: arguments of Chromium.
    """
    path = program("chromium", "chromium")
    from playwright.sync_api import sync_playwright  # takes half a second

    # As root, in a container, Chromium's own sandbox does not work; and it would look for its makers' hosts.
    arguments = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", *more]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser.new_page()
        finally:
            browser.close()
