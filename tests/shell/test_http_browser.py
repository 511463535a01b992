"""A form in a real browser: Asterisk's manager page as amp gives it, and a page of somebody else."""

from __future__ import annotations

import trio

from amp.config.schema import Listen
from browsers import browser_page
from shell.harness import PATIENCE_S, lab

HTTP = Listen(port=0, protocols=("http",))
PATIENCE_MS = PATIENCE_S * 1000

FORM = """(target) => {
    document.body.innerHTML = '<form method="post"><input name="Action" value="CoreStatus"></form>';
    document.forms[0].action = target;
    document.forms[0].submit();
}"""


async def test_the_manager_page_in_a_browser() -> None:
    """Log in, ask for something whose answer holds markup, log off; the cookie is the browser's to keep."""

    def use(origin: str) -> list[str]:
        shown = []
        with browser_page() as page:
            page.goto(f"{origin}/manager")
            for fields in (
                {"Action": "login", "User": "anna", "Secret": "anna's"},
                {"Action": "<b id=hurt>Ping</b>"},
                {"Action": "CoreStatus"},
                {"Action": "logoff"},
                {"Action": "CoreStatus"},
            ):
                for label, value in fields.items():
                    page.get_by_label(label).fill(value)
                with page.expect_navigation(timeout=PATIENCE_MS):
                    page.click("input[type=submit]")
                shown.append(page.inner_text("body"))
                assert page.query_selector("#hurt") is None
        return shown

    async with lab("a", listen=(HTTP,)) as one:
        shown = await trio.to_thread.run_sync(use, f"http://127.0.0.1:{one.port}")
    login, unknown, status, logoff, stranger = shown
    assert "Authentication accepted" in login
    assert "Error" in unknown
    assert "CoreStartupTime" in status
    assert "Goodbye" in logoff
    assert "Permission denied" in stranger or "Authentication Required" in stranger


async def test_a_form_of_a_foreign_page_does_nothing() -> None:
    """The other port is another origin, and the browser says so."""

    def use(here: str, there: str) -> tuple[int, str]:
        with browser_page() as page:
            page.goto(f"{here}/manager")
            with page.expect_navigation(timeout=PATIENCE_MS) as navigation:
                page.evaluate(FORM, f"{there}/")
            response = navigation.value
            assert response is not None
            return response.status, page.inner_text("body")

    async with lab("a", listen=(HTTP, HTTP)) as one:
        origins = [f"http://127.0.0.1:{one.port_of(at)}" for at in range(2)]
        status, words = await trio.to_thread.run_sync(use, origins[0], origins[1])
    assert status == 403
    assert "Origin" in words or "Sec-Fetch-Site" in words
