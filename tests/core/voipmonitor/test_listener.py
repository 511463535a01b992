"""What the recordings of requests do not show: chunking, rights, bounds, answers of amp's own."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from amp.core.ami.framing import NEED_DATA
from amp.core.voipmonitor.cipher import Cipher, SnifferKey
from amp.core.voipmonitor.command import parse_command
from amp.core.voipmonitor.listener import Answered, CommandAsked, ListenerConnection
from amp.core.voipmonitor.reply_encoder import encode_reply
from amp.core.voipmonitor.request import encode_request
from amp.core.voipmonitor.rights import SnifferGrant
from amp.errors import LocalProtocolError
from independent_aes import unseal
from replay import chunks
from sniffer_recordings import KEYS, recording

KEY = KEYS["db128"]
AES = Cipher("aes-128-cbc", KEY)
GUI = SnifferGrant.of("gui")


def conn(
    key: SnifferKey | None = None, grant: SnifferGrant = GUI, *, plain_everything: bool = False
) -> ListenerConnection:
    return ListenerConnection(key=key, grant=grant, plain_everything=plain_everything, now=0.0)


def ask(listener: ListenerConnection, *segments: bytes) -> CommandAsked | Answered:
    for segment in segments:
        listener.receive_data(segment, 0.0)
    listener.handle_timeout(0.5)
    event = listener.next_event()
    assert event is not NEED_DATA
    assert listener.next_event() is NEED_DATA
    return event


@given(
    st.sampled_from([b"listcalls", b'listcalls {"limit":"0"}', b"getfile a/b.pcap", b"getlivesniffer 5"]),
    st.sampled_from([None, AES, Cipher("aes-128-cbc", KEYS["conf128"])]),
    strategies.cuts,
)
def test_any_chunking_asks_the_same(line: bytes, cipher: Cipher | None, cuts: list[int]) -> None:
    """As long as the pieces come within half a second of one another."""
    request = encode_request(parse_command(line), cipher)
    event = ask(conn(cipher.key if cipher else None), *chunks(request, cuts))
    assert event == CommandAsked(parse_command(line), cipher)


@given(strategies.garbage | st.binary().map(lambda body: b"aes-128-cbc:" + body + b":sea"), strategies.cuts)
def test_garbage_is_a_command_or_an_answer(garbage: bytes, cuts: list[int]) -> None:
    for key in (None, KEY):
        listener = conn(key)
        for piece in chunks(garbage, cuts):
            listener.receive_data(piece, 0.0)
        listener.receive_data(b"", 0.0)
        assert isinstance(listener.next_event(), CommandAsked | Answered)


def test_half_a_second_of_silence_runs_what_there_is() -> None:
    """Each new segment restarts it (recording plain-split-slow)."""
    listener = conn()
    assert listener.next_deadline() == 30.0
    listener.receive_data(b"getver", 1.0)
    assert listener.next_deadline() == 1.5
    listener.receive_data(b"sion", 1.4)
    listener.handle_timeout(1.5)
    assert listener.next_event() is NEED_DATA
    assert listener.next_deadline() == 1.9
    listener.handle_timeout(1.9)
    assert listener.next_event() == CommandAsked(parse_command(b"getversion"), None)
    listener.receive_data(b"getbuild\r\n\r\n", 2.0)
    listener.handle_timeout(math.inf)
    assert listener.next_event() is NEED_DATA
    assert listener.next_deadline() == math.inf


def test_clients_may_not_take_for_ever() -> None:
    silent = conn()
    silent.handle_timeout(30.0)
    assert silent.next_event() == Answered(b"", "no request within 30 s")
    slow = conn()
    for tenth in range(4, 304, 4):
        slow.receive_data(b"x", tenth / 10)
        slow.handle_timeout(tenth / 10)
    assert slow.next_event() == Answered(b"", "no request within 30 s")


def test_requests_may_not_be_endless() -> None:
    listener = conn()
    while listener.next_deadline() < math.inf:
        listener.receive_data(b"x" * 65536, 0.0)
    assert listener.next_event() == Answered(b"", "request of over 2097152 bytes")


def test_nothing_asked_is_closed_without_a_reply() -> None:
    """Recordings plain-nothing-half-close, plain-empty-line, aes128-empty-command."""
    assert ask(conn(), b"") == Answered(b"", "empty request")
    assert ask(conn(), b"\r\n\r\n") == Answered(b"", "empty request")
    assert ask(conn(KEY), b"aes-128-cbc:" + AES.encrypt(b"") + b":sea") == Answered(b"", "empty request")


def test_rights_are_the_listeners() -> None:
    refused = b"error: getfile: not among your sniffer commands\n"
    event = ask(conn(grant=SnifferGrant()), b"getfile a\r\n\r\n")
    assert event == Answered(refused, "getfile: not among your sniffer commands")
    event = ask(conn(KEY, SnifferGrant()), encode_request(parse_command(b"getfile a"), AES))
    assert event == Answered(encode_reply(refused, AES), "getfile: not among your sniffer commands")


def test_wrong_arguments_are_told() -> None:
    assert ask(conn(), b"getfile\r\n\r\n") == Answered(
        b"error: getfile: file is missing\n", "getfile: file is missing"
    )


def test_a_key_is_needed_where_the_sniffer_needs_it() -> None:
    assert ask(conn(KEY), b"listcalls\r\n\r\n") == Answered(
        b"need aes!\n", "listcalls: plain, but the listener has a key"
    )
    assert isinstance(ask(conn(KEY), b"totalcalls\r\n\r\n"), CommandAsked)
    assert isinstance(ask(conn(KEY, plain_everything=True), b"listcalls\r\n\r\n"), CommandAsked)
    assert isinstance(ask(conn(), b"listcalls\r\n\r\n"), CommandAsked)


def test_what_is_about_the_connection_amp_answers_itself() -> None:
    for line, answer in [
        (b"support_aes", b"yes"),
        (b"exists_aes_key", b"yes"),
        (b"need_aes", b"need aes!\n"),
        (b"failed_aes_decrypt", b"failed aes decrypt!\n"),
    ]:
        event = ask(conn(KEY), line)
        assert isinstance(event, Answered)
        assert event.data == answer
    assert ask(conn(), b"exists_aes_key") == Answered(b"no", "exists_aes_key answered by amp")


def test_the_popup_stream_is_never_encrypted() -> None:
    event = ask(conn(KEY), recording("aes128-login_screen_popup-ok").sent)
    assert isinstance(event, CommandAsked)
    assert event.cipher is None


@pytest.mark.parametrize(
    ("name", "size"),
    [(b"aes-128-cbc", 16), (b"AES-192-CBC", 24), (b"aes256", 32), (b"aes-256-foo", 16), (b"aes", 16)],
)
def test_ciphers_have_many_names(name: bytes, size: int) -> None:
    key = KEYS["db256"]
    cipher = Cipher({16: "aes-128-cbc", 24: "aes-192-cbc", 32: "aes-256-cbc"}[size], key)
    event = ask(conn(key), name + b":" + cipher.encrypt(b"getversion") + b":sea")
    assert event == CommandAsked(parse_command(b"getversion"), cipher)


@pytest.mark.parametrize(
    "request_",
    [
        recording("aes128-ecb").sent,
        recording("aes128-ctr").sent,
        b"aes-128-cfb8:xxxx:sea",
        recording("aes128-key-as-aes256").sent,
        recording("aes128-wrong-key").sent,
        recording("aes128-name-20").sent,
        b"aes-128-cbc:" + AES.encrypt(b"nosuchcommand") + b":sea",
        b"aes-128-cbc:" + AES.encrypt(b"\xffgarbage") + b":sea",
        b"aes:sea",
        b"aesfoo",
    ],
)
def test_what_cannot_be_read_and_what_is_unknown_look_the_same(request_: bytes) -> None:
    event = ask(conn(KEY), request_)
    assert isinstance(event, Answered)
    assert unseal("aes-128-cbc", KEY.key, KEY.iv, event.data[4:]) == b"command not found\n"


def test_what_amp_sends_its_own_listener_takes() -> None:
    """Client role and server role agree, also where blanks are added."""
    for line in (b"listregisters", b"help getversion", b"get_sensor_information proc_meminfo zip"):
        command = parse_command(line)
        assert ask(conn(KEY), encode_request(command, AES)) == CommandAsked(command, AES)
    with pytest.raises(LocalProtocolError):
        parse_command(b"restar")
