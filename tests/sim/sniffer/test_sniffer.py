"""The simulated sniffer on real sockets: commands, keys, calls, quirks; amp's own client role against it."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path

import pytest
import trio

from amp.core.ami.framing import NEED_DATA
from amp.core.voipmonitor.call_watch import CallWatch, Reset
from amp.core.voipmonitor.cipher import Cipher, SnifferKey
from amp.core.voipmonitor.command import parse_command
from amp.core.voipmonitor.exchange import Exchange
from amp.core.voipmonitor.exchange_events import ExchangeFailed, Failure, ReplyChunk, ReplyEnded
from amp.core.voipmonitor.popup import PopupLine, PopupReader
from amp.core.voipmonitor.sniffer_stat import parse_sniffer_stat
from amp.core.voipmonitor.tables import parse_table
from amp.sim.sniffer.aes import Key
from amp.sim.sniffer.listing import list_calls
from amp.sim.sniffer.sniffer import SimSniffer
from amp.sim.sniffer.spool import big_piece
from sim.sniffer.talk import KEY, LONG, OTHER, ask, ask_sealed, read_all, say, serving, talking

Address = tuple[str, int]


async def exchange(
    address: Address, line: str, cipher: Cipher | None = None
) -> tuple[bytes, ReplyEnded | ExchangeFailed]:
    """One command by amp's own client role."""
    talk = Exchange(command=parse_command(line.encode()), cipher=cipher, unpack=True, now=trio.current_time())
    told = b""
    async with await trio.open_tcp_stream(*address) as stream:
        await stream.send_all(talk.connected(trio.current_time()))
        while True:
            try:
                talk.receive_data(await stream.receive_some(65536), trio.current_time())
            except trio.BrokenResourceError:
                talk.connection_lost("reset")
            while (event := talk.next_event()) is not NEED_DATA:
                if not isinstance(event, ReplyChunk):
                    return told, event
                told += event.data


def cipher(name: str, key: Key) -> Cipher:
    return Cipher(name, SnifferKey(key.key, key.iv))


async def test_it_speaks_plainly_without_a_key() -> None:
    async with serving(calls_at_start=3, registers=2) as (sniffer, address):
        assert await ask(address, "getversion") == b"2026.04.0"
        assert await ask(address, "totalcalls") == b"3"
        assert await ask(address, "totalregisters") == b"2"
        assert await ask(address, "nosuch") == b"command not found\n"
        assert await ask(address, "please tell me totalcalls") == b"3"
        assert await ask(address, "stoplivesniffer 5") == b""
        assert await ask_sealed(address, "getversion") == b"failed aes decrypt!\n"
        assert sniffer.asked["totalcalls"] == 2
        assert sniffer.connections == 7
        assert sniffer.open_now == 0
        assert sniffer.open_most == 1


async def test_it_wants_its_key() -> None:
    async with serving(key=KEY, calls_at_start=1) as (sniffer, address):
        assert await ask(address, "listcalls") == b"need aes!\n"
        assert await ask(address, "totalcalls") == b"1"
        assert await ask(address, "get_json_config server_bind") != b"need aes!\n"
        assert await ask(address, "get_json_config mysqlhost") == b"need aes!\n"
        assert await ask_sealed(address, "totalregisters") == b"0"
        assert await ask_sealed(address, "exists_aes_key") == b"yes"
        assert await ask_sealed(address, "getversion", OTHER, reads=KEY) == b"failed aes decrypt!\n"
        sniffer.unencrypted = True
        assert await ask(address, "totalregisters") == b"0"


@pytest.mark.parametrize("name", ["aes-128-cbc", "aes-192-cbc", "aes-256-cbc"])
async def test_amp_and_it_understand_one_another(name: str) -> None:
    """Two independent readings of the protocol agree on every kind of reply."""
    async with serving(key=LONG, calls_at_start=40) as (sniffer, address):
        sniffer.spool.put("a.pcap", b"x" * 5000)
        aes = cipher(name, LONG)
        for line in ("listcalls", 'listcalls {"zip":"yes"}', "listcalls {}"):
            reply, end = await exchange(address, line, aes)
            assert isinstance(end, ReplyEnded)
            assert end.encrypted
            assert parse_table(reply).total == 40
        assert parse_sniffer_stat((await exchange(address, "sniffer_stat", aes))[0]).version == "2026.04.0"
        assert (await exchange(address, "getfile a.pcap", aes))[0] == b"x" * 5000
        assert (await exchange(address, "getfile_zip a.pcap", aes))[0] == b"x" * 5000
        assert (await exchange(address, "stoplivesniffer 5", aes)) == (b"", ReplyEnded(0, encrypted=False))
        assert (await exchange(address, "listregisters", aes))[1] == ReplyEnded(501, encrypted=True)


