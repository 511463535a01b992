"""The simulated sniffer against the real one's recordings: what is answered, how, and when."""

from __future__ import annotations

import json

import pytest
import trio

from amp.sim.sniffer.aes import Key
from amp.sim.sniffer.columns import CALL_COLUMNS, REGISTER_COLUMNS
from amp.sim.sniffer.sniffer import SimSniffer
from amp.sim.sniffer.stat import Stat, stat_json, stat_plain
from independent_aes import unseal
from sim.sniffer.talk import play
from sniffer_recordings import KEYS, NAMES, Recording, recording

NEEDS_TIME = {name for name in NAMES if "manager_file-stop" in name}
"""The real one polls for up to a second."""

UNLIKE = {
    "plain-startlivesniffer-no-table",  # hangs for ever
    "plain-sniffer_stat-blocked",
    "plain-split-bytes",  # the recording's client was too slow to see the reply
    "startup-empty",
    "aes128-key-as-aes256",  # nobody can know the key
}
LOOKED_LATE = {
    "plain-split-slow": 0.5,
    "aes128-slow-split": 0.5,
    "aes128-two-frames-later": 0.0,
    "plain-two-segments": 0.0,
}
"""When the reply was there; the recording's client looked only when it had sent everything."""
ENDLESS = {name for name in NAMES if "login_screen_popup-ok" in name}


def sniffer_of(case: Recording) -> SimSniffer:
    """A simulated sniffer set up as the real one was."""
    mode = str(case.about["mode"])
    name = None
    if "in the configuration" in mode:
        name = "conf128"
    elif case.name.startswith("rotate-"):
        name = {"1": "db128", "6": "db128", "9": "db128", "7": None, "8": None}.get(case.name[7], "rot128")
    elif "in the database" in mode:
        name = "db256" if "32 bytes" in mode else "db128"
    key = Key(KEYS[name].key, KEYS[name].iv) if name else None
    return SimSniffer(
        key=key, unencrypted="enable_unencrypted" in mode, build="local_build", popup_users={"a": "b"}
    )


def kind(reply: bytes, case: Recording, *, encrypted: bool) -> bytes | str:
    """What sort of reply it is: one of the sniffer's own short texts, or whether there is any."""
    if encrypted:
        key = KEYS[case.about["reply_keys"]]
        name = case.about["cipher"]
        if name.endswith(("ctr", "ecb")):
            return "encrypted"
        known = name if name in ("aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "aes256") else "aes-128-cbc"
        reply = unseal(known, key.key, key.iv, reply[4:])
    if reply in (
        b"need aes!\n",
        b"failed aes decrypt!\n",
        b"command not found\n",
        b"2026.04.0",
        b"yes",
        b"no",
    ):
        return reply
    return "something" if reply else "nothing"


@pytest.mark.parametrize("name", sorted(set(NAMES) - UNLIKE - NEEDS_TIME - ENDLESS))
async def test_requests_are_answered_as_the_real_one_did(
    name: str, autojump_clock: trio.testing.MockClock
) -> None:
    case = recording(name)
    local = "unix socket" in str(case.about["mode"])
    sniffer = sniffer_of(case)
    reply, seconds = await play(sniffer, case.segments(), half_close=case.about["half_close"], local=local)
    told = case.about["ms_to_first_byte"] or case.about["ms_to_eof"]
    assert seconds == pytest.approx(LOOKED_LATE.get(name, told / 1000), abs=0.05)
    encrypted = case.received.startswith(b"aes:")
    assert reply.startswith(b"aes:") == encrypted
    if case.about["reply_encrypted"] or not encrypted:
        theirs = kind(case.received, case, encrypted=encrypted)
        ours = kind(reply, case, encrypted=encrypted)
        assert ours == theirs or (theirs == "something" and name not in ANSWERED)


ANSWERED = {
    name
    for name in NAMES
    if any(word in name for word in ("listcalls", "listregisters", "totalcalls", "sniffer_stat", "getfile"))
}
"""What the simulated sniffer must have an answer to; other commands answer nothing there."""


def test_tables_have_the_recorded_columns() -> None:
    assert json.loads(recording("plain-listcalls-0").received)[0] == list(CALL_COLUMNS)
    assert json.loads(recording("plain-listregisters-0").received)[0] == list(REGISTER_COLUMNS)


def test_the_stat_of_a_sniffer_that_has_just_started_is_the_recorded_one() -> None:
    stat = Stat(version="2026.04.0", build="local_build", uptime_s=1.5, calls=0, registers=0)
    zeroes = {
        b"100.0": b"0.0",
        b"4.9": b"0.0",
        b": 2,": b": 0,",
        b"106": b"0",
        b"0.14": b"0.00",
        b'": 0.1,"u': b'": 0.0,"u',
    }
    ours = stat_json(stat)
    for busy, idle in zeroes.items():
        ours = ours.replace(busy, idle)
    assert ours == recording("plain-sniffer_stat-initializing").received


def test_the_plain_stat_has_the_recorded_keys() -> None:
    stat = Stat(version="2026.04.0", build="local_build", uptime_s=90, calls=26, registers=12)
    theirs = recording("plain-sniffer_stat-plain-26").received
    assert _keys(stat_plain(stat)) == _keys(theirs)
    early = Stat(version="2026.04.0", build="local_build", uptime_s=1, calls=0, registers=0)
    initializing = _keys(recording("plain-sniffer_stat-plain-initializing").received)
    assert sorted(_keys(stat_plain(early))) == sorted(initializing)


def _keys(reply: bytes) -> list[bytes]:
    return [line.partition(b"=")[0] for line in reply.splitlines()]
