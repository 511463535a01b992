"""What calls are made of, and what was missed: the modules of the page, in the browser that runs them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from dashboard.stage import Amp

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCENE = """async (steps) => {
    const { CallBook } = await import("/static/js/calls/book.js");
    const book = new CallBook();
    for (const [what, ...facts] of steps) book[what](...facts);
    return [...book.rows().values()].map(({ server, from, to, state, note, began, parts }) =>
        ({ server, from, to, state, note, began, parts: parts.length }));
}"""


@pytest.fixture(scope="module")
def modules(browser: Browser, amp: Amp) -> Iterator[Page]:
    """A page that can load the modules."""
    page = browser.new_page()
    page.goto(amp.origin)
    yield page
    page.close()


def told(event: str, unique: str, *, at: int = 1000, linked: str = "1.0", **headers: str) -> list[Any]:
    """An event of a channel."""
    named = {"Channel": f"PJSIP/{unique}", "Uniqueid": unique, "Linkedid": linked, **headers}
    return ["take", {"server": "pbx1", "event": event, "headers": {"Event": event, **named}}, at]


def seen(event: str, **headers: str) -> list[Any]:
    """An event of a sniffer's call."""
    named = {"CallID": "a@b", "SensorID": "1", "CallReference": "r1", **headers}
    return ["take", {"server": "s1", "event": event, "headers": named}, 9000]


NEW = told(
    "Newchannel", "1.0", ChannelState="4", CallerIDNum="100", CallerIDName="Ann", Exten="200", Context="in"
)
CALLED = told("Newchannel", "1.1", ChannelState="5", CallerIDNum="200", CallerIDName="<unknown>", Exten="s")
LISTED = {"Event": "CoreShowChannel", "Channel": "PJSIP/1.0", "Uniqueid": "1.0", "Linkedid": "1.0"}
COLUMNS = ["callreference", "callid", "id_sensor", "caller", "called", "callerip", "src_mosf1", "callercodec"]
ROW = ["hidden", "a@b", 1, "100", "200", 167772169, 44, 8, "more", "than", "columns"]


def calls(modules: Page, *steps: list[Any]) -> list[dict[str, Any]]:
    """What is in the table then."""
    found = modules.evaluate(SCENE, list(steps))
    assert isinstance(found, list)
    return found


def test_a_call_rings_talks_is_held_and_ends(modules: Page) -> None:
    up = [told("Newstate", unique, ChannelState="6") for unique in ("1.0", "1.1")]
    bridged = [told("BridgeEnter", unique, BridgeUniqueid="b") for unique in ("1.0", "1.1")]
    held = told("Hold", "1.1")
    ends = [told("Hangup", "1.1"), told("Hangup", "1.0")]
    story = [NEW, CALLED, *up, *bridged, held]
    states = [calls(modules, *story[:length])[0]["state"] for length in (1, 2, 4, 6, 7)]
    assert states == ["dialing", "ringing", "answered", "talking", "on hold"]
    (call,) = calls(modules, *story)
    assert (call["from"], call["to"], call["note"], call["parts"]) == ("Ann · 100", "200", "2 channels", 2)
    assert call["began"] == 1000
    assert calls(modules, *story, *ends) == []


def test_two_calls_that_become_one(modules: Page) -> None:
    other = told("Newchannel", "2.0", linked="2.0", ChannelState="6")
    assert len(calls(modules, NEW, other)) == 2
    (call,) = calls(modules, NEW, other, told("BridgeEnter", "2.0", linked="1.0", BridgeUniqueid="b"))
    assert call["parts"] == 2


def test_a_channel_that_only_dialling_tells_of(modules: Page) -> None:
    dial = ["take", {"server": "pbx1", "event": "DialBegin", "headers": {
        "Channel": "PJSIP/1.0", "Uniqueid": "1.0", "Linkedid": "1.0", "ChannelState": "4",
        "DestChannel": "PJSIP/1.1", "DestUniqueid": "1.1", "DestLinkedid": "1.0", "DestChannelState": "5",
        "DestCallerIDNum": "200",
    }}, 1000]  # fmt: skip
    (call,) = calls(modules, dial)
    assert (call["state"], call["to"], call["parts"]) == ("ringing", "200", 2)


def test_a_list_and_the_events_around_it(modules: Page) -> None:
    """What ended while the list was on its way is not there; what began is; what is not listed has ended."""
    late = told("Newchannel", "3.0", linked="3.0")
    list_of = ["fill", "pbx1", "asterisk", [{**LISTED, "Duration": "00:01:05"}], 100_000]
    expect = ["expect", "pbx1", "asterisk"]
    (call,) = calls(modules, expect, list_of)
    assert call["began"] == 35_000
    assert calls(modules, NEW, expect, told("Hangup", "1.0"), list_of) == []
    assert len(calls(modules, expect, late, list_of)) == 2
    assert len(calls(modules, late, expect, list_of)) == 1


def test_a_server_that_is_lost_has_no_calls(modules: Page) -> None:
    down = ["take", {"server": "pbx1", "event": "ServerDown", "headers": {}}, 1000]
    assert calls(modules, NEW, down) == []
    assert calls(modules, NEW, ["clear", "pbx1"]) == []


