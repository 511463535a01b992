"""What replies are called in HTTP."""

from __future__ import annotations

import pytest

from amp.core.voipmonitor.command import parse_command
from amp.core.voipmonitor.media_type import media_type


@pytest.mark.parametrize(
    ("command", "first", "name"),
    [
        (b"listcalls", b'[["a"]]', b"application/json"),
        (b"listcalls", b"error", b"text/plain; charset=utf-8"),
        (b"listcalls", b"\x1f\x8b\x08", b"application/gzip"),
        (b"getversion", b"2026.04", b"text/plain; charset=utf-8"),
        (b"getversion", b"", b"text/plain; charset=utf-8"),
        (b"getfile a", b"\xd4\xc3\xb2\xa1\x02", b"application/vnd.tcpdump.pcap"),
        (b"getfile a", b"RIFF....WAVE", b"audio/wav"),
        (b"getfile a", b"<html>", b"application/octet-stream"),
        (b"getfile a", b"error: cannot open", b"text/plain; charset=utf-8"),
    ],
)
def test_the_command_and_its_first_bytes_decide(command: bytes, first: bytes, name: bytes) -> None:
    assert media_type(parse_command(command), first) == name
