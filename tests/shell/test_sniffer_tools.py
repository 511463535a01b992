"""What people have at hand against amp's own listener: nc, nc -U, openssl."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
import trio

from amp.sim.sniffer.sniffer import SimSniffer
from programs import program
from shell.sniffing import KEY, OTHER_KEY, sniffer_lab
from shell.test_sniffer_listener import door

PATIENCE_S = 60
PACKAGES = {"nc": "netcat-openbsd", "openssl": "openssl"}


async def run(*command: str, stdin: bytes) -> bytes:
    """What a program makes of some input."""
    program(command[0], PACKAGES[command[0]])
    with trio.fail_after(PATIENCE_S):
        done = await trio.run_process(command, stdin=stdin, capture_stdout=True)
    return bytes(done.stdout)


@pytest.mark.parametrize(
    "typed", [b"getversion\r\n\r\n", b"getversion\n", b"getversion"], ids=["blank line", "line", "no end"]
)
async def test_nc_gets_its_answer(typed: bytes) -> None:
    async with sniffer_lab(SimSniffer(key=KEY), listen=door(), key=KEY) as one:
        assert await run("nc", "-N", "127.0.0.1", str(one.port), stdin=typed) == b"2026.04.0"


async def test_nc_gets_everything_over_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    sniffer = SimSniffer(key=KEY, calls_at_start=2)
    sniffer.spool.put_big("big", 5 << 20)
    async with sniffer_lab(sniffer, listen=door(key=OTHER_KEY, unix=path), key=KEY):
        calls = orjson.loads(await run("nc", "-N", "-U", str(path), stdin=b"listcalls {}\r\n\r\n"))
        assert len(calls) == 4
        assert len(await run("nc", "-N", "-U", str(path), stdin=b"getfile big\n")) == 5 << 20


@pytest.mark.parametrize("bits", [128, 192, 256])
async def test_openssl_and_nc_are_an_encrypted_client(bits: int) -> None:
    """Requests and replies by ``openssl enc``, which is what the sniffer itself uses."""
    key = type(KEY)(b"thirty-two bytes for every cipher", KEY.iv)
    sniffer = SimSniffer(key=KEY)
    sniffer.spool.put("a.bin", bytes(range(256)) * 4)
    name = f"aes-{bits}-cbc"
    words = ("openssl", "enc", f"-{name}", "-K", key.key[: bits // 8].hex(), "-iv", key.iv.hex())
    async with sniffer_lab(sniffer, listen=door(key=key), key=KEY) as one:
        sealed = await run(*words, stdin=b"getfile a.bin\r\n\r\n")
        request = name.encode() + b":" + sealed + b":sea"
        reply = await run("nc", "-N", "127.0.0.1", str(one.port), stdin=request)
        assert reply.startswith(b"aes:")
        assert await run(*words, "-d", stdin=reply[4:]) == bytes(range(256)) * 4


async def test_a_file_in_a_tar_with_a_position_list_of_1_mb() -> None:
    positions = ",".join(map(str, range(10**6)))[: 1 << 20].rstrip(",")
    sniffer = SimSniffer(key=KEY)
    sniffer.spool.put("t.tar/f.pcap", b"packets")
    asked = f"getfile_in_tar t.tar f.pcap key7 rec tab {positions}\r\n\r\n".encode()
    complete = b"getfile_in_tar_check_complete t.tar f.pcap key7\r\n\r\n"
    async with sniffer_lab(sniffer, listen=door(), key=KEY) as one:
        nc = ("nc", "-N", "127.0.0.1", str(one.port))
        assert await run(*nc, stdin=complete) == b"uncomplete"
        assert await run(*nc, stdin=asked) == b"packets"
        assert await run(*nc, stdin=complete) == b"OK"
        assert (await run(*nc, stdin=asked.replace(b"tab ", b"tab 1234567,"))).startswith(
            b"error: getfile_in_tar: positions too long: "
        )
