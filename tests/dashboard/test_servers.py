"""Signing in, and the view of servers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from dashboard.stage import Amp, amp_process, asterisk, sign_in, sim_process
from ports import unused_port

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_a_wrong_secret_a_right_one_and_the_end(amp: Amp, page: Page) -> None:
    page.goto(amp.origin)
    page.get_by_label("User").fill("operator")
    page.get_by_label("Secret").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").filter(has_text="Wrong name or secret.").wait_for()
    assert page.get_by_label("Secret").input_value() == ""
    assert page.get_by_label("Secret").evaluate("field => field === document.activeElement")

    page.get_by_label("Secret").fill("let-the-operator-in")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Servers", exact=True).wait_for()
    (cookie,) = page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("amp_session", True, "Strict")

    page.reload()
    page.get_by_role("heading", name="Servers", exact=True).wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    assert page.request.get(f"{amp.origin}/api/v1/me").status == 401


def test_servers_with_state_version_rates_and_sparkline(amp: Amp, page: Page) -> None:
    sign_in(page, amp.origin)
    cards = page.get_by_role("list", name="Servers").get_by_role("listitem")
    cards.nth(2).wait_for()
    assert cards.get_by_role("heading").all_inner_texts() == ["sim1", "sim2", "sniffer1"]
    assert cards.locator(".state").all_inner_texts() == ["Up"] * 3
    first = cards.first
    first.filter(has_text=re.compile(r"Asterisk \d+\.\d+")).wait_for()
    first.filter(has_text=re.compile(r"[1-9]\d*(\.\d)? events/s|0\.[1-9] events/s")).wait_for()
    first.locator(".spark-line[d*=L]").wait_for(state="attached")
    cards.nth(2).filter(has_text=re.compile(r"VoIPmonitor sniffer \d{4}")).wait_for()
    assert "lab · amp" in page.locator(".about").inner_text()


def test_a_server_that_goes_and_comes_back(tmp_path: Path, page: Page) -> None:
    """What is down stands first, with the reason."""
    with (
        sim_process("--port", str(unused_port())) as (port, process),
        amp_process(tmp_path, asterisk("zulu", port)) as amp,
    ):
        sign_in(page, amp.origin)
        cards = page.get_by_role("list", name="Servers").get_by_role("listitem")
        cards.nth(3).wait_for()
        cards.filter(has_text="zulu").filter(has_text="Up for").wait_for()
        process.terminate()
        process.wait()
        cards.first.filter(has_text="zulu").wait_for()
        assert cards.first.locator(".state").inner_text() == "Down"
        assert cards.first.locator(".reason").inner_text()
        assert "3 of 4" in page.locator(".tile").first.inner_text()
        with sim_process("--port", str(port)):
            cards.filter(has_text="zulu").filter(has_text="Up for").wait_for()
