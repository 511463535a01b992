"""What users who do not run the sniffers do not get to see, in any chunking."""

from __future__ import annotations

import base64
import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from amp.core.voipmonitor.cipher import Cipher
from amp.core.voipmonitor.command import parse_command
from amp.core.voipmonitor.gzip_member import pack
from amp.core.voipmonitor.hiding import Hider, KeyHider, PathHider, ReferenceHider, hider_for, shown_problem
from amp.core.voipmonitor.relay import ReplyRelay
from amp.core.voipmonitor.rights import SnifferGrant
from independent_aes import unseal
from replay import chunks
from sniffer_recordings import KEYS, recording

LISTED = SnifferGrant.of(["listcalls", "active_call_info", "getfile*", "get_sensor_information"])


def through(hider: Hider | ReplyRelay, data: bytes, cuts: list[int]) -> bytes:
    return b"".join(hider.feed(piece) for piece in chunks(data, cuts)) + hider.finish()


@given(strategies.cuts)
def test_references_are_hidden_in_any_chunking(cuts: list[int]) -> None:
    reply = recording("plain-listcalls-26").received
    shown = through(ReferenceHider(), reply, cuts)
    assert b"0x" not in shown
    before, after = json.loads(reply), json.loads(shown)
    assert [row[1:] for row in after] == [row[1:] for row in before]
    assert {row[0] for row in after[1:]} == {"hidden"}
    assert b"0x" not in through(ReferenceHider(), recording("plain-active_call_info").received, cuts)


def test_a_cut_behind_an_address_does_not_show_it() -> None:
    """The closing quote is not taken for the beginning of the next address."""
    assert through(ReferenceHider(), b'[["0x7fa1580e7020","0x1"]]', [17]) == b'[["hidden","hidden"]]'


@given(st.text(alphabet='"0xaf,', max_size=40).map(str.encode), strategies.cuts)
def test_hiding_references_does_not_depend_on_chunking(text: bytes, cuts: list[int]) -> None:
    assert through(ReferenceHider(), text, cuts) == through(ReferenceHider(), text, [])


CONFIGURATIONS = [
    b"x = 1\n" * 200 + b"manager_aes_key = %s\nmanager_aes_iv = %s\n" + b"y = 2\n" * 200,
    b'{"001:manager_aes_key":{"name":"manager_aes_key","value_in_config":"%s","value":"%s"}}',
    b"manager_aes_key=%s\n" + b"z " * 450 + b"\nmanager_aes_iv=%s",
]


@given(st.sampled_from(CONFIGURATIONS), strategies.cuts)
def test_the_key_is_hidden_in_any_chunking(form: bytes, cuts: list[int]) -> None:
    key, iv = (base64.b64encode(part) for part in (KEYS["db256"].key, KEYS["db256"].iv))
    shown = through(KeyHider(), form % (key, iv), cuts)
    assert shown == form % (b"hidden", b"hidden")


def test_the_recorded_key_is_hidden() -> None:
    sealed = recording("confkey-get_json_config-key").received[4:]
    text = unseal("aes-128-cbc", KEYS["conf128"].key, KEYS["conf128"].iv, sealed)
    shown = through(KeyHider(), text, [])
    assert shown.count(b'"hidden"') == 4
    assert b"7u7OIN" not in shown
    assert b"h7FCP57" not in shown


@given(strategies.cuts)
def test_directories_in_errors_are_hidden(cuts: list[int]) -> None:
    error = recording("plain-getfile-missing").received
    assert error.startswith(b"error: cannot open file /var/spool")
    assert through(PathHider(), error, cuts) == b"error: cannot open file nosuch.pcap"
    packed = recording("plain-getfile_zip-missing").received
    assert gzip.decompress(through(PathHider(), packed, cuts)) == b"error: cannot open file nosuch.pcap"


@given(st.binary(max_size=100) | st.sampled_from(["plain-getfile", "plain-getfile_zip"]), strategies.cuts)
def test_files_come_through_as_they_are(file: bytes | str, cuts: list[int]) -> None:
    data = recording(file).received if isinstance(file, str) else file
    for content in (data, pack(data), b"\x1f\x8b" + data):
        assert through(PathHider(), content, cuts) == content


def test_long_files_are_not_kept() -> None:
    hider = PathHider()
    assert hider.feed(b"error: /" * 200) == b""
    assert len(hider.feed(b"error: /" * 200)) == 3200
    assert hider.feed(b"more") == b"more"
    assert hider.finish() == b""


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"listcalls", ReferenceHider),
        (b"active_call_info 0x1", ReferenceHider),
        (b"getfile a", PathHider),
        (b"getfile_in_tar_zip a b c", PathHider),
    ],
)
def test_who_sees_what(line: bytes, kind: type[Hider]) -> None:
    assert isinstance(hider_for(parse_command(line), LISTED), kind)
    assert hider_for(parse_command(line), SnifferGrant.of("gui")) is None
    assert hider_for(parse_command(line), SnifferGrant.of(["listcalls"], admin=True)) is None


def test_other_replies_have_nothing_to_hide() -> None:
    assert hider_for(parse_command(b"totalcalls"), LISTED) is None


AES = Cipher("aes-256-cbc", KEYS["db256"])


@given(strategies.cuts, st.sampled_from([None, AES]), st.booleans())
def test_a_relay_hides_packs_and_encrypts_again(cuts: list[int], cipher: Cipher | None, zipped: bool) -> None:
    command = parse_command(b'listcalls {"zip":"yes"}' if zipped else b"listcalls")
    relay = ReplyRelay(command, cipher, LISTED)
    assert relay.unpack is zipped
    reply = recording("plain-listcalls-26").received
    sent = through(relay, reply, cuts)
    if cipher is not None:
        assert sent.startswith(b"aes:")
        sent = unseal("aes-256-cbc", AES.key.key, AES.key.iv, sent[4:])
    text = gzip.decompress(sent) if zipped else sent
    assert text == through(ReferenceHider(), reply, [])


def test_a_relay_with_nothing_to_hide_passes_on() -> None:
    relay = ReplyRelay(parse_command(b"getfile_zip a"), None, SnifferGrant.of("gui"))
    assert not relay.unpack
    assert through(relay, b"\x1f\x8bdata", []) == b"\x1f\x8bdata"


def test_a_relay_makes_nothing_of_nothing() -> None:
    """An empty reply stays empty: no gzip of nothing, no padding of nothing."""
    assert ReplyRelay(parse_command(b'listcalls {"zip":"yes"}'), AES, LISTED).finish() == b""


def test_where_amps_files_are_is_for_who_sees_internals() -> None:
    text = "Not sent: listcalls: no key (/etc/amp/s 2.conf: not there; /var/www/a.php: no key)"
    assert shown_problem(text, SnifferGrant.of("gui")) == text
    assert (
        shown_problem(text, SnifferGrant())
        == "Not sent: listcalls: no key (s 2.conf: not there; a.php: no key)"
    )
    assert shown_problem("a/b: 3/4 and / alone", SnifferGrant()) == "a/b: 3/4 and / alone"


@pytest.mark.parametrize(
    "line", [b"get_sensor_information configuration_file", b"get_json_config sniffer_mode"]
)
@pytest.mark.parametrize("words", ["gui", ["get_json_config", "get_sensor_information"]])
def test_the_key_is_hidden_from_everybody(line: bytes, words: str | list[str]) -> None:
    assert isinstance(hider_for(parse_command(line), SnifferGrant.of(words, admin=True)), KeyHider)
