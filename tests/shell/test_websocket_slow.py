"""WebSockets that do not keep up: told of gaps, or sent away with a code; and what they are in logs."""

from __future__ import annotations

import attrs
import orjson
import pytest
import trio

from amp.config.schema import Limits, Listen
from shell.browsing import Browser, basic
from shell.harness import Lab, lab
from shell.talking import talking
from shell.test_slow_clients import flood
from shell.test_websocket_wire import TEXT, Raw, frame

LIMITS = Limits(outlet_bytes=1_000_000, drain_timeout_s=60)
GAPS = Listen(port=0, protocols=("ami", "http", "websocket"))
CUTS = attrs.evolve(GAPS, slow_client="disconnect")


async def slow_one(one: Lab, **fields: object) -> Raw:
    """A connection that has subscribed and reads nothing more."""
    raw = await Raw.open(one, "{}: {}\r\n".format(*basic()))
    await raw.send(frame(TEXT, orjson.dumps({"id": 1, "type": "subscribe", **fields})))
    assert await raw.answer() == 1
    return raw


@pytest.mark.parametrize("batch", [False, True])
async def test_every_number_is_an_event_or_in_a_gap(batch: bool) -> None:
    """With the policy that WebSockets have by themselves."""
    async with lab("a", limits=LIMITS, listen=(GAPS,)) as one:
        watching = await one.client()
        seq = one.app.hub.positions()[b"a"].seq
        raw = await slow_one(one, batch=batch)
        await flood(one, watching, lambda: one.app.hub.resumes.dropped > 0)
        lost = taken = 0
        while seq < one.app.hub.journal(b"a").head:
            first, payload = await raw.frame()
            assert first == 0x81
            message = orjson.loads(payload)
            if message["type"] == "gap":
                assert (message["from"], message["reason"]) == (seq + 1, "slow client")
                assert message["to"] == message["seq"]
                lost += message["to"] - seq
                seq = message["to"]
            for event in message.get("events", [message] if message["type"] == "event" else []):
                assert event["seq"] == seq + 1
                seq += 1
                taken += 1
        assert lost == one.app.hub.resumes.dropped > 0
        assert taken > 0
        await raw.send(frame(TEXT, b'{"id":2,"type":"ping"}'))
        assert await raw.answer() == 2


async def test_who_is_sent_away_is_told_so_behind_whole_frames() -> None:
    """What had begun is finished, then comes code 4000; with ``since`` the next connection gets the rest."""
    async with lab("a", limits=LIMITS, listen=(CUTS,)) as one:
        watching = await one.client()
        first = one.app.hub.positions()[b"a"].seq
        raw = await slow_one(one)
        ended: list[bool] = []
        await flood(one, watching, lambda: bool(ended) or _is_closing(one, ended))
        seqs = []
        while (found := await raw.frame())[0] == 0x81:
            seqs.append(orjson.loads(found[1])["seq"])
        assert found[0] == 0x88
        assert int.from_bytes(found[1][:2], "big") == 4000
        assert found[1][2:] == b"too slow: more than 1000000 bytes waiting"
        assert seqs == list(range(first + 1, first + 1 + len(seqs)))
        await raw.send(frame(8, found[1][:2]))
        line = await one.logged("client_done", protocol="websocket")
        assert (line["log_level"], line["reason"]) == ("warning", "too slow: more than 1000000 bytes waiting")
        epoch = one.app.hub.positions()[b"a"].epoch.decode()
        again = await slow_one(one, since={"a": {"epoch": epoch, "seq": seqs[-1]}})
        while seqs[-1] < one.app.hub.journal(b"a").head:
            seqs.append(orjson.loads((await again.frame())[1])["seq"])
        assert seqs == list(range(first + 1, first + 1 + len(seqs)))


def _is_closing(one: Lab, ended: list[bool]) -> bool:
    board = one.app._board
    assert board is not None
    if any(client.protocol == "websocket" and client._closing for client in board.clients.values()):
        ended.append(True)
    return bool(ended)


async def test_a_websocket_is_one_in_sessions_metrics_and_log() -> None:
    async with lab("a", listen=(GAPS,)) as one:
        async with talking(one) as talker:
            await talker.login()
            await talker.ask("subscribe")
            browser = await Browser.open(one)
            sessions = orjson.loads((await browser.get("/api/v1/sessions", basic())).body)
            assert "websocket" in {session["protocol"] for session in sessions}
            counters = (await browser.get("/metrics", basic())).text
            assert 'protocol="websocket"' in counters
            await trio.aclose_forcefully(browser.stream)
        line = await one.logged("client_done", protocol="websocket")
        assert line["user"] == "anna"