async def test_keys_rotate_as_recorded() -> None:
    """Recordings rotate-1 to rotate-9."""
    async with serving(key=KEY) as (sniffer, address):
        assert await ask_sealed(address, "getversion") == b"2026.04.0"
        sniffer.key = OTHER
        assert await ask_sealed(address, "getversion") == b"2026.04.0"  # still kept
        assert await ask_sealed(address, "getversion", OTHER) == b"2026.04.0"
        assert await ask_sealed(address, "getversion", KEY, reads=OTHER) == b"failed aes decrypt!\n"
        _, end = await exchange(address, "getversion", cipher("aes-128-cbc", KEY))
        assert isinstance(end, ExchangeFailed)
        assert end.failure is Failure.WRONG_KEY
        sniffer.key = KEY
        assert await ask(address, "listcalls") == b"need aes!\n"
        assert await ask_sealed(address, "getversion") == b"2026.04.0"
        sniffer.key = None
        assert json.loads(await ask(address, 'listcalls {"limit":"0"}'))["total"] == 0
        assert await ask_sealed(address, "getversion") == b"failed aes decrypt!\n"
        sniffer.key = KEY
        assert await ask_sealed(address, "getversion") == b"2026.04.0"


async def test_listcalls_takes_its_arguments() -> None:
    async with serving() as (sniffer, address):
        for number in range(6):
            sniffer.start_call(caller=str(4000 + number), called="7000", ring_s=0, talk_s=100)
        everything = json.loads(await ask(address, "listcalls"))
        assert [len(row) for row in everything] == [68] + [73] * 6
        counted = json.loads(await ask(address, 'listcalls {"limit":"2"}'))
        assert counted[1] == [{"total": 6, "is_receiver": 0, "is_server": 0, "id_sensor": 1}]
        assert len(counted) == 4
        by_caller = parse_table(await ask(address, 'listcalls {"sort_field":"caller","sort_dir":"asc"}'))
        assert [row.get("caller") for row in by_caller.rows()] == [str(4000 + n) for n in range(6)]
        for text in (
            '{"caller":"4003"}',
            '"{\\"caller\\":\\"4003\\"}"',
            '["{\\"caller\\":\\"4003\\"}",{"called":7000}]',
        ):
            found = parse_table(await ask(address, f'listcalls {{"filter":{text}}}'))
            assert [row.get("caller") for row in found.rows()] == ["4003"]
        address_of = next(by_caller.rows()).get("calledip")
        either = f'listcalls {{"filter":{{"sipcallerip":"{address_of}","sipcallerdip_type":"0"}}}}'
        assert parse_table(await ask(address, either)).total >= 1
        assert parse_table(await ask(address, either.replace('"0"', '"1"'))).total == 0
        maps = json.loads(await ask(address, 'listcalls {"limit":0,"sensor_map":"yes","ip_map":"yes"}'))
        assert maps["sensors"] == {"1": 6}
        assert sum(maps["called_numbers"].values()) == 6
        assert json.loads(await ask(address, "listcalls {bad"))[1][0]["total"] == 6
        packed = await ask(address, 'listcalls {"zip":"YES"}')
        assert len(json.loads(gzip.decompress(packed))) == 8


async def test_registrations_are_listed() -> None:
    async with serving(registers=5) as (_, address):
        table = parse_table(await ask(address, 'listregisters {"limit":"2","sort_dir":"desc"}'))
        assert table.total == 5
        assert [row.get("from_num") for row in table.rows()] == ["4005", "4004"]
        assert b'], [{"total": 5}],[' in await ask(address, "listregisters")


async def test_calls_stay_where_none_come(autojump_clock: trio.testing.MockClock) -> None:
    """However late one looks."""
    sniffer = SimSniffer(calls_at_start=40)
    (first, *_) = sniffer.live_calls()
    await trio.sleep(86_400)
    assert len(sniffer.live_calls()) == 40
    sniffer.calls.end(first)
    assert len(sniffer.live_calls()) == 39


async def test_calls_come_and_go(autojump_clock: trio.testing.MockClock) -> None:
    """A watch that follows it sees each call begin and end, and a restart as one reset."""
    sniffer = SimSniffer(
        calls_per_second=2, call_seconds=(5, 10), calls_at_start=10, started_at=1_800_000_000
    )
    watch, started, ended, updated = CallWatch(), 0, 0, 0
    for _ in range(120):
        changes = watch.update(parse_table(_list(sniffer)), trio.current_time())
        assert changes.reset is None
        started, ended = started + len(changes.started), ended + len(changes.ended)
        updated += len(changes.updated)
        assert started - ended == len(sniffer.live_calls())
        await trio.sleep(1)
    assert 150 < started < 350
    assert ended > 100
    assert updated >= ended  # each was answered, at least
    watch.note_uptime(sniffer.stat().uptime_s + 120, trio.current_time())
    sniffer.restart()
    watch.note_uptime(sniffer.stat().uptime_s, trio.current_time())
    assert watch.update(parse_table(_list(sniffer)), trio.current_time()).reset is Reset.UPTIME


