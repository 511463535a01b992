"""Rewriting: our ActionID in, theirs back, ``Server`` last, and every other byte as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.ami.frame import Frame
from amp.core.ami.ids import ActionIds
from amp.core.ami.rewrite import (
    ACTION_ID,
    MAX_HEADERS,
    MAX_LINE_BYTES,
    find_action_id,
    restore_action_id,
    to_wire,
    with_server,
    without_server,
)
from amp.errors import LocalProtocolError

IDS = ActionIds(b"9f3")
SAFE = st.binary().filter(lambda data: not set(data) & set(b"\r\n\0"))


def action(*lines: bytes) -> Frame:
    return Frame.parse(b"\r\n".join(lines))


def test_our_action_id_stands_behind_the_action() -> None:
    """The client's lines keep their order and their bytes; its ActionIDs go, the first and further ones."""
    sent = action(
        b"ACTION:  Status", b"Channel: a", b"actionid: 1", b"no header", b": x", b"Foo: \xe9 ", b"ActionID: 2"
    )
    assert to_wire(sent, b"amp9f3.1.1-1") == (
        b"ACTION: Status\r\nActionID: amp9f3.1.1-1\r\nChannel: a\r\nno header\r\n: x\r\nFoo: \xe9 \r\n\r\n"
    )


@pytest.mark.parametrize("name", [b"Server", b"SERVER", b"ProxyKey", b"ProxyAction", b"proxykey"])
def test_what_is_meant_for_amp_does_not_go_upstream(name: bytes) -> None:
    sent = action(b"Action: Ping", name + b": pbx1", b"X-" + name + b": stays")
    assert to_wire(sent, b"i") == b"Action: Ping\r\nActionID: i\r\nX-" + name + b": stays\r\n\r\n"


@pytest.mark.parametrize("name", [b"ActionID", b"server", b"ProxyKey", b"ProxyAction"])
@pytest.mark.parametrize("form", [b"%s ", b" %s", b"\t%s \t"])
def test_nor_does_it_with_blanks_around_its_name(name: bytes, form: bytes) -> None:
    """Asterisk takes it for another header, and a UserEvent would show it to everybody."""
    sent = action(b"Action: UserEvent", form % name + b": x", b" Other : y")
    assert to_wire(sent, b"i") == b"Action: UserEvent\r\nActionID: i\r\n Other : y\r\n\r\n"


def test_a_frame_that_amp_made() -> None:
    assert (
        to_wire(Frame.of(("Action", "Ping"), ("ActionID", "mine")), b"i")
        == b"Action: Ping\r\nActionID: i\r\n\r\n"
    )


@pytest.mark.parametrize(
    "made",
    [
        Frame.of(("Action", "Ping\r\nAction: Command")),
        Frame.of(("Action", "Ping"), ("Server: x", "y")),
        Frame.of(("Action", "Ping"), ("", "Foo: bar")),
        Frame(()),
    ],
)
def test_a_frame_that_amp_made_is_checked(made: Frame) -> None:
    with pytest.raises(LocalProtocolError):
        to_wire(made, b"i")


@pytest.mark.parametrize("bad", [b"a\rb", b"a\0b"])
def test_no_control_bytes_go_upstream(bad: bytes) -> None:
    """The reader refuses them already; should one get in another way it ends here."""
    with pytest.raises(LocalProtocolError, match="no CR, LF or NUL"):
        to_wire(action(b"Action: Ping", b"Foo: " + bad), b"i")
    with pytest.raises(LocalProtocolError, match="no CR, LF or NUL"):
        to_wire(Frame(((b"Action", b"Ping"), (b"", b"")), b"Action: Ping\r\n"), b"i")


def test_line_limit() -> None:
    """1022 bytes pass, 1023 are refused in Asterisk's words (recording limit-line)."""
    fits = b"X: " + b"x" * (MAX_LINE_BYTES - 3)
    assert fits in to_wire(action(b"Action: Ping", fits), b"i")
    with pytest.raises(LocalProtocolError) as refusal:
        to_wire(action(b"Action: Ping", fits + b"x"), b"i")
    assert refusal.value.reply_hint == "Failed to parse message: line too long"


def test_header_limit() -> None:
    """128 lines with our ActionID pass, 129 do not (recording limit-headers)."""
    lines = [b"Action: Ping", *[b"X-%d: 0" % n for n in range(MAX_HEADERS - 2)]]
    assert to_wire(action(*lines), b"i").count(b"\r\n") == MAX_HEADERS + 1
    assert to_wire(action(*lines, b"Server: pbx", b"ActionID: 1"), b"i")
    with pytest.raises(LocalProtocolError) as refusal:
        to_wire(action(*lines, b"X: one more"), b"i")
    assert refusal.value.reply_hint == "Too many lines in message or allocation failure"


