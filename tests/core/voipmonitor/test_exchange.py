"""Exchanges in time: deadlines, losses, sizes."""

from __future__ import annotations

import math

import pytest

from amp.core.ami.framing import NEED_DATA
from amp.core.voipmonitor.command import parse_command
from amp.core.voipmonitor.exchange import Exchange, ExchangeLimits, ExchangeState
from amp.core.voipmonitor.exchange_events import ExchangeFailed, Failure, ReplyChunk, ReplyEnded
from amp.errors import LocalProtocolError

LIMITS = ExchangeLimits(connect_s=1, first_byte_s=10, progress_s=5, whole_s=30, reply_bytes=100)


def begin(line: bytes = b"getversion") -> Exchange:
    return Exchange(command=parse_command(line), cipher=None, limits=LIMITS, now=100.0)


def failure(talk: Exchange) -> ExchangeFailed:
    event = talk.next_event()
    assert isinstance(event, ExchangeFailed)
    assert talk.next_event() is NEED_DATA
    assert talk.over
    return event


def test_a_whole_exchange() -> None:
    talk = begin()
    assert talk.connected(100.5) == b"getversion\r\n\r\n"
    assert talk.next_event() is NEED_DATA
    talk.receive_data(b"2026", 101.0)
    talk.receive_data(b".04.0", 102.0)
    talk.receive_data(b"", 103.0)
    assert [talk.next_event() for _ in range(3)] == [
        ReplyChunk(b"2026"),
        ReplyChunk(b".04.0"),
        ReplyEnded(9, encrypted=False),
    ]
    assert talk.state is ExchangeState.DONE


def test_no_connection_means_not_sent() -> None:
    talk = begin()
    assert talk.next_deadline() == 101.0
    talk.handle_timeout(100.9)
    assert talk.next_event() is NEED_DATA
    talk.handle_timeout(101.0)
    assert failure(talk) == (Failure.NOT_CONNECTED, "getversion: no connection within 1 s", False, 0)


def test_a_refused_connection_means_not_sent() -> None:
    talk = begin()
    talk.connection_lost("connection refused")
    assert failure(talk) == (Failure.NOT_CONNECTED, "getversion: connection refused", False, 0)


def test_no_answer_is_a_hang() -> None:
    """Recording plain-sniffer_stat-blocked: the sniffer never answers while a lock is held."""
    talk = begin(b"sniffer_stat")
    talk.connected(100.5)
    assert talk.next_deadline() == 110.5
    talk.handle_timeout(110.5)
    failed = failure(talk)
    assert failed == (Failure.NO_ANSWER, "sniffer_stat: no answer within 10 s", True, 0)
    assert failed.failure.is_hang
    assert not failed.failure.doubts_key


def test_a_reply_that_stops_is_given_up() -> None:
    talk = begin()
    talk.connected(100.0)
    talk.receive_data(b"20", 103.0)
    assert talk.next_deadline() == 108.0
    talk.next_event()
    talk.handle_timeout(108.0)
    assert failure(talk) == (Failure.STALLED, "getversion: the reply stopped for 5 s", True, 2)


def test_a_reply_without_end_is_given_up() -> None:
    talk = begin()
    talk.connected(100.0)
    for second in range(8):
        talk.receive_data(b"", 100.0) if talk.over else talk.receive_data(b"x", 100.0 + 4 * second)
        talk.next_event()
    assert talk.next_deadline() == 130.0
    talk.handle_timeout(130.0)
    assert failure(talk)[:2] == (Failure.TOO_LONG, "getversion: no end of the reply within 30 s")


def test_streams_may_take_as_long_and_be_as_big_as_they_like() -> None:
    talk = begin(b"getfile a.pcap")
    talk.connected(100.0)
    for second in range(1000):
        talk.receive_data(b"x" * 100, 100.0 + 4 * second)
        assert isinstance(talk.next_event(), ReplyChunk)
    assert talk.next_deadline() == 100.0 + 4 * 999 + 5
    talk.receive_data(b"", 5000.0)
    assert talk.next_event() == ReplyEnded(100_000, encrypted=False)


def test_a_reply_that_is_too_big_is_given_up() -> None:
    talk = begin()
    talk.connected(100.0)
    talk.receive_data(b"x" * 101, 100.0)
    assert failure(talk)[:2] == (Failure.TOO_BIG, "getversion: a reply of over 100 bytes")
    talk.receive_data(b"more", 100.0)
    talk.connection_lost("reset")
    talk.handle_timeout(math.inf)
    assert talk.next_event() is NEED_DATA


def test_a_reset_is_no_end() -> None:
    """A sniffer that stops resets its connections: the reply is not complete."""
    talk = begin()
    talk.connected(100.0)
    talk.receive_data(b"20", 100.0)
    talk.next_event()
    talk.connection_lost("connection reset")
    assert failure(talk) == (Failure.CUT, "getversion: connection reset", True, 2)


def test_connecting_twice_is_our_mistake() -> None:
    talk = begin()
    talk.connected(100.0)
    with pytest.raises(LocalProtocolError, match="connected while await reply"):
        talk.connected(100.0)