def test_a_call_that_a_sniffer_sees(modules: Page) -> None:
    start = seen("SnifferCallStart", Caller="100", CallerName="Ann", Called="200", Duration="1")
    rings = seen("SnifferCallUpdate", LastSIPResponseNum="180")
    talks = seen(
        "SnifferCallUpdate",
        LastSIPResponseNum="200",
        ConnectDuration="2",
        SrcMOSF1="4.4",
        DstMOSF1="3.9",
        CallerCodec="8",
    )
    refused = seen("SnifferCallUpdate", LastSIPResponseNum="486")
    story = [start, rings, talks]
    assert [calls(modules, *story[:length])[0]["state"] for length in (1, 2, 3)] == [
        "dialing",
        "ringing",
        "talking",
    ]
    (call,) = calls(modules, *story)
    assert (call["from"], call["to"], call["note"]) == ("Ann · 100", "200", "PCMA, MOS 3.9")
    assert call["began"] == 8000
    (failed,) = calls(modules, start, refused)
    assert (failed["state"], failed["note"]) == ("failed", "SIP 486")
    assert calls(modules, *story, seen("SnifferCallEnd")) == []


def test_a_sniffers_list_and_its_events_are_the_same_calls(modules: Page) -> None:
    """The list hides the reference; the Call-ID joins them, and a second call of that id is another one."""
    listed = ["fill", "s1", "voipmonitor", [COLUMNS, [{"total": 1}], ROW], 9000]
    (call,) = calls(modules, listed)
    assert (call["from"], call["to"], call["note"]) == ("100", "200", "PCMA, MOS 4.4")
    update = seen("SnifferCallUpdate", LastSIPResponseNum="200")
    assert len(calls(modules, listed, update)) == 1
    assert calls(modules, listed, update, seen("SnifferCallEnd")) == []
    assert len(calls(modules, listed, update, seen("SnifferCallStart", CallReference="r2"))) == 2
    expect = ["expect", "s1", "voipmonitor"]
    (merged,) = calls(modules, expect, update, listed)
    assert (merged["from"], merged["state"]) == ("100", "talking")
    assert calls(modules, expect, seen("SnifferCallEnd"), listed) == []
    assert calls(modules, listed, ["fill", "s1", "voipmonitor", [COLUMNS], 9000]) == []
    assert calls(modules, listed, ["take", {"server": "s1", "event": "SnifferDown", "headers": {}}, 1]) == []


MISSED = """async (steps) => {
    const { Missed } = await import("/static/js/missed.js");
    return new Promise((told) => {
        const missed = new Missed(told);
        for (const [what, ...facts] of steps) missed[what](...facts);
    });
}"""
AS_OF_NOW = {"pbx1": {"epoch": "e", "seq": 9}}


def test_what_was_missed_is_one_sentence(modules: Page) -> None:
    """What came later counts as little as what was there before; what is lost is told with its number."""
    early, late = ({"server": "pbx1", "epoch": "e", "seq": seq} for seq in (9, 10))
    gap = {"server": "pbx1", "from": 1, "to": 1200, "reason": "not in journal"}
    back: list[list[Any]] = [["lost"], ["resumed", {"pbx1": {"epoch": "e", "seq": 0}}, AS_OF_NOW]]

    def said(*steps: list[Any]) -> str:
        words = modules.evaluate(MISSED, list(steps))
        return re.sub(r"after \d+ s", "after a while", words)

    assert said(*back, ["event", early], ["event", late]) == (
        "Back after a while: 1 event caught up, nothing is missing."
    )
    assert said(*back, ["gap", gap], ["event", early]) == (
        "Back after a while: 1 event caught up; pbx1: 1,200 events missing, amp does not have them any more."
    )
    assert said(["gap", {**gap, "reason": "slow client"}]) == (
        "pbx1: 1,200 events missing, this page was too slow."
    )
    assert said(*back, ["gap", gap], ["event", early], *back, ["event", early]) == (
        "Back after a while: 2 events caught up; pbx1: 1,200 events missing, amp does not have them any more."
    )


POLLED = """async (times) => {
    const { Poll } = await import("/static/js/poll.js");
    const answers = [];
    let asked = 0;
    const poll = new Poll(() => { asked += 1; return new Promise((done) => answers.push(done)); }, 1e6);
    const settled = () => new Promise((done) => setTimeout(done));
    const seen = [];
    for (const what of times) {
        if (what === "answer") answers.shift()();
        else poll[what]();
        await settled();
        seen.push(asked);
    }
    poll.stop();
    return seen;
}"""


def test_what_is_asked_again_and_again_is_asked_once_at_a_time(modules: Page) -> None:
    """Many reasons to ask while an answer is on its way are one question more; none when nobody wants it."""

    def asked(*steps: str) -> object:
        return modules.evaluate(POLLED, list(steps))

    assert asked("start", "start", "start", "answer", "answer") == [1, 1, 1, 2, 2]
    assert asked("start", "answer", "start") == [1, 1, 2]
    assert asked("start", "start", "stop", "answer") == [1, 1, 1, 1]
    assert asked("start", "stop", "start", "answer", "answer") == [1, 1, 1, 2, 2]
