"""The table of commands, and commands held against it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amp.core.voipmonitor.command import parse_command
from amp.core.voipmonitor.commands import COMMANDS, Reply, Rights
from amp.errors import LocalProtocolError
from sniffer_recordings import NAMES, recording

PLAIN_ALLOWED = (
    "getversion getbuild getverbuild totalcalls printspool sniffer_stat datadir_stat disk_io_calibration "
    "disk_io_recalibrate sniffer_threads memory_stat jemalloc_stat heapprof_start heapprof_stop "
    "heapprof_dump tcmalloc_stats thread usleep packetbuffer_log packetbuffer_save need_aes "
    "failed_aes_decrypt support_aes exists_aes_key manager_file sql_errors_skip"
)
"""FACTS §6, word for word."""

NOT_IN_HELP = {"manager_file", "need_aes", "failed_aes_decrypt", "support_aes", "exists_aes_key"}


REFUSED = {
    "keyed-plain-get_json_config-all",  # would show the key
    "keyed-plain-getversion-listcalls",
    "plain-get_sensor_information-noarg",
    "plain-listcalls-badjson",
    "plain-long-100000",
}
"""Recorded requests that the sniffer takes although their arguments are wrong."""


def refusal(line: bytes) -> str:
    with pytest.raises(LocalProtocolError) as caught:
        parse_command(line)
    return str(caught.value)


def test_the_table_is_the_sniffers_own() -> None:
    """Every command that ``help`` lists, and the five that it does not."""
    listed = set(re.findall(r"(?m)^(\w+) \.\.\. ", recording("plain-help").received.decode()))
    assert listed | NOT_IN_HELP == set(COMMANDS)
    assert all(name == spec.name for name, spec in COMMANDS.items())


def test_what_may_be_plain_is_the_sniffers_list() -> None:
    assert {name for name, spec in COMMANDS.items() if spec.plain} == set(PLAIN_ALLOWED.split())


def test_get_json_config_may_be_plain_for_four_options() -> None:
    """Recordings keyed-plain-get_json_config-allowed and -refused."""
    assert parse_command(b"get_json_config server_bind,server_bind_port").plain_allowed
    assert not parse_command(b"get_json_config server_bind,mysqlhost").plain_allowed
    assert parse_command(b"getversion").plain_allowed
    assert not parse_command(b"listcalls").plain_allowed


def test_only_looking_is_read_only_and_shared() -> None:
    for spec in COMMANDS.values():
        assert spec.read_only == (spec.rights in (Rights.DEFAULT, Rights.READ))
        assert not spec.shareable or spec.read_only
    assert COMMANDS["listcalls"].shareable
    assert not COMMANDS["getfile"].shareable


@pytest.mark.parametrize("name", NAMES)
def test_recorded_plain_commands_are_taken_or_refused_for_a_reason(name: str) -> None:
    """Each recorded plain request with a known first word is a command for amp too, with few exceptions."""
    case = recording(name)
    line = re.split(rb"[\r\n\0]", case.sent)[0]
    word = line.split(b" ")[0].decode("latin-1")
    if case.key is not None or word not in COMMANDS:
        return
    if name in REFUSED:
        assert refusal(line).startswith(f"{word}: ")
    else:
        assert parse_command(line).line().rstrip() == line.rstrip()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "unknown sniffer command ''"),
        (b" getversion", "unknown sniffer command ''"),
        (b"GETVERSION", "unknown sniffer command 'GETVERSION'"),
        (b"getversio", "unknown sniffer command 'getversio' (did you mean 'getversion'?)"),
        (b"xxrestartyy", "unknown sniffer command 'xxrestartyy' (did you mean 'restart'?)"),
        (b"GET /totalcalls HTTP/1.1", "unknown sniffer command 'GET'"),
        (b"caf\xe9", "unknown sniffer command 'café'"),
        (b"getversion\r\n", "a command cannot hold CR, LF or NUL"),
        (b"getversion\nrestart", "a command cannot hold CR, LF or NUL"),
        (b"getversion\0", "a command cannot hold CR, LF or NUL"),
        (b"getversion now", "getversion: too many arguments, at most 0"),
        (b"getfile", "getfile: file is missing"),
        (b"getfile " + b"f" * 1001, "getfile: file too long: 1001 bytes, at most 1000"),
        (b"getfile f " + b"s" * 96, "getfile: spool too long: 96 bytes, at most 95"),
        (b"listen 0x1", "listen: id is missing"),
        (b"listcalls {bad", "listcalls: parameters is not valid JSON"),
        (b'listcalls {"zip\\u0000":"yes"}', "listcalls: parameters is not valid JSON"),
        (
            b'listcalls "' + b"x" * (64 << 10) + b'"',
            "listcalls: parameters too long: 65538 bytes, at most 65536",
        ),
        (b"file_exists a|" + b"b" * 1001, "file_exists: files too long: 1001 bytes, at most 1000"),
        (b"active_call_info " + b"1" * 96, "active_call_info: callreference too long: 96 bytes, at most 95"),
        (b"active_call_info {1", "active_call_info: callreference is not valid JSON"),
        (b"restart " + b"1" * 96, "restart: arguments too long: 96 bytes, at most 95"),
        (b"restart " + b"1 " * 2001, "restart: arguments too long: 4001 bytes, at most 4000"),
        (b"restart " + b"1 " * 1999 + b"1", "restart: line too long, at most 4000 bytes"),
        (b"get_json_config", "get_json_config: options is missing"),
        (b"get_json_config " + b"o" * 96, "get_json_config: options too long: 96 bytes, at most 95"),
        (
            b"get_json_config mysqlhost,MANAGER_AES_KEY",
            "get_json_config: options names the sniffer's own key, which amp does not show",
        ),
    ],
)
def test_what_is_no_command_never_goes_out(line: bytes, reason: str) -> None:
    assert refusal(line) == reason


def test_a_position_list_may_be_a_megabyte() -> None:
    """The GUI sends where a long call's parts are in its tar."""
    words = b"getfile_in_tar a.tar b.pcap 2026-01-01 5 cdr "
    assert parse_command(words + b"1," * (1 << 19)).name == "getfile_in_tar"
    assert "positions too long" in refusal(words + b"1," * (1 << 19) + b"1")


