"""Every recorded exchange, read by amp in any chunking and held against an independent reading."""

from __future__ import annotations

import gzip
import math
import re
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from amp.core.ami.framing import NEED_DATA
from amp.core.voipmonitor.cipher import CIPHERS, Cipher, SnifferKey
from amp.core.voipmonitor.command import Command, parse_command
from amp.core.voipmonitor.commands import COMMANDS, CommandSpec, Rights
from amp.core.voipmonitor.exchange import Exchange
from amp.core.voipmonitor.exchange_events import (
    ExchangeEvent,
    ExchangeFailed,
    Failure,
    ReplyChunk,
    ReplyEnded,
)
from amp.errors import ProtocolError
from independent_aes import unseal
from replay import chunks, slices
from sniffer_recordings import KEYS, NAMES, Recording, recording

WRONG_KEY = {
    # The reply is the failure, whichever way it can be read.
    "aes128-empty-body",
    "aes128-name-20",
    "aes128-no-colon",
    "aes128-no-mark",
    "aes128-no-mark-half-close",
    "aes128-odd-length",
    "aes128-only-mark",
    "aes128-prefix-then-mark",
    "aes128-sea-inside",
    "aes128-sea-inside-tail-spaces",
    "aes128-sea-start",
    "aes128-sea-start-tail-spaces",
    "aes128-slow-split",
    "aes128-wrong-iv",
    "aes128-wrong-key",
    "aes256-wrong-name",
    "confkey-db-key",
    "mixed-wrong-key",
    "nokey-encrypted-request",
    "rotate-3-old-key-again",
    "rotate-4-old-key-read-with-new",
    "rotate-8-key-removed-encrypted",
}
NEED_KEY = {
    "aes256-plain-refused",
    "confkey-plain-listcalls",
    "keyed-plain-get_json_config-all",
    "keyed-plain-get_json_config-refused",
    "keyed-plain-getactivesniffers",
    "keyed-plain-help",
    "keyed-plain-listcalls",
    "keyed-plain-login_screen_popup",
    "keyed-plain-totalregisters",
    "rotate-5-plain-refused",
    "unix-tcp-listcalls-refused",
}
OTHER_MODES = {"aes128-ctr", "aes128-ecb", "aes128-key-as-aes256"}
"""Requests that amp never makes, with replies that it never has to read."""

REPLAYED = sorted(set(NAMES) - OTHER_MODES)


def line_of(case: Recording) -> bytes:
    """The command that was sent, read without amp's own code."""
    text = case.sent
    if case.key is not None:
        body = case.sent.partition(b":")[2].rpartition(b":sea")[0]
        try:
            text = unseal(cipher_name(case), case.key.key, case.key.iv, body)
        except ValueError:
            text = b"getversion"
    return re.split(rb"[\r\n\0]", text)[0]


def cipher_name(case: Recording) -> str:
    name = str(case.about["cipher"])
    return name if name in CIPHERS else "aes-256-cbc"


def command_of(case: Recording) -> Command:
    line = line_of(case)
    try:
        return parse_command(line)
    except ProtocolError:  # what amp would not send; the reply is read all the same
        word = line.split(b" ")[0].decode("latin-1")
        return Command(COMMANDS.get(word, CommandSpec(name=word or "none", rights=Rights.READ)))


def exchange(name: str, pieces: Iterable[bytes], key: SnifferKey | None = None) -> list[ExchangeEvent]:
    """What an exchange makes of these reads and the close behind them."""
    case = recording(name)
    key = key or case.key
    talk = Exchange(
        command=command_of(case), cipher=None if key is None else Cipher(cipher_name(case), key), now=0.0
    )
    assert talk.connected(0.0)
    events: list[ExchangeEvent] = []
    for piece in (*pieces, b""):
        talk.receive_data(piece, 0.0)
        while (event := talk.next_event()) is not NEED_DATA:
            events.append(event)
    assert talk.over
    assert talk.next_deadline() == math.inf
    return events


def expected(case: Recording) -> bytes:
    """The reply's text."""
    if not case.about["reply_encrypted"]:
        return case.received
    key = KEYS[case.about["reply_keys"]]
    return unseal(cipher_name(case), key.key, key.iv, case.received[4:])


