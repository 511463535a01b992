"""Answers in a client's own format: nothing is lost, nothing is taken for something else."""

from __future__ import annotations

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.ami import replies
from amp.core.ami.rewrite import with_server
from amp.core.fanout.cutter import FrameCutter
from amp.core.formats.dress import Answer, Dresser, take_apart
from amp.core.formats.format import Format
from amp.core.formats.json import JSON
from amp.core.formats.standard import STANDARD
from amp.core.formats.xml import XML
from core.formats.judges import objects, odd_bytes, roots
from replay import AMI_NAMES, recording

LEGACY = b"Response: Follows\r\nPrivilege: Command\r\nActionID: 7\r\n"
OUTPUT = b"one\r\n\r\nServer: two\r\n\r\nthree\n--END COMMAND--"
OWN = b"Response: Success\r\nPing: Pong"


def sent(answers: list[Answer]) -> bytes:
    """What the router and the sessions make of these."""
    return b"".join(
        with_server(frame, server) if server else frame + b"\r\n\r\n" for frame, server in answers
    )


@given(st.lists(st.tuples(odd_bytes, st.sampled_from([b"pbx1", b"Server: x", "münchen".encode()]))))
def test_servers_answers_come_apart_as_they_were(odd: list[tuple[bytes, bytes]]) -> None:
    """Whatever bytes a server sent: one frame each, as the cutter cut it, and the name that amp added."""
    answers = [
        Answer(frame, server)
        for data, server in odd
        for frame in FrameCutter().feed(data + b"\r\n\r\n")
        if not frame.startswith(b"Response: Follows\r\n")
    ]
    shown = [Answer(with_server(frame, server)[: -len(server) - 14], server) for frame, server in answers]
    assert take_apart(sent(answers)) == shown
    assert take_apart(sent(shown)) == shown, "a UserServer stays one"


def test_amps_own_answers_are_about_no_server_or_about_the_one_they_name() -> None:
    data = replies.pong(b"1", 2.0) + replies.error(b"2", "Not sent", b"pbx1") + replies.wait_event_done(None)
    assert take_apart(data) == [
        (b"Response: Success\r\nActionID: 1\r\nPing: Pong\r\nTimestamp: 2.000000", b""),
        (b"Response: Error\r\nActionID: 2\r\nMessage: Not sent", b"pbx1"),
        (b"Response: Success\r\nMessage: Waiting for Event completed.", b""),
        (b"Event: WaitEventComplete", b""),
    ]


def test_the_output_of_an_old_command_stays_in_one_piece() -> None:
    """It may hold blank lines, and its Server stands before it."""
    answers = [Answer(OWN, b""), Answer(LEGACY + OUTPUT, b"pbx1"), Answer(OWN, b"pbx2")]
    assert take_apart(sent(answers)) == answers
    whole = Answer(LEGACY + b"one line\n--END COMMAND--", b"pbx1")
    assert take_apart(sent([whole, *answers])) == [whole, *answers]


def test_what_looks_like_the_beginning_of_one_swallows_nothing() -> None:
    """A value with raw line ends can forge it; every frame behind it still ends in amp's Server."""
    forged = [
        Answer(LEGACY + b"no end", b"pbx1"),
        Answer(b"Event: X\r\nNote: --END COMMAND--", b"pbx1"),
        Answer(OWN, b""),
        Answer(LEGACY + b"another", b"pbx1"),
        Answer(LEGACY + b"whole\n--END COMMAND--", b"pbx1"),
        Answer(OWN, b"pbx1"),
    ]
    assert take_apart(sent(forged)) == forged
    assert take_apart(b"Response: Follows\r\nno Server\r\n\r\n") == [(b"Response: Follows\r\nno Server", b"")]


@pytest.mark.parametrize("name", AMI_NAMES)
def test_recorded_answers_in_the_standard_format_stay_as_they_are(name: str) -> None:
    data = sent([Answer(frame, b"pbx1") for frame in recording(name).frames])
    assert Dresser(STANDARD).dress(data) == data


def test_each_server_is_named_in_its_frames() -> None:
    data = sent([Answer(b"Event: A", b"pbx1"), Answer(b"Event: B", b"pbx1"), Answer(b"Event: C", b"pbx2")])
    assert objects(Dresser(JSON).dress(data + OWN + b"\r\n\r\n")) == [
        {"Event": "A", "Server": "pbx1"},
        {"Event": "B", "Server": "pbx1"},
        {"Event": "C", "Server": "pbx2"},
        {"Response": "Success", "Ping": "Pong"},
    ]


def test_screens_hide_and_change_one_after_the_other() -> None:
    """They see the frames of a turn in order, with the server of each; the format sees what is left."""

    def hide(answers: list[Answer]) -> list[Answer]:
        return [answer for answer in answers if b"secret" not in answer.frame]

    def number(answers: list[Answer]) -> list[Answer]:
        return [Answer(b"%s\r\nN: %d" % (one.frame, n), one.server) for n, one in enumerate(answers)]

    data = sent([Answer(b"Event: secret", b"pbx1"), Answer(b"Event: A", b"pbx1"), Answer(OWN, b"")])
    dressed = Dresser(XML, [hide, number]).dress(data)
    assert roots(dressed) == [
        [("Event", None, "A"), ("N", None, "0"), ("Server", None, "pbx1")],
        [("Response", None, "Success"), ("Ping", None, "Pong"), ("N", None, "1")],
    ]
    assert Dresser(STANDARD, [hide]).dress(sent([Answer(b"Event: secret", b"p")])) == b""


def test_a_format_gets_the_frames_of_a_server_together() -> None:
    """One call for each run of frames of one server: a list's items are many."""
    calls: list[tuple[int, bytes]] = []

    def render(frames: object, server: bytes) -> bytes:
        assert isinstance(frames, list)
        calls.append((len(frames), server))
        return b""

    answers = [Answer(b"Event: A", b"a")] * 3 + [Answer(b"Event: B", b"b")] * 2
    assert Dresser(Format(name="none", render=render)).dress(sent(answers)) == b""
    assert calls == [(len(list(some)), server) for server, some in groupby(answers, lambda one: one.server)]
