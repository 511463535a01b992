"""Every recorded request, put to amp in the sniffer's place: what is run, and when."""

from __future__ import annotations

import math

import pytest

from amp.core.ami.framing import NEED_DATA, NeedData
from amp.core.voipmonitor.cipher import SnifferKey
from amp.core.voipmonitor.commands import COMMANDS
from amp.core.voipmonitor.listener import NOT_FOUND, Answered, CommandAsked, ListenerConnection
from amp.core.voipmonitor.reply import FAILED_DECRYPT, NEED_AES
from amp.core.voipmonitor.rights import SnifferGrant
from core.voipmonitor.test_reply_recordings import OTHER_MODES, WRONG_KEY, cipher_name, expected, line_of
from independent_aes import unseal
from sniffer_recordings import KEYS, NAMES, Recording, recording

EVERYTHING = SnifferGrant(frozenset(COMMANDS), gui=True, admin=True)

FOUND_BY_SUBSTRING = {
    "plain-http",
    "plain-leading-space",
    "plain-substring",
    "plain-substring-args",
    "plain-substring-order",
}
"""What the sniffer runs, and amp does not."""

REFUSED = {
    "keyed-plain-get_json_config-all",  # would show the key
    "keyed-plain-getversion-listcalls",
    "confkey-get_json_config-key",
    "plain-get_sensor_information-noarg",
    "plain-listcalls-badjson",
    "plain-long-100000",
    "plain-tab",
    "aes128-sea-start-avoided",  # getbuild takes no arguments
}
"""What the sniffer takes although its arguments are wrong or would show its key."""


def key_of(case: Recording) -> SnifferKey | None:
    """The key that the sniffer had at that time."""
    mode = str(case.about["mode"])
    if "configuration" in mode:
        return KEYS["conf128"]
    if "32 bytes" in mode:
        return KEYS["db256"]
    if case.name.startswith("rotate-"):
        return {"2": KEYS["rot128"], "3": KEYS["rot128"], "4": KEYS["rot128"], "5": KEYS["rot128"]}.get(
            case.name[7], None if case.name[7] in "78" else KEYS["db128"]
        )
    return KEYS["db128"] if "16 bytes" in mode else None


def listen(case: Recording) -> tuple[CommandAsked | Answered | NeedData, float]:
    """What amp makes of the request, and after how many seconds."""
    mode = str(case.about["mode"])
    open_door = "enable_unencrypted" in mode or "unix socket, plain" in mode
    conn = ListenerConnection(key=key_of(case), grant=EVERYTHING, plain_everything=open_door, now=0.0)
    now = 0.0
    for pause, data in case.segments():
        if conn.next_deadline() <= now + pause:
            now = conn.next_deadline()
            break
        now += pause
        conn.receive_data(data, now)
    if case.about["half_close"]:
        conn.receive_data(b"", now)
    event = conn.next_event()
    if event is NEED_DATA:
        now = conn.next_deadline() if now < conn.next_deadline() < 30 else now
        conn.handle_timeout(now)
        event = conn.next_event()
    assert conn.next_deadline() == math.inf
    return event, now


def text_of(answered: Answered, case: Recording) -> bytes:
    """An answer of amp's own, read with the key that the sniffer had."""
    key = key_of(case)
    if not answered.data.startswith(b"aes:"):
        return answered.data
    assert key is not None
    return unseal(cipher_name(case), key.key, key.iv, answered.data[4:])


@pytest.mark.parametrize("name", NAMES)
def test_requests_are_read_as_the_sniffer_reads_them(name: str) -> None:
    case = recording(name)
    event, _ = listen(case)
    if isinstance(event, CommandAsked):
        assert event.command.line().split() == line_of(case).split()
        popup = event.command.name == "login_screen_popup"
        assert (event.cipher is None) == (case.key is None or popup)
        assert name not in OTHER_MODES | FOUND_BY_SUBSTRING | REFUSED
        return
    assert isinstance(event, Answered)
    said = text_of(event, case)
    if name in OTHER_MODES | FOUND_BY_SUBSTRING:
        assert said == NOT_FOUND
    elif name in REFUSED:
        assert said.startswith(b"error: ") or said == NOT_FOUND
    elif said.startswith(b"error: "):
        pytest.fail(said.decode())
    else:
        # One error for what cannot be decrypted and for what is unknown.
        assert said == (NOT_FOUND if name in WRONG_KEY and key_of(case) else expected(case))


SLOW_TO_RUN = {"aes128-manager_file-stop", "keyed-plain-manager_file-stop", "plain-manager_file-stop"}


@pytest.mark.parametrize("name", sorted(set(NAMES) - SLOW_TO_RUN))
def test_requests_are_run_when_the_sniffer_runs_them(name: str) -> None:
    case = recording(name)
    # Where nothing was answered (an empty reply, no table) the close tells the time, or nobody does.
    told = case.about["ms_to_first_byte"] or case.about["ms_to_eof"]
    if told is None or name == "plain-split-slow" or name == "aes128-slow-split":
        return  # the client was late in looking
    _, seconds = listen(case)
    pauses = sum(pause for pause, _ in case.segments())
    late = told / 1000 - seconds
    assert late > -0.005
    # Bytes sent one by one took the recording's client time between them.
    assert late < 0.1 or pauses or name == "aes128-split-bytes" or seconds == 0.5


def test_own_texts_are_the_sniffers() -> None:
    assert recording("plain-unknown").received == NOT_FOUND
    assert recording("keyed-plain-listcalls").received == NEED_AES
    assert recording("nokey-encrypted-request").received == FAILED_DECRYPT