def test_an_action_id_too_long_to_be_rewritten() -> None:
    """It has an error of its own, which says how long one may be; and that much is indeed taken."""
    longest = MAX_LINE_BYTES - len(b"ActionID: " + IDS.make(1, 1, b""))

    def send(length: int) -> bytes:
        original = b"a" * length
        return to_wire(action(b"Action: Ping", b"ActionID: " + original), IDS.make(1, 1, original))

    assert send(longest)
    with pytest.raises(LocalProtocolError) as refusal:
        send(longest + 3)
    assert refusal.value.reply_hint == f"ActionID too long: {longest + 3} bytes, at most {longest}"


MARK = ACTION_ID + IDS.prefix
ANSWER = b"Response: Success\r\nActionID: amp9f3.1.1-x\r\nMessage: m"
ITEM = b"Event: QueueParams\r\nQueue: q\r\nActionID: amp9f3.1.1-x"


@pytest.mark.parametrize(
    ("raw", "original", "expected"),
    [
        (ANSWER, b"x", b"Response: Success\r\nActionID: x\r\nMessage: m"),
        (ANSWER, b"", b"Response: Success\r\nMessage: m"),
        (ITEM, b"x", b"Event: QueueParams\r\nQueue: q\r\nActionID: x"),
        (ITEM, b"", b"Event: QueueParams\r\nQueue: q"),
        (
            b"Event: A\r\nActionID: o\r\nActionID: amp9f3.1.1-x",
            b"x",
            b"Event: A\r\nActionID: o\r\nActionID: x",
        ),
    ],
)
def test_the_clients_action_id_comes_back(raw: bytes, original: bytes, expected: bytes) -> None:
    assert restore_action_id(raw, *find_action_id(raw, MARK), original) == expected


@pytest.mark.parametrize("raw", [b"Event: A\r\nActionID: other", b"Event: A\r\nNote: ActionID: amp9f3.1.1-x"])
def test_only_a_line_of_ours_is_found(raw: bytes) -> None:
    assert find_action_id(raw, MARK) == (0, -1)


@given(SAFE.filter(bool), SAFE)
def test_any_action_id_makes_the_round_trip(original: bytes, value: bytes) -> None:
    """Ours in, Asterisk's answer, theirs back: not a byte is lost."""
    wire_id = IDS.make(1, 2, original)
    raw = b"Response: Success\r\nActionID: " + wire_id + b"\r\nValue: " + value
    assert restore_action_id(raw, *find_action_id(raw, MARK), original) == raw.replace(wire_id, original, 1)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Event: A\r\nB: c", b"Event: A\r\nB: c\r\nServer: pbx1\r\n\r\n"),
        (
            b"Event: U\r\nserver: x\r\nSERVER:y",
            b"Event: U\r\nUserserver: x\r\nUserSERVER:y\r\nServer: pbx1\r\n\r\n",
        ),
        (b"Event: U\r\nSIP-Server: x", b"Event: U\r\nSIP-Server: x\r\nServer: pbx1\r\n\r\n"),
        (b"Server: odd piece", b"UserServer: odd piece\r\nServer: pbx1\r\n\r\n"),
        (
            b"Response: Follows\r\nPrivilege: Command\r\nActionID: 1\r\nServer: x\nline\n--END COMMAND--",
            b"Response: Follows\r\nPrivilege: Command\r\nActionID: 1\r\nServer: pbx1\r\nServer: x\nline\n"
            b"--END COMMAND--\r\n\r\n",
        ),
        (
            b"Response: Follows\r\nraw\n--END COMMAND--",
            b"Response: Follows\r\nServer: pbx1\r\nraw\n--END COMMAND--\r\n\r\n",
        ),
    ],
)
def test_server_is_the_last_header(raw: bytes, expected: bytes) -> None:
    """And nothing that the server says can pose as that header."""
    assert with_server(raw, b"pbx1") == expected


@given(SAFE, st.sampled_from([b"pbx1", b"Server: x"]))
def test_the_server_comes_off_again(value: bytes, server: bytes) -> None:
    """From plain frames and from the raw output of old ones."""
    for raw in (b"Event: A\r\nB: " + value, b"Response: Follows\r\nPrivilege: P\r\nxx\n" + value):
        assert without_server(with_server(raw, server)[:-4]) == (raw, server)


@pytest.mark.parametrize(
    "frame", [b"Response: Success", b"Event: A\r\nUserServer: x", b"Response: Follows\r\nx", b""]
)
def test_where_there_is_none_nothing_comes_off(frame: bytes) -> None:
    assert without_server(frame) == (frame, b"")