def _list(sniffer: SimSniffer) -> bytes:
    return list_calls(sniffer.live_calls(), b"", sniffer.wall(), 1)


async def test_a_single_call_can_be_steered() -> None:
    async with serving() as (sniffer, address):
        call = sniffer.start_call(callid="x@y", ring_s=100)
        (row,) = parse_table(await ask(address, "listcalls")).rows()
        assert (row.get("callid"), row.get("lastSIPresponseNum")) == ("x@y", 180)
        reference = str(row.get("callreference"))
        info = json.loads(await ask(address, f"active_call_info {reference}"))
        assert info["call"]["callid"] == "x@y"
        asked = f'active_call_info {{"callreference":"{reference}","zip":"yes"}}'
        assert json.loads(gzip.decompress(await ask(address, asked)))["call"] == info["call"]
        assert await ask(address, f"listen {reference} a") == b"success"
        assert await ask(address, f"readaudio {reference} a") == b"information: wait for data"
        call.answered_at = 0
        assert len(await ask(address, f"readaudio {reference} a")) == 2400
        sniffer.calls.end(call)
        assert await ask(address, f"active_call_info {reference}") == b"call not found"
        assert await ask(address, "active_call_info nonsense") == b"call not found"
        assert await ask(address, "readaudio 0x1 a") == b"error: call not found"
        assert await ask(address, "listen 0x1 a") == b"call not found"


async def test_files_are_in_its_spool() -> None:
    async with serving() as (sniffer, address):
        sniffer.spool.put("a.pcap", b"abc")
        sniffer.spool.put("t.tar/b.pcap", b"in the tar")
        assert await ask(address, "getfile a.pcap") == b"abc"
        assert gzip.decompress(await ask(address, "getfile_zip a.pcap")) == b"abc"
        assert await ask(address, "getfile ../a") == b"access denied"
        missing = b"error: cannot open file /var/spool/voipmonitor/nosuch.pcap"
        assert await ask(address, "getfile nosuch.pcap") == missing
        assert gzip.decompress(await ask(address, "getfile_zip nosuch.pcap")) == missing
        assert await ask(address, "file_exists a.pcap") == b"3"
        assert await ask(address, "file_exists a.pcap|no.pcap") == b"ok\na.pcap:3\nno.pcap:not_exists\n"
        assert await ask(address, "fileexists a.pcap") == b"3"
        assert await ask(address, "getfile_in_tar_check_complete t.tar b.pcap k") == b"uncomplete"
        assert await ask(address, "getfile_in_tar t.tar b.pcap k 1 cdr -") == b"in the tar"
        assert await ask(address, "getfile_in_tar_check_complete t.tar b.pcap k") == b"OK"
        assert gzip.decompress(await ask(address, "getfile_in_tar_zip t.tar b.pcap k")) == b"in the tar"
        assert await ask(address, "getfile_in_tar no.tar b k") == b"error: missing file [no.tar]"


async def test_a_big_file_is_made_as_it_is_read() -> None:
    async with serving(key=KEY) as (sniffer, address):
        sniffer.spool.put_big("big", 3_000_000)
        reply = await ask_sealed(address, "getfile big")
        assert reply == b"".join(
            big_piece(at, min(65536, 3_000_000 - at)) for at in range(0, 3_000_000, 65536)
        )
        assert zlib.crc32(reply) == zlib.crc32((bytes(range(251)) * 12000)[:3_000_000])


async def test_live_sniffers_and_help_and_information() -> None:
    async with serving() as (_, address):
        assert await ask(address, "getactivesniffers") == b"[]"
        assert await ask(address, 'startlivesniffer {"uid":"5"}') == b""
        assert await ask(address, "startlivesniffer {bad") == b""
        assert b'"uid": "5"' in await ask(address, "getactivesniffers")
        assert await ask(address, "getlivesniffer 5") == b'1 {"uid":"5"}'
        assert await ask(address, "stoplivesniffer 5") == b""
        assert await ask(address, "getlivesniffer 5") == b"0"
        assert b"listcalls ... " in await ask(address, "help")
        assert await ask(address, "help getversion") == b""
        assert await ask(address, "help getversion ") == b"getversion ... .\n\n"
        assert await ask(address, "help nosuch ") == b"Command nosuch not found.\n\n"
        assert await ask(address, "get_sensor_information") == b""
        assert b"MemTotal" in await ask(address, "get_sensor_information proc_meminfo")
        assert b"MemTotal" in gzip.decompress(await ask(address, "get_sensor_information proc_meminfo zip"))


