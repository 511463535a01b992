"""When the connection ends: the page says so, comes back, and tells what it missed."""

from __future__ import annotations

import re
import signal
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dashboard.relay import relay
from dashboard.stage import Amp, amp_process, asterisk, channel_states, sign_in, sim_process, until
from ports import unused_port

if TYPE_CHECKING:
    from playwright.sync_api import Page

LOST = ("net::ERR_", "WebSocket connection to", "TrustedHTML")
"""What Chromium says of a connection that is lost, and of text that is to be markup."""


@pytest.fixture(autouse=True)
def _troubles_are_meant(forgiven: list[str]) -> None:
    forgiven += LOST


def test_it_comes_back_and_tells_what_it_caught_up_with(amp: Amp, page: Page) -> None:
    """Every event comes once: those of before, those that were missed, those of now."""
    with relay(amp.port) as way:
        sign_in(page, way.origin, view="events")
        page.get_by_label("Event names").fill("UserEvent")
        page.get_by_label("Containing").fill("marker")
        mark(amp, "before")
        rows = page.get_by_role("grid").locator(".body").get_by_role("row")
        rows.filter(has_text="marker before").wait_for()

        way.cut()
        page.locator(".connection[data-state=waiting]").wait_for()
        assert re.match(r"Offline, again in \d+ s", page.locator(".connection").inner_text())
        mark(amp, "meanwhile")
        mark(amp, "later")
        way.mend()
        page.locator(".connection[data-state=live]").wait_for()
        rows.filter(has_text="marker later").wait_for()
        notice = page.get_by_role("region", name="Notice")
        notice.filter(
            has_text=re.compile(r"Back after \d+ s: \d+ events caught up, nothing is missing\.")
        ).wait_for()
        mark(amp, "now")
        rows.filter(has_text="marker now").wait_for()
        names = page.evaluate(NAMES)
        assert names == ["marker now", "marker later", "marker meanwhile", "marker before"]
        notice.get_by_role("button", name="Dismiss").click()
        notice.wait_for(state="hidden")


NAMES = """() => [...document.querySelectorAll(".grid .body .row:not([hidden])")]
    .sort((one, other) => one.ariaRowIndex - other.ariaRowIndex)
    .map((row) => row.querySelector(".c-summary").textContent)"""


def mark(amp: Amp, word: str) -> None:
    """An event of that name."""
    amp.act(Action="UserEvent", Server="sim1", UserEvent=f"marker {word}")


def test_an_amp_that_was_started_anew(tmp_path: Path, page: Page) -> None:
    """It knows neither the session nor what came meanwhile, and says so; who signs in again sees all."""
    port = unused_port()
    with amp_process(tmp_path, port=port) as amp:
        sign_in(page, amp.origin)
    page.locator(".connection[data-state=waiting]").wait_for()
    page.get_by_role("region", name="Notice").filter(has_text="amp cannot be reached.").wait_for()
    with amp_process(tmp_path, port=port):
        page.get_by_role("alert").filter(has_text="The session is over.").wait_for()
        sign_in(page, amp.origin)


def test_a_list_of_calls_that_was_cut_off_is_asked_for_again(tmp_path: Path, page: Page) -> None:
    """The connection ends while an Asterisk takes its time; what it had to tell is not among the events."""
    with (
        sim_process() as (port, sim), amp_process(tmp_path, asterisk("quiet", port)) as amp,
        relay(amp.port) as way,
    ):  # fmt: skip
        amp.act(
            Action="Originate", Server="quiet", Channel="Local/600@from-internal", Context="from-internal",
            Exten="hold", Priority="1", Async="true",
        )  # fmt: skip
        until(lambda: channel_states(amp, "quiet") == ["Up", "Up"])
        sim.send_signal(signal.SIGSTOP)
        try:
            sign_in(page, way.origin, view="calls")
            until(lambda: amp.ask("/servers/quiet")["pending"])
            way.cut()
            page.locator(".connection[data-state=waiting]").wait_for()
        finally:
            sim.send_signal(signal.SIGCONT)
        way.mend()
        page.locator(".connection[data-state=live]").wait_for()
        page.get_by_label("Search").fill("quiet")
        page.get_by_role("grid").locator(".body").get_by_role("row").first.wait_for()


def test_who_comes_late_has_missed_nothing(amp: Amp, page: Page) -> None:
    """The first WebSocket does not come about, the second one does: that is no loss."""
    page.add_init_script(FIRST_FAILS)
    sign_in(page, amp.origin)
    page.locator(".server .spark-line[d*=L]").first.wait_for(state="attached")  # seconds after it was live
    assert page.get_by_role("region", name="Notice").filter(has_text="Back after").count() == 0


FIRST_FAILS = """(() => {
    const Real = WebSocket;
    let tries = 0;
    window.WebSocket = class extends Real {
        constructor(url, protocol) {
            super(tries ? url : `${url}/nothing`, protocol);
            tries += 1;
        }
    };
})()"""


def test_logging_out_elsewhere_ends_it_here(amp: Amp, page: Page) -> None:
    sign_in(page, amp.origin)
    other = page.context.new_page()
    other.goto(amp.origin)
    other.get_by_role("button", name="Sign out").click()
    page.get_by_role("alert").filter(has_text="The session is over.").wait_for()


def test_what_a_browser_may_do_with_the_page(amp: Amp, page: Page) -> None:
    """Nothing inline, nothing from elsewhere, no text as markup; and what it has it need not fetch again."""
    page.goto(amp.origin)
    assert page.locator("[style], style, script:not([src])").count() == 0
    with pytest.raises(Exception, match="TrustedHTML"):
        page.evaluate("document.body.innerHTML = '<b>text</b>'")
    hosts = page.evaluate("performance.getEntriesByType('resource').map((one) => new URL(one.name).host)")
    assert set(hosts) == {f"127.0.0.1:{amp.port}"}
    tag = page.request.get(f"{amp.origin}/static/js/main.js").headers["etag"]
    request = urllib.request.Request(f"{amp.origin}/static/js/main.js", headers={"if-none-match": tag})
    with pytest.raises(urllib.error.HTTPError) as found:
        urllib.request.urlopen(request)
    assert (found.value.status, found.value.read()) == (304, b"")
    found.value.close()
    for path in ("/static/index.html", "/static/../http.py", "/static/%2e%2e/shell/app.py", "/static/js"):
        assert page.request.get(f"{amp.origin}{path}").status == 404


def test_who_asks_for_an_action_gets_no_page(amp: Amp, page: Page) -> None:
    headers = {"accept": "text/html", "authorization": "Basic b3BlcmF0b3I6bGV0LXRoZS1vcGVyYXRvci1pbg=="}
    assert "Pong" in page.request.get(f"{amp.origin}/?Action=Ping", headers=headers).text()
    assert page.request.get(amp.origin, headers={"accept": "*/*"}).status == 400