def test_blanks_become_one() -> None:
    """Many handlers read their arguments at a fixed distance behind the name."""
    assert parse_command(b"getfile\t  a.pcap  ").line() == b"getfile a.pcap"


def test_what_reads_behind_its_end_gets_a_blank_there() -> None:
    """Recordings plain-listregisters-0-space and plain-help-one-space."""
    assert parse_command(b"listregisters").line() == b"listregisters "
    assert parse_command(b"listregisters").line(2) == b"listregisters  "
    assert parse_command(b"listregisters {}").line() == b"listregisters {} "
    assert parse_command(b"help getversion").line() == b"help getversion "
    assert parse_command(b"help").line() == b"help"


def test_more_blanks_go_where_they_do_no_harm() -> None:
    assert parse_command(b"listcalls {}").line(3) == b"listcalls    {}"
    assert parse_command(b"getversion").line(3) == b"getversion   "
    assert parse_command(b"get_json_config a,b").line(3) == b"get_json_config a,b   "
    assert parse_command(b"ssl_ipport list").line(1) == b"ssl_ipport list "


@pytest.mark.parametrize(
    ("line", "packed"),
    [
        (b"listcalls", False),
        (b"listcalls {}", False),
        (b'listcalls {"zip":"YES"}', True),
        (b"listcalls [1]", False),
        (b'listcalls {"zip":"no"}', False),
        (b'active_call_info {"callreference":"0x1","zip":true}', True),
        (b"active_call_info 0x1", False),
        (b"getfile_zip a", True),
        (b"getfile a", False),
        (b"get_sensor_information proc_meminfo", False),
        (b"get_sensor_information proc_meminfo zip", True),
    ],
)
def test_who_asks_for_a_packed_reply(line: bytes, packed: bool) -> None:
    assert parse_command(line).asks_zip is packed


def test_what_a_reply_looks_like() -> None:
    assert parse_command(b"sniffer_stat").reply is Reply.JSON
    assert parse_command(b"sniffer_stat plain").reply is Reply.TEXT
    assert parse_command(b"getfile a").reply is Reply.BINARY


@given(st.binary(max_size=60) | st.sampled_from(sorted(COMMANDS)).map(str.encode))
def test_garbage_is_a_command_or_an_error(line: bytes) -> None:
    try:
        command = parse_command(line)
    except LocalProtocolError:
        return
    assert command.name in COMMANDS
    assert parse_command(command.line()) == command
