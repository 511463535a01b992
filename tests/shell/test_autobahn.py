"""The server cases of the Autobahn test suite against what ``/ws`` is made of.

The suite itself (``autobahntestsuite`` 25.10.1 from PyPI installs, but is written in Python 2); ``kosoku``
runs its very case files. They expect a server that says back what it is told, which `shell.echoing` makes of
amp's parts: HTTP, handshake, `Messages`, compression, frames and outlet. Of the groups 12 and 13
(compression) kosoku 0.1.0 can run no case ("Strings must be encoded before hashing"), so what they do is done
here with ``websockets``: every size that group 12 has, and offers like those of group 13.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest
import trio

from amp.config.schema import Listen
from shell.echoing import add_echo
from shell.harness import lab

PATIENCE_S = 300
WEB = (Listen(port=0, protocols=("http", "websocket")),)
GOOD = {("OK", "OK"), ("INFORMATIONAL", "INFORMATIONAL"), ("NON-STRICT", "OK")}
SIZES = (16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072)


def run_cases(url: str, cases: list[str]) -> Counter[tuple[str, str]]:
    """Run them in this thread; fails if one did not pass."""
    import asyncio

    from kosoku import run_fuzzingclient

    results = asyncio.run(run_fuzzingclient(url, cases))
    return Counter((result.behavior.value, result.behavior_close.value) for result in results)


@pytest.mark.parametrize(
    ("cases", "count"),
    [
        pytest.param(["1.*", "2.*", "3.*", "4.*", "5.*"], 64, id="framing"),
        pytest.param(["6.*"], 145, id="utf8"),
        pytest.param(["7.*", "10.*"], 38, id="closing"),
        pytest.param(["9.*"], 54, id="large"),
    ],
)
async def test_cases(cases: list[str], count: int) -> None:
    pytest.importorskip("kosoku")
    async with lab(listen=WEB) as one:
        add_echo(one.app.site)
        with trio.fail_after(PATIENCE_S):
            found = await trio.to_thread.run_sync(run_cases, f"ws://127.0.0.1:{one.port}/echo", cases)
    assert sum(found.values()) == count
    assert found.keys() <= GOOD


def echo_compressed(url: str, offer: dict[str, Any]) -> str:
    """Messages of every size, there and back, in this thread; gives what was agreed on."""
    from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
    from websockets.sync.client import connect

    text = "".join(f"Channel: PJSIP/{number}\r\né" for number in range(10_000))
    with connect(url, compression=None, extensions=[ClientPerMessageDeflateFactory(**offer)]) as socket:
        for size in SIZES:
            for message in (text[:size], text[:size].encode(), os.urandom(size)):
                socket.send(message)
                assert socket.recv(timeout=PATIENCE_S) == message
        assert socket.response is not None
        return socket.response.headers.get("Sec-WebSocket-Extensions", "")


@pytest.mark.parametrize(
    ("offer", "agreed"),
    [
        ({}, True),
        ({"client_max_window_bits": True}, True),
        ({"client_max_window_bits": 9}, True),
        ({"client_no_context_takeover": True}, True),
        ({"server_no_context_takeover": True, "client_max_window_bits": 15}, True),
        ({"server_max_window_bits": 15}, True),
        ({"server_max_window_bits": 9}, False),
    ],
)
async def test_compression(offer: dict[str, Any], agreed: bool) -> None:
    pytest.importorskip("websockets")
    async with lab(listen=WEB) as one:
        add_echo(one.app.site)
        url = f"ws://127.0.0.1:{one.port}/echo"
        with trio.fail_after(PATIENCE_S):
            told = await trio.to_thread.run_sync(echo_compressed, url, offer)
    assert ("server_no_context_takeover" in told) is agreed