def check(name: str, events: list[ExchangeEvent]) -> None:
    *chunk_events, end = events
    told = b"".join(event.data for event in chunk_events if isinstance(event, ReplyChunk))
    if name in WRONG_KEY | NEED_KEY:
        assert isinstance(end, ExchangeFailed)
        assert end.failure is (Failure.WRONG_KEY if name in WRONG_KEY else Failure.NEED_KEY)
        assert told == b""
        assert end.sent
        return
    case = recording(name)
    assert end == ReplyEnded(len(told), case.about["reply_encrypted"])
    assert told == expected(case)


@pytest.mark.parametrize("name", REPLAYED)
def test_every_recording_reads_as_it_was(name: str) -> None:
    for size in (1, 7, 16, 4096):
        check(name, exchange(name, slices(recording(name).received, size)))


@given(st.sampled_from(REPLAYED), strategies.cuts)
def test_any_chunking_reads_the_same(name: str, cuts: list[int]) -> None:
    check(name, exchange(name, chunks(recording(name).received, cuts)))


ENCRYPTED = [name for name in REPLAYED if recording(name).about["reply_encrypted"] and name not in WRONG_KEY]


@pytest.mark.parametrize("name", ENCRYPTED)
def test_another_key_never_reads_a_reply(name: str) -> None:
    """Nothing is told before it is sure that the key is right, as far as the first 36 bytes can tell."""
    *told, end = exchange(
        name, [recording(name).received], KEYS["wrong128"] if "256" not in name else _other()
    )
    if isinstance(end, ExchangeFailed):
        assert end.failure.doubts_key
    else:  # every 256th other key gives good padding by chance
        assert b"".join(event.data for event in told if isinstance(event, ReplyChunk)) != expected(
            recording(name)
        )


def _other() -> SnifferKey:
    return SnifferKey(bytes(32), bytes(16))


@pytest.mark.parametrize("name", ENCRYPTED)
def test_an_encrypted_reply_cut_short_is_noticed(name: str) -> None:
    """Nearly always: what is left has to end with something like padding."""
    received = recording(name).received
    for cut in (1, 15, 16, 17):
        if len(received) - cut > len(b"aes:"):
            end = exchange(name, [received[:-cut]])[-1]
            assert isinstance(end, ExchangeFailed)
            assert end.failure in (Failure.UNREADABLE, Failure.WRONG_KEY)


ZIPPED = [name for name in NAMES if recording(name).received[:2] == b"\x1f\x8b"]
JSON = [name for name in NAMES if recording(name).received[:1] in (b"[", b"{")]


@pytest.mark.parametrize("name", ZIPPED)
def test_a_packed_reply_cut_anywhere_is_noticed(name: str) -> None:
    assert len(ZIPPED) >= 5
    received = recording(name).received
    for size in range(2, len(received), 37):
        end = exchange(name, [received[:size]])[-1]
        assert isinstance(end, ExchangeFailed)
        assert end.failure is Failure.CUT


@pytest.mark.parametrize("name", [name for name in JSON if "listcalls" in name or "listregisters" in name])
def test_a_json_reply_cut_within_a_value_is_noticed(name: str) -> None:
    received = recording(name).received
    end = exchange(name, [received[: received.rindex(b",")]])[-1]
    assert isinstance(end, ExchangeFailed)
    assert end.failure is Failure.CUT


@pytest.mark.parametrize("name", ZIPPED)
def test_a_packed_reply_is_unpacked_where_asked(name: str) -> None:
    case = recording(name)
    talk = Exchange(command=command_of(case), cipher=None, unpack=True, now=0.0)
    talk.connected(0.0)
    told = b""
    for piece in (*slices(case.received, 5), b""):
        talk.receive_data(piece, 0.0)
        while isinstance(event := talk.next_event(), ReplyChunk):
            told += event.data
    assert told == gzip.decompress(case.received)


@given(
    st.sampled_from(["aes128-listcalls-26", "plain-listcalls-26", "aes128-getfile_zip"]),
    st.binary(),
    st.binary(),
)
def test_garbage_gives_an_end_and_nothing_else(name: str, garbage: bytes, tail: bytes) -> None:
    """Whatever comes, an exchange ends once."""
    for reply in (garbage, b"aes:" + garbage, recording(name).received[:50] + tail, b"\x1f\x8b" + garbage):
        *told, end = exchange(name, [piece for piece in (reply[:3], reply[3:]) if piece])
        assert isinstance(end, ExchangeFailed | ReplyEnded)
        assert all(isinstance(event, ReplyChunk) for event in told)
