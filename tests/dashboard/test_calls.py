"""The table of live calls: of Asterisks and sniffers, searched, sorted, opened, kept up to date."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from functools import partial
from itertools import count as count_up
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from amp.config.schema import Limits
from dashboard.stage import (
    Amp,
    amp_process,
    asterisk,
    channel_states,
    crowded_sniffer,
    sign_in,
    sim_process,
    sniffer,
    until,
)

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

HOSTILE = "</span><img src=x onerror='window.hurt=1'><script>window.hurt=1</script>"


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Amp]:
    """An amp with an Asterisk, ``quiet``, where nobody calls by themselves, and a sniffer of many calls."""
    with (
        sim_process() as (port, _),
        crowded_sniffer(10_800) as (sniffer_port, _),
        amp_process(
            tmp_path_factory.mktemp("quiet"), asterisk("quiet", port) + sniffer("busy", sniffer_port)
        ) as one,
    ):
        until(lambda: one.ask("/servers/quiet")["state"] == "up")
        yield one


def call(amp: Amp, name: str) -> None:
    """Somebody of that name calls, and talks for ten minutes."""
    call_at(amp, "quiet", name)


def call_at(amp: Amp, server: str, name: str) -> None:
    amp.act(
        Action="Originate",
        Server=server,
        Channel="Local/600@from-internal",
        Context="from-internal",
        Exten="hold",
        Priority="1",
        CallerID=f'"{name}" <4711>',
        Async="true",
    )


def rows(page: Page) -> Locator:
    """Of the table that is shown, without its head."""
    return page.get_by_role("grid").locator(".body").get_by_role("row")


def search(page: Page, words: str) -> None:
    """Only rows with these words."""
    page.get_by_label("Search").fill(words)


def test_calls_of_asterisks_and_sniffers_stand_in_one_table(amp: Amp, page: Page) -> None:
    sign_in(page, amp.origin, view="calls")
    for server in ("sim1", "sim2", "sniffer1"):
        search(page, server)
        cells: list[str] = until(partial(first_cells, page, server))
        assert cells[0] in ("dialing", "ringing", "answered", "talking", "on hold", "failed")
        assert re.fullmatch(r"\d+:\d\d", cells[4])
    search(page, "no such call")
    page.get_by_text("No call fits the search.").wait_for()
    assert re.fullmatch(r"0 of \d+ calls?", page.locator(".total").inner_text())


def first_cells(page: Page, words: str) -> list[str]:
    """Of the first row with these words, if there is one; a call may end while one looks."""
    row = rows(page).filter(has_text=words).first
    return row.get_by_role("gridcell").all_inner_texts()


def test_a_call_from_the_first_ring_to_its_end(quiet: Amp, page: Page) -> None:
    sign_in(page, quiet.origin, view="calls")
    call(quiet, "Zoe Calling")
    search(page, "zoe calling")
    row = rows(page).filter(has_text="Zoe Calling · 4711")
    row.wait_for()
    row.click()
    details = page.get_by_role("complementary")
    details.get_by_role("heading", name="Zoe Calling · 4711").wait_for()
    headings = details.get_by_role("heading", level=3)
    headings.nth(1).wait_for()
    names = headings.all_inner_texts()
    assert all(name.startswith("Local/") for name in names)
    quiet.act(Action="Hangup", Server="quiet", Channel="/^Local\\/600.*/")
    details.get_by_text("The call has ended.").wait_for()
    row.wait_for(state="hidden")
    page.get_by_role("button", name="Close").click()
    details.wait_for(state="hidden")


def test_a_call_that_was_there_before_is_listed(quiet: Amp, page: Page) -> None:
    call(quiet, "Early Bird")
    until(lambda: quiet.act(Action="CoreShowChannels", Server="quiet")["answers"][0]["events"][1:])
    sign_in(page, quiet.origin, view="calls")
    search(page, "early bird")
    rows(page).first.wait_for()
    quiet.act(Action="Hangup", Server="quiet", Channel="/^Local\\/600.*/")
    page.get_by_text("No call fits the search.").wait_for()


def test_a_name_that_is_markup_is_text(quiet: Amp, page: Page) -> None:
    """In the table, in the details, in the events. The policy would not let it run; nobody even tries."""
    sign_in(page, quiet.origin, view="calls")
    call(quiet, HOSTILE)
    search(page, "onerror")
    row = rows(page).first
    row.wait_for()
    assert HOSTILE in row.inner_text()
    row.click()
    assert HOSTILE in page.get_by_role("complementary").inner_text()
    page.get_by_role("link", name="Events").click()
    quiet.act(Action="UserEvent", Server="quiet", UserEvent=HOSTILE, Note=HOSTILE)
    page.get_by_label("Containing").fill("onerror")
    event = rows(page).filter(has_text="UserEvent").first
    event.wait_for()
    assert HOSTILE in event.inner_text()
    event.click()
    assert HOSTILE in page.get_by_role("complementary").inner_text()
    assert page.locator("img, #app script").count() == 0
    assert page.evaluate("window.hurt") is None
    quiet.act(Action="Hangup", Server="quiet", Channel="/^Local\\/600.*/")


def test_sorting(amp: Amp, page: Page) -> None:
    sign_in(page, amp.origin, view="calls")
    search(page, "sim")
    rows(page).nth(3).wait_for()
    head = page.get_by_role("columnheader", name="Server")
    assert page.get_by_role("columnheader", name="Duration").get_attribute("aria-sort") == "descending"
    for sort, reverse in (("ascending", False), ("descending", True)):
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == sort
        until(partial(is_sorted, page, reverse=reverse))  # it is drawn a moment later


def is_sorted(page: Page, *, reverse: bool) -> bool:
    """By server, as far as it can be seen."""
    shown = page.evaluate(IN_ORDER)
    return bool(shown) and shown == sorted(shown, reverse=reverse)


IN_ORDER = """() => [...document.querySelectorAll(".grid .body .row:not([hidden])")]
    .sort((one, other) => one.ariaRowIndex - other.ariaRowIndex)
    .map((row) => row.querySelector(".c-server").textContent)"""

SCROLL = """async () => {
    const grid = document.querySelector(".grid");
    const times = [];
    const step = (grid.scrollHeight - grid.clientHeight) / 60;
    let before = await new Promise(requestAnimationFrame);
    for (let number = 0; number < 60; number += 1) {
        grid.scrollTop += step;
        const now = await new Promise(requestAnimationFrame);
        times.push(now - before);
        before = now;
    }
    return times;
}"""


def test_ten_thousand_calls(quiet: Amp, page: Page) -> None:
    """Only what can be seen is in the page, wherever one is; how long frames took is printed."""
    sign_in(page, quiet.origin, view="calls")
    search(page, "busy")
    until(lambda: int(page.get_by_role("grid").get_attribute("aria-rowcount") or 0) >= 10_000)
    times = sorted(page.evaluate(SCROLL))
    print(f"10,000 calls: frames of {times[30]:.0f} ms (median), {times[-1]:.0f} ms (longest)")
    assert page.locator(".grid .row").count() < 80
    until(lambda: page.evaluate(AT_THE_END))
    page.get_by_role("grid").focus()
    page.keyboard.press("Home")
    assert page.get_by_role("row", selected=True).get_attribute("aria-rowindex") == "2"
    search(page, "busy 7001")
    page.get_by_text("No call fits the search.").wait_for()


AT_THE_END = """() => {
    const shown = [...document.querySelectorAll(".grid .body .row:not([hidden])")];
    const last = Math.max(...shown.map((row) => row.ariaRowIndex));
    return last === Number(document.querySelector(".grid").ariaRowCount);
}"""


def test_many_servers_are_asked_a_few_at_a_time(tmp_path: Path, page: Page) -> None:
    """More than the actions that amp takes from one client at once, and none answers at first."""
    count = Limits().actions_per_client + 6
    with sim_process() as (port, sim):
        servers = "".join(asterisk(f"pbx{number}", port) for number in range(count))
        with amp_process(tmp_path, servers) as amp:
            call_at(amp, "pbx0", "Everywhere")
            until(lambda: channel_states(amp, "pbx0") == ["Up", "Up"])
            sim.send_signal(signal.SIGSTOP)
            try:
                sign_in(page, amp.origin, view="calls")
                looks = (pending(amp) for _ in count_up())
                until(lambda: next(looks) == next(looks) > 0)  # no further one is asked
            finally:
                sim.send_signal(signal.SIGCONT)
            search(page, "pbx")
            page.locator(".total").filter(has_text=re.compile(f"^{count} of ")).wait_for()


def pending(amp: Amp) -> int:
    """Actions of all servers that have no answer yet."""
    return sum(server["pending"] for server in amp.ask("/servers"))


def test_who_may_not_list_calls_is_told_so(amp: Amp, page: Page) -> None:
    sign_in(page, amp.origin, "wallboard", "let-the-wallboard-in", view="calls")
    page.get_by_text("Calls that began before you looked are missing of: sim1, sim2.").wait_for()
    rows(page).first.wait_for()
    assert page.get_by_role("link", name="Query").count() == 0