async def test_a_popup_stream_tells_calls(autojump_clock: trio.testing.MockClock) -> None:
    """Plain, whatever the request was, and without end; written for a virtual clock."""
    sniffer = SimSniffer(popup_users={"agent": "secret"})
    reader = PopupReader()
    lines: list[PopupLine] = []
    async with talking(sniffer, b"login_screen_popup agent secret K\r\n\r\n") as stream:
        sniffer.start_call(caller="4001", ring_s=2, talk_s=60)
        while len(lines) < 8:
            lines += list(reader.feed(bytes(await stream.receive_some())))
    assert lines[0].kind == "login_ok"
    assert [line.fields["sipresponse"] for line in lines if line.kind == "call_data"] == ["180", "200"]
    async with talking(sniffer, b"login_screen_popup agent wrong K\r\n\r\n") as stream:
        assert await read_all(stream) == b"login_failed error:[[Invalid user or password.]]\n"


async def test_a_unix_socket_takes_everything_in_clear(tmp_path: Path) -> None:
    async with serving(key=KEY) as (_, address):
        path = str(tmp_path / "sock")
        assert await ask_sealed(address, f"manager_file start {path}") == f"OK ({path})\n".encode()
        assert await ask(address, f"manager_file start {path}") == f"running ({path})\n".encode()
        with trio.fail_after(5):
            await trio.testing.wait_all_tasks_blocked(0.05)
            async with await trio.open_unix_socket(path) as stream:
                await stream.send_all(b'listcalls {"limit":"0"}\r\n\r\n')
                assert json.loads(await read_all(stream))["total"] == 0
        assert await ask(address, "manager_file stop") == b"OK\n"
        assert await ask(address, "manager_file stop") == b"not running\n"
        with pytest.raises(OSError, match=r"refused"):
            await trio.open_unix_socket(path)


async def test_faults_show_as_they_do_at_a_real_one() -> None:
    async with serving(key=KEY, calls_at_start=20) as (sniffer, address):
        aes = cipher("aes-128-cbc", KEY)
        sniffer.faults.starting = True
        assert await exchange(address, "getversion", aes) == (b"", ReplyEnded(0, encrypted=False))
        sniffer.faults.clear()
        sniffer.faults.cut_after = 1000
        _, cut = await exchange(address, "listcalls", aes)
        assert isinstance(cut, ExchangeFailed)
        assert cut.failure is Failure.UNREADABLE
        sniffer.faults.reset = True
        _, cut = await exchange(address, "listcalls", aes)
        assert isinstance(cut, ExchangeFailed)
        sniffer.faults.clear()
        sniffer.faults.garbage = b"\x00\xff garbage that is long enough to be no failure"
        reply, _ = await exchange(address, "getversion", aes)
        assert reply == sniffer.faults.garbage
        sniffer.faults.clear()
        assert (await exchange(address, "getversion", aes))[0] == b"2026.04.0"


async def test_a_hang_lasts_until_it_is_freed() -> None:
    async with serving() as (sniffer, address):
        sniffer.faults.hang()
        sniffer.faults.hang()
        with trio.move_on_after(0.05) as waited:
            await ask(address, "getversion")
        assert waited.cancelled_caught
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, address, "totalcalls")
            await trio.sleep(0.02)
            assert sniffer.asked["totalcalls"] == 0
            sniffer.faults.resume()
        assert sniffer.asked["totalcalls"] == 1


async def test_replies_can_be_slow(autojump_clock: trio.testing.MockClock) -> None:
    sniffer = SimSniffer()
    sniffer.faults.piece_bytes, sniffer.faults.piece_pause_s, sniffer.faults.delay_s = 1, 1.0, 5.0
    async with talking(sniffer, b"getversion\r\n\r\n") as stream:
        began = trio.current_time()
        assert await read_all(stream) == b"2026.04.0"
        assert trio.current_time() - began == 5 + 9


async def test_a_client_that_goes_away_is_no_matter() -> None:
    async with serving() as (sniffer, address):
        sniffer.spool.put_big("big", 50_000_000)
        async with await trio.open_tcp_stream(*address) as stream:
            await stream.send_all(b"getfile big\r\n\r\n")
            await stream.receive_some(10)
        assert await ask(address, "getversion") == b"2026.04.0"
        assert await say(address, b"aes-128-cbc:x:sea") == b"failed aes decrypt!\n"


async def test_a_restart_can_be_asked_for() -> None:
    async with serving(calls_at_start=5) as (sniffer, address):
        assert await ask(address, "totalcalls") == b"5"
        await ask(address, "restart")
        assert await ask(address, "totalcalls") == b"0"
        assert sniffer.stat().initializing
