"""Requests: one segment, a blank line inside, and never the end mark too early."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.voipmonitor.cipher import Cipher, SnifferKey
from amp.core.voipmonitor.command import Command, parse_command
from amp.core.voipmonitor.commands import CommandSpec, Rights
from amp.core.voipmonitor.request import END_MARK, encode_request
from amp.errors import LocalProtocolError
from independent_aes import unseal
from sniffer_recordings import KEYS, recording

AES = Cipher("aes-128-cbc", KEYS["db128"])


def text_of(request: bytes, key: SnifferKey = KEYS["db128"]) -> bytes:
    """What a sniffer reads: up to the first end mark, wherever that is."""
    name, _, rest = request.partition(b":")
    assert (b":" + rest).index(END_MARK) == len(rest) - len(END_MARK) + 1
    return unseal(name.decode(), key.key, key.iv, rest[: -len(END_MARK)])


def test_a_plain_request_ends_with_a_blank_line() -> None:
    assert encode_request(parse_command(b"getversion"), None) == recording("plain-getversion").sent


def test_an_encrypted_request_is_the_recorded_one() -> None:
    assert encode_request(parse_command(b"getversion"), AES) == recording("aes128-inner-crlfcrlf").sent


@pytest.mark.parametrize(
    ("trap", "line"),
    [
        ("aes128-sea-inside", b'listcalls {"x":"aaaaaacbkdhdko"}'),
        ("aes128-sea-start", b"getbuild bpmigfe"),
    ],
)
def test_the_recorded_traps_are_avoided(trap: str, line: bytes) -> None:
    """The ciphertexts that failed at the real sniffer do not go out; one more blank makes others."""
    word, _, arguments = line.partition(b" ")
    command = Command(CommandSpec(name=word.decode(), rights=Rights.READ), arguments)
    sealed = recording(trap).sent
    assert (b":" + sealed.partition(b":")[2]).find(END_MARK) < len(sealed.partition(b":")[2]) - 3
    request = encode_request(command, AES)
    assert text_of(request) == word + b"  " + arguments + b"\r\n\r\n"
    block = len("aes-128-cbc:") + 16
    assert request[:block] == recording(f"{trap}-avoided").sent[:block]


def test_a_trap_that_no_blank_changes_is_an_error() -> None:
    """A first word that fills the block in question; here the recorded trap's sixteen bytes are that word."""
    spec = CommandSpec(name="getbuild bpmigfe", rights=Rights.READ)
    with pytest.raises(LocalProtocolError, match="another key, or another cipher, is needed"):
        encode_request(Command(spec), AES)


@given(st.binary(max_size=40), st.sampled_from(["aes-128-cbc", "aes-192-cbc", "aes-256-cbc"]))
def test_every_request_reads_as_what_was_asked(arguments: bytes, name: str) -> None:
    command = Command(CommandSpec(name="file_exists", rights=Rights.READ), arguments)
    cipher = Cipher(name, KEYS["db256"])
    text = text_of(encode_request(command, cipher), KEYS["db256"])
    assert text.endswith(b"\r\n\r\n")
    assert text.replace(b" ", b"") == (b"file_exists" + arguments + b"\r\n\r\n").replace(b" ", b"")
