"""What the recordings of replies do not show: luck, odd replies, huge ones."""

from __future__ import annotations

import gzip
import zlib

import pytest

from amp.core.voipmonitor.cipher import Cipher
from amp.core.voipmonitor.command import parse_command
from amp.core.voipmonitor.exchange_events import Failure
from amp.core.voipmonitor.gzip_member import GzipReader, GzipWriter, pack
from amp.core.voipmonitor.reply import ReplyDecoder
from amp.core.voipmonitor.reply_encoder import ReplyEncoder, encode_reply
from amp.errors import RemoteProtocolError
from sniffer_recordings import KEYS

AES = Cipher("aes-128-cbc", KEYS["db128"])


def decode(
    line: bytes, cipher: Cipher | None, *pieces: bytes, unpack: bool = False
) -> tuple[bytes, Failure | None]:
    decoder = ReplyDecoder(parse_command(line), cipher, unpack=unpack, max_unpacked_bytes=1000)
    told = [text for piece in pieces for text in decoder.feed(piece)] + decoder.finish()
    return b"".join(told), decoder.failure[0] if decoder.failure else None


@pytest.mark.parametrize("garbage", [b"\xff" * 20, b"\x01" * 20, b"ok\x00" * 7])
def test_good_padding_by_chance_is_still_a_wrong_key(garbage: bytes) -> None:
    """36 bytes that unpad to what is no text: every 256th wrong key does that."""
    assert decode(b"getversion", AES, b"aes:" + AES.encrypt(garbage)) == (b"", Failure.WRONG_KEY)


def test_36_bytes_of_text_are_a_reply() -> None:
    assert decode(b"getverbuild", AES, b"aes:" + AES.encrypt(b"2026.04.0 (Zl\xc3\xa1tko)\n")) == (
        b"2026.04.0 (Zl\xc3\xa1tko)\n",
        None,
    )


def test_36_bytes_of_a_file_may_be_anything() -> None:
    assert decode(b"getfile a", AES, b"aes:" + AES.encrypt(b"\xff" * 20)) == (b"\xff" * 20, None)
    assert decode(b"getfile_zip a", AES, b"aes:" + AES.encrypt(b"\xff" * 20)) == (b"\xff" * 20, None)


def test_commands_whose_reply_is_the_failures_text() -> None:
    """Recordings plain-need_aes-asked and plain-failed_aes_decrypt-asked."""
    assert decode(b"need_aes", None, b"need aes!\n") == (b"need aes!\n", None)
    sealed = b"aes:" + AES.encrypt(b"failed aes decrypt!\n")
    assert decode(b"failed_aes_decrypt", AES, sealed) == (b"failed aes decrypt!\n", None)
    assert decode(b"getversion", AES, sealed) == (b"", Failure.WRONG_KEY)


def test_a_plain_reply_may_begin_like_an_encrypted_one() -> None:
    """A client judges by what it sent."""
    assert decode(b"getfile a", None, b"aes:", b"x") == (b"aes:x", None)


def test_a_short_plain_reply_to_an_encrypted_request() -> None:
    """A refused login_screen_popup (recording aes128-login_screen_popup-bad)."""
    assert decode(b"login_screen_popup a b c", AES, b"login_failed\n") == (b"login_failed\n", None)


def test_an_empty_reply_is_a_reply() -> None:
    assert decode(b"stoplivesniffer 5", AES) == (b"", None)
    assert decode(b"getfile_zip a", None) == (b"", None)


def test_nothing_is_told_behind_a_failure() -> None:
    decoder = ReplyDecoder(parse_command(b"getfile_zip a"), None)
    assert decoder.feed(b"\x1f\x8bgarbage garbage garbage") == []
    assert decoder.failure is not None
    assert decoder.failure[0] is Failure.CUT
    assert decoder.feed(b"more") == []
    assert decoder.finish() == []


def test_an_unpacked_error_where_a_packed_file_was_asked() -> None:
    assert decode(b"getfile_zip a", None, b"e", b"rror") == (b"error", None)
    assert decode(b"getfile_zip a", None, b"e") == (b"e", None)


def test_a_reply_that_unpacks_to_too_much() -> None:
    assert decode(b"getfile_zip a", None, pack(bytes(1001))) == (b"", Failure.CUT)
    assert decode(b"getfile_zip a", None, pack(bytes(1000)), unpack=True) == (bytes(1000), None)


def test_a_json_command_may_answer_in_words() -> None:
    assert decode(b"listcalls", None, b"command not found\n") == (b"command not found\n", None)
    assert decode(b"sniffer_stat", None, b"{", b"}", b"\n ") == (b"{}\n ", None)
    assert decode(b"sniffer_stat", None, b'{"a":', b"[1]") == (b'{"a":[1]', Failure.CUT)


def test_packed_json_is_watched_when_it_is_unpacked() -> None:
    line = b'listcalls {"zip":"yes"}'
    assert decode(line, None, pack(b"[1"), unpack=True)[1] is Failure.CUT
    assert decode(line, None, pack(b"[1"))[1] is None
    assert decode(line, None, b"[1")[1] is Failure.CUT


def test_gzip_of_several_members_is_read_to_its_end() -> None:
    reader = GzipReader(1 << 20)
    data = gzip.compress(b"a" * 100_000) + gzip.compress(b"b")
    assert (
        b"".join(text for piece in (data[:7], data[7:]) for text in reader.feed(piece))
        == b"a" * 100_000 + b"b"
    )
    reader.finish()
    with pytest.raises(RemoteProtocolError, match="no gzip"):
        list(reader.feed(b"junk"))


def test_packing_again_gives_gzip() -> None:
    writer = GzipWriter()
    assert zlib.decompress(writer.feed(b"abc") + writer.feed(b"def") + writer.finish(), 31) == b"abcdef"


def test_replies_are_encrypted_as_one_stream() -> None:
    encoder = ReplyEncoder(AES)
    sealed = encoder.feed(b"") + encoder.feed(b"2026") + encoder.feed(b".04.0") + encoder.finish()
    assert sealed == b"aes:" + AES.encrypt(b"2026.04.0") == encode_reply(b"2026.04.0", AES)


def test_a_reply_without_bytes_stays_without() -> None:
    """Recording aes128-no-reply-command."""
    assert encode_reply(b"", AES) == b""
    assert encode_reply(b"x", None) == b"x"


@pytest.mark.parametrize("line", [b"listcalls", b"active_call_info 0x1", b"get_sensor_information zip a"])
def test_a_packed_reply_that_was_not_asked_for_is_none(line: bytes) -> None:
    """What has to be hidden in it would pass unseen."""
    assert decode(line, None, pack(b'["0x7f0000000001"]')) == (b"", Failure.CUT)
    assert decode(line, None, b"\x1f") == (b"\x1f", None)
