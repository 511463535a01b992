"""Events, clients and queries."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

from dashboard.stage import PATIENCE_S, Amp, sign_in, until

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


def rows(page: Page) -> Locator:
    """Of the table that is shown, without its head."""
    return page.get_by_role("grid").locator(".body").get_by_role("row")


def test_events_are_filtered_paused_and_opened(amp: Amp, page: Page) -> None:
    sign_in(page, amp.origin, view="events")
    rows(page).nth(5).wait_for()
    page.get_by_label("Server").select_option("sim2")
    page.get_by_label("Event names").fill("new*, hangup")

    def filtered() -> bool:
        kinds = page.locator(".row:not([hidden]) .c-event[role=gridcell]").all_inner_texts()
        servers = page.locator(".row:not([hidden]) .c-server[role=gridcell]").all_inner_texts()
        return set(servers) == {"sim2"} and all(re.match("New|Hangup", kind) for kind in kinds)

    until(filtered)  # rows are drawn a moment later
    rows(page).nth(3).wait_for()

    pause = page.get_by_role("button", name="Pause")
    pause.click()
    assert pause.get_attribute("aria-pressed") == "true"
    before = page.locator(".total").inner_text().partition(",")[0]
    page.locator(".total").filter(has_text=re.compile(r", [1-9]\d* new events? waiting")).wait_for()
    assert page.locator(".total").inner_text().partition(",")[0] == before
    newest = rows(page).first
    kind = newest.locator(".c-event").inner_text()
    newest.click()
    details = page.get_by_role("complementary", name=kind)
    assert re.search(r"Uniqueid\s+\d+\.\d+", details.inner_text())
    page.keyboard.press("Escape")
    assert page.get_by_role("grid").evaluate("grid => grid === document.activeElement")
    pause.click()
    page.locator(".total").filter(has_text=re.compile(r"^\d+ events$")).wait_for()
    page.get_by_role("button", name="Clear").click()
    page.get_by_label("Event names").fill("NoSuchEvent")
    page.get_by_text(re.compile("No event fits|No events yet")).wait_for()


def test_a_client_that_takes_nothing_has_something_waiting(amp: Amp, page: Page) -> None:
    sign_in(page, amp.origin, view="clients")
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.settimeout(PATIENCE_S)
        slow.connect(("127.0.0.1", amp.ami_port))
        slow.sendall(b"Action: Login\r\nUsername: operator\r\nSecret: let-the-operator-in\r\n\r\n")
        address = "{}:{}".format(*slow.getsockname())
        until(lambda: [one for one in amp.ask("/sessions") if one["address"] == address and one["user"]])
        for _ in range(40):
            slow.sendall(b"Action: ListCommands\r\n\r\n" * 20)
        page.get_by_label("Search").fill(address)
        row = rows(page).filter(has_text=address)
        row.filter(has_text=re.compile(r"\d (kB|MB)")).wait_for()
        row.locator(".c-waiting[data-tone]:not([data-tone=''])").wait_for()
        row.click()
        details = page.get_by_role("complementary", name="operator")
        assert re.search(r"Most that ever waited\s+[\d.]+ (kB|MB)", details.inner_text())


def test_a_websocket_of_the_page_itself_is_among_the_clients(amp: Amp, page: Page) -> None:
    sign_in(page, amp.origin, view="clients")
    rows(page).filter(has_text="websocket").first.wait_for()
    assert re.match(r"\d+ clients?, .* waiting", page.locator(".total").inner_text())


def test_a_query_is_answered_server_by_server(amp: Amp, page: Page) -> None:
    sign_in(page, amp.origin, view="query")
    page.get_by_label("Examples").select_option(label="Versions and limits (CoreSettings)")
    page.get_by_role("button", name="Ask").click()
    page.locator(".total").filter(has_text="2 servers answered, 2 rows").wait_for()
    rows(page).nth(1).wait_for()
    assert rows(page).locator(".c-server").all_inner_texts() == ["sim1", "sim2"]
    rows(page).first.click()
    details = page.get_by_role("complementary", name="sim1: Success")
    assert re.search(r"AsteriskVersion\s+\d+", details.inner_text())

    page.get_by_label("Servers").fill("sniffer*")
    page.get_by_label("Action").fill("Action: SnifferCommand\nCommand: totalcalls")
    page.get_by_role("button", name="Ask").click()
    rows(page).filter(has_text=re.compile(r"Output: \d+")).wait_for()


def test_what_is_wrong_with_a_query_is_said(amp: Amp, page: Page, forgiven: list[str]) -> None:
    forgiven.append("status of 404")
    sign_in(page, amp.origin, view="query")
    page.get_by_label("Action").fill("Nonsense")
    page.get_by_role("button", name="Ask").click()
    page.get_by_role("alert").filter(has_text="Expected “Name: Value”, got “Nonsense”.").wait_for()
    page.get_by_label("Action").fill("Action: Ping")
    page.get_by_label("Servers").fill("nowhere")
    page.get_by_role("button", name="Ask").click()
    page.get_by_role("alert").filter(has_text="nowhere").wait_for()
